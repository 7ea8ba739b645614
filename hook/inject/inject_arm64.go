package inject

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Where calls that were interrupted are made again, arm64 differs from amd64: when a
// tracer sees the stop, the thread stands before the call's instruction already, and
// whether the kernel is going to make of the call a restart_syscall, which knows how
// much of a sleep is left, does not show. So the thread is let go on to the entry of
// that call, where everything shows and nothing has been done: there the injected calls
// are made in its place, and then it itself. A thread that was not in a call gets to
// its next one, which all have before them that are to execute something; the others
// stand still meanwhile, and the time that a process has to stop includes it.

type registers struct{ unix.PtraceRegs }

const (
	ntPrstatus   = 1     // all of the registers
	ntSystemCall = 0x404 // the number of the call that the thread is in
	svcSize      = 4     // of the instruction that makes a call
	noCall       = ^uint32(0)
)

func regset(request uintptr, tid int, set uintptr, data unsafe.Pointer, size uintptr) (uintptr, error) {
	iov := unix.Iovec{Base: (*byte)(data), Len: uint64(size)}
	if _, _, errno := unix.RawSyscall6(unix.SYS_PTRACE, request, uintptr(tid), set, uintptr(unsafe.Pointer(&iov)), 0, 0); errno != 0 {
		return 0, errno
	}
	return uintptr(iov.Len), nil
}

func readRegisters(tid int) (r registers, err error) {
	n, err := regset(unix.PTRACE_GETREGSET, tid, ntPrstatus, unsafe.Pointer(&r.PtraceRegs), unsafe.Sizeof(r.PtraceRegs))
	if err == nil && n != unsafe.Sizeof(r.PtraceRegs) { // those of a 32-bit program
		err = errNot64
	}
	return r, err
}

func (r registers) result() uint64 { return r.Regs[0] }

// caller returns what makes calls by the instruction of the thread's own call, at
// whose exit it leaves the thread.
func (t *tracer) caller(tid int) (*caller, error) {
	c := &caller{tracer: t, tid: tid}
	if _, err := readRegisters(tid); err != nil { // before anything is done to a 32-bit program
		return nil, fmt.Errorf("reading registers: %w", err)
	}
	if err := c.step("entry"); err != nil {
		return nil, err
	}
	var err error
	if c.saved, err = readRegisters(tid); err != nil {
		return nil, fmt.Errorf("reading registers: %w", err)
	}
	c.code = c.saved.Pc - svcSize
	if err := c.setCall(noCall); err != nil {
		return nil, err
	}
	return c, c.step("exit")
}

// calling returns the registers with which a thread makes a call. Of x7 the kernel
// keeps what it was: in stops at calls it stands for entry or exit, whatever is
// written.
func (r registers) calling(code, nr uint64, args [6]uint64) registers {
	r.Pc, r.Regs[8] = code, nr
	copy(r.Regs[:], args[:])
	return r
}

func (c *caller) set(r registers) error {
	_, err := regset(unix.PTRACE_SETREGSET, c.tid, ntPrstatus, unsafe.Pointer(&r.PtraceRegs), unsafe.Sizeof(r.PtraceRegs))
	return err
}

// setCall sets the number of the call that the thread is in: noCall for none.
func (c *caller) setCall(nr uint32) error {
	_, err := regset(unix.PTRACE_SETREGSET, c.tid, ntSystemCall, unsafe.Pointer(&nr), unsafe.Sizeof(nr))
	return err
}

// restore makes the thread make its own call.
func (c *caller) restore() error {
	r := c.saved
	r.Pc = c.code
	if err := c.set(r); err != nil {
		return err
	}
	return c.setCall(noCall) // no more is to be done about ours
}
