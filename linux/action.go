package linux

import "fmt"

// Action is the value that a filter returns: what to do in the upper 16 bits
// (one of the constants below), data in the lower 16.
type Action uint32

// What a filter can return (SECCOMP_RET_* of linux/seccomp.h), in the kernel's
// order of precedence where several filters are installed: the first wins.
const (
	KillProcess Action = 0x80000000
	KillThread  Action = 0x00000000
	Trap        Action = 0x00030000 // data: si_errno of the SIGSYS
	Errno       Action = 0x00050000 // data: the errno
	Notify      Action = 0x7fc00000 // user notification
	Trace       Action = 0x7ff00000 // data: the tracer's PTRACE_GETEVENTMSG
	Log         Action = 0x7ffc0000
	Allow       Action = 0x7fff0000
)

// MaxErrno is the largest errno that a filter can return (MAX_ERRNO); the
// kernel caps larger ones to it.
const MaxErrno = 4095

var precedence = [...]Action{KillProcess, KillThread, Trap, Errno, Notify, Trace, Log, Allow}

// Kind returns the action without its data.
func (a Action) Kind() Action { return a & 0xffff0000 }

// Data returns the lower 16 bits.
func (a Action) Data() uint16 { return uint16(a) }

// With returns the action with other data.
func (a Action) With(data uint16) Action { return a.Kind() | Action(data) }

// Rank returns the place in the kernel's precedence: 0 for kill_process, the
// strictest, to 7 for allow.
func (a Action) Rank() int {
	for i, p := range precedence {
		if a.Kind() == p {
			return i
		}
	}
	return 0 // the kernel treats unknown actions as kill_process
}

// Effect returns the action that stands for what the kernel does with a: data
// that it does not look at is dropped, an errno capped to [MaxErrno], an unknown
// action is kill_process.
func (a Action) Effect() Action {
	switch a.Kind() {
	case Errno:
		return Errno.With(min(a.Data(), MaxErrno))
	case Trap, Trace:
		return a
	case KillThread, Notify, Log, Allow:
		return a.Kind()
	}
	return KillProcess
}

// String returns the action as the policy language writes it; errnos by their
// name on x86_64 where they have one.
func (a Action) String() string { return a.StringOn(X86_64) }

// StringOn is String with the names that errnos have on an architecture: MIPS
// and POWER number some of their own.
func (a Action) StringOn(arch Arch) string {
	switch a.Kind() {
	case KillProcess:
		return named("kill_process", a.Data())
	case KillThread:
		return named("kill_thread", a.Data())
	case Trap:
		return named("trap", a.Data())
	case Errno:
		if name, ok := arch.ErrnoName(a.Data()); ok {
			return "errno(" + name + ")"
		}
		return fmt.Sprintf("errno(%d)", a.Data())
	case Notify:
		return named("notify", a.Data())
	case Trace:
		return named("trace", a.Data())
	case Log:
		return named("log", a.Data())
	case Allow:
		return named("allow", a.Data())
	}
	return fmt.Sprintf("unknown(%#x)", uint32(a))
}

func named(name string, data uint16) string {
	if data == 0 {
		return name
	}
	return fmt.Sprintf("%s(%d)", name, data)
}
