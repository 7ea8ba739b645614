//go:build linux && amd64

package latency

import (
	"math"
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
// and that time passes; i386's as well.
func TestTime(t *testing.T) {
	narrow, err := BuildNarrow(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		arch         linux.Arch
		time         func(bpf.Program, []Call, int, int) ([]Timing, error)
		close, lseek uint32
	}{
		{linux.X86_64, Time, syscall.SYS_CLOSE, syscall.SYS_LSEEK},
		{linux.I386, narrow.Time, 6, 19},
	} {
		t.Run(c.arch.String(), func(t *testing.T) {
			testTime(t, c.arch, c.time, []Call{
				{NR: c.close, Args: [6]uint64{1 << 40}},
				{NR: c.lseek, Args: [6]uint64{1 << 40, 2, 3}},
			})
		})
	}
}

func testTime(t *testing.T, arch linux.Arch, run func(bpf.Program, []Call, int, int) ([]Timing, error), calls []Call) {
	const errno = 1234
	if arch == linux.I386 {
		for i := range calls {
			calls[i].Args[0] = math.MaxUint32
		}
	}
	program := bpf.Program{
		{Op: bpf.LdW, K: 4}, // the architecture
		{Op: bpf.JeqK, K: arch.Audit(), Jf: 3},
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
		timings, err := run(c.program, calls, 3, 10)
		if err != nil {
			t.Fatal(err)
		}
		for i, got := range timings {
			if got.Return != c.want[i] || got.Ticks < 1 || got.Ticks > 1e9 {
				t.Errorf("%+v under %d instructions: %+v, want %d returned", calls[i], len(c.program), got, c.want[i])
			}
		}
	}
	if _, err := run(bpf.Program{{Op: bpf.RetK, K: uint32(linux.KillProcess)}}, calls, 1, 1); err == nil {
		t.Error("that the calls are killed is not told")
	}
	if _, err := run(bpf.Program{{Op: bpf.St}}, calls, 1, 1); err == nil {
		t.Error("that the kernel does not take the program is not told")
	}
}
