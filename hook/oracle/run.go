//go:build linux && (amd64 || arm64)

package oracle

import (
	"encoding/binary"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"

	"secco/bpf"
)

// A program is run in a child process that never comes back to Go: after
// install, no call that the Go runtime might make can be trusted, in a thread
// under the filter. So fork, installation and calls are one function in
// assembly. It writes results with plain stores to shared memory, and ends by an
// undefined instruction: SIGILL is blocked, hence fatal, and needs no system
// call. All signals are blocked but SIGSYS, whose handler notes a trap and goes
// on with the next call. A call that the filter kills takes the child with it;
// another child goes on behind it.

// shared is the memory that parent and child see. The assembly knows the offsets.
type shared struct {
	childMask uint64   // 0x00 signals blocked in the child
	oldMask   uint64   // 0x08
	count     uint64   // 0x10 calls to issue
	calls     uintptr  // 0x18
	stack     uintptr  // 0x20 its upper end
	installed int64    // 0x28 what seccomp(2) returned
	fprog     sockProg // 0x30
	action    struct { // 0x40 struct sigaction as the kernel has it
		handler, flags, restorer uintptr
		mask                     uint64
	}
}

type sockProg struct {
	length uint16
	filter uintptr
}

// call is one call in the shared memory. The assembly knows the offsets.
type call struct {
	nr     uint64    // 0x00
	args   [6]uint64 // 0x08
	entry  uint64    // 0x38 an Entry
	kind   uint64    // 0x40
	result int64     // 0x48
}

const (
	stackSize  = 64 << 10
	saSigInfo  = 0x4
	saRestorer = 0x04000000
	saNoDefer  = 0x40000000
)

// forkAndIssue forks a child that installs the filter and issues the calls, and
// returns its process id, or a negative errno.
func forkAndIssue(s *shared) (pid int64)

// onTrap is where the handler of SIGSYS begins.
func onTrap() uintptr

// run installs p as it is and issues the calls.
func run(p bpf.Program, calls []Call) ([]result, error) {
	code := bpf.Encode(p, binary.NativeEndian)
	headSize := int(unsafe.Sizeof(shared{}))
	callSize := int(unsafe.Sizeof(call{}))
	size := headSize + stackSize + callSize*len(calls) + len(code)
	memory, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_ANONYMOUS)
	if err != nil {
		return nil, err
	}
	defer func() { _ = unix.Munmap(memory) }() // it was mapped above
	s := (*shared)(unsafe.Pointer(&memory[0]))
	base := uintptr(unsafe.Pointer(s))
	s.stack = base + uintptr(headSize+stackSize)
	rest := memory[headSize+stackSize:]
	issued := unsafe.Slice((*call)(unsafe.Pointer(unsafe.SliceData(rest))), len(calls))
	copy(rest[callSize*len(calls):], code)
	s.fprog = sockProg{uint16(len(p)), s.stack + uintptr(callSize*len(calls))}
	s.childMask = ^uint64(1 << (unix.SIGSYS - 1))
	s.action.handler, s.action.restorer = onTrap(), onTrap()
	s.action.flags = saSigInfo | saRestorer | saNoDefer
	for i, c := range calls {
		issued[i] = call{nr: uint64(c.NR), args: c.Args, entry: uint64(c.Entry)}
	}

	results := make([]result, len(calls))
	for next := 0; next < len(calls); {
		s.count = uint64(len(calls) - next)
		s.calls = s.stack + uintptr(callSize*next)
		s.installed = -int64(unix.EIO)
		if err := Settle(); err != nil {
			return nil, err
		}
		status, err := wait(forkAndIssue(s))
		if err != nil {
			return nil, err
		}
		if s.installed != 0 {
			return nil, fmt.Errorf("install: %w", unix.Errno(-s.installed))
		}
		for next < len(calls) && kind(issued[next].kind) != notRun {
			results[next] = result{kind(issued[next].kind), issued[next].result}
			next++
		}
		switch {
		case status.Signaled() && status.Signal() == unix.SIGILL && next == len(calls):
		case status.Signaled() && status.Signal() == unix.SIGSYS && next < len(calls):
			results[next].Kind = killed
			next++
		default:
			return nil, fmt.Errorf("the child ended with status %#x after %d of %d calls", status, next, len(calls))
		}
	}
	return results, nil
}

// wait waits for a child that was forked, or was not: then pid is an errno.
func wait(pid int64) (unix.WaitStatus, error) {
	if pid < 0 {
		return 0, fmt.Errorf("fork: %w", unix.Errno(-pid))
	}
	var status unix.WaitStatus
	for {
		_, err := unix.Wait4(int(pid), &status, 0, nil)
		if err == nil {
			return status, nil
		}
		if err != unix.EINTR {
			return 0, fmt.Errorf("wait4: %w", err)
		}
	}
}
