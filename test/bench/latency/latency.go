//go:build linux && (amd64 || 386)

// Package latency measures what calls take under a filter.
package latency

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"unsafe"

	"golang.org/x/sys/unix"

	"secco/bpf"
)

// Call is a system call to be issued: x86_64's or, built for 386, i386's.
type Call struct {
	NR   uint32
	Args [6]uint64
}

// Timing is what a call took.
type Timing struct {
	Ticks  float64 // of the processor's time stamp counter for one call
	Return int64   // what the last one returned
}

// Time issues each call rounds times repeat times, under p or,
// where p is empty, under no filter, and returns the fastest round. The calls are
// carried out where p lets them through. No call may be killed or trap. Where there
// are many programs, the caller lets the kernel settle before each.
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
	if s.entry, err = entry(); err != nil {
		return nil, err
	}
	s.count, s.rounds, s.repeat = uint64(len(calls)), uint64(rounds), uint64(repeat)
	s.stack = uint64(uintptr(unsafe.Pointer(s))) + uint64(headSize+stackSize)
	s.calls = s.stack
	rest := memory[headSize+stackSize:]
	copy(rest[callSize*len(calls):], code)
	s.length, s.filter = uint16(len(p)), uintptr(s.stack)+uintptr(callSize*len(calls))
	issued := unsafe.Slice((*timedCall)(unsafe.Pointer(unsafe.SliceData(rest))), len(calls))
	for i, c := range calls {
		issued[i] = timedCall{nr: uint64(c.NR), args: c.Args, ticks: math.MaxUint64}
	}
	pid := forkAndTime(s)
	if pid < 0 {
		return nil, fmt.Errorf("fork: %w", unix.Errno(-pid))
	}
	var status unix.WaitStatus
	for err = unix.EINTR; errors.Is(err, unix.EINTR); {
		_, err = unix.Wait4(int(pid), &status, 0, nil)
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("wait4: %w", err)
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

// The program is run in a child process that never comes back to Go: after the
// installation no call that the Go runtime might make can be trusted, in a thread
// under the filter. So fork, installation and calls are one function in assembly,
// under which all signals are blocked. It writes what it measures with plain
// stores to shared memory, and ends by an undefined instruction: SIGILL is blocked,
// hence fatal, and needs no system call.

const stackSize = 4096

// timed is the memory that parent and child see. The assembly knows the offsets.
type timed struct {
	childMask uint64  // 0x00 signals blocked in the child
	oldMask   uint64  // 0x08
	count     uint64  // 0x10 calls to issue
	calls     uint64  // 0x18 where they are
	stack     uint64  // 0x20 its upper end
	installed int64   // 0x28 what seccomp(2) returned
	rounds    uint64  // 0x30
	repeat    uint64  // 0x38
	start     uint64  // 0x40 of the round at hand
	entry     uint64  // 0x48 of the kernel, for 386
	length    uint16  // 0x50 struct sock_fprog, of no instructions for no filter
	filter    uintptr // behind it, as the architecture aligns
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
