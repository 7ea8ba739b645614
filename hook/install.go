package hook

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"secco/bpf"
)

// Install puts a program on every thread of this process, and on whatever they
// start later. It cannot be taken off again. The Go runtime goes on making
// system calls of its own on every thread; a program that refuses those ends the
// process. To start another command under a program, use [Exec].
//
// An error means that the program is not installed; no_new_privs may be set.
func Install(program bpf.Program, opts Options) error {
	if opts.Flags&listenerOnlyFlags != 0 {
		return fmt.Errorf("flag %s needs a listener: use Listen", opts.Flags&listenerOnlyFlags)
	}
	_, err := install(program, opts)
	return err
}

// Listen is [Install] for programs with user notifications: it returns the
// descriptor on which they arrive. It is close-on-exec.
func Listen(program bpf.Program, opts Options) (*os.File, error) {
	opts.Flags |= NewListener
	if !opts.ThreadOnly {
		opts.Flags |= TSYNCESRCH // without it the kernel refuses TSYNC with a listener
	}
	fd, err := install(program, opts)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), "seccomp listener"), nil
}

func install(program bpf.Program, opts Options) (fd int, err error) {
	if err := bpf.Validate(program); err != nil {
		return -1, err
	}
	if !opts.ThreadOnly {
		opts.Flags |= TSYNC
	}
	setPrivs, err := opts.setsNoNewPrivs()
	if err != nil {
		return -1, err
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if setPrivs {
		if err := SetNoNewPrivs(); err != nil {
			return -1, err
		}
	}
	prog := sockFprog(program)
	r, errno := load(&prog, uintptr(opts.Flags))
	runtime.KeepAlive(program)
	switch {
	case errno == 0 && opts.Flags&NewListener != 0:
		return int(r), nil
	case errno == 0 && r != 0: // TSYNC's way to fail
		return -1, fmt.Errorf("seccomp: thread %d has filters of its own, so that all threads can't be given the same", r)
	}
	if errno != 0 {
		return -1, installError(errno, opts.Flags)
	}
	return 0, nil
}

// madeUp says that it wasn't the kernel that answered.
const madeUp = unix.ENOTUNIQ

// load installs a program on this thread. A filter that is already there may answer
// in the kernel's place, and say that all is well: so an empty program is tried
// before, by a call that no filter can tell from the real one, since the length stands in
// memory, and which the kernel refuses. Nothing here may need the scheduler.
//
//go:nosplit
//go:norace
func load(prog *unix.SockFprog, flags uintptr) (r uintptr, errno syscall.Errno) {
	length := prog.Len
	nr, op, second := uintptr(unix.SYS_SECCOMP), uintptr(unix.SECCOMP_SET_MODE_FILTER), flags
	prog.Len = 0
	_, _, errno = syscall.RawSyscall6(nr, op, second, uintptr(unsafe.Pointer(prog)), 0, 0, 0)
	if errno == unix.ENOSYS && flags == 0 {
		nr, op, second = unix.SYS_PRCTL, unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER
		_, _, errno = syscall.RawSyscall6(nr, op, second, uintptr(unsafe.Pointer(prog)), 0, 0, 0)
	}
	prog.Len = length
	switch errno {
	case unix.EINVAL: // the kernel's answer to it, to flags that it doesn't know, too
	case 0:
		return 0, madeUp
	default:
		return 0, errno
	}
	r, _, errno = syscall.RawSyscall6(nr, op, second, uintptr(unsafe.Pointer(prog)), 0, 0, 0)
	return r, errno
}

// privsSet sets no_new_privs on this thread and reports whether it is.
//
//go:nosplit
//go:norace
func privsSet() syscall.Errno {
	if _, _, errno := syscall.RawSyscall6(unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0); errno != 0 {
		return errno
	}
	if r, _, errno := syscall.RawSyscall6(unix.SYS_PRCTL, unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0, 0); errno != 0 || r != 1 {
		return madeUp
	}
	return 0
}

// An InstallError is the kernel's refusal of a filter.
type InstallError struct {
	Errno unix.Errno
	Flags Flags // that were asked for
}

func installError(errno unix.Errno, flags Flags) error { return &InstallError{errno, flags} }

// Error names the likely cause.
func (e *InstallError) Error() string {
	reason := ""
	switch e.Errno {
	case unix.EACCES:
		reason = ": neither CAP_SYS_ADMIN nor no_new_privs"
	case unix.EBUSY:
		reason = ": a filter with a live listener is installed already"
	case unix.ENOMEM:
		reason = ": no memory, or the process's filters have more than 32768 instructions together"
	case unix.EINVAL:
		reason = ": this kernel has no seccomp filters, or not these flags: " + e.Flags.String()
	case unix.ENOSYS:
		reason = ": this kernel has no seccomp(2), or a filter hides it"
		if e.Flags != 0 {
			reason += "; prctl(2) has no flags such as " + e.Flags.String()
		}
	case unix.ESRCH:
		reason = ": a thread has filters of its own, so that all threads can't be given the same"
	case madeUp:
		return "seccomp: a filter that is already installed makes up results: nothing was installed"
	case unix.EPERM:
		reason = ": a filter that is already installed forbids it"
	}
	return fmt.Sprintf("seccomp: %v%s", e.Errno, reason)
}

// Unwrap returns the errno.
func (e *InstallError) Unwrap() error { return e.Errno }

// SetNoNewPrivs sets no_new_privs on the calling thread, and so on what it
// starts later. It can't be cleared again. TSYNC spreads it to all threads.
func SetNoNewPrivs() error {
	switch errno := privsSet(); errno {
	case 0:
		return nil
	case madeUp:
		return errors.New("setting no_new_privs: a filter that is already installed makes up results")
	default:
		return fmt.Errorf("setting no_new_privs: %w", errno)
	}
}

// setsNoNewPrivs decides what a nil NoNewPrivs leaves open.
func (o Options) setsNoNewPrivs() (bool, error) {
	if o.Flags&^knownFlags != 0 {
		return false, errors.New("unknown seccomp flags " + (o.Flags &^ knownFlags).String())
	}
	if o.NoNewPrivs != nil {
		return *o.NoNewPrivs, nil
	}
	return !hasSysAdmin(), nil
}

// hasSysAdmin reports whether CAP_SYS_ADMIN is effective, which is what the
// kernel wants where no_new_privs is not set.
func hasSysAdmin() bool {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return false
	}
	return data[0].Effective&(1<<unix.CAP_SYS_ADMIN) != 0
}

// An Instruction is laid out as struct sock_filter is, so that programs need no
// copy for the kernel of this machine.
var _ = [1]struct{}{}[unsafe.Sizeof(bpf.Instruction{})-unsafe.Sizeof(unix.SockFilter{})]

func sockFprog(program bpf.Program) unix.SockFprog {
	return unix.SockFprog{Len: uint16(len(program)), Filter: (*unix.SockFilter)(unsafe.Pointer(&program[0]))}
}
