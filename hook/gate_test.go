package hook_test

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"secco/bpf"
	"secco/emulator"
	"secco/hook"
	"secco/linux"
)

func init() {
	children["gate"] = func(arg string) {
		s := parse[execSpec](arg)
		if s.DropCaps {
			dropCapabilities()
		}
		if s.Limit != 0 {
			runtime.GOMAXPROCS(int(s.Limit))
		}
		env := append(os.Environ(), childVariable+"=attack")
		die(hook.ExecGated(s.Program, hook.Options{}, s.Path, s.Argv, env))
	}
	children["attack"] = attack
}

func runGated(t testing.TB, p bpf.Program, argv ...string) result {
	t.Helper()
	return runChild(t, "gate", execSpec{Program: p, Path: argv[0], Argv: argv}.arg(t))
}

// attack is the payload behind the gate. It tries every way to a further execve.
func attack(string) {
	open := bpf.Program{{Op: bpf.RetK, K: uint32(linux.Allow)}}
	path, _ := unix.BytePtrFromString("/bin/true")
	argv := []*byte{path, nil}
	execve := func() unix.Errno {
		_, _, errno := unix.RawSyscall(unix.SYS_EXECVE, uintptr(unsafe.Pointer(path)), uintptr(unsafe.Pointer(&argv[0])), 0)
		return errno
	}
	report := func(name string, errno unix.Errno) { fmt.Printf("%s %s\n", name, unix.ErrnoName(errno)) }
	report("execve", execve())
	_, _, errno := unix.RawSyscall6(unix.SYS_EXECVEAT, ^uintptr(99), uintptr(unsafe.Pointer(path)), uintptr(unsafe.Pointer(&argv[0])), 0, 0, 0)
	report("execveat", errno)

	var wg sync.WaitGroup
	wg.Add(1)
	go func() {
		defer wg.Done()
		runtime.LockOSThread()
		report("thread", execve())
	}()
	wg.Wait()

	unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
	prog := struct {
		n uint16
		f *bpf.Instruction
	}{1, &open[0]}
	for _, flags := range []uintptr{8, 8 | 1 | 16, 8 | 32, 8 | 4, 0xffff_ffff_0000_0008} {
		_, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, flags, uintptr(unsafe.Pointer(&prog)))
		report(fmt.Sprintf("listener %#x", flags), errno)
	}
	_, _, errno = unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 1, uintptr(unsafe.Pointer(&prog)))
	report("filter", errno)
	report("execve", execve())

	// os/exec: a vforked child
	_, err := os.StartProcess("/bin/true", []string{"true"}, &os.ProcAttr{})
	fmt.Printf("child %v\n", err)
	var fds []string
	entries, _ := os.ReadDir("/proc/self/fd")
	for _, e := range entries {
		target, _ := os.Readlink("/proc/self/fd/" + e.Name())
		if strings.Contains(target, "seccomp") {
			fds = append(fds, target)
		}
	}
	fmt.Printf("listeners %d\n", len(fds))
	fmt.Printf("pid %t\n", os.Getpid() == unix.Gettid())
}

func TestGate(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	noExec := deny(linux.KillProcess, unix.SYS_EXECVE, unix.SYS_EXECVEAT+1000)
	noExec = append(bpf.Program{{Op: bpf.LdW, K: 0}, {Op: bpf.JeqK, K: unix.SYS_EXECVEAT, Jf: 1}, {Op: bpf.RetK, K: uint32(linux.Errno.With(uint16(unix.EPERM)))}}, noExec...)
	want := `execve ENOSYS
execveat EPERM
thread ENOSYS
listener 0x8 EBUSY
listener 0x19 EBUSY
listener 0x28 EBUSY
listener 0xc EBUSY
listener 0xffffffff00000008 EBUSY
filter 
execve ENOSYS
child fork/exec /bin/true: function not implemented
listeners 0
pid true
`
	for _, spec := range []execSpec{{}, {DropCaps: true}, {Limit: 1}} {
		spec.Program, spec.Path, spec.Argv = noExec, self, []string{"payload"}
		if r := runChild(t, "gate", spec.arg(t)); r.stdout != want || r.code != 0 {
			t.Errorf("%+v:\n%s\nwant\n%s\nstderr %s, exit %d", spec, r.stdout, want, r.stderr, r.code)
		}
	}
}

// A payload that may do nothing but end.
func TestGateKillByDefault(t *testing.T) {
	program := only(linux.KillProcess, unix.SYS_EXIT)
	path, starts := exitProgram(t), 100
	if testing.Short() {
		starts = 20
	}
	for _, limit := range []uint64{0, 1} {
		arg := execSpec{Program: program, Path: path, Argv: []string{"exit"}, Limit: limit}.arg(t)
		for i := range starts {
			if r := runChild(t, "gate", arg); r.code != 42 {
				t.Fatalf("start %d: %v", i, r)
			}
		}
	}
	if r := runGated(t, program, "/missing"); r.code != 127 || !strings.Contains(r.stderr, "no such file") {
		t.Error(r)
	}
	if r := runGated(t, program, t.TempDir()); r.code != 126 {
		t.Error(r)
	}
}

// The gate needs to be the only listener.
func TestGateUnderListener(t *testing.T) {
	r := runChild(t, "gate-under-listener", "")
	if r.code != 125 || !strings.Contains(r.stderr, "live listener") {
		t.Error(r)
	}
}

func init() {
	children["gate-under-listener"] = func(string) {
		if _, err := hook.Listen(deny(linux.Notify, unix.SYS_GETPPID), hook.Options{}); err != nil {
			die(err)
		}
		die(hook.ExecGated(deny(linux.KillProcess, unix.SYS_EXECVE), hook.Options{}, "/bin/true", []string{"true"}, nil))
	}
}

// Only the gate's two calls get another verdict, and never a milder one, but for
// execve.
func TestGateRules(t *testing.T) {
	kill, busy := linux.KillProcess, hook.GateErrno
	seccomp := uint32(unix.SYS_SECCOMP)
	entries := []linux.Arch{linux.X86_64, linux.X32, linux.I386}
	if runtime.GOARCH == "arm64" {
		entries = []linux.Arch{linux.ARM64, linux.ARM}
	}
	native := entries[0]
	for _, c := range []struct {
		name    string
		program bpf.Program
		want    linux.Action // for seccomp with a listener
	}{
		{"allow", deny(kill, unix.SYS_EXECVE), busy},
		{"kill", deny(kill, unix.SYS_EXECVE, seccomp), kill},
		{"trap", deny(linux.Trap, unix.SYS_EXECVE, seccomp), linux.Trap},
		{"errno", deny(linux.Errno.With(1), unix.SYS_EXECVE, seccomp), linux.Errno.With(1)},
		{"log", deny(linux.Log, unix.SYS_EXECVE, seccomp), busy},
	} {
		gated, err := hook.Gate(c.program)
		if err != nil {
			t.Fatal(c.name, err)
		}
		before, err := emulator.New(c.program)
		if err != nil {
			t.Fatal(err)
		}
		after, err := emulator.New(gated)
		if err != nil {
			t.Fatal(err)
		}
		for _, arch := range linux.Arches() {
			execve, _ := native.Syscall("execve")
			scNR, _ := arch.Syscall("seccomp")
			for _, call := range arch.Syscalls() {
				for _, flags := range []uint64{0, 7, 8, 0xf, 0xfffffff7, 8 << 32, 1<<32 | 8} {
					d := linux.SeccompData{NR: call.NR, Arch: arch.Audit(), Args: [6]uint64{1, flags}}
					want := before.Run(&d)
					switch {
					case arch == native && call.NR == execve:
						want = linux.Notify
					case slices.Contains(entries, arch) && call.NR == scNR && flags&8 != 0 && want.Rank() > busy.Rank():
						want = busy
					}
					if got := after.Run(&d); got != want {
						t.Fatalf("%s: %v %s(1, %#x): %v, want %v", c.name, arch, call.Name, flags, got, want)
					}
				}
			}
		}
		d := linux.SeccompData{NR: seccomp, Arch: native.Audit(), Args: [6]uint64{1, 8}}
		if got := after.Run(&d); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestGateRefuses(t *testing.T) {
	mixed := bpf.Program{
		{Op: bpf.LdW, K: linux.ArgLow(1).Offset(false)},
		{Op: bpf.JsetK, K: 1, Jf: 1},
		{Op: bpf.RetK, K: uint32(linux.KillProcess)},
		{Op: bpf.RetK, K: uint32(linux.Allow)},
	}
	for name, p := range map[string]bpf.Program{
		"empty":   nil,
		"invalid": {{Op: bpf.LdImm}},
		"notify":  deny(linux.Notify, unix.SYS_GETPPID),
		"mixed":   mixed,
	} {
		if _, err := hook.Gate(p); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
