package hook_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"secco/bpf"
	"secco/hook"
	"secco/linux"
)

func init() {
	children["two-filters"] = func(arg string) {
		for _, p := range parse[[]bpf.Program](arg) {
			if err := hook.Install(p, hook.Options{}); err != nil {
				die(err)
			}
		}
		fmt.Println("installed")
		io.Copy(io.Discard, os.Stdin)
	}
}

// privileged skips a test that needs root, visibly, and fails it in CI.
func privileged(t testing.TB) {
	t.Helper()
	if os.Getuid() == 0 {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("CI must run this as root")
	}
	t.Skip("needs root")
}

func TestReadFilter(t *testing.T) {
	privileged(t)
	first := deny(linux.Errno.With(1), unix.SYS_UNAME)
	second := deny(linux.KillProcess, unix.SYS_UNAME, unix.SYS_GETPPID)
	third := make(bpf.Program, 1000)
	for i := range third {
		third[i] = bpf.Instruction{Op: bpf.RetK, K: uint32(linux.Allow)}
	}
	programs := []bpf.Program{first, second, third}
	cmd := childCommand("two-filters", execArg(t, programs))
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 32)); err != nil {
		t.Fatal(err)
	}
	got, err := hook.ReadFilters(cmd.Process.Pid)
	if err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(programs, got); diff != "" {
		t.Error(diff)
	}
	for i, want := range programs {
		if got, err := hook.ReadFilter(cmd.Process.Pid, i); err != nil || !cmp.Equal(got, want) {
			t.Errorf("filter %d: %v, %v", i, got, err)
		}
	}
	if _, err := hook.ReadFilter(cmd.Process.Pid, 3); !errors.Is(err, hook.ErrNoFilter) {
		t.Errorf("filter 3 of 3: %v", err)
	}
	in.Close()
	if err := cmd.Wait(); err != nil {
		t.Errorf("after reading: %v", err)
	}
	if _, err := hook.ReadFilters(cmd.Process.Pid); err == nil {
		t.Error("read the filters of a process that has ended")
	}
}

// What runs without filters has none, and goes on in the state it was in.
func TestReadNoFilter(t *testing.T) {
	privileged(t)
	cmd := exec.Command("sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	for range 20 {
		if got, err := hook.ReadFilters(cmd.Process.Pid); err != nil || got != nil {
			t.Fatalf("%v, %v", got, err)
		}
	}
	if _, err := hook.ReadFilter(cmd.Process.Pid, 0); !errors.Is(err, hook.ErrNoFilter) {
		t.Error(err)
	}
	cmd.Process.Signal(unix.SIGSTOP)
	for stateOf(cmd.Process.Pid) != "T" {
		runtime.Gosched()
	}
	if got, err := hook.ReadFilters(cmd.Process.Pid); err != nil || got != nil {
		t.Errorf("stopped: %v, %v", got, err)
	}
	// The kernel wakes it, to let it stop again by itself: without a step of its own.
	for wait := 0; stateOf(cmd.Process.Pid) != "T"; wait++ {
		if wait == 1000 {
			t.Fatalf("a stopped process is %s after reading", stateOf(cmd.Process.Pid))
		}
		time.Sleep(time.Millisecond)
	}
}
