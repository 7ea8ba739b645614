package hook_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"secco/bpf"
	"secco/hook"
	"secco/linux"
)

func init() {
	// follow does what exec does, and follows. Refusals go to standard output.
	children["follow"] = func(arg string) {
		s := parse[execSpec](arg)
		if s.DropCaps {
			dropCapabilities()
		}
		watch := hook.Watch{Refused: func(r hook.Refusal) {
			arch, _ := linux.ArchOf(r.Call.Arch, r.Call.NR)
			name, _ := arch.SyscallName(r.Call.NR)
			if slices.Contains(quiet, r.Call.NR) {
				fmt.Printf("refused: %d %#x %#x %d\n", r.Call.NR, r.Call.Args[0], r.Call.Args[1], r.Verdict.Data())
				return
			}
			fmt.Printf("refused: %s %s %s: %s\n", r.Command, arch, name, r.Verdict)
		}}
		status, err := hook.Follow(s.Program, hook.Options{NoNewPrivs: s.NoNewPrivs}, s.Path, s.Argv, os.Environ(), watch)
		var exec *hook.ExecError
		var follow *hook.FollowError
		var install *hook.InstallError
		switch {
		case errors.As(err, &exec):
			fmt.Println("exec:", exec.Err)
		case errors.As(err, &follow):
			fmt.Println("follow:", follow.Err)
		case errors.As(err, &install):
			fmt.Println("install:", install.Errno)
		case err != nil:
			die(err)
		case status.Signaled():
			hook.EndBy(status.Signal())
		}
		os.Exit(status.ExitStatus())
	}
	// elsewhere executes a command on another thread than the main one.
	children["elsewhere"] = func(string) {
		done := make(chan error)
		go func() {
			runtime.LockOSThread()
			done <- unix.Exec("/bin/sh", []string{"sh", "-c", "uname; mkfifo x"}, os.Environ())
		}()
		die(<-done)
	}
	// calls makes calls that do nothing, with arguments at random, and says which of them
	// got an errno that no call has by itself.
	children["calls"] = func(arg string) {
		seed, err := strconv.ParseUint(arg, 10, 64)
		if err != nil {
			die(err)
		}
		r := rand.New(rand.NewPCG(seed, 0))
		for range 300 {
			nr := quiet[r.IntN(len(quiet))]
			a, b := uint64(r.IntN(8))<<(32*r.IntN(2)), uint64(r.IntN(8))
			_, _, errno := unix.RawSyscall6(uintptr(nr), uintptr(a), uintptr(b), 0, 0, 0, 0)
			if errno >= 4000 {
				fmt.Printf("%d %#x %#x %d\n", nr, a, b, errno)
			}
		}
	}
	// threads makes a call on many threads.
	children["threads"] = func(string) {
		const threads = 8
		done := make(chan error)
		for range threads {
			go func() {
				runtime.LockOSThread()
				_, err := unix.Getpgid(0)
				done <- err
			}()
		}
		for range threads {
			if err := <-done; err != unix.EXFULL {
				die(fmt.Errorf("getpgid: %v", err))
			}
		}
	}
}

// follow runs a command and follows it, in a directory made for it.
func follow(t *testing.T, p bpf.Program, argv ...string) (r result, refused []string) {
	t.Helper()
	path, err := exec.LookPath(argv[0])
	if err != nil {
		path = argv[0]
	}
	cmd := childCommand("follow", execSpec{Program: p, Path: path, Argv: argv}.arg(t))
	cmd.Dir = t.TempDir()
	r = runCommand(t, cmd)
	var rest []string
	for line := range strings.Lines(r.stdout) {
		if text, ok := strings.CutPrefix(line, "refused: "); ok {
			refused = append(refused, strings.TrimSuffix(text, "\n"))
		} else {
			rest = append(rest, line)
		}
	}
	r.stdout = strings.Join(rest, "")
	return r, refused
}

// quiet are calls that do nothing, whatever their arguments.
var quiet = []uint32{unix.SYS_GETPGID, unix.SYS_GETSID, unix.SYS_GETPRIORITY, unix.SYS_SCHED_GETSCHEDULER, unix.SYS_SCHED_GET_PRIORITY_MAX}

// TestFollowAgrees holds what is told of calls at random, under filters at random, against
// what the process got: neither more nor less, in the same order.
func TestFollowAgrees(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	calls := 0
	for seed := range uint64(10) {
		r := rand.New(rand.NewPCG(seed, 1))
		text := "DEFAULT_POLICY = allow\nDEFAULT_NEGATIVE = allow\n"
		for i, nr := range quiet {
			name, _ := native().SyscallName(nr)
			condition := []string{
				fmt.Sprintf("arg0 < %d && argL1 & %d == %d", r.IntN(8), r.IntN(8), r.IntN(4)),
				fmt.Sprintf("argH0 == %d || argL1 == %d", r.IntN(4), r.IntN(8)),
				fmt.Sprintf("in(arg0, %d, %d, %d << 32)", r.IntN(8), r.IntN(8), r.IntN(8)),
				fmt.Sprintf("argL0 + argL1 > %d", r.IntN(12)),
			}[r.IntN(4)]
			text += fmt.Sprintf("%s[+%d]: %s\n", name, 4000+i, condition)
		}
		result, refused := follow(t, program(text), "env", childVariable+"=calls", childVariable+"_ARG="+fmt.Sprint(seed), self)
		got := strings.Split(strings.TrimSpace(result.stdout), "\n")
		if result.code != 0 || !slices.Equal(got, refused) {
			t.Fatalf("%v; told %q\n%s", result, refused, text)
		}
		calls += len(refused)
	}
	t.Logf("%d calls were refused", calls)
	if calls < 300 {
		t.Error("that is too few")
	}
}

// native is this machine's own architecture.
func native() linux.Arch {
	if runtime.GOARCH == "arm64" {
		return linux.ARM64
	}
	return linux.X86_64
}

// TestFollow checks, for each verdict, that what is told is what happens, and that it is
// what happens without being followed.
func TestFollow(t *testing.T) {
	for _, c := range []struct {
		verdict linux.Action
		told    bool
	}{
		{linux.Errno.With(uint16(unix.EXFULL)), true},
		{linux.Errno.With(0), true},
		{linux.Errno.With(4095), true},
		{linux.Trap.With(5), true},
		{linux.KillThread, true},
		{linux.KillProcess, true},
		{linux.Trace.With(7), true}, // nobody is asked: ENOSYS
		{linux.Log, false},
		{linux.Allow, false},
	} {
		p := deny(c.verdict, unix.SYS_UNAME)
		r, refused := follow(t, p, "uname", "-s")
		plain := run(t, p, "uname", "-s")
		if r != plain {
			t.Errorf("%s: %v followed, %v without", c.verdict, r, plain)
		}
		var want []string
		if c.told {
			want = []string{fmt.Sprintf("uname %s uname: %s", native(), c.verdict)}
		}
		if !slices.Equal(refused, want) {
			t.Errorf("%s: told %q, want %q", c.verdict, refused, want)
		}
	}
}

// TestFollowStatus checks that a command ends as it does without being followed, and
// starts with the same signals.
func TestFollowStatus(t *testing.T) {
	p := deny(linux.KillProcess, unix.SYS_SWAPOFF)
	for _, script := range []string{
		"exit 7",
		"kill -SEGV $$",
		"kill -TERM $$",
		"kill -KILL $$",
		"trap 'exit 9' TERM; kill -TERM $$",
		"(while kill -CONT $$ 2>/dev/null; do sleep 0.05; done) & kill -STOP $$; echo on; kill $!",
		"sh -c 'kill -9 $$'; echo $?",
		"grep -E '^(Sig[BIC]|NoNewPrivs|Seccomp)' /proc/self/status",
		"cat; ulimit -n",
	} {
		r, refused := follow(t, p, "sh", "-c", script)
		plain := run(t, p, "sh", "-c", script)
		if r != plain || refused != nil {
			t.Errorf("%s: %v followed, %v without; told %q", script, r, plain, refused)
		}
	}
}

// TestFollowAll checks that all that a command starts is followed: its children, theirs,
// and those that outlive it; threads; and what becomes another command on another
// thread than the first.
func TestFollowAll(t *testing.T) {
	mknod := deny(linux.Errno.With(uint16(unix.EPERM)), unix.SYS_MKNODAT)
	if runtime.GOARCH == "amd64" {
		mknod = deny(linux.Errno.With(uint16(unix.EPERM)), 133, unix.SYS_MKNODAT) // mknod
	}
	r, refused := follow(t, mknod, "sh", "-c", "mkfifo a; (mkfifo b); (sleep 0.3; mkfifo c) & exec sh -c 'exit 3'")
	if r.code != 3 || len(refused) != 3 {
		t.Errorf("%v; told %q, want three refusals", r, refused)
	}
	for _, line := range refused {
		if !strings.HasPrefix(line, "mkfifo ") || !strings.HasSuffix(line, ": errno(EPERM)") {
			t.Errorf("told %q", line)
		}
	}

	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child := func(p bpf.Program, name string) (result, []string) {
		return follow(t, p, "env", childVariable+"="+name, self)
	}
	getpgid := deny(linux.Errno.With(uint16(unix.EXFULL)), unix.SYS_GETPGID)
	if r, refused := child(getpgid, "threads"); r.code != 0 || len(refused) != 8 {
		t.Errorf("%v; told %q, want eight refusals", r, refused)
	}
	if r, refused := child(mknod, "elsewhere"); r.code == 0 || len(refused) != 1 || !strings.HasPrefix(refused[0], "mkfifo ") {
		t.Errorf("%v; told %q, want one refusal", r, refused)
	}
}

// TestFollowErrors checks what keeps a command from running.
func TestFollowErrors(t *testing.T) {
	p := deny(linux.KillProcess, unix.SYS_UNAME)
	for path, want := range map[string]string{
		"/nothing":    "exec: no such file or directory\n",
		"/etc/passwd": "exec: permission denied\n",
	} {
		if r, _ := follow(t, p, path); r.stdout != want {
			t.Errorf("%s: %v", path, r)
		}
	}
	// The filter refuses execve.
	r, refused := follow(t, deny(linux.Errno.With(uint16(unix.EXFULL)), unix.SYS_EXECVE), "true")
	if r.stdout != "exec: exchange full\n" || len(refused) != 1 {
		t.Errorf("%v; told %q", r, refused)
	}
	r, refused = follow(t, deny(linux.KillProcess, unix.SYS_EXECVE), "true")
	if r.signal != unix.SIGSYS || len(refused) != 1 {
		t.Errorf("%v; told %q", r, refused)
	}
	// The kernel refuses the filter.
	never := false
	r = runChild(t, "follow", execSpec{Program: p, Path: "/bin/echo", Argv: []string{"echo", "ran"}, NoNewPrivs: &never, DropCaps: true}.arg(t))
	if r.stdout != "install: permission denied\n" {
		t.Errorf("neither no_new_privs nor CAP_SYS_ADMIN: %v", r)
	}
	// What is followed can't be followed once more.
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	inner := execSpec{Program: p, Path: "/bin/echo", Argv: []string{"echo", "ran"}}.arg(t)
	r, _ = follow(t, p, "env", childVariable+"=follow", childVariable+"_ARG="+inner, self)
	if !strings.HasPrefix(r.stdout, "follow: ") || strings.Contains(r.stdout, "ran") {
		t.Errorf("followed twice: %v", r)
	}
}

// TestFollowEnds checks that a command does not outlive what follows it.
func TestFollowEnds(t *testing.T) {
	cmd := childCommand("follow", execSpec{Program: deny(linux.KillProcess, unix.SYS_UNAME), Path: "/bin/sh",
		Argv: []string{"sh", "-c", "echo $$; exec sleep 100"}}.arg(t))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line := make([]byte, 20)
	n, err := out.Read(line)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(line[:n])))
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Kill(pid, 0); err != nil {
		t.Fatal(err)
	}
	cmd.Process.Kill()
	cmd.Wait()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil || strings.Contains(string(status), ") Z ") {
			return
		}
		if time.Now().After(deadline) {
			unix.Kill(pid, unix.SIGKILL)
			t.Fatalf("the command lives on: %s", status)
		}
	}
}
