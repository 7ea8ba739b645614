package hook_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"secco/bpf"
	"secco/hook"
	"secco/linux"
)

func init() {
	children["gate-traced"] = func(arg string) {
		s := parse[execSpec](arg)
		env := []string{childVariable + "=attack-traced"}
		die(hook.ExecGated(s.Program, hook.Options{}, s.Path, s.Argv, env))
	}
	children["attack-traced"] = attackTraced
}

// attackTraced is a payload behind the gate that makes a tracee of its child, and
// execve of a harmless call of it, behind the back of all who look at calls before
// tracers do. It prints what the child's call gave.
func attackTraced(string) {
	runtime.LockOSThread()
	path, _ := unix.BytePtrFromString("/bin/true")
	argv := []*byte{path, nil}
	pid := forkTraced(uintptr(unsafe.Pointer(path)), uintptr(unsafe.Pointer(&argv[0])))
	if pid <= 0 {
		fmt.Println("fork", pid)
		return
	}
	var status unix.WaitStatus
	wait := func() { unix.Wait4(pid, &status, unix.WALL, nil) }
	wait()
	const suspendSeccomp = 0x200000
	fmt.Println("suspend", unix.ErrnoName(errnoOf(unix.PtraceSetOptions(pid, suspendSeccomp))))
	fmt.Println("options", unix.PtraceSetOptions(pid, unix.PTRACE_O_TRACESYSGOOD))
	for range 10 {
		if err := unix.PtraceSyscall(pid, 0); err != nil {
			fmt.Println(err)
			return
		}
		if wait(); status.StopSignal() != unix.SIGTRAP|0x80 {
			fmt.Println("status", status)
			return
		}
		var regs unix.PtraceRegs
		if err := unix.PtraceGetRegs(pid, &regs); err != nil {
			fmt.Println(err)
			return
		}
		if regs.Orig_rax != unix.SYS_GETPRIORITY {
			continue
		}
		regs.Orig_rax = unix.SYS_EXECVE
		fmt.Println("changed", unix.PtraceSetRegs(pid, &regs), unix.PtraceCont(pid, 0))
		wait()
		fmt.Println("execve", unix.ErrnoName(unix.Errno(status.ExitStatus())))
		return
	}
}

func errnoOf(err error) unix.Errno {
	errno, _ := err.(unix.Errno)
	return errno
}

// forkTraced makes a child that stops, makes a call with these arguments and ends
// with the errno that it got. Go's runtime is of no use in the child.
//
//go:nosplit
//go:norace
func forkTraced(a, b uintptr) int {
	pid, _, errno := unix.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
	if errno != 0 {
		return -int(errno)
	}
	if pid != 0 {
		return int(pid)
	}
	unix.RawSyscall(unix.SYS_PTRACE, unix.PTRACE_TRACEME, 0, 0)
	self, _, _ := unix.RawSyscall(unix.SYS_GETPID, 0, 0, 0)
	unix.RawSyscall(unix.SYS_KILL, self, uintptr(unix.SIGSTOP), 0)
	_, _, errno = unix.RawSyscall(unix.SYS_GETPRIORITY, a, b, 0)
	for {
		unix.RawSyscall(unix.SYS_EXIT_GROUP, uintptr(errno), 0, 0)
	}
}

// A tracer can neither suspend the filter nor make execve of another call.
func TestGateTraced(t *testing.T) {
	spec := execSpec{Program: deny(linux.KillProcess, unix.SYS_EXECVE), Path: "/proc/self/exe", Argv: []string{"payload"}}
	const want = "suspend EPERM\noptions <nil>\nchanged <nil> <nil>\nexecve ENOSYS\n"
	if r := runChild(t, "gate-traced", spec.arg(t)); r.stdout != want || r.code != 0 {
		t.Errorf("%s\nwant\n%s\nstderr %s, exit %d", r.stdout, want, strings.TrimSpace(r.stderr), r.code)
	}
}

// The other ABIs of this machine: machine code enters by int 0x80 and with x32
// numbers. Its exit code is the errno that it got.
func TestGateOtherEntries(t *testing.T) {
	i386 := func(nr, a, b byte, nrHigh byte) []byte {
		return []byte{0xb8, nr, nrHigh, 0, 0, 0xbb, a, 0, 0, 0, 0xb9, b, 0, 0, 0, 0x31, 0xd2, 0xcd, 0x80, // mov eax, nr; mov ebx, a; mov ecx, b; xor edx, edx; int 0x80
			0xf7, 0xd8, 0x89, 0xc7, 0xb8, 60, 0, 0, 0, 0x0f, 0x05} // neg eax; mov edi, eax; mov eax, 60; syscall
	}
	x32 := []byte{0xb8, 0x3d, 0x01, 0, 0x40, 0xbf, 1, 0, 0, 0, 0xbe, 8, 0, 0, 0, 0x31, 0xd2, 0x0f, 0x05, // mov eax, x32 seccomp; mov edi, 1; mov esi, 8; xor edx, edx; syscall
		0xf7, 0xd8, 0x89, 0xc7, 0xb8, 60, 0, 0, 0, 0x0f, 0x05}
	open := deny(linux.KillProcess, unix.SYS_EXECVE)
	for _, c := range []struct {
		name    string
		program bpf.Program
		code    []byte
		want    int
	}{
		{"i386 seccomp with a listener", open, i386(354-256, 1, 8, 1), int(unix.EBUSY)},
		{"i386 seccomp without", open, i386(354-256, 1, 0, 1), int(unix.EFAULT)},
		{"x32 seccomp with a listener", open, x32, int(unix.EBUSY)},
		{"i386 execve is the policy's to refuse", open, i386(11, 0, 0, 0), int(unix.EFAULT)},
		{"i386 refused by the policy", only(linux.KillProcess, unix.SYS_EXIT), i386(11, 0, 0, 0), 128 + int(unix.SIGSYS)},
		{"i386 listener refused by the policy", only(linux.KillProcess, unix.SYS_EXIT), i386(354-256, 1, 8, 1), 128 + int(unix.SIGSYS)},
	} {
		if r := runGated(t, c.program, writeProgram(t, c.code)); r.code != c.want {
			t.Errorf("%s: %v, want exit %d", c.name, r, c.want)
		}
	}
}
