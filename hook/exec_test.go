package hook_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"secco/bpf"
	"secco/hook"
	"secco/linux"
)

func init() {
	children["exec"] = func(arg string) {
		s := parse[execSpec](arg)
		if s.DropCaps {
			dropCapabilities()
		}
		if s.Limit != 0 {
			runtime.GOMAXPROCS(int(s.Limit))
		}
		if s.Garbage {
			for range 4 {
				go func() {
					for {
						runtime.GC()
					}
				}()
			}
			time.Sleep(time.Millisecond)
		}
		die(hook.Exec(s.Program, hook.Options{NoNewPrivs: s.NoNewPrivs}, s.Path, s.Argv, os.Environ()))
	}
}

func run(t testing.TB, p bpf.Program, argv ...string) result {
	t.Helper()
	path, err := exec.LookPath(argv[0])
	if err != nil {
		t.Fatal(err)
	}
	return runChild(t, "exec", execSpec{Program: p, Path: path, Argv: argv}.arg(t))
}

func TestExec(t *testing.T) {
	uname := deny(linux.Errno.With(uint16(unix.EXFULL)), unix.SYS_UNAME)
	r := run(t, uname, "uname")
	if r.code == 0 || !strings.Contains(r.stderr, "Exchange full") {
		t.Errorf("uname under a filter that refuses uname: %v", r)
	}
	if r := run(t, uname, "sh", "-c", "echo $0 $1; exit 7", "x"); r.code != 7 || r.stdout != "x\n" {
		t.Errorf("exit code and arguments: %v", r)
	}
	if r := run(t, deny(linux.KillProcess, unix.SYS_UNAME), "uname"); r.signal != unix.SIGSYS {
		t.Errorf("uname under a filter that kills for it: %v", r)
	}
}

// The process stays the same one: id, parent-death signal, working directory.
func TestExecKeepsProcess(t *testing.T) {
	cmd := childCommand("exec", execSpec{Program: deny(linux.KillProcess, unix.SYS_UNAME),
		Path: "/bin/sh", Argv: []string{"sh", "-c", "echo $$; pwd; echo $HOOK_TEST; grep -c . /proc/$$/task/*/comm"}}.arg(t))
	cmd.Dir = t.TempDir()
	cmd.Env = append(cmd.Env, "HOOK_TEST=kept")
	r := runCommand(t, cmd)
	want := fmt.Sprintf("%d\n%s\nkept\n1\n", cmd.Process.Pid, cmd.Dir)
	if r.stdout != want {
		t.Errorf("%v, want stdout %q", r, want)
	}
}

// The command starts with the signal mask, the ignored signals and the limit of
// open files that its parent set up, not with what Go made of them.
func TestExecRestores(t *testing.T) {
	spec := execSpec{Program: deny(linux.KillProcess, unix.SYS_UNAME), Path: "/bin/cat", Argv: []string{"cat", "/proc/self/status", "/proc/self/limits"}}
	script := `trap "" HUP; ulimit -Sn 99; exec "$0"`
	cmd := exec.Command("/bin/sh", "-c", script, "/proc/self/exe")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Args[3] = self
	cmd.Env = childCommand("exec", spec.arg(t)).Env

	// Children inherit this thread's mask: SIGCHLD, which the runtime unblocks,
	// and SIGUSR1.
	runtime.LockOSThread()
	var old unix.Sigset_t
	set := unix.Sigset_t{}
	set.Val[0] = 1<<(unix.SIGCHLD-1) | 1<<(unix.SIGUSR1-1)
	if err := unix.PthreadSigmask(unix.SIG_SETMASK, &set, &old); err != nil {
		t.Fatal(err)
	}
	r := runCommand(t, cmd)
	unix.PthreadSigmask(unix.SIG_SETMASK, &old, nil)
	runtime.UnlockOSThread()

	field := func(name string) string {
		for _, line := range strings.Split(r.stdout, "\n") {
			if rest, ok := strings.CutPrefix(line, name); ok {
				return strings.Fields(rest)[0]
			}
		}
		t.Fatalf("no %q in %v", name, r)
		return ""
	}
	hex := func(name string) uint64 {
		n, err := strconv.ParseUint(field(name), 16, 64)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if got := hex("SigBlk:"); got != set.Val[0] {
		t.Errorf("blocked signals %#x, want %#x", got, set.Val[0])
	}
	if got := hex("SigIgn:"); got&1 == 0 {
		t.Errorf("ignored signals %#x, want SIGHUP among them", got)
	}
	if got := hex("SigCgt:"); got != 0 {
		t.Errorf("caught signals %#x", got)
	}
	if got := field("Max open files"); got != "99" {
		t.Errorf("soft limit of open files %s, want 99", got)
	}
}

func TestExecNoNewPrivs(t *testing.T) {
	yes, no := true, false
	for _, c := range []struct {
		name     string
		set      *bool
		dropCaps bool
		want     string // of NoNewPrivs in /proc; "" where the start fails
	}{
		{"open, privileged", nil, false, "0"},
		{"open, unprivileged", nil, true, "1"},
		{"always, privileged", &yes, false, "1"},
		{"always, unprivileged", &yes, true, "1"},
		{"never, privileged", &no, false, "0"},
		{"never, unprivileged", &no, true, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if os.Getuid() != 0 && c.want == "0" {
				t.Skip("needs root")
			}
			spec := execSpec{Program: deny(linux.KillProcess, unix.SYS_UNAME), Path: "/bin/grep", Argv: []string{"grep", "NoNewPrivs", "/proc/self/status"},
				NoNewPrivs: c.set, DropCaps: c.dropCaps}
			r := runChild(t, "exec", spec.arg(t))
			if c.want == "" {
				if r.code != 125 || !strings.Contains(r.stderr, "no_new_privs") {
					t.Errorf("%v, want the start to fail over no_new_privs", r)
				}
				return
			}
			if want := "NoNewPrivs:\t" + c.want + "\n"; r.stdout != want {
				t.Errorf("%v, want %q", r, want)
			}
		})
	}
}

// A runtime asks the kernel to kill its child when it dies itself; the command
// keeps that, for it starts on the main thread.
func TestExecKeepsParentDeathSignal(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// The shell in the middle dies while the command sleeps.
	spec := execSpec{Program: deny(linux.KillProcess, unix.SYS_UNAME), Path: "/bin/sleep", Argv: []string{"sleep", "60"}}
	cmd := exec.Command("setpriv", "--pdeathsig", "KILL", self)
	cmd.Env = childCommand("exec", spec.arg(t)).Env
	shell := exec.Command("/bin/sh", "-c", `"$@" >/dev/null 2>&1 & echo $!; while [ "$(cat /proc/$!/comm)" != sleep ]; do :; done`, "sh", cmd.Path, "--pdeathsig", "KILL", self)
	shell.Env = cmd.Env
	r := runCommand(t, shell)
	pid, err := strconv.Atoi(strings.TrimSpace(r.stdout))
	if err != nil {
		t.Fatal(r)
	}
	for range 500 {
		if unix.Kill(pid, 0) == unix.ESRCH || stateOf(pid) == "Z" {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	unix.Kill(pid, unix.SIGKILL)
	t.Error("the command outlived its parent")
}

func stateOf(pid int) string {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	return strings.Fields(string(stat))[2]
}

// Errors behind the filter are reported, whatever the filter forbids.
func TestExecFails(t *testing.T) {
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain")
	if err := os.WriteFile(plain, []byte("\x7fnot a program"), 0o755); err != nil {
		t.Fatal(err)
	}
	open := deny(linux.KillProcess, unix.SYS_UNAME)
	for _, c := range []struct {
		name    string
		program bpf.Program
		path    string
		code    int
		stderr  string
	}{
		{"missing", open, filepath.Join(dir, "missing"), 127, "no such file or directory"},
		{"directory", open, dir, 126, "permission denied"},
		{"no program", open, plain, 126, "exec format error"},
		{"missing, kill by default", only(linux.KillProcess, unix.SYS_EXECVE), filepath.Join(dir, "missing"), 127, "no such file or directory"},
		{"missing, kill_thread by default", only(linux.KillThread, unix.SYS_EXECVE), filepath.Join(dir, "missing"), 127, "no such file or directory"},
		{"execve refused", deny(linux.Errno.With(uint16(unix.EXFULL)), unix.SYS_EXECVE), "/bin/true", 126, "exchange full"},
		{"execve refused with errno 4095", deny(linux.Errno.With(4095), unix.SYS_EXECVE), "/bin/true", 126, "made up"},
		{"execve refused with errno 0", deny(linux.Errno.With(0), unix.SYS_EXECVE), "/bin/true", 126, "made up"},
		{"execve ends the thread", deny(linux.KillThread, unix.SYS_EXECVE), "/bin/true", 126, "the filter ended the thread that called execve"},
		{"execve ends the process", deny(linux.KillProcess, unix.SYS_EXECVE), "/bin/true", 128 + int(unix.SIGSYS), ""},
		{"execve traps", deny(linux.Trap, unix.SYS_EXECVE), "/bin/true", 128 + int(unix.SIGSYS), ""},
		{"execve notifies nobody", deny(linux.Notify, unix.SYS_EXECVE), "/bin/true", 126, "function not implemented"},
		{"execve for a tracer that isn't there", deny(linux.Trace, unix.SYS_EXECVE), "/bin/true", 126, "function not implemented"},
		{"no program to install", bpf.Program{}, "/bin/true", 125, ""},
		{"an invalid program", bpf.Program{{Op: bpf.LdW, K: 3}}, "/bin/true", 125, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := runChild(t, "exec", execSpec{Program: c.program, Path: c.path, Argv: []string{"x"}}.arg(t))
			if r.code != c.code || !strings.Contains(strings.ToLower(r.stderr), c.stderr) {
				t.Errorf("%v, want exit %d and %q", r, c.code, c.stderr)
			}
		})
	}
}

func TestExecRefusesBeforehand(t *testing.T) {
	open := bpf.Program{{Op: bpf.RetK, K: uint32(linux.Allow)}}
	for name, err := range map[string]error{
		"NUL in the path":      hook.Exec(open, hook.Options{}, "/bin/tr\x00ue", []string{"true"}, nil),
		"NUL in an argument":   hook.Exec(open, hook.Options{}, "/bin/true", []string{"tr\x00ue"}, nil),
		"NUL in a variable":    hook.Exec(open, hook.Options{}, "/bin/true", []string{"true"}, []string{"A=\x00"}),
		"no arguments":         hook.Exec(open, hook.Options{}, "/bin/true", nil, nil),
		"a listener":           hook.Exec(open, hook.Options{Flags: hook.NewListener}, "/bin/true", []string{"true"}, nil),
		"an unknown flag":      hook.Exec(open, hook.Options{Flags: 1 << 20}, "/bin/true", []string{"true"}, nil),
		"a program of nothing": hook.Exec(nil, hook.Options{}, "/bin/true", []string{"true"}, nil),
	} {
		if err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// Under a filter that kills for everything but execve and what a static program
// needs to end, no start may fail: the runtime must do nothing behind our back.
func TestExecStarts(t *testing.T) {
	starts := 500
	if os.Getenv("SECCO_LONG") != "" {
		starts = 10000
	} else if testing.Short() {
		starts = 100
	}
	spec := execSpec{Program: only(linux.KillProcess, unix.SYS_EXECVE, unix.SYS_EXIT), Path: exitProgram(t), Argv: []string{"exit"}}
	for _, limit := range []uint64{0, 1} {
		spec.Limit = limit
		arg := spec.arg(t)
		var wg sync.WaitGroup
		var mu sync.Mutex
		next := 0
		for range 8 {
			wg.Add(1)
			go func() {
				defer wg.Done()
				for {
					mu.Lock()
					next++
					n := next
					mu.Unlock()
					if n > starts/2 || t.Failed() {
						return
					}
					if r := runChild(t, "exec", arg); r.code != 42 {
						t.Errorf("start %d, GOMAXPROCS %d: %v", n, limit, r)
					}
				}
			}()
		}
		wg.Wait()
	}
}

// A garbage collection may begin at any moment of a start, and stops the world:
// neither may wait for the other, whether the start succeeds, fails behind the
// filter or is refused before.
func TestExecAmidGarbageCollections(t *testing.T) {
	no, starts := false, 40
	if testing.Short() {
		starts = 10
	}
	filter := only(linux.KillProcess, unix.SYS_EXECVE, unix.SYS_EXIT)
	for _, c := range []struct {
		name string
		spec execSpec
		code int
		text string
	}{
		{"starts", execSpec{Program: filter, Path: exitProgram(t)}, 42, ""},
		{"starts, with one processor", execSpec{Program: filter, Path: exitProgram(t), Limit: 1}, 42, ""},
		{"no such command", execSpec{Program: filter, Path: "/no/such/command"}, 127, "/no/such/command"},
		{"refused", execSpec{Program: filter, Path: exitProgram(t), NoNewPrivs: &no, DropCaps: true}, 125, "no_new_privs"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.spec.Argv, c.spec.Garbage = []string{"exit"}, true
			arg := c.spec.arg(t)
			for range starts {
				if r := runChild(t, "exec", arg); r.code != c.code || !strings.Contains(r.stderr, c.text) {
					t.Fatalf("%v, want exit code %d and %q", r, c.code, c.text)
				}
			}
		})
	}
}

func TestLook(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PATH", dir+":/bin")
	if err := os.WriteFile(filepath.Join(dir, "plain"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if path, err := hook.Look("sh"); err != nil || path != "/bin/sh" {
		t.Errorf("sh: %q, %v", path, err)
	}
	for name, code := range map[string]int{"missing-command": 127, dir + "/missing": 127, dir + "/plain": 126, dir: 126, "": 127} {
		_, err := hook.Look(name)
		var e *hook.ExecError
		if !errors.As(err, &e) || e.Code() != code {
			t.Errorf("%q: %v, want code %d", name, err, code)
		}
	}
	t.Setenv("PATH", ".")
	t.Chdir(dir)
	if err := os.WriteFile("here", nil, 0o755); err != nil {
		t.Fatal(err)
	}
	if path, err := hook.Look("here"); err != nil || path == "" {
		t.Errorf("a command in the working directory, which is in PATH: %q, %v", path, err)
	}
}
