//go:build amd64 || arm64

package inject

import (
	"encoding/binary"
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"

	"secco/bpf"
	"secco/hook"
)

func supported() error { return nil }

// inject makes the stopped process install the filter on all its threads. One
// thread does it, with its signals blocked; afterwards its registers and mask are
// what they were.
func (t *tracer) inject(program bpf.Program, flags hook.Flags) error {
	tid := t.pid
	if t.threads[tid] == nil {
		return errors.New("the process's main thread has ended")
	}
	mask, err := setMask(tid, ^uint64(0))
	if err != nil {
		return err
	}
	c, err := t.caller(tid)
	if err != nil {
		return err
	}

	// The program has to lie in the process's memory. Stacks may be too small for
	// it, so it gets pages of its own, and they go again.
	size := uint64(16 + len(program)*bpf.InstructionSize)
	at, err := c.call(unix.SYS_MMAP, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS, ^uint64(0), 0)
	if err != nil {
		return fmt.Errorf("mmap in the process: %w", err)
	}
	sockFprog := make([]byte, 16, size)
	binary.LittleEndian.PutUint16(sockFprog, uint16(len(program)))
	binary.LittleEndian.PutUint64(sockFprog[8:], at+16)
	if err := writeMemory(t.pid, at, append(sockFprog, bpf.Encode(program, binary.LittleEndian)...)); err != nil {
		return fmt.Errorf("writing the program: %w", err)
	}
	r, err := c.call(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, uint64(flags), at)
	if err == nil && r != 0 {
		err = fmt.Errorf("thread %d has filters of its own", r)
	}
	if err != nil {
		return fmt.Errorf("seccomp in the process: %w", err)
	}
	if _, err := c.call(unix.SYS_MUNMAP, at, size); err != nil {
		return fmt.Errorf("munmap in the process: %w", err)
	}

	if err := c.restore(); err != nil {
		return fmt.Errorf("restoring registers: %w", err)
	}
	if _, err := setMask(tid, mask); err != nil {
		return err
	}
	return nil
}

var errNot64 = errors.New("the process is no 64-bit program")

// A caller makes a stopped thread do system calls.
type caller struct {
	*tracer
	tid   int
	code  uint64 // address of an instruction that makes one
	saved registers
}

// step lets the thread go on to where it enters a system call, or is about to
// return from the one that it has entered.
func (c *caller) step(to string) error {
	c.threads[c.tid].stopped = false
	if err := unix.PtraceSyscall(c.tid, 0); err != nil {
		return err
	}
	for !c.threads[c.tid].stopped {
		if _, err := c.wait(); err != nil {
			return err
		}
		if c.threads[c.tid] == nil {
			return ErrEnded
		}
	}
	if th := c.threads[c.tid]; th.event() != 0 || th.status.StopSignal() != unix.SIGTRAP|0x80 {
		return fmt.Errorf("a stop by %v where a system call's %s was expected", th.status.StopSignal(), to)
	}
	return nil
}

// call makes one system call.
func (c *caller) call(nr uint64, args ...uint64) (uint64, error) {
	var six [6]uint64
	copy(six[:], args)
	if err := c.set(c.saved.calling(c.code, nr, six)); err != nil {
		return 0, err
	}
	for _, to := range []string{"entry", "exit"} {
		if err := c.step(to); err != nil {
			return 0, err
		}
	}
	regs, err := readRegisters(c.tid)
	if err != nil {
		return 0, err
	}
	if result := int64(regs.result()); result < 0 && result >= -4095 {
		return 0, unix.Errno(-result)
	}
	return regs.result(), nil
}

// setMask sets a stopped thread's signal mask and returns the one before.
func setMask(tid int, mask uint64) (old uint64, err error) {
	if _, _, errno := unix.RawSyscall6(unix.SYS_PTRACE, unix.PTRACE_GETSIGMASK, uintptr(tid), 8, uintptr(unsafe.Pointer(&old)), 0, 0); errno != 0 {
		return 0, fmt.Errorf("reading the signal mask: %w", errno)
	}
	if _, _, errno := unix.RawSyscall6(unix.SYS_PTRACE, unix.PTRACE_SETSIGMASK, uintptr(tid), 8, uintptr(unsafe.Pointer(&mask)), 0, 0); errno != 0 {
		return 0, fmt.Errorf("setting the signal mask: %w", errno)
	}
	return old, nil
}
