package hook

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"secco/bpf"
	"secco/emulator"
	"secco/linux"
)

// A Refusal is a call that a filter did not let happen.
type Refusal struct {
	PID     int    // of the thread that made it
	Command string // what that runs: at most 15 bytes of its name
	Call    linux.SeccompData
	Verdict linux.Action
}

// A Watch says what is told of a command that is followed.
type Watch struct {
	// Started gets the command's process, before it runs; may be nil.
	Started func(pid int)
	// Refused gets each call that the filter refuses, as it happens.
	Refused func(Refusal)
}

// Follow runs a command under a filter, as a child, and follows it and all processes
// that it starts by ptrace. Each call that the filter refuses is told, once the
// kernel has done so: the call has failed with the filter's errno, or SIGSYS is
// there. (A call that the filter has logged was not refused.) Follow returns the
// command's status when the last of the processes has ended.
//
// What the kernel enforces is the program, as under [Exec]; following changes nothing
// about it. It does change what ptrace changes: everything is many times slower, the
// processes can't be traced by others, and programs that are setuid or have file
// capabilities do not gain privileges. It takes Linux 5.3. Where the command
// can't be followed it does not run, and should this process end, so do all of them: after
// a [FollowError] it has to.
//
// Follow waits for all children of the calling thread, which the caller has locked
// (runtime.LockOSThread) and on which it has started no others.
func Follow(program bpf.Program, opts Options, path string, argv, env []string, watch Watch) (unix.WaitStatus, error) {
	machine, err := emulator.New(program)
	if err != nil {
		return 0, err
	}
	pid, err := fork(program, opts, path, argv, env)
	if err != nil {
		return 0, err
	}
	f := &follower{root: pid, path: path, flags: opts.Flags, machine: machine, refused: watch.Refused, pending: map[int]Refusal{}}
	if watch.Started != nil {
		watch.Started(pid)
	}
	if err := seize(pid, unix.PTRACE_O_TRACESYSGOOD|unix.PTRACE_O_TRACEFORK|unix.PTRACE_O_TRACEVFORK|
		unix.PTRACE_O_TRACECLONE|unix.PTRACE_O_TRACEEXEC|unix.PTRACE_O_TRACEEXIT); err != nil {
		end(pid)
		return 0, &FollowError{err}
	}
	if err := f.follow(); err != nil {
		end(pid)
		return 0, err
	}
	return f.status, nil
}

// A FollowError says why a command could not be followed, and so did not run.
type FollowError struct{ Err error }

// Error returns the reason.
func (e *FollowError) Error() string { return "the command can't be followed: " + e.Err.Error() }

// Unwrap returns the reason alone.
func (e *FollowError) Unwrap() error { return e.Err }

// follower follows processes.
type follower struct {
	root    int // the command
	path    string
	flags   Flags
	machine *emulator.Machine
	refused func(Refusal)

	filtered bool // the root has its filter
	runs     bool // the root is the command
	starting syscallInfo
	pending  map[int]Refusal // by thread, between the filter's verdict and its effect
	status   unix.WaitStatus // of the root
}

// follow handles what happens until all processes have ended.
func (f *follower) follow() error {
	for {
		var status unix.WaitStatus
		pid, err := unix.Wait4(-1, &status, unix.WALL|unix.WNOTHREAD, nil)
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.ECHILD:
			return nil
		case err != nil:
			return err
		}
		if status.Exited() || status.Signaled() {
			f.ended(pid, status)
			if pid == f.root && !f.runs && status.Exited() {
				return installError(unix.Errno(status.ExitStatus()), f.flags)
			}
			continue
		}
		if err := f.stopped(pid, status); err != nil {
			return err
		}
	}
}

// stopped handles one stop and lets the tracee go on.
func (f *follower) stopped(pid int, status unix.WaitStatus) error {
	request, signal := unix.PTRACE_SYSCALL, status.StopSignal()
	switch event := int(status) >> 16; {
	case signal == unix.SIGTRAP|0x80:
		if err := f.atCall(pid); err != nil {
			return err
		}
		signal = 0
	case event == unix.PTRACE_EVENT_STOP:
		if signal != unix.SIGTRAP { // all of the process stops, until SIGCONT
			request = unix.PTRACE_LISTEN
		}
		if pid == f.root && f.runs && signal == unix.SIGTSTP {
			defer func() { _ = unix.Kill(unix.Getpid(), unix.SIGSTOP) }() // for the shell's job control
		}
		signal = 0
	case event == unix.PTRACE_EVENT_EXEC:
		if pid == f.root {
			f.runs = true
		}
		if former, err := unix.PtraceGetEventMsg(pid); err == nil && int(former) != pid {
			delete(f.pending, int(former))
		}
		signal = 0
	case event == unix.PTRACE_EVENT_EXIT:
		if code, err := unix.PtraceGetEventMsg(pid); err == nil {
			f.ended(pid, unix.WaitStatus(code))
		}
		signal = 0
	case event != 0:
		signal = 0
	case signal == unix.SIGSYS:
		if r, ok := f.pending[pid]; ok && r.Verdict.Kind() == linux.Trap && bySeccomp(pid) {
			f.tell(pid)
		}
	}
	_, _, errno := unix.RawSyscall6(unix.SYS_PTRACE, uintptr(request), uintptr(pid), 0, uintptr(signal), 0, 0)
	if errno != 0 && errno != unix.ESRCH { // it is being killed
		return &FollowError{fmt.Errorf("ptrace: %w", errno)}
	}
	return nil
}

// atCall handles the entry and the exit of a call.
func (f *follower) atCall(pid int) error {
	info, err := infoOf(pid)
	switch {
	case err == unix.ESRCH: // it is being killed
		return nil
	case err != nil:
		return &FollowError{fmt.Errorf("PTRACE_GET_SYSCALL_INFO, which Linux 5.3 has: %w", err)}
	case info.op == unix.PTRACE_SYSCALL_INFO_ENTRY:
		f.enter(pid, &info)
	case info.op == unix.PTRACE_SYSCALL_INFO_EXIT && pid == f.root && !f.runs:
		return f.started(&info)
	case info.op == unix.PTRACE_SYSCALL_INFO_EXIT:
		f.exit(pid, &info)
	}
	return nil
}

// enter asks what the filter will say. The kernel asks it after the tracer.
func (f *follower) enter(pid int, info *syscallInfo) {
	delete(f.pending, pid)
	if pid == f.root && !f.runs {
		f.starting = *info
		if !f.filtered {
			return
		}
	}
	call := linux.SeccompData{Arch: info.arch, NR: uint32(info.value), IP: info.ip, Args: info.args}
	switch verdict := f.machine.Run(&call).Effect(); verdict.Kind() {
	case linux.Allow, linux.Log:
	default:
		f.pending[pid] = Refusal{pid, commandOf(pid), call, verdict}
	}
}

// started handles what the child does before it is the command: it installs the filter
// and executes the command.
func (f *follower) started(info *syscallInfo) error {
	result := int64(info.value)
	nr := f.starting.value
	if result == 0 && (nr == unix.SYS_SECCOMP || nr == unix.SYS_PRCTL && f.starting.args[0] == unix.PR_SET_SECCOMP) {
		f.filtered = true
	}
	if nr == unix.SYS_EXECVE && result < 0 {
		f.exit(f.root, info)
		errno := unix.Errno(-result)
		if errno > lastErrno {
			return &ExecError{f.path, errors.New("the filter made up the result of execve")}
		}
		return &ExecError{f.path, errno}
	}
	return nil
}

// exit tells of a call that has failed as the filter wants it to.
func (f *follower) exit(pid int, info *syscallInfo) {
	r, ok := f.pending[pid]
	if !ok {
		return
	}
	want := -int64(unix.ENOSYS) // where nobody is there to be asked
	switch r.Verdict.Kind() {
	case linux.Errno:
		want = -int64(r.Verdict.Data())
	case linux.Trap, linux.KillThread, linux.KillProcess: // SIGSYS follows
		return
	}
	if int64(info.value) == want {
		f.tell(pid)
	}
	delete(f.pending, pid)
}

// ended handles the end of a thread or process.
func (f *follower) ended(pid int, status unix.WaitStatus) {
	if r, ok := f.pending[pid]; ok && status.Signaled() && status.Signal() == unix.SIGSYS && r.Verdict.Kind() != linux.Trap {
		f.tell(pid)
	}
	delete(f.pending, pid)
	if pid == f.root {
		f.status = status
	}
}

func (f *follower) tell(pid int) {
	f.refused(f.pending[pid])
	delete(f.pending, pid)
}

// bySeccomp reports whether the SIGSYS that a thread is stopped at is a filter's.
func bySeccomp(pid int) bool {
	const sysSeccomp = 1 // si_code
	var info [128]byte   // siginfo_t
	_, _, errno := unix.RawSyscall6(unix.SYS_PTRACE, unix.PTRACE_GETSIGINFO, uintptr(pid), 0, uintptr(unsafe.Pointer(&info)), 0, 0)
	return errno == 0 && *(*int32)(unsafe.Pointer(&info[8])) == sysSeccomp
}

// commandOf returns what a thread runs.
func commandOf(pid int) string {
	name, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	return strings.TrimSuffix(string(name), "\n")
}

// EndBy ends this process by a signal, as the command that it has followed ended, and
// without a core of its own.
func EndBy(signal unix.Signal) {
	_ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}) // at worst there is one
	starting.Lock()
	endBy(signal)
}

// endBy does so where the runtime's handlers don't see it.
//
//go:nosplit
//go:norace
func endBy(signal unix.Signal) {
	blockSignals()
	resetSignals()
	self, _, _ := unix.RawSyscall6(unix.SYS_GETPID, 0, 0, 0, 0, 0, 0)
	thread, _, _ := unix.RawSyscall6(unix.SYS_GETTID, 0, 0, 0, 0, 0, 0)
	_, _, _ = unix.RawSyscall6(unix.SYS_TGKILL, self, thread, uintptr(signal), 0, 0, 0)
	for {
		_, _, _ = unix.RawSyscall6(unix.SYS_EXIT_GROUP, uintptr(128+signal), 0, 0, 0, 0, 0)
	}
}
