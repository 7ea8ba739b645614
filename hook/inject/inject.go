// Package inject puts a filter on a process that another program has prepared: a
// container's init, which a runtime has set up and will turn into the payload.
//
// The filter has to be on the process when the payload's first instruction runs,
// and must not be felt before: the runtime's own last steps (mounts, setuid,
// execve) are often what the filter forbids. ptrace gives both. Every thread of
// the init is stopped and traced with PTRACE_O_SUSPEND_SECCOMP, which makes the
// kernel skip filters; one thread is made to call seccomp(2) with TSYNC, while
// the init still has the privileges that this takes; and the init goes on, traced
// but undisturbed, until its execve has succeeded. There, before the first
// instruction of the payload, the kernel is asked what it holds, the tracer lets
// go, and with it the suspension ends.
//
// It fails closed: PTRACE_O_EXITKILL kills the init if the tracer dies, and
// whatever is not expected makes the tracer kill it.
package inject

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"secco/bpf"
	"secco/hook"
)

// ErrEnded means that the process ended before it executed a payload, as it does
// when the runtime can't start it.
var ErrEnded = errors.New("the process ended before its payload was executed")

// timeout bounds the time until the filter is installed. The init is idle then.
const timeout = 10 * time.Second

const traceOptions = unix.PTRACE_O_EXITKILL | unix.PTRACE_O_TRACEEXEC | unix.PTRACE_O_TRACECLONE | unix.PTRACE_O_TRACESYSGOOD

// An Injection is a process in whose way to its payload a filter is put.
type Injection struct {
	Pid int
	// Program is the filter. Without one nothing is installed and nothing suspended:
	// then it is Verify that the process is followed for.
	Program bpf.Program
	Flags   hook.Flags // beside TSYNC
	// Check is to make sure that the process is the right one. It is called before
	// anything is done to it, where an error leaves it alone, and again when it is
	// stopped.
	Check func() error
	// Installed is called once the filter is installed and the process goes on. An
	// error kills it.
	Installed func() error
	// Verify is called with what the kernel holds, oldest first, when the payload
	// has been executed and before it runs. An error kills it. Where it is nil,
	// Program has to be among the filters.
	Verify func(filters []bpf.Program) error
	// Patience is for how long the process may be at work until it executes its
	// payload, five minutes if it is 0; then it is killed. Time in which it only
	// waits, as it does for its container's start, doesn't count.
	Patience time.Duration
}

// Run installs the filter and returns when the payload runs under it. Any error
// but [ErrEnded] means that the process was killed, or that nothing was done to it:
// a runtime whose hook fails ends it then. Run needs CAP_SYS_ADMIN and a
// caller that may make no other use of wait4.
func (in Injection) Run() error {
	options := uintptr(traceOptions)
	if in.Program != nil {
		if err := supported(); err != nil {
			return err
		}
		if err := bpf.Validate(in.Program); err != nil {
			return err
		}
		options |= unix.PTRACE_O_SUSPEND_SECCOMP
	}
	pidfd, err := unix.PidfdOpen(in.Pid, 0)
	if err != nil {
		return fmt.Errorf("process %d: %w", in.Pid, err)
	}
	defer func() { _ = unix.Close(pidfd) }()
	if in.Check != nil {
		if err := in.Check(); err != nil {
			return err
		}
	}
	runtime.LockOSThread() // ptrace binds a tracee to a thread
	defer runtime.UnlockOSThread()

	t := &tracer{pid: in.Pid, options: options, threads: map[int]*thread{}}
	kill := func() { _ = unix.PidfdSendSignal(pidfd, unix.SIGKILL, nil, 0) } // it may have ended
	watchdog := time.AfterFunc(timeout, kill)
	err = t.install(in)
	if !watchdog.Stop() && err == nil {
		err = errors.New("the process did not stop in time")
	}
	if err == nil && in.Installed != nil {
		err = in.Installed()
	}
	if err == nil {
		stop := watch(in.Pid, cmp.Or(in.Patience, 5*time.Minute), kill)
		err = t.follow(in)
		if overdue := stop(); overdue != nil {
			err = overdue
		}
	}
	if err != nil && !errors.Is(err, ErrEnded) && t.attached {
		kill()
		t.reap()
	}
	return err
}

// Supported returns an error where nothing could be injected, by trying: it makes a
// process, traces it and suspends and reads its filters as [Injection.Run] does, and
// ends it before it does anything.
func Supported() error {
	if err := supported(); err != nil {
		return err
	}
	tried := make(chan error)
	go func() {
		runtime.LockOSThread() // it ends with this
		tried <- try()
	}()
	return <-tried
}

func try() error {
	child := exec.Command("/proc/self/exe")
	child.SysProcAttr = &syscall.SysProcAttr{Ptrace: true} // it stops when it is executed
	if err := child.Start(); err != nil {
		return err
	}
	defer func() {
		_ = child.Process.Kill() // it may have ended
		_ = child.Wait()
	}()
	pid := child.Process.Pid
	var status unix.WaitStatus
	if _, err := unix.Wait4(pid, &status, unix.WALL, nil); err != nil {
		return err
	} else if !status.Stopped() {
		return errors.New("a process that was to be traced did not stop")
	}
	if err := unix.PtraceSetOptions(pid, traceOptions|unix.PTRACE_O_SUSPEND_SECCOMP); err != nil {
		return seizeError(err)
	}
	if _, err := hook.ReadTracedFilter(pid, 0); err != nil && !errors.Is(err, hook.ErrNoFilter) {
		return fmt.Errorf("reading filters: %w", err)
	}
	return nil
}

type tracer struct {
	pid      int
	options  uintptr
	threads  map[int]*thread
	attached bool
}

// A thread is one that is traced.
type thread struct {
	stopped bool
	status  unix.WaitStatus // where stopped
}

// event is the kind of a stop: PTRACE_EVENT_…, 0 for a signal's.
func (th *thread) event() int { return int(th.status>>16) & 0xff }

// idle reports whether the thread is where an interruption stops it.
func (th *thread) idle() bool {
	return th.stopped && th.event() == unix.PTRACE_EVENT_STOP && th.status.StopSignal() == unix.SIGTRAP
}

// install stops the process, installs the filter and lets it go on.
func (t *tracer) install(in Injection) error {
	if err := t.stopAll(); err != nil {
		return err
	}
	if in.Check != nil {
		if err := in.Check(); err != nil {
			return err
		}
	}
	if in.Program != nil {
		if err := t.inject(in.Program, in.Flags|hook.TSYNC); err != nil {
			return err
		}
	}
	for tid := range t.threads {
		if err := t.resume(tid, 0); err != nil {
			return err
		}
	}
	return nil
}

// stopAll seizes every thread and waits until all are idle. Threads that are made
// meanwhile are seized by the kernel or found by looking again.
func (t *tracer) stopAll() error {
	for again := true; again; {
		tids, err := t.tasks()
		if err != nil {
			return err
		}
		again = false
		for _, tid := range tids {
			if t.threads[tid] != nil {
				continue
			}
			again = true
			if err := t.seize(tid); errors.Is(err, unix.ESRCH) && tid != t.pid {
				continue // it has ended
			} else if errors.Is(err, unix.EPERM) && t.ended(tid) {
				continue
			} else if errors.Is(err, unix.EPERM) && t.tracedByUs(tid) {
				// made by a thread that was seized before
			} else if err != nil {
				return fmt.Errorf("tracing thread %d: %w", tid, seizeError(err))
			} else if err := unix.PtraceInterrupt(tid); err != nil && err != unix.ESRCH {
				return fmt.Errorf("stopping thread %d: %w", tid, err)
			}
			t.attached = true
			if t.threads[tid] == nil {
				t.threads[tid] = &thread{}
			}
		}
		for !t.allIdle() {
			tid, err := t.wait()
			if err != nil {
				return err
			}
			th := t.threads[tid]
			if th == nil || th.idle() {
				continue
			}
			// Another stop came first: let it pass, and interrupt again.
			if th.event() == unix.PTRACE_EVENT_EXEC {
				return errors.New("the process executed something before it was stopped")
			}
			if th.event() == unix.PTRACE_EVENT_STOP {
				return fmt.Errorf("the process was stopped by %v", th.status.StopSignal())
			}
			if err := unix.PtraceInterrupt(tid); err != nil && err != unix.ESRCH {
				return err
			}
			if err := t.resume(tid, th.signal()); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *tracer) seize(tid int) error {
	_, _, errno := unix.RawSyscall6(unix.SYS_PTRACE, unix.PTRACE_SEIZE, uintptr(tid), 0, t.options, 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}

func seizeError(err error) error {
	switch {
	case errors.Is(err, unix.EPERM):
		return fmt.Errorf("%w: it takes CAP_SYS_ADMIN and CAP_SYS_PTRACE in the initial user namespace, and Yama's ptrace_scope below 3", err)
	case errors.Is(err, unix.EINVAL):
		return fmt.Errorf("%w: this kernel can't suspend filters (CONFIG_CHECKPOINT_RESTORE)", err)
	}
	return err
}

// tracedByUs reports whether this thread traces a thread.
func (t *tracer) tracedByUs(tid int) bool {
	n, err := statusNumber(fmt.Sprintf("/proc/%d/task/%d/status", t.pid, tid), "TracerPid")
	return err == nil && (n == unix.Getpid() || n == unix.Gettid())
}

// ended reports whether a thread but the main one has ended.
func (t *tracer) ended(tid int) bool {
	state := stateOf(fmt.Sprintf("/proc/%d/task/%d/stat", t.pid, tid))
	return tid != t.pid && (state == 0 || state == 'Z' || state == 'X')
}

func (t *tracer) tasks() ([]int, error) {
	entries, err := os.ReadDir(filepath.Join("/proc", strconv.Itoa(t.pid), "task"))
	if err != nil {
		return nil, err
	}
	var tids []int
	for _, e := range entries {
		if tid, err := strconv.Atoi(e.Name()); err == nil {
			tids = append(tids, tid)
		}
	}
	return tids, nil
}

func (t *tracer) allIdle() bool {
	for _, th := range t.threads {
		if !th.idle() {
			return false
		}
	}
	return true
}

// wait waits for any thread and notes what it did. Threads that have ended are
// forgotten; that the last one has is ErrEnded.
func (t *tracer) wait() (tid int, err error) {
	var status unix.WaitStatus
	for {
		tid, err = unix.Wait4(-1, &status, unix.WALL, nil)
		if err != unix.EINTR {
			break
		}
	}
	if err == unix.ECHILD && t.alive() {
		return 0, errors.New("the process has got out of the tracer's hands")
	}
	if err == unix.ECHILD {
		return 0, ErrEnded
	}
	if err != nil {
		return 0, err
	}
	if status.Exited() || status.Signaled() {
		delete(t.threads, tid)
		if len(t.threads) == 0 {
			return tid, ErrEnded
		}
		return tid, nil
	}
	if t.threads[tid] == nil {
		t.threads[tid] = &thread{}
	}
	*t.threads[tid] = thread{true, status}
	return tid, nil
}

func (t *tracer) alive() bool {
	state := stateOf(fmt.Sprintf("/proc/%d/stat", t.pid))
	return state != 0 && state != 'Z' && state != 'X'
}

// signal returns what a stopped thread was to be given, 0 where the stop is no
// signal's.
func (th *thread) signal() unix.Signal {
	if th.status>>16 != 0 || th.status.StopSignal() == unix.SIGTRAP|0x80 {
		return 0
	}
	return th.status.StopSignal()
}

// resume lets a stopped thread go on.
func (t *tracer) resume(tid int, signal unix.Signal) error {
	if th := t.threads[tid]; th != nil {
		th.stopped = false
	}
	if err := unix.PtraceCont(tid, int(signal)); err != nil && err != unix.ESRCH { // ESRCH: it was killed meanwhile
		return fmt.Errorf("resuming thread %d: %w", tid, err)
	}
	return nil
}

// follow lets the process go on to its payload.
func (t *tracer) follow(in Injection) error {
	for {
		tid, err := t.wait()
		if err != nil {
			return err
		}
		th := t.threads[tid]
		if th == nil {
			continue
		}
		signal := th.status.StopSignal()
		switch th.event() {
		case unix.PTRACE_EVENT_EXEC:
			return t.release(tid, in)
		case unix.PTRACE_EVENT_STOP:
			if signal == unix.SIGTRAP {
				err = t.resume(tid, 0)
			} else { // stopped with its whole process: it stays so until SIGCONT
				th.stopped = false
				if _, _, errno := unix.RawSyscall6(unix.SYS_PTRACE, unix.PTRACE_LISTEN, uintptr(tid), 0, 0, 0, 0); errno != 0 && errno != unix.ESRCH {
					err = errno
				}
			}
		case 0:
			err = t.resume(tid, th.signal())
		default:
			err = t.resume(tid, 0)
		}
		if err != nil {
			return err
		}
	}
}

// release makes sure that the payload, none of which has run, has its filter, and
// lets go of it.
func (t *tracer) release(tid int, in Injection) error {
	var filters []bpf.Program
	for {
		p, err := hook.ReadTracedFilter(tid, len(filters))
		if errors.Is(err, hook.ErrNoFilter) {
			break
		}
		if err != nil {
			return fmt.Errorf("reading the payload's filters: %w", err)
		}
		filters = append(filters, p)
	}
	verify := in.Verify
	if verify == nil {
		verify = func([]bpf.Program) error {
			if !slices.ContainsFunc(filters, func(p bpf.Program) bool { return slices.Equal(p, in.Program) }) {
				return errors.New("the payload lacks the filter")
			}
			return nil
		}
	}
	if err := verify(filters); err != nil {
		return err
	}
	if err := unix.PtraceDetach(tid); err != nil {
		return fmt.Errorf("letting go of the payload: %w", err)
	}
	return nil
}

// reap takes the ends of the threads of a killed process.
func (t *tracer) reap() {
	for {
		var status unix.WaitStatus
		tid, err := unix.Wait4(-1, &status, unix.WALL, nil)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return
		}
		if status.Stopped() {
			_ = unix.PtraceCont(tid, 0) // to its end
		}
	}
}
