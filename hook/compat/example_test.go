package compat_test

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"secco/bpf"
	"secco/hook"
	"secco/hook/compat"
	"secco/lang"
	"secco/linux"
	"secco/source"
)

// must stops an example where something fails.
func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// A filter stays, so the examples that install one run in a process of their own,
// which TestExamples starts.
var installing = map[string]func(){
	"Load": ExampleLoad, "LockedLoad": ExampleLockedLoad, "Install": ExampleInstall, "InstallBlacklist": ExampleInstallBlacklist,
	"LoadFilter": ExampleLoadFilter, "SetNoNewPrivs": ExampleSetNoNewPrivs,
}

const exampleVariable = "SECCO_COMPAT_EXAMPLE"

func init() {
	if example := installing[os.Getenv(exampleVariable)]; example != nil {
		example()
		os.Exit(0)
	}
}

func TestExamples(t *testing.T) {
	for name := range installing {
		cmd := exec.Command("/proc/self/exe")
		cmd.Env = append(os.Environ(), exampleVariable+"="+name)
		out, err := cmd.CombinedOutput()
		if want := "operation not permitted\n"; name != "SetNoNewPrivs" && (err != nil || string(out) != want) {
			t.Errorf("%s: %v, %q; want %q", name, err, out, want)
		} else if name == "SetNoNewPrivs" && (err != nil || string(out) != "1\n") {
			t.Errorf("%s: %v, %q", name, err, out)
		}
	}
}

// tryUname prints what becomes of a call that the examples' policies refuse.
func tryUname() {
	var name unix.Utsname
	fmt.Println(unix.Uname(&name))
}

const refusesUname = compat.InlineMarker + "uname[+EPERM]: 1\n"

var allowsTheRest = compat.SeccompSettings{DefaultPositiveAction: "EPERM", DefaultNegativeAction: "allow", DefaultPolicyAction: "allow"}

// Prints: operation not permitted
func ExampleLoad() {
	if err := compat.SetNoNewPrivs(); err != nil {
		fmt.Println(err)
		return
	}
	if err := compat.Load(must(compat.Prepare(refusesUname, allowsTheRest))); err != nil {
		fmt.Println(err)
		return
	}
	tryUname()
}

// Prints: operation not permitted
func ExampleLockedLoad() {
	if err := compat.SetNoNewPrivs(); err != nil {
		fmt.Println(err)
		return
	}
	if err := compat.LockedLoad(must(compat.Prepare(refusesUname, allowsTheRest))); err != nil {
		fmt.Println(err)
		return
	}
	tryUname()
}

// Prints: operation not permitted
func ExampleInstall() {
	if err := compat.Install(must(compat.Prepare(refusesUname, allowsTheRest))); err != nil {
		fmt.Println(err)
		return
	}
	tryUname()
}

// Prints: operation not permitted
func ExampleInstallBlacklist() {
	if err := compat.InstallBlacklist(must(compat.Prepare(refusesUname, allowsTheRest))); err != nil {
		fmt.Println(err)
		return
	}
	tryUname()
}

// Prints: operation not permitted
func ExampleLoadFilter() {
	machine, _ := linux.ParseArch(runtime.GOARCH)
	policy, findings := lang.Load([]*source.File{source.NewFile("p", "DEFAULT_POLICY = allow\nuname: return EPERM\n")}, lang.Options{Machine: machine})
	if err := findings.Err(); err != nil {
		fmt.Println(err)
		return
	}
	if err := compat.LoadFilter(compat.Filter{NoNewPrivs: true, Flag: hook.TSYNC, Policy: policy}); err != nil {
		fmt.Println(err)
		return
	}
	tryUname()
}

// Prints: 1
func ExampleSetNoNewPrivs() {
	if err := compat.SetNoNewPrivs(); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(must(unix.PrctlRetInt(unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)))
}

// gosecco's way from a policy to a program, with what the caller says beside it.
func ExamplePrepare() {
	program, err := compat.Prepare(compat.InlineMarker+"write: std(arg0)\n", compat.SeccompSettings{
		ExtraDefinitions:      []string{compat.InlineMarker + "std(fd) = fd == 1\n"},
		DefaultPositiveAction: "allow", DefaultNegativeAction: "EPERM", DefaultPolicyAction: "kill",
	})
	fmt.Println(bpf.Validate(program), err)
	_, err = compat.Prepare(compat.InlineMarker+"wrote: 1\n", compat.SeccompSettings{DefaultPositiveAction: "allow", DefaultPolicyAction: "kill"})
	fmt.Println(err)
	// Output:
	// <nil> <nil>
	// <inline>:1:1: error[unknown-syscall]: no syscall named "wrote"
}

// A list of what is allowed, and one of what is not.
func ExampleCompile() {
	program := must(compat.Compile(compat.InlineMarker+"read: 1\n", true))
	machine, _ := linux.ParseArch(runtime.GOARCH)
	read, _ := machine.Syscall("read")
	write, _ := machine.Syscall("write")
	fmt.Println(hook.Verdicts(program, machine, read), hook.Verdicts(program, machine, write))
	program = must(compat.CompileBlacklist(compat.InlineMarker+"read: 1\n", true))
	fmt.Println(hook.Verdicts(program, machine, read), hook.Verdicts(program, machine, write))
	// Output:
	// [allow] [kill_thread]
	// [kill_thread] [allow]
}

// Whether filters can be put on all threads here.
func ExampleCheckSupport() {
	fmt.Println(compat.CheckSupport(), compat.Supported())
	// Output: <nil> true
}
