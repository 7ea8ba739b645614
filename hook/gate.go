package hook

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"secco/bpf"
	"secco/linux"
)

// The gate: how a command starts under a policy that has no execve.
//
// The filter answers the machine's own execve with a user notification. Exec's
// second thread, which is not under the filter, holds the listener and lets the
// first execve go on. That execve ends the thread and closes the listener, and a
// notification that nobody listens to fails with ENOSYS from then on. A process
// can't get out of that but by a listener of its own, which would be asked first:
// so the filter refuses seccomp(2) with NEW_LISTENER as well. Neither rule is
// ever there without the other.

// ExecGated is [Exec] for programs that refuse execve: it lets the one execve
// through that starts the command, and every later one fails with ENOSYS,
// whatever the program says about it. It installs what [Gate] returns, and takes
// Linux 5.5 and no live listener above this process.
func ExecGated(program bpf.Program, opts Options, path string, argv, env []string) error {
	gated, err := Gate(program)
	if err != nil {
		return err
	}
	if opts.Flags&listenerOnlyFlags != 0 {
		return fmt.Errorf("flag %s: the gate has the only listener", opts.Flags&listenerOnlyFlags)
	}
	return become(gated, opts, path, argv, env, true)
}

// GateErrno is what the second of the gate's rules answers.
const GateErrno = linux.Errno | linux.Action(unix.EBUSY)

// entries are the ABIs by which a process can enter this machine's kernel, its
// own first.
var entries = map[string][]linux.Arch{
	"amd64": {linux.X86_64, linux.X32, linux.I386},
	"arm64": {linux.ARM64, linux.ARM},
}[runtime.GOARCH]

// Gate returns the program with the gate's two rules before it: execve of the
// machine's own ABI notifies, and seccomp(2) with NEW_LISTENER fails with EBUSY
// by every ABI by which the machine can be entered. Where the program's own
// verdict on the latter is stricter in every case, that one stands; an error says
// that it is stricter in some cases only.
func Gate(program bpf.Program) (bpf.Program, error) {
	if err := bpf.Validate(program); err != nil {
		return nil, err
	}
	if Notifies(program) {
		return nil, ErrNotifies
	}
	if err := checkArch(program); err != nil {
		return nil, err
	}
	native := entries[0]
	var rules bpf.Program
	for _, arch := range entries {
		execve, _ := native.Syscall("execve")
		seccomp, _ := arch.Syscall("seccomp")
		refuse, err := gateRefuses(program, arch, seccomp)
		if err != nil {
			return nil, err
		}
		var tests bpf.Program
		if arch == native {
			tests = append(tests,
				bpf.Instruction{Op: bpf.JeqK, K: execve, Jf: 1},
				bpf.Instruction{Op: bpf.RetK, K: uint32(linux.Notify)})
		}
		if refuse {
			tests = append(tests,
				bpf.Instruction{Op: bpf.JeqK, K: seccomp, Jf: 3},
				bpf.Instruction{Op: bpf.LdW, K: linux.ArgLow(1).Offset(arch.BigEndian())},
				bpf.Instruction{Op: bpf.JsetK, K: uint32(NewListener), Jf: 1},
				bpf.Instruction{Op: bpf.RetK, K: uint32(GateErrno)})
		}
		if len(tests) == 0 {
			continue
		}
		rules = append(rules,
			bpf.Instruction{Op: bpf.LdW, K: linux.WordArch.Offset(arch.BigEndian())},
			bpf.Instruction{Op: bpf.JeqK, K: arch.Audit(), Jf: uint8(1 + len(tests))},
			bpf.Instruction{Op: bpf.LdW, K: linux.WordNR.Offset(arch.BigEndian())})
		rules = append(rules, tests...)
	}
	gated := slices.Concat(rules, bpf.Program{{Op: bpf.LdImm}}, program) // A is 0 where a program starts
	if err := bpf.Validate(gated); err != nil {
		return nil, fmt.Errorf("with the gate's rules before it: %w", err)
	}
	return gated, nil
}

// Why a command can't be started under a program.
var (
	ErrNotifies      = errors.New("it has notify verdicts, and nobody would answer them")
	ErrRefusesExecve = errors.New("it refuses execve")
	ErrOtherArch     = errors.New("it is for another architecture")
)

// CheckExec returns an error if the program would not let [Exec] start any
// command, [ErrRefusesExecve], or makes user notifications, for which Exec leaves
// no listener, [ErrNotifies]. Of a program that allows calls of other machines
// only it says that, [ErrOtherArch].
func CheckExec(program bpf.Program) error {
	if err := bpf.Validate(program); err != nil {
		return err
	}
	if Notifies(program) {
		return ErrNotifies
	}
	native := entries[0]
	execve, _ := native.Syscall("execve")
	found := Verdicts(program, native, execve)
	if mildest := found[len(found)-1]; !lets(mildest) {
		if err := checkArch(program); err != nil {
			return err
		}
		return fmt.Errorf("%w (%s: %v)", ErrRefusesExecve, native, mildest)
	}
	return nil
}

// lets reports whether a call is made that gets the verdict.
func lets(verdict linux.Action) bool {
	return verdict.Kind() == linux.Allow || verdict.Kind() == linux.Log
}

// checkArch returns [ErrOtherArch] if the program allows syscalls, and none that a
// process on this machine can make.
func checkArch(program bpf.Program) error {
	if slices.ContainsFunc(entries, func(a linux.Arch) bool { return allowsAny(program, a) }) {
		return nil
	}
	for _, a := range linux.Arches() {
		if allowsAny(program, a) {
			return fmt.Errorf("%w, %s: this machine is %s", ErrOtherArch, a, entries[0])
		}
	}
	return nil
}

// allowsAny reports whether the program may allow a syscall of an architecture.
func allowsAny(program bpf.Program, arch linux.Arch) bool {
	return slices.ContainsFunc(arch.Syscalls(), func(s linux.Syscall) bool {
		found := Verdicts(program, arch, s.NR)
		return lets(found[len(found)-1])
	})
}

// gateRefuses reports whether the gate has to refuse seccomp(2) with NEW_LISTENER.
func gateRefuses(program bpf.Program, arch linux.Arch, nr uint32) (bool, error) {
	found := Verdicts(program, arch, nr)
	strictest, mildest := found[0], found[len(found)-1]
	switch {
	case mildest.Rank() <= linux.Errno.Rank(): // refuses in every case, if not always with EBUSY
		return false, nil
	case strictest.Rank() < linux.Errno.Rank():
		return false, fmt.Errorf("the program's verdict on seccomp (%s) is %v in some cases and %v in others: the gate's rule would loosen it", arch, strictest, mildest)
	}
	return true, nil
}

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
