package minijail_test

import (
	"fmt"
	"strings"
	"testing"

	"secco/compiler"
	"secco/convert/minijail"
	"secco/emulator"
	"secco/linux"
	"secco/policy"
	"secco/source"
)

// files is a Find for files in memory.
func files(texts map[string]string) func(*source.File, string) (*source.File, error) {
	return func(_ *source.File, path string) (*source.File, error) {
		name := strings.TrimPrefix(path, "./")
		text, ok := texts[name]
		if !ok {
			return nil, fmt.Errorf("no file %q", path)
		}
		return source.NewFile(name, text), nil
	}
}

type call struct {
	arch linux.Arch
	name string
	args [6]uint64
	want linux.Action
}

func check(t *testing.T, p *policy.Policy, calls []call) {
	t.Helper()
	for _, c := range calls {
		nr, ok := c.arch.Syscall(c.name)
		if !ok {
			t.Fatalf("no %s on %s", c.name, c.arch)
		}
		d := &linux.SeccompData{NR: nr, Arch: c.arch.Audit(), Args: c.args}
		if got, _ := p.Eval(d); got != c.want {
			t.Errorf("%s %s%x gets %s, want %s", c.arch, c.name, c.args, got, c.want)
		}
	}
	out, err := compiler.Compile(p, compiler.Options{})
	if err != nil {
		t.Fatal(err)
	}
	m, err := emulator.New(out.Program)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for d := range policy.Samples(p) {
		n++
		if want, _ := p.Eval(&d); m.Run(&d) != want {
			t.Fatalf("%+v: the program says %s, the policy %s", d, m.Run(&d), want)
		}
	}
	if n < 500 {
		t.Errorf("only %d calls", n)
	}
}

func read(t *testing.T, text string, opts minijail.Options) *policy.Policy {
	t.Helper()
	p, _, diags := minijail.Read(source.NewFile("p.policy", text), opts)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return p
}

const (
	allow  = linux.Allow
	kill   = linux.KillThread
	ebadf  = linux.Errno + 9
	enosys = linux.Errno + 38
	x      = linux.X86_64
	i      = linux.I386
)

// TestManual has what minijail0(5) shows.
func TestManual(t *testing.T) {
	p := read(t, `
# open with O_LARGEFILE|O_RDONLY|O_NONBLOCK or some combination.
open: arg1 == 32768 || arg1 == 0 || arg1 == 34816 || arg1 == 2048
mmap2: arg2 == 0x0
munmap: 1
close: 1
`, minijail.Options{Arches: []linux.Arch{i}})
	check(t, p, []call{
		{i, "open", [6]uint64{0, 32768}, allow},
		{i, "open", [6]uint64{0, 34816 | 7<<32}, allow}, // 32 bits are the whole argument
		{i, "open", [6]uint64{0, 1}, kill},
		{i, "mmap2", [6]uint64{}, allow},
		{i, "mmap2", [6]uint64{0, 0, 1}, kill},
		{i, "munmap", [6]uint64{1}, allow},
		{i, "read", [6]uint64{}, kill},
		{x, "munmap", [6]uint64{}, kill},
	})
	p = read(t, `
mmap: arg3 in MAP_PRIVATE|MAP_ANONYMOUS
mprotect: arg2 in ~PROT_EXEC || arg2 in ~PROT_WRITE
open: arg1 & O_CREAT
close: return EBADF
read: arg0 == 0; return EBADF
`, minijail.Options{})
	check(t, p, []call{
		{x, "mmap", [6]uint64{3: 0x22}, allow},
		{x, "mmap", [6]uint64{3: 0}, allow},
		{x, "mmap", [6]uint64{3: 0x23}, kill},
		{x, "mmap", [6]uint64{3: 0x1_0000_0022}, kill},
		{x, "mprotect", [6]uint64{2: 3}, allow},
		{x, "mprotect", [6]uint64{2: 5}, allow},
		{x, "mprotect", [6]uint64{2: 1 << 40}, allow},
		{x, "mprotect", [6]uint64{2: 6}, kill},
		{x, "open", [6]uint64{1: 0x41}, allow},
		{x, "open", [6]uint64{1: 0x1}, kill},
		{x, "close", [6]uint64{}, ebadf},
		{x, "read", [6]uint64{0}, allow},
		{x, "read", [6]uint64{1}, ebadf},
		{x, "read", [6]uint64{1 << 32}, ebadf},
	})
	if got, _ := p.Eval(&linux.SeccompData{Arch: x.Audit(), NR: linux.X32Bit | 1}); got != kill {
		t.Errorf("x32 gets %s", got)
	}
}

// TestEverything has what compile_seccomp_policy takes besides.
func TestEverything(t *testing.T) {
	opts := minijail.Options{Arches: []linux.Arch{x, i}, Find: files(map[string]string{
		"base.policy": "@include ./more/deep.policy\n{read, write}: allow\n",
		"more/deep.policy": `exit: 1 # \ in the middle
kill-not[arch=arm]: allow
`,
		"freq": "read: 100\nwrite[arch=x86]: 0x10\nread: 5\n",
	})}
	p, often, diags := minijail.Read(source.NewFile("p.policy", `@include ./base.policy
@frequency ./freq
@default trap
{ openat[arch=x86_64], open[arch=x86,arm] }: { arg0 == 1 && arg1 != 0x10; return ENOSYS, arg2 < 5, \
   arg3 > 0xfffffffff; log, arg4 >= 8; kill-process, kill-thread }
ioctl: arg1 == TCGETS; allow
ioctl: arg1 <= ~(-0x10 | 0xf)
ioctl: { arg1 & 040000000000000 ; trace, user-notify }
kill: trap
102: 1
`), opts)
	if want := `p.policy:5:11: error[out-of-range]: 0xfffffffff has more than 32 bits`; !strings.Contains(diags.Error(), want) {
		t.Fatalf("for i386, too: %v", diags)
	}
	if p != nil || often != nil {
		t.Error("a policy with errors")
	}
	opts.Arches = []linux.Arch{x}
	p, often, diags = minijail.Read(source.NewFile("p.policy", `@include ./base.policy
@frequency ./freq
@default trap
{ openat[arch=x86_64], open[arch=x86,arm] }: { arg0 == 1 && arg1 != 0x10; return ENOSYS, arg2 < 5, \
   arg3 > 0xfffffffff; log, arg4 >= 8; kill-process, kill-thread }
ioctl: arg1 == TCGETS; allow
ioctl: arg1 <= ~(-0x10 | 0xf) || arg1 >= -1
ioctl: { arg1 & 040000000000000 ; trace, user-notify }
kill: kill
104: 1
`), opts)
	if len(diags) > 0 {
		t.Fatal(diags)
	}
	check(t, p, []call{
		{x, "openat", [6]uint64{1}, enosys},
		{x, "openat", [6]uint64{1, 0x10}, allow},
		{x, "openat", [6]uint64{1, 0x10, 5}, kill},
		{x, "openat", [6]uint64{0, 0, 5, 0xfffffffff, 8}, linux.KillProcess},
		{x, "openat", [6]uint64{0, 0, 5, 0x1000000000}, linux.Log},
		{x, "openat", [6]uint64{0, 0, 5, 0, 7}, kill},
		{x, "open", [6]uint64{}, linux.Trap},
		{x, "ioctl", [6]uint64{0, 0x5401}, allow},
		{x, "ioctl", [6]uint64{0, 0}, allow},
		{x, "ioctl", [6]uint64{0, 1<<64 - 1}, allow},
		{x, "ioctl", [6]uint64{0, 1}, linux.Notify},
		{x, "ioctl", [6]uint64{0, 1 << 41}, linux.Trace},
		{x, "kill", [6]uint64{}, kill},
		{x, "getgid", [6]uint64{}, allow},
		{x, "write", [6]uint64{}, allow},
		{x, "exit", [6]uint64{}, allow},
		{x, "getpid", [6]uint64{}, linux.Trap},
	})
	if got := often[x]; len(got) != 1 || got[0] != 105 {
		t.Errorf("frequencies: %v", often)
	}
	if got, _ := p.Eval(&linux.SeccompData{Arch: x.Audit(), NR: linux.X32Bit | 1}); got != linux.Trap {
		t.Errorf("x32 gets %s", got)
	}
}

// TestNamesOfArm has the syscalls that minijail has other names for, and a hint for
// those of other architectures.
func TestNamesOfArm(t *testing.T) {
	const text = "ARM_set_tls: 1\nARM_cacheflush: arg0 == 1\nbreakpoint: 1\n"
	p := read(t, text, minijail.Options{Arches: []linux.Arch{linux.ARM}})
	check(t, p, []call{
		{linux.ARM, "set_tls", [6]uint64{}, allow},
		{linux.ARM, "cacheflush", [6]uint64{}, kill},
		{linux.ARM, "cacheflush", [6]uint64{1}, allow},
		{linux.ARM, "breakpoint", [6]uint64{}, allow},
	})
	for _, c := range []struct {
		text, want, hint string
		arch             linux.Arch
	}{
		{"ARM_set_tls: 1", `p:1:1: error[unknown-syscall]: no syscall named "ARM_set_tls" on aarch64`, "it is one of arm: name the architecture that this is for", linux.ARM64},
		{"ARM_read: 1", `p:1:1: error[unknown-syscall]: no syscall named "ARM_read" on arm`, "", linux.ARM},
		{"set_tls: 1", `p:1:1: error[unknown-syscall]: no syscall named "set_tls" on x86_64`, "it is one of arm: name the architecture that this is for", x},
		{"socketcall: 1", `p:1:1: error[unknown-syscall]: no syscall named "socketcall" on x86_64`, "it is one of i386, s390x, ppc64 and ppc64le: name the architecture that this is for", x},
	} {
		_, _, diags := minijail.Read(source.NewFile("p", c.text), minijail.Options{Arches: []linux.Arch{c.arch}})
		if diags.Error() != c.want || diags[0].Hint != c.hint {
			t.Errorf("%q on %s: %v, %q", c.text, c.arch, diags, diags[0].Hint)
		}
	}
}

// TestLibc has constants that the C library has, and not the kernel.
func TestLibc(t *testing.T) {
	for name, want := range map[string]uint64{"NSIG": 65, "FAPPEND": 0x400, "FFSYNC": 0x101000, "FNDELAY": 0x800, "FNONBLOCK": 0x800} {
		check(t, read(t, "read: arg0 == "+name, minijail.Options{}), []call{
			{x, "read", [6]uint64{want}, allow},
			{x, "read", [6]uint64{want + 1}, kill},
			{x, "read", [6]uint64{32}, kill},
		})
	}
}

func TestDenylist(t *testing.T) {
	p := read(t, "@denylist\nbpf: return EPERM\nsocket: arg0 == AF_INET; return 97\n", minijail.Options{})
	check(t, p, []call{
		{x, "bpf", [6]uint64{}, linux.Errno + 1},
		{x, "socket", [6]uint64{2}, linux.Errno + 97},
		{x, "socket", [6]uint64{1}, allow},
		{x, "read", [6]uint64{}, allow},
	})
	if got, _ := p.Eval(&linux.SeccompData{Arch: x.Audit(), NR: linux.X32Bit | 321}); got != kill {
		t.Errorf("x32 gets %s", got)
	}
}

// TestCaller has what a policy leaves to its caller.
func TestCaller(t *testing.T) {
	log, eperm := linux.Log, linux.Errno+1
	opts := minijail.Options{Default: &log, Negative: &eperm}
	p := read(t, "read: arg0 == 0\nwrite: arg0 == 0; return 5", opts)
	check(t, p, []call{
		{x, "read", [6]uint64{}, allow},
		{x, "read", [6]uint64{1}, eperm},
		{x, "close", [6]uint64{}, log},
		{x, "write", [6]uint64{1}, linux.Errno + 5},
	})
	p = read(t, "@default kill-process\nread: arg0 == 0\n", opts)
	check(t, p, []call{
		{x, "read", [6]uint64{1}, linux.KillProcess},
		{x, "close", [6]uint64{}, linux.KillProcess},
	})
}

func TestErrors(t *testing.T) {
	deep := map[string]string{"a": "@include ./b\n", "b": "@include ./a\n", "big": strings.Repeat("# \n", 400000)}
	for n := range 12 {
		deep[fmt.Sprint("d", n)] = fmt.Sprintf("@include ./d%d\n", n+1)
	}
	for n := range 8 { // ten times each: 10^8 files
		deep[fmt.Sprint("w", n)] = strings.Repeat(fmt.Sprintf("@include ./w%d\n", n+1), 10)
	}
	deep["w8"] = "\n"
	for _, c := range []struct{ text, want string }{
		{"read", `p:1:5: error[syntax]: expected ":" after the syscall, found the end of the line`},
		{"read:", `p:1:6: error[syntax]: expected an action or a test of an argument, found the end of the line`},
		{"read: 2", `p:1:7: error[syntax]: expected an action or a test of an argument, found "2"`},
		{"read: maybe", `p:1:7: error[syntax]: expected an action or a test of an argument, found "maybe"`},
		{"\nread: 1 1", `p:2:9: error[syntax]: expected the end of the line, found "1"`},
		{"raed: 1", `p:1:1: error[unknown-syscall]: no syscall named "raed" on x86_64`},
		{"read: arg6 == 1", `p:1:7: error[syntax]: arguments are arg0 to arg5, found "arg6"`},
		{"read: arg0 = 1", `p:1:12: error[syntax]: expected a comparison, found "="`},
		{"read: arg0 == O_FOO", `p:1:15: error[unknown-name]: no constant named "O_FOO" on x86_64`},
		{"read: arg0 == 0x10000000000000000", `p:1:15: error[out-of-range]: 0x10000000000000000 has more than 64 bits`},
		{"read: arg0 == 08", `p:1:15: error[unknown-name]: no constant named "08" on x86_64`},
		{"read: arg0 ==", `p:1:14: error[syntax]: expected a constant, found the end of the line`},
		{"read: arg0 == 1 |", `p:1:18: error[syntax]: expected a constant, found the end of the line`},
		{"read: arg0 == (1", `p:1:17: error[syntax]: expected ")" after the value, found the end of the line`},
		{"read: arg0 == ~~1", `p:1:16: error[syntax]: expected a constant, found "~"`},
		{"read: arg0 == " + strings.Repeat("(", 100000), `error[syntax]: this is nested more than 64 deep`},
		{"read: return", `p:1:13: error[syntax]: expected an errno, found the end of the line`},
		{"read: return 4096", `p:1:14: error[out-of-range]: an errno is at most 4095`},
		{"read: 1\nread: kill", `p:2:7: error[duplicate-rule]: read has been decided before`},
		{"read: 1\nread: arg0 == 1", `p:2:7: error[duplicate-rule]: read has been decided before`},
		{"read: return 1\nread: return 2", `p:2:7: error[duplicate-rule]: read has been decided before`},
		{"read: { 1, kill }", `p:1:12: error[duplicate-rule]: the filter before this one decides everything`},
		{"{read, write: 1", `p:1:13: error[syntax]: expected "}" after the syscalls, found ":"`},
		{"read: {1, arg0 == 1", `p:1:20: error[syntax]: expected "}" after the filters, found the end of the line`},
		{"io@std: 1", `p:1:1: error[unknown-group]: which syscalls io@std has is said outside the policy`},
		{"read[os=linux]: 1", `p:1:6: error[syntax]: expected arch=NAMES once, found "os"`},
		{"@default allow", `p:1:10: error[invalid-default]: @default takes kill, kill-process, kill-thread, trap or user-notify`},
		{"@default trap\n@default kill", `p:2:10: error[duplicate-default]: there is another @default`},
		{"@denylist\n@default kill", `p:2:10: error[invalid-default]: @default has no place in a denylist`},
		{"@denylist\nread: 1", `p:2:7: error[invalid-denylist]: each filter of a denylist needs a return of its own`},
		{"@elsewhere", `p:1:1: error[syntax]: expected a syscall, found "@elsewhere"`},
		{"@include there", `p:1:10: error[syntax]: expected a path that begins with / or ./, found "there"`},
		{"@include ./there", `p:1:10: error[include]: no file "./there"`},
		{"@include ./a", `b:1:10: error[include]: a includes itself`},
		{"@include ./d0", `d8:1:10: error[include]: this is included more than 10 deep`},
		{"@include ./w0", `error[too-large]: a policy of this kind has at most 100 files with 1048576 bytes together`},
		{"@include ./big", `big:1:1: error[too-large]: a policy of this kind has at most 1048576 bytes, those that it includes with it`},
		{"@frequency ./a", `a:1:1: error[syntax]: expected a syscall, found "@include"`},
		{"# a \\\nread: 1", `p:1:1: error[syntax]: a comment that ends in \ goes on in the next line for some readers and not for others`},
		{"read: 1 \\ ", `p:1:9: error[syntax]: unexpected "\\"`},
		{"ä: 1", `p:1:1: error[syntax]: unexpected "ä"`},
		{"read: arg0 == 1; return 1\nwrite: allow", `p:1:18: error[two-readings]: minijail0 takes this for calls of which the test does not hold, compile_seccomp_policy for those of which it does`},
		{"{" + strings.Repeat("read,", 40000) + "read}: {" + strings.Repeat("arg0 == 1,", 40000) + "1}", `p:1:1: error[too-complex]: there are more than 262144 filters, each counted for each of its syscalls`},
		{strings.Repeat("raed: 1\n", 100000), `p:1:1: error[unknown-syscall]`},
	} {
		p, _, diags := minijail.Read(source.NewFile("p", c.text), minijail.Options{Find: files(deep)})
		if p != nil || !diags.HasErrors() || !strings.Contains(diags.Error(), c.want) {
			t.Errorf("%.60q: %v, %.300v; want %s", c.text, p != nil, diags, c.want)
		}
	}
	_, _, diags := minijail.Read(source.NewFile("p", "@include ./x"), minijail.Options{})
	if want := "p:1:10: error[include]: nothing can be included here"; diags.Error() != want {
		t.Errorf("%v, want %s", diags, want)
	}
}

func TestWarnings(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"read: arg0 == 1; return 1", `p:1:18: warning[two-readings]: this is for calls of which the test does not hold, as minijail0 has it; compile_seccomp_policy has it the other way round`},
		{"read[arch=vax]: 1\nwrite[arch=vax]: 1", `p:1:11: warning[unknown-arch]: minijail has no architecture "vax": what is for no other one is skipped`},
		{"read[arch=x86_64,armv7]: 1", `p:1:18: warning[unknown-arch]: minijail has no architecture "armv7": what is for no other one is skipped`},
		{"read: 1\nread: allow\n", `p:2:7: warning[duplicate-rule]: read has been decided before, in the same way: of minijail's readers only Android's takes this`},
		{"read: return EPERM\nread: return 1\n", `p:2:7: warning[duplicate-rule]: read has been decided before, in the same way: of minijail's readers only Android's takes this`},
	} {
		p, _, diags := minijail.Read(source.NewFile("p", c.text), minijail.Options{})
		if p == nil || diags.Error() != c.want {
			t.Errorf("%q: %v, want %s", c.text, diags, c.want)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add("read: 1\nopen: arg1 in ~O_RDONLY || arg2 & 7 && arg0 != -1; return EBADF\n")
	f.Add("@default trap\n{a[arch=arm], read}: { arg0 == (1|~2); log, kill } # c\n@include ./x\n")
	f.Fuzz(func(t *testing.T, text string) {
		p, _, diags := minijail.Read(source.NewFile("p", text), minijail.Options{Arches: linux.Arches()})
		if (p == nil) != diags.HasErrors() {
			t.Errorf("a policy: %v, and %v", p != nil, diags)
		}
	})
}
