//go:build linux && amd64

package latency

import (
	"os"
	"syscall"
	"testing"

	"secco/bpf"
	"secco/linux"
	"secco/test/alive"
)

func TestMain(m *testing.M) {
	alive.Main()
	os.Exit(m.Run())
}

// TestTime requires that the calls are issued, under the filter or without one,
// and that time passes.
func TestTime(t *testing.T) {
	const errno = 1234
	calls := []Call{
		{NR: syscall.SYS_CLOSE, Args: [6]uint64{1 << 40}},
		{NR: syscall.SYS_LSEEK, Args: [6]uint64{1 << 40, 2, 3}},
	}
	program := bpf.Program{
		{Op: bpf.LdW, K: 24}, // the lower half of the second argument
		{Op: bpf.JeqK, K: 2, Jf: 1},
		{Op: bpf.RetK, K: uint32(linux.Errno) | errno},
		{Op: bpf.RetK, K: uint32(linux.Allow)},
	}
	ebadf := -int64(syscall.EBADF)
	for _, c := range []struct {
		program bpf.Program
		want    [2]int64
	}{{nil, [2]int64{ebadf, ebadf}}, {program, [2]int64{ebadf, -errno}}} {
		timings, err := Time(c.program, calls, 3, 10)
		if err != nil {
			t.Fatal(err)
		}
		for i, got := range timings {
			if got.Return != c.want[i] || got.Ticks < 1 || got.Ticks > 1e9 {
				t.Errorf("%+v under %d instructions: %+v, want %d returned", calls[i], len(c.program), got, c.want[i])
			}
		}
	}
	if _, err := Time(bpf.Program{{Op: bpf.RetK, K: uint32(linux.KillProcess)}}, calls, 1, 1); err == nil {
		t.Error("that the calls are killed is not told")
	}
	if _, err := Time(bpf.Program{{Op: bpf.St}}, calls, 1, 1); err == nil {
		t.Error("that the kernel does not take the program is not told")
	}
}
