package hook

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// seccompNotif is struct seccomp_notif.
type seccompNotif struct {
	id    uint64
	pid   uint32
	flags uint32
	nr    int32
	arch  uint32
	ip    uint64
	args  [6]uint64
}

// seccompNotifResp is struct seccomp_notif_resp.
type seccompNotifResp struct {
	id    uint64
	val   int64
	errno int32
	flags uint32
}

// admit lets the one call through that the gate waits for, once it is there.
//
//go:nosplit
//go:norace
func (s *start) admit() (done bool, errno syscall.Errno) {
	fd := uintptr(s.listener.Load())
	s.poll = unix.PollFd{Fd: int32(fd), Events: unix.POLLIN}
	s.pollTime = unix.Timespec{Nsec: 1_000_000}
	r, _, _ := syscall.RawSyscall6(unix.SYS_PPOLL, uintptr(unsafe.Pointer(&s.poll)), 1, uintptr(unsafe.Pointer(&s.pollTime)), 0, 0, 0)
	if r != 1 || s.poll.Revents&unix.POLLIN == 0 {
		return false, 0
	}
	s.notif = seccompNotif{}
	_, _, errno = syscall.RawSyscall6(unix.SYS_IOCTL, fd, unix.SECCOMP_IOCTL_NOTIF_RECV, uintptr(unsafe.Pointer(&s.notif)), 0, 0, 0)
	if errno == 0 && s.notif.nr != unix.SYS_EXECVE {
		return false, unix.EPROTO
	}
	if errno == 0 {
		s.answer = seccompNotifResp{id: s.notif.id, flags: unix.SECCOMP_USER_NOTIF_FLAG_CONTINUE}
		_, _, errno = syscall.RawSyscall6(unix.SYS_IOCTL, fd, unix.SECCOMP_IOCTL_NOTIF_SEND, uintptr(unsafe.Pointer(&s.answer)), 0, 0, 0)
	}
	if errno == unix.EINTR || errno == unix.ENOENT { // a deadly signal came first
		return false, 0
	}
	return errno == 0, errno
}
