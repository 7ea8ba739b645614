package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const wrapperVariable = "SECCO_RUNTIME_TEST"

// The test program is the wrapper, too.
func TestMain(m *testing.M) {
	if os.Getenv(wrapperVariable) != "" {
		os.Unsetenv(wrapperVariable)
		main()
	}
	os.Exit(m.Run())
}

// wrapper returns the command that runs the wrapper of a runtime that is a shell
// script.
func wrapper(t *testing.T, script string, args ...string) *exec.Cmd {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "runtime")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/proc/self/exe", append([]string{"--secco-runtime=" + path}, args...)...)
	cmd.Env = append(os.Environ(), wrapperVariable+"=1")
	cmd.Dir = dir
	return cmd
}

// The runtime gets what the wrapper got, and its caller gets what the runtime
// does.
func TestPassesThrough(t *testing.T) {
	cmd := wrapper(t, `echo "$@"; pwd; cat; cat <&3; echo $KEPT >&2; echo $$; exit 42`,
		"--root", "/r", "--log-format=json", "exec", "--secco-policy", "id", "", "a b")
	cmd.Env = append(cmd.Env, "KEPT=kept")
	cmd.Stdin = strings.NewReader("input\n")
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	fmt.Fprintln(w, "third")
	w.Close()
	cmd.ExtraFiles = []*os.File{r}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.Run()
	want := fmt.Sprintf("--root /r --log-format=json exec --secco-policy id  a b\n%s\ninput\nthird\n%d\n", cmd.Dir, cmd.Process.Pid)
	if stdout.String() != want || stderr.String() != "kept\n" || cmd.ProcessState.ExitCode() != 42 {
		t.Errorf("%v: %s%s, want %s", cmd.ProcessState, stdout.String(), stderr.String(), want)
	}
}

// Signals are as the caller set them up: what is blocked, what is ignored as far as
// Go leaves it so, and the one that comes when the caller dies.
func TestPassesSignalsThrough(t *testing.T) {
	own, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	var ignored uint64 // by whoever started the tests
	if _, mask, ok := strings.Cut(string(own), "\nSigIgn:\t"); !ok {
		t.Fatal("no SigIgn")
	} else if _, err := fmt.Sscanf(mask, "%x", &ignored); err != nil {
		t.Fatal(err)
	}
	runtime.LockOSThread() // children inherit this thread's mask
	defer runtime.UnlockOSThread()
	var old unix.Sigset_t
	set := unix.Sigset_t{}
	set.Val[0] = 1<<(unix.SIGCHLD-1) | 1<<(unix.SIGUSR1-1)
	if err := unix.PthreadSigmask(unix.SIG_SETMASK, &set, &old); err != nil {
		t.Fatal(err)
	}
	cmd := wrapper(t, "exec setpriv --dump; exit 1", "state", "x")
	cmd.Path, cmd.Args = "/bin/sh", append([]string{"sh", "-c", `exec setpriv --pdeathsig TERM "$0" "$@"`, "/proc/self/exe"}, cmd.Args[1:]...)
	cmd.Args[3], _ = os.Executable()
	out, err := cmd.CombinedOutput()
	unix.PthreadSigmask(unix.SIG_SETMASK, &old, nil)
	if err != nil || !strings.Contains(string(out), "Parent death signal: TERM") {
		t.Errorf("%v: %s", err, out)
	}

	unix.PthreadSigmask(unix.SIG_SETMASK, &set, &old)
	cmd = wrapper(t, "exec cat /proc/self/status /proc/self/limits", "state", "x")
	cmd.Path, cmd.Args = "/bin/sh", append([]string{"sh", "-c", `trap "" HUP; ulimit -Sn 99; exec "$0" "$@"`, cmd.Path}, cmd.Args[1:]...)
	cmd.Args[3], _ = os.Executable()
	out, err = cmd.CombinedOutput()
	unix.PthreadSigmask(unix.SIG_SETMASK, &old, nil)
	for _, want := range []string{fmt.Sprintf("SigBlk:\t%016x\n", set.Val[0]), fmt.Sprintf("SigIgn:\t%016x\n", ignored|1<<(unix.SIGHUP-1)), "SigCgt:\t0000000000000000\n"} {
		if err != nil || !strings.Contains(string(out), want) {
			t.Errorf("%v: %s, want %s", err, out, want)
		}
	}
	if !regexp.MustCompile(`Max open files +99 `).Match(out) {
		t.Errorf("%s, want the limit of open files that the caller set", out)
	}
}

// What kills the wrapper's process kills the runtime: they are one.
func TestSignalled(t *testing.T) {
	cmd := wrapper(t, "trap 'exit 9' TERM; echo ready; while :; do sleep 0.01; done", "events", "x")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(time.Minute, func() { cmd.Process.Kill() })
	defer timer.Stop()
	out.Read(make([]byte, 6))
	cmd.Process.Signal(unix.SIGTERM)
	if cmd.Wait(); cmd.ProcessState.ExitCode() != 9 {
		t.Error(cmd.ProcessState)
	}
}
