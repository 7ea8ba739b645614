package hook

import (
	"errors"
	"fmt"
	"runtime"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"secco/bpf"
	"secco/linux"
)

// Support says what this kernel offers to this process.
type Support struct {
	// Filter is whether a filter could be installed and refused a call.
	Filter bool
	// Err says why not.
	Err error
	// Syscall is whether seccomp(2) is there; without it there are no flags.
	Syscall bool
	// Flags are those that the kernel knows.
	Flags Flags
	// Gate is whether a notification could be answered with CONTINUE, as
	// [ExecGated] does.
	Gate bool
	// GateErr says why not.
	GateErr error
	// Actions are those that the kernel knows, strictest first. Kernels older than
	// 4.14 can't be asked: then it is empty.
	Actions []linux.Action
}

// Probe finds out what is supported by trying: it puts a filter on a thread made
// for the purpose and sees whether a call is refused as the filter says. The
// thread ends with it; nothing else of the process changes.
func Probe() Support {
	var s Support
	s.Flags, s.Syscall = probeFlags()
	s.Actions = probeActions()
	s.Err = onThrowawayThread(tryFilter)
	s.Filter = s.Err == nil
	s.GateErr = onThrowawayThread(tryGate)
	s.Gate = s.GateErr == nil
	return s
}

// Supported reports whether filters can be installed on all threads: that
// seccomp(2) knows TSYNC, and that a filter refuses what it should.
func Supported() bool {
	s := Probe()
	return s.Filter && s.Flags&TSYNC != 0
}

// probeFlags asks with a program that can't be read: the kernel looks at the
// flags first (EINVAL), then at the program (EFAULT).
func probeFlags() (known Flags, ok bool) {
	for _, f := range flagNames {
		ask := f.flag
		if ask == WaitKillableRecv {
			ask |= NewListener // alone it is refused
		}
		_, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, uintptr(ask), 0)
		if errno == unix.EFAULT {
			known |= f.flag
		}
	}
	_, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, 0)
	return known, errno == unix.EFAULT
}

func probeActions() []linux.Action {
	var known []linux.Action
	for _, a := range []linux.Action{linux.KillProcess, linux.KillThread, linux.Trap, linux.Errno, linux.Notify, linux.Trace, linux.Log, linux.Allow} {
		value := uint32(a)
		_, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_GET_ACTION_AVAIL, 0, uintptr(unsafe.Pointer(&value)))
		if errno == 0 {
			known = append(known, a)
		}
	}
	return known
}

// probeErrno is no errno of Linux, so that nothing but the filter returns it.
const probeErrno = 4071

// tryFilter installs a filter on this thread that refuses getppid, which never
// fails otherwise.
func tryFilter() error {
	program := bpf.Program{
		{Op: bpf.LdW, K: linux.WordNR.Offset(false)},
		{Op: bpf.JeqK, K: unix.SYS_GETPPID, Jf: 1},
		{Op: bpf.RetK, K: uint32(linux.Errno.With(probeErrno))},
		{Op: bpf.RetK, K: uint32(linux.Allow)},
	}
	if _, err := install(program, Options{ThreadOnly: true}); err != nil {
		return err
	}
	if r, _, errno := unix.RawSyscall(unix.SYS_GETPPID, 0, 0, 0); errno != probeErrno {
		return fmt.Errorf("a filter was installed, but the call that it refuses returned %d, errno %d", r, int(errno))
	}
	return nil
}

// tryGate puts a filter on this thread that notifies of getppid, and has another
// thread let that go on.
func tryGate() error {
	program := bpf.Program{
		{Op: bpf.LdW, K: linux.WordNR.Offset(false)},
		{Op: bpf.JeqK, K: unix.SYS_GETPPID, Jf: 1},
		{Op: bpf.RetK, K: uint32(linux.Notify)},
		{Op: bpf.RetK, K: uint32(linux.Allow)},
	}
	fd, err := install(program, Options{ThreadOnly: true, Flags: NewListener})
	if err != nil {
		return err
	}
	answered := make(chan error, 1)
	go func() {
		err := letOne(fd)
		answered <- errors.Join(err, unix.Close(fd)) // without an answer the call fails now
	}()
	_, _, errno := unix.Syscall(unix.SYS_GETPPID, 0, 0, 0)
	if err := <-answered; err != nil {
		return err
	}
	if errno != 0 {
		return fmt.Errorf("a call that was let go on failed: %w", errno)
	}
	return nil
}

// letOne waits for a notification and answers it with CONTINUE.
func letOne(fd int) error {
	poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	if n, err := unix.Poll(poll, 5000); err != nil || n != 1 {
		return fmt.Errorf("no notification arrived: %d, %w", n, err)
	}
	var notif seccompNotif
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SECCOMP_IOCTL_NOTIF_RECV, uintptr(unsafe.Pointer(&notif))); errno != 0 {
		return fmt.Errorf("receiving a notification: %w", errno)
	}
	answer := seccompNotifResp{id: notif.id, flags: unix.SECCOMP_USER_NOTIF_FLAG_CONTINUE}
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SECCOMP_IOCTL_NOTIF_SEND, uintptr(unsafe.Pointer(&answer))); errno != 0 {
		return fmt.Errorf("answering a notification with CONTINUE, which takes Linux 5.5: %w", errno)
	}
	return nil
}

// onThrowawayThread runs f on a thread that ends with it, and waits for that:
// while a thread with a filter of its own lives, TSYNC fails. The runtime ends a
// thread whose goroutine returns locked to it. It never ends the main thread,
// which therefore is kept busy while another is chosen.
func onThrowawayThread(f func() error) error {
	pid, tid := unix.Getpid(), 0
	result := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		if tid = unix.Gettid(); tid != pid {
			result <- f()
			return
		}
		result <- onThrowawayThread(f)
		runtime.UnlockOSThread()
	}()
	err := <-result
	for wait := 0; tid != pid && wait < 1000 && unix.Tgkill(pid, tid, 0) == nil; wait++ {
		time.Sleep(time.Millisecond / 10)
	}
	return err
}
