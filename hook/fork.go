package hook

import (
	"errors"
	"fmt"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"secco/bpf"
)

// fork makes a child that stops itself. Once it goes on it installs the program and
// executes the command; nothing else ever runs in it. Where the program can't be
// installed it exits with the errno, at most 255. Where the command can't be
// executed it waits, for under the filter it may not so much as exit: whoever
// follows it sees execve fail, and ends it.
//
// A forked child has this one thread and can't use the runtime, by the same rules
// that hold behind a filter: see exec.go.
func fork(program bpf.Program, opts Options, path string, argv, env []string) (pid int, err error) {
	starting.Lock()
	defer starting.Unlock()
	if err := bpf.Validate(program); err != nil {
		return 0, err
	}
	if opts.Flags&listenerOnlyFlags != 0 {
		return 0, fmt.Errorf("flag %s: a listener would be closed by execve", opts.Flags&listenerOnlyFlags)
	}
	s := &current
	s.state.Store(preparing)
	if err := s.prepare(program, opts, path, argv, env, false); err != nil {
		return 0, err
	}
	syscall.ForkLock.Lock() // files that are being opened without close-on-exec
	defer syscall.ForkLock.Unlock()
	pid, errno := s.split()
	runtime.KeepAlive(program)
	if errno != 0 {
		return 0, fmt.Errorf("fork: %w", errno)
	}
	return pid, nil
}

// split forks.
//
//go:noinline
//go:norace
func (s *start) split() (pid int, errno syscall.Errno) {
	blockSignals()
	r, _, errno := syscall.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
	if errno != 0 || r != 0 {
		unblockSignals()
		return int(r), errno
	}
	s.child()
	return 0, 0 // never
}

// child is what the child does.
//
//go:nosplit
//go:norace
func (s *start) child() {
	resetSignals()
	self, _, _ := syscall.RawSyscall6(unix.SYS_GETPID, 0, 0, 0, 0, 0, 0)
	_, _, _ = syscall.RawSyscall6(unix.SYS_KILL, self, uintptr(unix.SIGSTOP), 0, 0, 0, 0)
	errno := s.enter()
	for {
		_, _, _ = syscall.RawSyscall6(unix.SYS_EXIT_GROUP, uintptr(min(errno, 255)), 0, 0, 0, 0, 0)
	}
}

// seize makes the calling thread the tracer of a child that fork made, and lets the
// child go on. What is traced ends with the tracer.
func seize(pid int, options uintptr) error {
	var status unix.WaitStatus
	if err := wait(pid, &status); err != nil {
		return err
	}
	if !status.Stopped() {
		return errors.New("the child did not wait")
	}
	if _, _, errno := unix.RawSyscall6(unix.SYS_PTRACE, unix.PTRACE_SEIZE, uintptr(pid), 0, options|unix.PTRACE_O_EXITKILL, 0, 0); errno != 0 {
		return fmt.Errorf("ptrace: %w", errno)
	}
	return unix.Kill(pid, unix.SIGCONT)
}

// wait waits for a child to stop or end.
func wait(pid int, status *unix.WaitStatus) error {
	for {
		_, err := unix.Wait4(pid, status, unix.WUNTRACED|unix.WALL, nil)
		if err != unix.EINTR {
			return err
		}
	}
}

// end ends a child and reaps it.
func end(pid int) {
	_ = unix.Kill(pid, unix.SIGKILL) // it may have ended
	for {
		var status unix.WaitStatus
		if err := wait(pid, &status); err != nil || status.Exited() || status.Signaled() {
			return
		}
		_ = unix.PtraceCont(pid, 0) // where its tracer is told of the end
	}
}

// syscallInfo is struct ptrace_syscall_info: at the entry of a call its number and
// arguments, at its exit what it returns.
type syscallInfo struct {
	op    uint8
	_     [3]uint8
	arch  uint32
	ip    uint64
	sp    uint64
	value uint64 // the number, or the result
	args  [6]uint64
	_     uint64 // of what PTRACE_EVENT_SECCOMP tells
}

// infoOf asks for the call that a tracee is at.
func infoOf(pid int) (info syscallInfo, err error) {
	_, _, errno := unix.RawSyscall6(unix.SYS_PTRACE, unix.PTRACE_GET_SYSCALL_INFO, uintptr(pid), unsafe.Sizeof(info), uintptr(unsafe.Pointer(&info)), 0, 0)
	if errno != 0 {
		return info, errno
	}
	return info, nil
}
