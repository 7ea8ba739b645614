package hook_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"secco/bpf"
	"secco/compiler"
	"secco/hook"
	"secco/lang"
	"secco/linux"
	"secco/policy"
	"secco/source"
)

// program compiles a policy for this machine, for the examples.
func program(text string) bpf.Program {
	machine, _ := linux.ParseArch(runtime.GOARCH)
	p, findings := lang.Load([]*source.File{source.NewFile("example.secco", text)}, lang.Options{Targets: []linux.Arch{machine}})
	if err := findings.Err(); err != nil {
		panic(err)
	}
	out, err := compiler.Compile(p, compiler.Options{})
	if err != nil {
		panic(err)
	}
	return out.Program
}

// A filter stays, so the examples that install one run in a process of their own:
// TestExamples starts each, and compares what it prints.
var installing = map[string]struct {
	example func()
	prints  string
}{
	"Install":           {ExampleInstall, "operation not permitted\n"},
	"SetNoNewPrivs":     {ExampleSetNoNewPrivs, "1 <nil>\n"},
	"Listen":            {ExampleListen, "a call waits\nfunction not implemented\n"},
	"Exec":              {ExampleExec, "uname is refused\n"},
	"ExecGated":         {ExampleExecGated, "this command started\nno other does\n"},
	"Follow":            {ExampleFollow, "uname: errno(EPERM)\nexit 1\n"},
	"InstallError":      {ExampleInstallError, "true seccomp: permission denied: neither CAP_SYS_ADMIN nor no_new_privs\n"},
	"ReadFilters":       {ExampleReadFilters, "1 filters, the first of 1 instructions\n"},
	"OnlyOneThread":     {ExampleOptions, "here: operation not permitted\nelsewhere: <nil>\n"},
	"Become":            {ExampleBecome, "no filter\n"},
	"ReadFilterError":   {ExampleReadFilter, "no such filter: true\n"},
	"ReadFilter traced": {ExampleReadTracedFilter, "no such filter: true\n"},
}

func init() {
	for name, e := range installing {
		children["example "+name] = func(string) { e.example() }
	}
}

func TestExamples(t *testing.T) {
	for name, e := range installing {
		t.Run(name, func(t *testing.T) {
			if strings.HasPrefix(name, "ReadFilter") {
				privileged(t)
			}
			if got := runChild(t, "example "+name, ""); got.stdout != e.prints || got.code != 0 {
				t.Errorf("%v, want stdout %q", got, e.prints)
			}
		})
	}
}

// A process gives up a call for good. Prints: operation not permitted
func ExampleInstall() {
	filter := program("DEFAULT_POLICY = allow\nsethostname: return EPERM\nuname: return EPERM\n")
	if err := hook.Install(filter, hook.Options{}); err != nil {
		fmt.Println(err) // the filter is not installed
		return
	}
	var name unix.Utsname
	fmt.Println(unix.Uname(&name))
}

// A filter for the calling thread alone, which ends with its goroutine. Prints: here:
// operation not permitted, elsewhere: <nil>
func ExampleOptions() {
	filter := program("DEFAULT_POLICY = allow\nuname: return EPERM\n")
	var name unix.Utsname
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked
		if err := hook.Install(filter, hook.Options{ThreadOnly: true}); err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println("here:", unix.Uname(&name))
	}()
	<-done
	fmt.Println("elsewhere:", unix.Uname(&name))
}

// A command's calls that its filter refuses are told. Prints: uname: errno(EPERM), exit 1
func ExampleFollow() {
	runtime.LockOSThread()
	filter := program("DEFAULT_POLICY = allow\nuname: return EPERM\n")
	watch := hook.Watch{Refused: func(r hook.Refusal) { fmt.Printf("%s: %s\n", r.Command, r.Verdict) }}
	status, err := hook.Follow(filter, hook.Options{}, "/bin/uname", []string{"uname"}, os.Environ(), watch)
	switch {
	case err != nil: // the command did not run
		fmt.Println(err)
	case status.Signaled():
		hook.EndBy(status.Signal()) // as the command ended
	default:
		fmt.Println("exit", status.ExitStatus())
	}
}

// What a thread starts after this gains no privileges by execve. Prints: 1 <nil>
func ExampleSetNoNewPrivs() {
	runtime.LockOSThread()
	if err := hook.SetNoNewPrivs(); err != nil {
		fmt.Println(err)
		return
	}
	value, err := unix.PrctlRetInt(unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)
	fmt.Println(value, err)
}

// Calls wait for whoever has the listener; where it is closed they fail with ENOSYS.
// Prints: a call waits, function not implemented
func ExampleListen() {
	filter := program("DEFAULT_POLICY = allow\nuname: return notify\n")
	listener, err := hook.Listen(filter, hook.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	result := make(chan error)
	go func() {
		var name unix.Utsname
		result <- unix.Uname(&name)
	}()
	waiting := []unix.PollFd{{Fd: int32(listener.Fd()), Events: unix.POLLIN}}
	for {
		if n, err := unix.Poll(waiting, -1); n == 1 && err == nil {
			break
		}
	}
	fmt.Println("a call waits")
	listener.Close()
	fmt.Println(<-result)
}

// A program that becomes another command under a filter. Prints: uname is refused
func ExampleExec() {
	filter := program("DEFAULT_POLICY = allow\nuname: return EPERM\n")
	path, err := hook.Look("sh")
	if err == nil {
		err = hook.Exec(filter, hook.Options{}, path, []string{"sh", "-c", "uname 2>/dev/null || echo uname is refused"}, os.Environ())
	}
	fmt.Fprintln(os.Stderr, err) // Exec does not return where it succeeds
	os.Exit(125)
}

// A command starts under a filter that refuses execve, and starts no other. Prints:
// this command started, no other does
func ExampleExecGated() {
	filter := program("DEFAULT_POLICY = allow\nexecve, execveat: return EPERM\n")
	path, err := hook.Look("sh")
	if err == nil {
		command := "echo this command started; /bin/true 2>/dev/null || echo no other does"
		err = hook.ExecGated(filter, hook.Options{}, path, []string{"sh", "-c", command}, os.Environ())
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(125)
}

// The same without a filter, as a wrapper does that was told to step aside. Prints: no
// filter
func ExampleBecome() {
	path, err := hook.Look("echo")
	if err == nil {
		err = hook.Become(path, []string{"echo", "no filter"}, os.Environ())
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(125)
}

// A thread that the calling one traces, and that stands still. Prints: no such filter:
// true
func ExampleReadTracedFilter() {
	runtime.LockOSThread()
	child := exec.Command("sleep", "60")
	child.SysProcAttr = &syscall.SysProcAttr{Ptrace: true} // it stops at its execve
	if err := child.Start(); err != nil {
		fmt.Println(err)
		return
	}
	defer child.Process.Kill()
	var status unix.WaitStatus
	if _, err := unix.Wait4(child.Process.Pid, &status, 0, nil); err != nil || !status.Stopped() {
		fmt.Println(err, status)
		return
	}
	_, err := hook.ReadTracedFilter(child.Process.Pid, 0)
	fmt.Println("no such filter:", errors.Is(err, hook.ErrNoFilter))
}

// What the kernel refuses is an error with its errno and the likely cause. Prints:
// true seccomp: permission denied: neither CAP_SYS_ADMIN nor no_new_privs
func ExampleInstallError() {
	dropCapabilities() // most processes have none
	no := false
	err := hook.Install(program("DEFAULT_POLICY = allow\n"), hook.Options{NoNewPrivs: &no, ThreadOnly: true})
	var refused *hook.InstallError
	if errors.As(err, &refused) {
		fmt.Println(refused.Errno == unix.EACCES, refused)
	}
}

// What the kernel holds for a process, here for this one's child. Prints: 1 filters, the
// first of 1 instructions
func ExampleReadFilters() {
	child := exec.Command("sleep", "60")
	started := make(chan error)
	go func() { // of a thread with a filter, which ends with it
		runtime.LockOSThread()
		err := hook.Install(bpf.Program{{Op: bpf.RetK, K: uint32(linux.Allow)}}, hook.Options{ThreadOnly: true})
		if err == nil {
			err = child.Start()
		}
		started <- err
	}()
	if err := <-started; err != nil {
		fmt.Println(err)
		return
	}
	defer child.Process.Kill()
	filters, err := hook.ReadFilters(child.Process.Pid)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%d filters, the first of %d instructions\n", len(filters), len(filters[0]))
}

// A process without filters has no first one. Prints: no such filter: true
func ExampleReadFilter() {
	child := exec.Command("sleep", "60")
	if err := child.Start(); err != nil {
		fmt.Println(err)
		return
	}
	defer child.Process.Kill()
	_, err := hook.ReadFilter(child.Process.Pid, 0)
	fmt.Println("no such filter:", errors.Is(err, hook.ErrNoFilter))
}

// Whether a command could start at all.
func ExampleCheckExec() {
	fmt.Println(hook.CheckExec(program("DEFAULT_POLICY = allow\n")))
	fmt.Println(errors.Is(hook.CheckExec(program("DEFAULT_POLICY = EPERM\n")), hook.ErrRefusesExecve))
	fmt.Println(errors.Is(hook.CheckExec(program("DEFAULT_POLICY = allow\nmount: return notify\n")), hook.ErrNotifies))
	other := bpf.Program{ // allows 64-bit PowerPC's calls
		{Op: bpf.LdW, K: linux.WordArch.Offset(false)},
		{Op: bpf.JeqK, K: linux.PPC64LE.Audit(), Jf: 1},
		{Op: bpf.RetK, K: uint32(linux.Allow)},
		{Op: bpf.RetK, K: uint32(linux.KillThread)},
	}
	fmt.Println(errors.Is(hook.CheckExec(other), hook.ErrOtherArch))
	// Output:
	// <nil>
	// true
	// true
	// true
}

// The gate's rules stand before a program: the native execve asks its listener.
func ExampleGate() {
	gated, err := hook.Gate(program("DEFAULT_POLICY = kill_process\n"))
	if err != nil {
		fmt.Println(err)
		return
	}
	machine, _ := linux.ParseArch(runtime.GOARCH)
	execve, _ := machine.Syscall("execve")
	fmt.Println(hook.Verdicts(gated, machine, execve))
	// Output: [notify]
}

// All that a program may answer to a call, whatever its arguments, strictest first.
func ExampleVerdicts() {
	filter := program("DEFAULT_POSITIVE = allow\nDEFAULT_NEGATIVE = EPERM\nDEFAULT_POLICY = kill_process\nsocket: argL0 == AF_UNIX\n")
	machine, _ := linux.ParseArch(runtime.GOARCH)
	for _, name := range []string{"socket", "ptrace"} {
		nr, _ := machine.Syscall(name)
		fmt.Println(name, hook.Verdicts(filter, machine, nr))
	}
	// Output:
	// socket [errno(EPERM) allow]
	// ptrace [kill_process]
}

// Whether somebody has to answer a program's notifications.
func ExampleNotifies() {
	fmt.Println(hook.Notifies(program("DEFAULT_POLICY = allow\nmount: return notify\n")))
	fmt.Println(hook.Notifies(program("DEFAULT_POLICY = allow\n")))
	// Output:
	// true
	// false
}

// What this kernel offers, found out by trying.
func ExampleProbe() {
	support := hook.Probe()
	fmt.Println(support.Filter == hook.Supported(), support.Flags&hook.TSYNC != 0, support.Err)
	// Output: true true <nil>
}

// Flags by the names of the kernel's headers.
func ExampleParseFlag() {
	flag, ok := hook.ParseFlag("SECCOMP_FILTER_FLAG_LOG")
	fmt.Println(flag, ok, (flag | hook.TSYNC).Names())
	// Output: log true [tsync log]
}

// How a policy asks to be installed.
func ExampleOptionsFor() {
	yes := true
	opts, err := hook.OptionsFor(policy.Settings{Flags: []string{"log", "spec_allow"}, NoNewPrivs: &yes})
	fmt.Println(opts.Flags, *opts.NoNewPrivs, err)
	_, err = hook.OptionsFor(policy.Settings{Flags: []string{"fast"}})
	fmt.Println(err)
	// Output:
	// log,spec_allow true <nil>
	// seccomp(2) has no flag "fast"
}

// A command is found as execvp(3) finds it; the error says what a shell's exit code
// would be.
func ExampleLook() {
	_, err := hook.Look("no-such-command")
	var failed *hook.ExecError
	if errors.As(err, &failed) {
		fmt.Println(failed, failed.Code())
	}
	// Output: cannot execute no-such-command: executable file not found in $PATH 127
}

// What guards ask for: the running kernel, and what this process may become able
// to do.
func ExampleKernel() {
	capabilities, err := hook.BoundingSet()
	if err != nil {
		fmt.Println(err)
		return
	}
	opts := lang.Options{Kernel: hook.Kernel(), Capabilities: capabilities}
	text := "DEFAULT_POLICY = allow\nwhen kernel >= 3.5 {\n    mount: return EPERM\n}\n"
	policy, findings := lang.Load([]*source.File{source.NewFile("guarded.secco", text)}, opts)
	if err := findings.Err(); err != nil {
		fmt.Println(err)
		return
	}
	mount, _ := linux.X86_64.Syscall("mount")
	action, _ := policy.Eval(&linux.SeccompData{Arch: linux.X86_64.Audit(), NR: mount})
	fmt.Println(action)
	// Output: errno(EPERM)
}
