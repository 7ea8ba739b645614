package sigsys_test

import (
	"fmt"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"secco/compiler"
	"secco/hook"
	"secco/hook/sigsys"
	"secco/lang"
	"secco/linux"
	"secco/source"
)

func init() { children["example"] = ExampleHandle }

func TestExampleHandle(t *testing.T) {
	native, _ := linux.ParseArch(runtime.GOARCH)
	want := native.String() + " uname: trap(1), by app.secco:2\noperation not permitted\nexit status 0"
	if got := child(t, "example"); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// A process is told what its filter traps, and goes on. Prints: x86_64 uname: trap(1),
// by app.secco:2; operation not permitted
func ExampleHandle() {
	machine, _ := linux.ParseArch(runtime.GOARCH)
	text := "DEFAULT_POLICY = allow\nuname: return trap(EPERM)\n"
	policy, findings := lang.Load([]*source.File{source.NewFile("app.secco", text)}, lang.Options{Machine: machine})
	if err := findings.Err(); err != nil {
		fmt.Println(err)
		return
	}
	program, err := compiler.Compile(policy, compiler.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	told := make(chan sigsys.Notice)
	if err := sigsys.Handle(policy, func(n sigsys.Notice) { told <- n }); err != nil {
		fmt.Println(err)
		return
	}
	if err := hook.Install(program.Program, hook.Options{}); err != nil {
		fmt.Println(err)
		return
	}
	var name unix.Utsname
	err = unix.Uname(&name)
	fmt.Println(<-told)
	fmt.Println(err)
}

// The errno that a trapped call fails with is the trap's data.
func ExampleErrno() {
	fmt.Println(sigsys.Errno(linux.Trap.With(13)), sigsys.Errno(linux.Trap))
	// Output: permission denied function not implemented
}
