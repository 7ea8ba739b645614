package linux

import (
	"slices"
	"testing"
)

func TestSyscallNumbers(t *testing.T) {
	for _, c := range []struct {
		arch Arch
		name string
		nr   uint32
	}{
		{X86_64, "read", 0}, {I386, "read", 3}, {ARM64, "read", 63}, {MIPS64LE, "read", 5000},
		{X86_64, "execve", 59}, {X32, "execve", X32Bit + 520}, {I386, "execve", 11},
		{X86_64, "clone3", 435}, {X32, "clone3", X32Bit + 435}, {RISCV64, "clone3", 435}, {MIPS64LE, "clone3", 5435},
		{I386, "socketcall", 102}, {S390X, "socketcall", 102},
	} {
		if nr, ok := c.arch.Syscall(c.name); !ok || nr != c.nr {
			t.Errorf("%v.Syscall(%q) = %d, %v; want %d", c.arch, c.name, nr, ok, c.nr)
		}
	}
	if _, ok := X86_64.Syscall("socketcall"); ok || !SyscallKnown("socketcall") || SyscallKnown("opennat") {
		t.Error("socketcall is known, but not to x86_64; opennat is unknown")
	}
	if _, ok := X86_64.SyscallName(X32Bit); ok {
		t.Error("an x32 number has a name on x86_64")
	}
	if _, ok := Arch(0).Syscall("read"); ok {
		t.Error("the invalid architecture has syscalls")
	}
}

func TestSyscallRoundTrip(t *testing.T) {
	if !slices.IsSorted(syscallNames[:]) {
		t.Error("syscallNames is not sorted")
	}
	for _, a := range Arches() {
		all := a.Syscalls()
		if len(all) < 300 {
			t.Errorf("%v has only %d syscalls", a, len(all))
		}
		for i, s := range all {
			if i > 0 && s.NR <= all[i-1].NR {
				t.Errorf("%v: %v does not come after %v", a, s, all[i-1])
			}
			if nr, ok := a.Syscall(s.Name); !ok || nr != s.NR {
				t.Errorf("%v.Syscall(%q) = %d, %v; want %d", a, s.Name, nr, ok, s.NR)
			}
			if name, ok := a.SyscallName(s.NR); !ok || name != s.Name {
				t.Errorf("%v.SyscallName(%d) = %q, %v; want %q", a, s.NR, name, ok, s.Name)
			}
		}
	}
}
