package main

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
)

func TestScanAndLookup(t *testing.T) {
	s := &source{definitions: map[string][]function{}}
	s.scan("kernel/fork.c", `
#ifdef CONFIG_CLONE_BACKWARDS
SYSCALL_DEFINE3(clone, unsigned long, flags, unsigned long, tls, int __user *, child)
#elif defined(CONFIG_CLONE_BACKWARDS2)
SYSCALL_DEFINE3(clone, unsigned long, newsp, unsigned long, flags, int __user *, child)
#else
SYSCALL_DEFINE3(clone, unsigned long, flags,
		int __user *, child, unsigned long, tls)
#endif
SYSCALL_DEFINE0(fork)
COMPAT_SYSCALL_DEFINE2(ioctl, unsigned int, fd, compat_ulong_t, arg32)
SYSCALL_DEFINE2(execve, const char __user *, filename, const char __user *const __user *, argv)
#ifdef CONFIG_ARCH_SPLIT_ARG64
SYSCALL_DEFINE3(mark, int, fd, SC_ARG64(mask), int, dfd)
#endif
`)
	s.scan("arch/x86/mm.c", "SYSCALL_DEFINE1(mmap, unsigned long, addr)\n")
	s.scan("arch/arm64/mm.c", "SYSCALL_DEFINE1(mmap, unsigned int, addr)\n")
	s.scan("arch/x86/um/mm.c", "SYSCALL_DEFINE1(mmap, char, addr)\n")
	x86, arm64, s390 := table{dir: "x86"}, table{dir: "arm64", conf: split("CLONE_BACKWARDS")}, table{dir: "s390", conf: split("CLONE_BACKWARDS2")}
	for _, c := range []struct {
		table table
		entry string
		want  string
		ok    bool
	}{
		{x86, "sys_clone", "unsigned long flags, int *child, unsigned long tls", true},
		{arm64, "sys_clone", "unsigned long flags, unsigned long tls, int *child", true},
		{s390, "__sys_clone", "unsigned long newsp, unsigned long flags, int *child", true},
		{x86, "sys_fork", "", true},
		{x86, "sys_fork_wrapper", "", true},
		{x86, "compat_sys_ioctl", "unsigned int fd, compat_ulong_t arg32", true},
		{x86, "sys_ioctl", "", false},
		{x86, "sys_execve", "const char *filename, const char *const *argv", true},
		{x86, "sys_mark", "int fd, u32 mask_low, u32 mask_high, int dfd", true},
		{x86, "sys_mmap", "unsigned long addr", true},
		{arm64, "sys_mmap", "unsigned int addr", true},
		{s390, "sys_mmap", "", false},
	} {
		if got, ok := s.lookup(c.table, c.entry); got != c.want || ok != c.ok {
			t.Errorf("%s of %s: %q, %v; want %q, %v", c.entry, c.table.dir, got, ok, c.want, c.ok)
		}
	}
}

func TestSince(t *testing.T) {
	arm, x86 := targets[3], targets[0]
	snapshots := []snapshot{
		{version{3, 16}, false, map[string]uint64{"read": 3}},
		{version{4, 20}, true, map[string]uint64{"read": 3, "bpf": 386}},
		{version{5, 1}, true, map[string]uint64{"read": 3, "bpf": 386, "late": 400}},
	}
	numbers := map[string]uint64{"read": 3, "bpf": 386, "late": 400, "later": 500}
	releases := map[string]version{"read": {1, 0}, "bpf": {3, 18}, "late": {3, 0}}
	for _, c := range []struct {
		target target
		want   map[string]string
	}{
		{arm, map[string]string{"read": "1.0..3.16", "bpf": "3.18..4.20", "late": "5.0..5.1"}},
		{x86, map[string]string{"read": "1.0", "bpf": "3.18", "late": "5.0..5.1"}},
	} {
		got := map[string]string{}
		for name, s := range since(c.target, numbers, snapshots, releases, nil) {
			got[name] = s.String()
		}
		if !maps.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.target.arch, got, c.want)
		}
	}
}

func TestNextRelease(t *testing.T) {
	for _, c := range [][2]version{{{4, 10}, {4, 11}}, {{4, 20}, {5, 0}}, {{3, 19}, {4, 0}}, {{6, 19}, {7, 0}}} {
		if got := c[0].next(); got != c[1] {
			t.Errorf("%v is followed by %v, want %v", c[0], got, c[1])
		}
	}
}

func TestManualTable(t *testing.T) {
	const page = "\\f[B]read\\f[](2)\t1.0\nT{\n.BR accept (2)\nT}\t2.0\tT{\nSee notes on socketcall\nT}\n" +
		"\\f[B]poll\\f[](2)\t2.0.36; 2.2\nT{\n.BR pread64 (2)\nT}\tT{\n\\[aq]2.2\\[aq]\nT}\n"
	got := map[string]string{}
	for _, m := range manualRow.FindAllStringSubmatch(page, -1) {
		got[m[1]+m[2]] = m[4]
	}
	if want := map[string]string{"read": "1.0", "accept": "2.0", "poll": "2.0.36", "pread64": "2.2"}; !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestEnumBodies(t *testing.T) {
	got := enumBodies("enum a { A, B = 2 }; struct enumerate { int x; }; typedef enum { C } c; enum a f(void);")
	if want := []string{" A, B = 2 ", " C "}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// Values are the compiler's, for each target's sizes, and what is no integer is
// left out. The host's gcc stands in for every target's.
func TestEvaluate(t *testing.T) {
	if _, err := exec.LookPath("gcc"); err != nil || runtime.GOARCH != "amd64" {
		if os.Getenv("CI") == "true" {
			t.Fatal("needs gcc on x86_64")
		}
		t.Skip("needs gcc on x86_64")
	}
	include := t.TempDir()
	for _, target := range targets {
		write(t, include, target.triplet+"/asm/errno.h", "#define EPERM 1\n#define EXFULL (EPERM + 53)\n#define NOT_ONE 3\n")
	}
	write(t, include, "linux/types.h", "")
	write(t, include, "linux/time.h", "")
	write(t, include, "linux/socket.h", "")
	write(t, include, "linux/fs.h", `
#define FS_LONG sizeof(long)
#define FS_WIDE _Alignof(struct { long long x; })
#define FS_MINUS (-100)
#define FS_HIGH 0x80000000
#define FS_SIGNED (1 << 31)
#define FS_TEXT "text"
#define FS_FLOAT 1.5
#define FS_MACRO(x) (x)
#define FS_EMPTY
#define _FS_PRIVATE 1
enum fs { FS_ZERO, FS_TWO = 2, };
`)
	write(t, include, "linux/other.h", "#define OTHER_PLAIN 1\n#define _IOW(t, n, s) ((t) << 8 | (n) | sizeof(s) << 16)\n#define OTHER_IOCTL _IOW('x', 3, long)\n")
	write(t, include, "linux/broken.h", "#include <no/such.h>\n")
	h := &headers{include: include, scratch: t.TempDir()}
	for _, target := range targets {
		long, align := uint64(8), uint64(8)
		if target.arch == "i386" || target.arch == "arm" || target.arch == "x32" {
			long = 4
		}
		if target.arch == "i386" {
			align = 4
		}
		want := map[string]uint64{
			"FS_LONG": long, "FS_WIDE": align, "FS_MINUS": 0xffffffffffffff9c, "FS_HIGH": 0x80000000, "FS_SIGNED": 0xffffffff80000000,
			"FS_ZERO": 0, "FS_TWO": 2, "OTHER_IOCTL": 'x'<<8 | 3 | long<<16, "EPERM": 1, "EXFULL": 54, "NOT_ONE": 3,
		}
		got, err := h.constants(target)
		if err != nil || !maps.Equal(got, want) {
			t.Errorf("%s: %v, %v; want %v", target.arch, got, err, want)
		}
		if names, err := h.errnos(target); err != nil || !slices.Equal(slices.Sorted(slices.Values(names)), []string{"EPERM", "EXFULL"}) {
			t.Errorf("%s: errnos %v, %v", target.arch, names, err)
		}
	}
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
