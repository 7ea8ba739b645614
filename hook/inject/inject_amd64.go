package inject

import (
	"fmt"

	"golang.org/x/sys/unix"
)

type registers struct{ unix.PtraceRegs }

func readRegisters(tid int) (r registers, err error) {
	return r, unix.PtraceGetRegs(tid, &r.PtraceRegs)
}

func (r registers) result() uint64 { return r.Rax }

// caller returns what makes calls by the vDSO's code, from wherever the thread is.
func (t *tracer) caller(tid int) (*caller, error) {
	saved, err := readRegisters(tid)
	if err != nil {
		return nil, fmt.Errorf("reading registers: %w", err)
	}
	const cs64 = 0x33
	if saved.Cs != cs64 {
		return nil, errNot64
	}
	code, err := findCode(t.pid, []byte{0x0f, 0x05}) // syscall
	if err != nil {
		return nil, err
	}
	return &caller{t, tid, code, saved}, nil
}

// calling returns the registers with which a thread makes a call.
func (r registers) calling(code, nr uint64, args [6]uint64) registers {
	r.Rip, r.Rax, r.Orig_rax = code, nr, ^uint64(0)
	r.Rdi, r.Rsi, r.Rdx, r.R10, r.R8, r.R9 = args[0], args[1], args[2], args[3], args[4], args[5]
	return r
}

func (c *caller) set(r registers) error { return unix.PtraceSetRegs(c.tid, &r.PtraceRegs) }

// restore makes the thread repeat the system call that the stop has interrupted.
// The kernel would see to it by itself, had it not made other calls since.
func (c *caller) restore() error {
	r := c.saved
	if int64(r.Orig_rax) >= 0 {
		switch int64(r.Rax) {
		case -512, -513, -514: // ERESTARTSYS, ERESTARTNOINTR, ERESTARTNOHAND
			r.Rax = r.Orig_rax
			r.Rip -= 2
		case -516: // ERESTART_RESTARTBLOCK
			r.Rax = unix.SYS_RESTART_SYSCALL
			r.Rip -= 2
		}
	}
	r.Orig_rax = ^uint64(0) // and no more is to be done about it
	return c.set(r)
}
