package hook

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"secco/bpf"
	"secco/hook/nofile"
)

// How a Go program becomes another one under a filter.
//
// Once the filter is on, the thread that carries it may do nothing but execve: a
// filter that kills by default forbids everything that the Go runtime does
// behind a program's back (it preempts threads by signals, and rt_sigreturn ends
// the handler; it sleeps in futex; it grows stacks by mmap). So:
//
//   - everything is prepared before: strings, pointers, error messages;
//   - the runtime's signal handlers go back to the default and the signal mask to
//     what this process was started with, by the function with which the runtime
//     does it in a forked child. Now no signal starts a handler on the thread;
//   - no_new_privs, seccomp and execve follow as raw system calls in one function
//     that has no stack check and never returns into the scheduler;
//   - should execve fail, this thread may neither write nor exit. A second thread,
//     which has no filter, watches a word in memory, says what happened and ends
//     the process. It also notices the first thread's end by kill_thread. When
//     execve succeeds the kernel ends the watcher, and nothing of it is left.
//
// The watcher runs under the same discipline (signals blocked, no stack checks),
// and as the runtime sees it in one long system call. So the runtime neither can
// stop it nor has to: a garbage collection that begins while the first thread is
// still on its way goes on without the watcher, where it would wait for ever for
// one that seems to compute.

// Exec replaces this process by the command at path, under program: it keeps
// its process id, its open files without close-on-exec and its limit of open
// files as it was started with. Signals that are ignored stay so where Go
// leaves them ignored (SIGHUP, SIGINT and what signal.Ignore was called for).
//
// Exec returns only if the program could not be installed; no_new_privs may be
// set then, and signal handlers are gone: the caller should end. Where the
// program is installed and the command can't be started, Exec writes the reason
// to standard error and ends the process with the exit code of [ExecError.Code].
// A program whose verdict on execve kills ends the process as it says.
//
// TSYNC is left out, for the other threads end with the execve. What belongs to
// a thread, the parent-death signal say, is kept if Exec is called on the main
// thread: lock it in an init function.
func Exec(program bpf.Program, opts Options, path string, argv, env []string) error {
	if opts.Flags&listenerOnlyFlags != 0 {
		return fmt.Errorf("flag %s: a listener would be closed by execve", opts.Flags&listenerOnlyFlags)
	}
	return become(program, opts, path, argv, env, false)
}

// Become is [Exec] without a filter: unlike syscall.Exec it hands on the signal
// mask that this process was started with. It returns only if it fails; signal
// handlers are gone then, and the caller should end.
func Become(path string, argv, env []string) error {
	starting.Lock()
	defer starting.Unlock()
	s := &current
	if err := s.command(path, argv, env); err != nil {
		return err
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	return &ExecError{path, s.leave()}
}

// leave executes the command.
//
//go:nosplit
//go:norace
func (s *start) leave() syscall.Errno {
	s.restore()
	_, _, errno := syscall.RawSyscall6(unix.SYS_EXECVE, uintptr(s.path), uintptr(s.argv), uintptr(s.env), 0, 0, 0)
	return errno
}

// An ExecError says why a command could not be started.
type ExecError struct {
	Name string // as it was asked for
	Err  error
}

// Error returns the reason.
func (e *ExecError) Error() string { return "cannot execute " + e.Name + ": " + e.Err.Error() }

// Unwrap returns the reason alone.
func (e *ExecError) Unwrap() error { return e.Err }

// Code returns the exit code with which env(1) and the shells report it: 127
// where the command was not found, else 126.
func (e *ExecError) Code() int {
	if errors.Is(e.Err, fs.ErrNotExist) || errors.Is(e.Err, exec.ErrNotFound) {
		return 127
	}
	return 126
}

// Look finds a command as execvp(3) does: a name without a slash in the
// directories of PATH. The error is an [*ExecError].
func Look(name string) (path string, err error) {
	path, err = exec.LookPath(name)
	if err != nil && !errors.Is(err, exec.ErrDot) { // "." in PATH is the user's wish
		var detail *exec.Error
		if errors.As(err, &detail) {
			err = detail.Err
		}
		var about *fs.PathError // whose path is the name again
		if errors.As(err, &about) {
			err = about.Err
		}
		return "", &ExecError{name, err}
	}
	return path, nil
}

// The states of a start.
const (
	preparing  uint32 = iota
	watched           // the watcher runs
	refused           // the filter was not installed: back to Go
	execFailed        // errno is execve's
)

// A start is what the two threads share. The kernel writes to tid whenever the
// thread ends, so it must never be freed.
type start struct {
	state atomic.Uint32
	errno uint32
	tid   int32 // cleared by the kernel when the thread ends, set_tid_address(2)

	path, argv, env unsafe.Pointer
	prog            unix.SockFprog
	flags           uintptr
	setPrivs        bool
	restoreLimit    bool
	limit           unix.Rlimit

	gate     bool
	listener atomic.Int32 // 0 until there is one
	notif    seccompNotif
	answer   seccompNotifResp
	poll     unix.PollFd
	pollTime unix.Timespec

	messages [outcomes][]byte
	codes    [outcomes]uint8
}

// The ways in which a start ends behind the filter, if not well: execve's errno
// up to the highest that has a name, or one of these.
const (
	lastErrno    = 133
	otherErrno   = lastErrno + iota // a filter may return up to 4095
	threadKilled                    // by kill_thread
	gateFailed
	outcomes
)

var (
	starting sync.Mutex
	current  start
)

func become(program bpf.Program, opts Options, path string, argv, env []string, gate bool) error {
	starting.Lock() // one attempt at a time
	defer starting.Unlock()
	if err := bpf.Validate(program); err != nil {
		return err
	}
	s := &current
	s.state.Store(preparing)
	s.listener.Store(0)
	if err := s.prepare(program, opts, path, argv, env, gate); err != nil {
		return err
	}

	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	s.tid = int32(unix.Gettid())
	_, _, _ = unix.RawSyscall(unix.SYS_SET_TID_ADDRESS, uintptr(unsafe.Pointer(&s.tid)), 0, 0)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		s.watch()
	}()
	for s.state.Load() != watched {
		runtime.Gosched()
	}
	errno := s.enter()
	runtime.KeepAlive(program)
	return installError(errno, Flags(s.flags))
}

// prepare makes everything that the threads will need: nothing can be allocated
// afterwards.
func (s *start) prepare(program bpf.Program, opts Options, path string, argv, env []string, gate bool) (err error) {
	if s.setPrivs, err = opts.setsNoNewPrivs(); err != nil {
		return err
	}
	if err := s.command(path, argv, env); err != nil {
		return err
	}
	s.prog = sockFprog(program)
	s.flags = uintptr(opts.Flags &^ (TSYNC | TSYNCESRCH))
	if s.gate = gate; gate {
		s.flags |= uintptr(NewListener)
	}
	name := filepath.Base(os.Args[0])
	for outcome := range s.messages {
		e := &ExecError{path, syscall.Errno(outcome)}
		switch outcome {
		case 0, otherErrno:
			e.Err = errors.New("the filter made up the result of execve")
		case threadKilled:
			e.Err = errors.New("the filter ended the thread that called execve")
		case gateFailed:
			e.Err = errors.New("the gate could not be opened; it needs Linux 5.5")
		}
		s.messages[outcome] = fmt.Appendf(nil, "%s: %v\n", name, e)
		s.codes[outcome] = uint8(e.Code())
	}
	return nil
}

// command prepares the command.
func (s *start) command(path string, argv, env []string) error {
	pathPtr, err := syscall.BytePtrFromString(path)
	if err != nil {
		return &ExecError{path, err}
	}
	if len(argv) == 0 {
		return &ExecError{path, errors.New("no arguments, not even its name")}
	}
	argvPtr, err := syscall.SlicePtrFromStrings(argv)
	if err != nil {
		return &ExecError{path, err}
	}
	envPtr, err := syscall.SlicePtrFromStrings(env)
	if err != nil {
		return &ExecError{path, err}
	}
	s.path, s.argv, s.env = unsafe.Pointer(pathPtr), unsafe.Pointer(&argvPtr[0]), unsafe.Pointer(&envPtr[0])
	s.restoreLimit, s.limit = raisedLimit()
	return nil
}

// raisedLimit returns the limit of open files that the syscall package has
// raised when this program started, if it is still as raised then.
func raisedLimit() (raised bool, initial unix.Rlimit) {
	var now unix.Rlimit
	first, ok := nofile.Initial()
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &now); err != nil || !ok {
		return false, now
	}
	initial = unix.Rlimit{Cur: first.Soft, Max: first.Hard}
	return now.Max == initial.Max && now.Cur == now.Max-1 && initial.Cur < now.Cur, initial
}

// resetSignals sets every handler that the runtime has installed to the default
// and the signal mask to what this thread was started with.
//
//go:linkname resetSignals syscall.runtime_AfterForkInChild
func resetSignals()

// blockSignals blocks all signals on this thread and makes a stack that would
// grow fatal; unblockSignals undoes it.
//
//go:linkname blockSignals syscall.runtime_BeforeFork
func blockSignals()

//go:linkname unblockSignals syscall.runtime_AfterFork
func unblockSignals()

// leaveScheduler makes the rest of the calling function, up to returnToScheduler,
// a blocking system call to the runtime.
//
//go:linkname leaveScheduler runtime.entersyscallblock
func leaveScheduler()

//go:linkname returnToScheduler runtime.exitsyscall
func returnToScheduler()

// restore undoes what the Go runtime has done to this process.
//
//go:nosplit
//go:norace
func (s *start) restore() {
	resetSignals()
	if s.restoreLimit {
		_, _, _ = syscall.RawSyscall6(unix.SYS_PRLIMIT64, 0, unix.RLIMIT_NOFILE, uintptr(unsafe.Pointer(&s.limit)), 0, 0, 0)
	}
}

// enter installs the filter and executes the command. It returns only where the
// filter could not be installed.
//
//go:nosplit
//go:norace
func (s *start) enter() syscall.Errno {
	s.restore()
	if s.setPrivs {
		if errno := privsSet(); errno != 0 {
			s.state.Store(refused)
			return errno
		}
	}
	r, errno := load(&s.prog, s.flags)
	if errno != 0 {
		s.state.Store(refused)
		return errno
	}
	if s.gate {
		s.listener.Store(int32(r))
	}
	_, _, errno = syscall.RawSyscall6(unix.SYS_EXECVE, uintptr(s.path), uintptr(s.argv), uintptr(s.env), 0, 0, 0)
	s.errno = uint32(errno)
	s.state.Store(execFailed)
	for { //nolint:staticcheck // the watcher ends the process; nothing else may be done here
	}
}

// watch waits for the end of a start.
//
//go:nosplit
//go:norace
func (s *start) watch() {
	leaveScheduler()
	blockSignals()
	s.state.Store(watched)
	pause := unix.Timespec{Nsec: 20_000}
	answered := false
	for {
		state := s.state.Load()
		if state == refused {
			break
		}
		if state == execFailed {
			s.end(min(s.errno, otherErrno))
		}
		if atomic.LoadInt32(&s.tid) == 0 {
			s.end(threadKilled)
		}
		if s.gate && !answered && s.listener.Load() != 0 {
			var errno syscall.Errno
			if answered, errno = s.admit(); errno != 0 {
				s.end(gateFailed)
			}
			continue
		}
		_, _, _ = syscall.RawSyscall6(unix.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&pause)), 0, 0, 0, 0, 0)
		if pause.Nsec < 1_000_000 {
			pause.Nsec *= 2
		}
	}
	unblockSignals()
	returnToScheduler()
}

// end writes why the command was not started and ends the process.
//
//go:nosplit
//go:norace
func (s *start) end(outcome uint32) {
	text := s.messages[outcome]
	_, _, _ = syscall.RawSyscall6(unix.SYS_WRITE, 2, uintptr(unsafe.Pointer(&text[0])), uintptr(len(text)), 0, 0, 0)
	for {
		_, _, _ = syscall.RawSyscall6(unix.SYS_EXIT_GROUP, uintptr(s.codes[outcome]), 0, 0, 0, 0, 0)
	}
}
