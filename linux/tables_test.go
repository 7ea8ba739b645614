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
		{I386, "socketcall", 102}, {S390X, "socketcall", 102}, {RISCV64, "riscv_flush_icache", 259},
		{ARM, "set_tls", 0xf0005}, {ARM, "sync_file_range2", 341}, {ARM, "arm_sync_file_range", 341},
	} {
		if nr, ok := c.arch.Syscall(c.name); !ok || nr != c.nr {
			t.Errorf("%v.Syscall(%q) = %d, %v; want %d", c.arch, c.name, nr, ok, c.nr)
		}
	}
	if _, ok := X86_64.Syscall("socketcall"); ok || !SyscallKnown("socketcall") || SyscallKnown("opennat") {
		t.Error("socketcall is known, but not to x86_64; opennat is unknown")
	}
	for _, nr := range []uint32{X32Bit, 0xffffffff, 0x7fffffff, 335} {
		if name, ok := X86_64.SyscallName(nr); ok && nr != 335 {
			t.Errorf("%#x is %s on x86_64", nr, name)
		}
	}
	if _, ok := X32.SyscallName(0); ok {
		t.Error("a number without the bit has a name on x32")
	}
}

// Names that are no syscalls must not be taken from the sources.
func TestNoPseudoSyscalls(t *testing.T) {
	for _, name := range []string{"arch_specific_syscall", "syscalls", "syscall_mask", "SYSCALL_MASK", "Linux", "syscall_base", "name", ""} {
		if SyscallKnown(name) {
			t.Errorf("%q counts as a syscall", name)
		}
	}
}

func TestSyscallRoundTrip(t *testing.T) {
	if !sortedSet(syscallNames[:]) {
		t.Error("syscallNames is not sorted, or has a name twice")
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
			if a == X32 != (s.NR&X32Bit != 0) {
				t.Errorf("%v: %v has the bit of x32, or lacks it", a, s)
			}
			if nr, ok := a.Syscall(s.Name); !ok || nr != s.NR {
				t.Errorf("%v.Syscall(%q) = %d, %v; want %d", a, s.Name, nr, ok, s.NR)
			}
			if name, ok := a.SyscallName(s.NR); !ok || name != s.Name {
				t.Errorf("%v.SyscallName(%d) = %q, %v; want %q", a, s.NR, name, ok, s.Name)
			}
		}
		for _, name := range syscallNames {
			nr, ok := a.Syscall(name)
			if !ok {
				continue
			}
			canonical, ok := a.SyscallName(nr)
			if !ok || canonical != name && (a != ARM || name != "sync_file_range2") {
				t.Errorf("%v.SyscallName(%d) = %q, want %q", a, nr, canonical, name)
			}
		}
	}
}

func TestConstants(t *testing.T) {
	for _, c := range []struct {
		arch  Arch
		name  string
		value uint64
	}{
		{X86_64, "AF_INET6", 10}, {X86_64, "PF_INET6", 10}, {X86_64, "SOCK_STREAM", 1}, {MIPS64LE, "SOCK_STREAM", 2},
		{X86_64, "O_CLOEXEC", 0o2000000}, {X86_64, "O_DIRECT", 0o40000}, {ARM64, "O_DIRECT", 0o200000},
		{X86_64, "PROT_EXEC", 4}, {MIPS64LE, "MAP_ANONYMOUS", 0x800}, {X86_64, "CLONE_NEWUSER", 0x10000000},
		{X86_64, "PR_SET_NO_NEW_PRIVS", 38}, {X86_64, "TIOCSTI", 0x5412}, {MIPS64LE, "TIOCSTI", 0x5472},
		{X86_64, "FUTEX_WAKE", 1}, {X86_64, "ARCH_SET_FS", 0x1002}, {X86_64, "FIONBIO", 0x5421}, {PPC64, "FIONBIO", 0x8004667e},
		{X86_64, "AT_FDCWD", 0xffffffffffffff9c}, {I386, "AT_FDCWD", 0xffffffffffffff9c},
		{X86_64, "SIGUSR1", 10}, {MIPS64LE, "SIGUSR1", 16}, {X86_64, "EPERM", 1}, {MIPS64LE, "ENOTSUP", 122},
		{X86_64, "CAP_SYS_ADMIN", 21}, {X86_64, "PER_LINUX32", 8}, {X86_64, "SECCOMP_SET_MODE_FILTER", 1},
		{X86_64, "KVM_RUN", 0xae80}, {X86_64, "BPF_PROG_LOAD", 5}, {X86_64, "LANDLOCK_ACCESS_FS_EXECUTE", 1},
		{X86_64, "SCHED_DEADLINE", 6}, {X86_64, "SCHED_OTHER", 0}, {X86_64, "RENAME_NOREPLACE", 1}, {X86_64, "AUDIT_ARCH_X86_64", 0xc000003e},
		// The width of a long is in an ioctl's number.
		{X86_64, "FS_IOC_GETFLAGS", 0x80086601}, {I386, "FS_IOC_GETFLAGS", 0x80046601}, {X32, "FS_IOC_GETFLAGS", 0x80046601},
		// 64-bit members are aligned to 4 bytes on i386, to 8 on arm.
		{I386, "BTRFS_IOC_SET_RECEIVED_SUBVOL", 0xc0c09425}, {ARM, "BTRFS_IOC_SET_RECEIVED_SUBVOL", 0xc0c89425},
	} {
		if v, ok := c.arch.Constant(c.name); !ok || v != c.value {
			t.Errorf("%v.Constant(%q) = %#x, %v; want %#x", c.arch, c.name, v, ok, c.value)
		}
	}
	for _, name := range []string{"", "AF_INTE", "af_inet", "ZZZ", "\x00", "AF_INET6 "} {
		if v, ok := X86_64.Constant(name); ok {
			t.Errorf("%q is a constant: %#x", name, v)
		}
	}
	if _, ok := ARM64.Constant("ARCH_SET_FS"); ok {
		t.Error("aarch64 has ARCH_SET_FS")
	}
	var names []string
	for _, c := range constantTable {
		names = append(names, c.name)
	}
	if !sortedSet(names) {
		t.Error("constantTable is not sorted, or has a name twice")
	}
	for _, a := range Arches() {
		all := a.Constants()
		if len(all) < 10000 || !sortedSet(all) {
			t.Errorf("%v has %d constants, sorted: %v", a, len(all), sortedSet(all))
		}
		for _, name := range all {
			if _, ok := a.Constant(name); !ok {
				t.Errorf("%v.Constant(%q) is unknown", a, name)
			}
		}
	}
}

func TestErrnos(t *testing.T) {
	for _, a := range Arches() {
		seen := 0
		for _, name := range a.Constants() {
			n, ok := a.Errno(name)
			if !ok {
				continue
			}
			seen++
			if v, _ := a.Constant(name); v != uint64(n) || n == 0 || n > MaxErrno {
				t.Errorf("%v: %s is errno %d and constant %d", a, name, n, v)
			}
			canonical, ok := a.ErrnoName(n)
			if back, _ := a.Errno(canonical); !ok || back != n {
				t.Errorf("%v.ErrnoName(%d) = %q, %v, which is %d", a, n, canonical, ok, back)
			}
		}
		if seen < 133 {
			t.Errorf("%v has only %d errnos", a, seen)
		}
		for _, c := range []struct{ alias, name string }{{"EWOULDBLOCK", "EAGAIN"}, {"ENOTSUP", "EOPNOTSUPP"}} {
			n, _ := a.Errno(c.alias)
			if name, _ := a.ErrnoName(n); name != c.name {
				t.Errorf("%v: %s prints as %s", a, c.alias, name)
			}
		}
	}
	for _, name := range []string{"EPOLLIN", "ETH_P_IP", "EM_X86_64", "EFD_CLOEXEC", "O_RDWR"} {
		if _, ok := X86_64.Errno(name); ok {
			t.Errorf("%s counts as an errno", name)
		}
	}
	if n, _ := PPC64LE.Errno("EDEADLOCK"); n != 58 {
		t.Errorf("EDEADLOCK is %d on ppc64le, want 58", n)
	}
	if name, ok := X86_64.ErrnoName(0); ok {
		t.Errorf("errno 0 is %s", name)
	}
}

func TestActionNames(t *testing.T) {
	for arch, want := range map[Arch]string{X86_64: "errno(EDESTADDRREQ)", MIPS64LE: "errno(ENOSYS)", 0: "errno(89)"} {
		if got := Errno.With(89).StringOn(arch); got != want {
			t.Errorf("%s: %s", arch, got)
		}
	}
	if got := Errno.With(89).String(); got != "errno(EDESTADDRREQ)" {
		t.Error(got)
	}
}

func TestInvalidArch(t *testing.T) {
	for _, a := range []Arch{0, numArches, 255} {
		_, ok1 := a.Syscall("read")
		_, ok2 := a.SyscallName(0)
		_, ok3 := a.Constant("AF_INET")
		_, ok4 := a.Errno("EPERM")
		_, ok5 := a.ErrnoName(1)
		_, ok6 := a.Prototype("read")
		_, ok7 := Since(a, "read")
		if ok1 || ok2 || ok3 || ok4 || ok5 || ok6 || ok7 || a.Syscalls() != nil || a.Constants() != nil {
			t.Errorf("architecture %d has facts", uint8(a))
		}
	}
}

func sortedSet(names []string) bool {
	return slices.IsSorted(names) && len(slices.Compact(slices.Clone(names))) == len(names)
}

func BenchmarkSyscall(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		X86_64.Syscall("openat2")
	}
}

func BenchmarkSyscallName(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		X86_64.SyscallName(437)
	}
}

func BenchmarkConstant(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		X86_64.Constant("PR_SET_NO_NEW_PRIVS")
	}
}

func TestLookupsDoNotAllocate(t *testing.T) {
	if n := testing.AllocsPerRun(100, func() {
		X86_64.Syscall("openat2")
		X86_64.SyscallName(437)
		X86_64.Constant("PR_SET_NO_NEW_PRIVS")
		X86_64.Errno("EPERM")
		X86_64.ErrnoName(1)
		X86_64.Prototype("openat2")
		Since(X86_64, "openat2")
	}); n != 0 {
		t.Errorf("look-ups allocate %v times", n)
	}
}

// Architectures have the names of the kernel, of Go and of Debian, and uname's.
func TestParseArch(t *testing.T) {
	for name, want := range map[string]Arch{
		"x86_64": X86_64, "amd64": X86_64, "X86-64": X86_64, "x32": X32, "i386": I386, "i686": I386, "x86": I386, "386": I386,
		"arm": ARM, "armhf": ARM, "armv7l": ARM, "armv7": ARM, "arm64": ARM64, "aarch64": ARM64, "ppc64el": PPC64LE, "loong64": LOONG64, "mips64el": MIPS64LE,
		"armv8": 0, "": 0, "mips": 0,
	} {
		if got, ok := ParseArch(name); got != want || ok != (want != 0) {
			t.Errorf("%q is %v, %v, want %v", name, got, ok, want)
		}
	}
}
