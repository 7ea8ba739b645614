//go:build linux && (amd64 || arm64)

package oracle

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"
	"time"

	"secco/bpf"
	"secco/hook"
	"secco/linux"
)

// require skips the test, with the reason, where this kernel can't be asked by all
// of the entries. With CI set it fails the test instead.
func require(t *testing.T, entries ...Entry) {
	t.Helper()
	if err := Available(entries...); err != nil && os.Getenv("CI") != "" {
		t.Fatal(err)
	} else if err != nil {
		t.Skip(err)
	}
}

// TestErrnosStandForVerdicts runs one program twice: under [Observe], with errnos
// in place of its returns, and as it is. What really happens must be what the
// observed value means.
func TestErrnosStandForVerdicts(t *testing.T) {
	require(t, entries...)
	actions := []linux.Action{
		linux.Allow, linux.Allow | 7, linux.Log, linux.Errno, linux.Errno | 1, linux.Errno | 515, linux.Errno | 4095, linux.Errno | 4096,
		linux.Errno | 0xffff, linux.Trap, linux.Trap | 77, linux.Trap | 0xffff, linux.Trace | 5, linux.Notify, linux.KillThread,
		linux.KillThread | 9, linux.KillProcess, linux.KillProcess | 1, 0x00010000, 0x7fff0000 - 0x10000, 0x12345678, 0xffffffff,
	}
	// Argument 1 chooses the action; where argument 0 is 1, by ret a.
	var p bpf.Program
	for i, a := range actions {
		p = append(p,
			bpf.Instruction{Op: bpf.LdW, K: 24},
			bpf.Instruction{Op: bpf.JeqK, K: uint32(i), Jf: 5},
			bpf.Instruction{Op: bpf.LdW, K: 16},
			bpf.Instruction{Op: bpf.JeqK, K: 1, Jf: 2},
			bpf.Instruction{Op: bpf.LdImm, K: uint32(a)},
			bpf.Instruction{Op: bpf.RetA},
			bpf.Instruction{Op: bpf.RetK, K: uint32(a)})
	}
	p = append(p, bpf.Instruction{Op: bpf.DivX}, bpf.Instruction{Op: bpf.RetK, K: uint32(linux.Allow)})
	var calls []Call
	for i := range uint64(len(actions) + 1) {
		for byA := range uint64(2) {
			for _, e := range entries {
				getpid, _ := arches[e].Syscall("getpid")
				calls = append(calls, Call{e, getpid, [6]uint64{byA, i}})
			}
		}
	}
	observed, err := Observe(p, calls)
	if err != nil {
		t.Fatal(err)
	}
	actual, err := run(p, calls)
	if err != nil {
		t.Fatal(err)
	}
	for i, o := range observed {
		want := result{Kind: returned}
		switch e := o.Value.Effect(); e.Kind() {
		case linux.Allow, linux.Log:
			if actual[i].Kind != returned || actual[i].Value <= 1 {
				t.Errorf("%+v: observed %v, but getpid gave %+v", calls[i], o.Value, actual[i])
			}
			continue
		case linux.Errno:
			want.Value = -int64(e.Data())
		case linux.Trap:
			want = result{trapped, int64(e.Data())}
		case linux.Trace, linux.Notify: // nobody listens
			want.Value = -int64(syscall.ENOSYS)
		default:
			want.Kind = killed
		}
		if actual[i] != want {
			t.Errorf("%+v: observed %v, want %+v, really %+v", calls[i], o.Value, want, actual[i])
		}
		if at := int(calls[i].Args[1]); at < len(actions) && o.Value != actions[at] {
			t.Errorf("%+v: observed %v, the program returns %v", calls[i], o.Value, actions[at])
		} else if at == len(actions) && o != (Outcome{linux.KillThread, -1}) {
			t.Errorf("%+v: observed %v for a division by 0", calls[i], o)
		}
	}
}

// killEnv asks the test binary to install a filter on one thread, and to say
// whether the process outlives it. Its value is what the filter returns, or
// "div" for a division by 0.
const killEnv = "SECCO_TEST_KILL"

func TestMain(m *testing.M) {
	if value := os.Getenv(killEnv); value != "" {
		killOneThread(value)
	}
	os.Exit(m.Run())
}

func killOneThread(value string) {
	last := bpf.Instruction{Op: bpf.RetK}
	divide := bpf.Instruction{Op: bpf.Tax}
	if value == "div" {
		last.K, divide.Op = uint32(linux.Allow), bpf.DivX
	} else if _, err := fmt.Sscan(value, &last.K); err != nil {
		panic(err)
	}
	const marker = 0xbeef // only getpid with this argument is of interest: the thread's other calls go on
	p := bpf.Program{
		{Op: bpf.LdW, K: 16},
		{Op: bpf.JeqK, K: marker, Jt: 1},
		{Op: bpf.RetK, K: uint32(linux.Allow)},
		divide,
		last,
	}
	tid := make(chan int)
	go func() {
		runtime.LockOSThread()
		if hook.Install(p, hook.Options{ThreadOnly: true}) != nil {
			os.Exit(3)
		}
		tid <- syscall.Gettid()
		syscall.RawSyscall(syscall.SYS_GETPID, marker, 0, 0)
		os.Exit(4)
	}()
	stat := fmt.Sprintf("/proc/self/task/%d/stat", <-tid)
	for range 1000 {
		text, err := os.ReadFile(stat) // the first thread stays as a zombie, others vanish
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ESRCH) || bytes.Contains(text, []byte(") Z ")) {
			os.Exit(42)
		}
		time.Sleep(10 * time.Millisecond)
	}
	os.Exit(5)
}

// TestKills tells what kills a thread from what kills its process.
func TestKills(t *testing.T) {
	require(t)
	tests := []struct {
		value   string
		process bool
	}{
		{"0x00000000", false},
		{"0x00000009", false},
		{"div", false},
		{"0x80000000", true},
		{"0x00010000", true},
		{"0xffffffff", true},
	}
	for _, test := range tests {
		cmd := exec.Command("/proc/self/exe", "-test.run=^$")
		cmd.Env = append(os.Environ(), killEnv+"="+test.value, "GOTRACEBACK=none")
		out, err := cmd.CombinedOutput()
		status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
		if !ok {
			t.Fatal(err)
		}
		killed := status.Signaled() && status.Signal() == syscall.SIGSYS
		if test.process != killed || !killed && status.ExitStatus() != 42 {
			t.Errorf("filter value %s: %v, want the process killed: %v\n%s", test.value, err, test.process, out)
		}
		if test.value == "div" {
			continue
		}
		var value uint32
		fmt.Sscan(test.value, &value)
		if e := linux.Action(value).Effect(); (e == linux.KillProcess) != test.process {
			t.Errorf("Effect of %s is %v", test.value, e)
		}
	}
}
