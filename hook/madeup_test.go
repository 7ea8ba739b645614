package hook_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"secco/bpf"
	"secco/hook"
	"secco/linux"
)

func init() { children["made-up"] = madeUpChild }

// madeUpChild puts on a filter under which calls seem to succeed that are never made,
// and then another one.
func madeUpChild(arg string) {
	how, what, _ := strings.Cut(arg, " ")
	lie := linux.Errno.With(0)
	var outer bpf.Program
	switch how {
	case "seccomp":
		outer = deny(lie, unix.SYS_SECCOMP)
	case "prctl":
		outer = deny(lie, unix.SYS_PRCTL)
	}
	if how == "prctl" {
		if err := hook.Install(deny(linux.Errno.With(uint16(unix.ENOSYS)), unix.SYS_SECCOMP), hook.Options{}); err != nil {
			die(err)
		}
	}
	runtime.LockOSThread()
	if err := hook.Install(outer, hook.Options{ThreadOnly: true}); err != nil {
		die(err)
	}
	program := deny(linux.Errno.With(uint16(testErrno)), unix.SYS_UNAME)
	yes := true
	var err error
	switch what {
	case "install":
		err = hook.Install(program, hook.Options{ThreadOnly: true})
	case "no_new_privs":
		err = hook.Install(program, hook.Options{ThreadOnly: true, NoNewPrivs: &yes})
	case "listen":
		_, err = hook.Listen(program, hook.Options{ThreadOnly: true})
	case "exec":
		err = hook.Exec(program, hook.Options{}, "/bin/uname", []string{"uname"}, nil)
	case "exec no_new_privs":
		err = hook.Exec(program, hook.Options{NoNewPrivs: &yes}, "/bin/uname", []string{"uname"}, nil)
	case "gate":
		err = hook.ExecGated(deny(linux.KillProcess, unix.SYS_EXECVE), hook.Options{}, "/bin/uname", []string{"uname"}, nil)
	}
	if err == nil {
		fmt.Println("nothing was noticed")
	}
	die(fmt.Errorf("%s: %w", what, err))
}

// A filter that is there already may say of the next one that it is installed where it
// is not.
func TestMadeUp(t *testing.T) {
	for _, arg := range []string{
		"seccomp install", "seccomp listen", "seccomp exec", "seccomp gate",
		"prctl install", "prctl no_new_privs", "prctl exec", "prctl exec no_new_privs",
	} {
		if r := runChild(t, "made-up", arg); r.code != 125 || r.stdout != "" || !strings.Contains(r.stderr, "makes up results") {
			t.Errorf("%s: %v", arg, r)
		}
	}
}
