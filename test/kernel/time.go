//go:build linux && amd64

package kernel

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"unsafe"

	"golang.org/x/sys/unix"

	"secco/bpf"
	"secco/test/alive"
)

// Timing is what a call took.
type Timing struct {
	Ticks  float64 // of the processor's time stamp counter for one call
	Return int64   // what the last one returned
}

// Time issues each call, an x86_64 one, rounds times repeat times, under p or,
// where p is empty, under no filter, and returns the fastest round. The calls are
// carried out where p lets them through. No call may be killed or trap.
func Time(p bpf.Program, calls []Call, rounds, repeat int) ([]Timing, error) {
	if rounds < 1 || repeat < 1 {
		return nil, errors.New("nothing to measure")
	}
	code := bpf.Encode(p, binary.NativeEndian)
	headSize, callSize := int(unsafe.Sizeof(timed{})), int(unsafe.Sizeof(timedCall{}))
	memory, err := unix.Mmap(-1, 0, headSize+stackSize+callSize*len(calls)+len(code), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_ANONYMOUS)
	if err != nil {
		return nil, err
	}
	defer func() { _ = unix.Munmap(memory) }() // it was mapped above
	s := (*timed)(unsafe.Pointer(&memory[0]))
	s.childMask = ^uint64(0)
	s.count, s.rounds, s.repeat = uint64(len(calls)), uint64(rounds), uint64(repeat)
	s.stack = uintptr(unsafe.Pointer(s)) + uintptr(headSize+stackSize)
	s.calls = s.stack
	rest := memory[headSize+stackSize:]
	copy(rest[callSize*len(calls):], code)
	s.fprog = sockProg{uint16(len(p)), s.stack + uintptr(callSize*len(calls))}
	issued := unsafe.Slice((*timedCall)(unsafe.Pointer(unsafe.SliceData(rest))), len(calls))
	for i, c := range calls {
		if c.Entry != AMD64 {
			return nil, fmt.Errorf("%+v: only x86_64's calls are timed", c)
		}
		issued[i] = timedCall{nr: uint64(c.NR), args: c.Args, ticks: math.MaxUint64}
	}
	if err := alive.Settle(); err != nil {
		return nil, err
	}
	status, err := wait(forkAndTime(s))
	switch {
	case err != nil:
		return nil, err
	case s.installed != 0:
		return nil, fmt.Errorf("install: %w", unix.Errno(-s.installed))
	case !status.Signaled() || status.Signal() != unix.SIGILL || s.count != 0:
		return nil, fmt.Errorf("the child ended with status %#x, %d calls before the end", status, s.count)
	}
	timings := make([]Timing, len(calls))
	for i, c := range issued {
		timings[i] = Timing{float64(c.ticks) / float64(repeat), c.result}
	}
	return timings, nil
}

// timed is the memory that parent and child see. The assembly knows the offsets.
type timed struct {
	childMask uint64   // 0x00 signals blocked in the child
	oldMask   uint64   // 0x08
	count     uint64   // 0x10 calls to issue
	calls     uintptr  // 0x18
	stack     uintptr  // 0x20 its upper end
	installed int64    // 0x28 what seccomp(2) returned
	fprog     sockProg // 0x30
	rounds    uint64   // 0x40
	repeat    uint64   // 0x48
	start     uint64   // 0x50 of the round at hand
}

// timedCall is one call in the shared memory. The assembly knows the offsets.
type timedCall struct {
	nr     uint64    // 0x00
	args   [6]uint64 // 0x08
	ticks  uint64    // 0x38 of the fastest round
	result int64     // 0x40
}

// forkAndTime forks a child that installs the filter, if there is one, and times
// the calls, and returns its process id, or a negative errno.
func forkAndTime(s *timed) (pid int64)
