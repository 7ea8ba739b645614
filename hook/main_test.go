package hook_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"secco/bpf"
	"secco/linux"
	"secco/test/alive"
)

// Filters can't be taken off, so whatever installs one runs in a child: this
// test program again, with the name of one of children and its argument.
const childVariable = "SECCO_HOOK_TEST_CHILD"

var children = map[string]func(arg string){}

func init() { runtime.LockOSThread() } // the main goroutine stays on the main thread

func TestMain(m *testing.M) {
	if name := os.Getenv(childVariable); name != "" {
		arg := os.Getenv(childVariable + "_ARG")
		os.Unsetenv(childVariable)
		os.Unsetenv(childVariable + "_ARG")
		children[name](arg)
		os.Exit(0)
	}
	alive.Main()
	os.Exit(m.Run())
}

// A result is what a child did.
type result struct {
	stdout, stderr string
	code           int            // 128 + signal where a signal ended it
	signal         syscall.Signal // 0 where none did
}

func (r result) String() string {
	return fmt.Sprintf("exit %d, stdout %q, stderr %q", r.code, r.stdout, r.stderr)
}

// childCommand returns the command that runs a child.
func childCommand(name, arg string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), childVariable+"="+name, childVariable+"_ARG="+arg)
	return cmd
}

func runChild(t testing.TB, name, arg string) result {
	t.Helper()
	return runCommand(t, childCommand(name, arg))
}

// runCommand runs a command that must end within a minute.
func runCommand(t testing.TB, cmd *exec.Cmd) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(time.Minute, func() { cmd.Process.Kill() })
	err := cmd.Wait()
	if !timer.Stop() {
		t.Fatalf("%v hangs; stdout %q, stderr %q", cmd.Args, stdout.String(), stderr.String())
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	r := result{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode(), 0}
	if status := cmd.ProcessState.Sys().(syscall.WaitStatus); status.Signaled() {
		r.signal = status.Signal()
		r.code = 128 + int(r.signal)
	}
	return r
}

// deny returns a program with one verdict for some numbers of this machine's own
// architecture and another for everything else, of every architecture.
func deny(verdict linux.Action, nrs ...uint32) bpf.Program { return sort(verdict, linux.Allow, nrs) }

// only returns a program that allows some numbers of this machine's own
// architecture; everything else gets the verdict.
func only(verdict linux.Action, nrs ...uint32) bpf.Program { return sort(linux.Allow, verdict, nrs) }

func sort(listed, other linux.Action, nrs []uint32) bpf.Program {
	arch := linux.X86_64.Audit()
	if runtime.GOARCH == "arm64" {
		arch = linux.ARM64.Audit()
	}
	p := bpf.Program{
		{Op: bpf.LdW, K: linux.WordArch.Offset(false)},
		{Op: bpf.JeqK, K: arch, Jt: 1},
		{Op: bpf.RetK, K: uint32(other)},
		{Op: bpf.LdW, K: linux.WordNR.Offset(false)},
	}
	for i, nr := range nrs {
		p = append(p, bpf.Instruction{Op: bpf.JeqK, K: nr, Jt: uint8(len(nrs) - i)})
	}
	return append(p, bpf.Instruction{Op: bpf.RetK, K: uint32(other)}, bpf.Instruction{Op: bpf.RetK, K: uint32(listed)})
}

// An execSpec is what the exec child is told.
type execSpec struct {
	Program    bpf.Program
	Path       string
	Argv       []string
	NoNewPrivs *bool
	DropCaps   bool
	Gate       bool
	Limit      uint64 // GOMAXPROCS
	Garbage    bool   // is collected all the time
}

func (s execSpec) arg(t testing.TB) string { return execArg(t, s) }

// execArg encodes what a child is told.
func execArg(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func parse[T any](arg string) (v T) {
	if err := json.Unmarshal([]byte(arg), &v); err != nil {
		die(err)
	}
	return v
}

func die(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(125)
}

// dropCapabilities gives up CAP_SYS_ADMIN and all others, on this thread alone.
func dropCapabilities() {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var none [2]unix.CapUserData
	if err := unix.Capset(&header, &none[0]); err != nil {
		die(err)
	}
}
