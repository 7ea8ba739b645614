package rkeene_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"secco/bpf"
	"secco/compiler"
	"secco/convert/rkeene"
	"secco/emulator"
	"secco/linux"
	"secco/policy"
	"secco/policy/prove"
	"secco/source"
)

// printed is the program that the article prints for its policy.
var printed = bpf.Program{
	{Op: bpf.LdW, K: 4},
	{Op: bpf.JeqK, Jt: 2, Jf: 0, K: 0x40000003},
	{Op: bpf.JeqK, Jt: 10, Jf: 0, K: 0xC000003E},
	{Op: bpf.RetK, K: 0x00030000},
	{Op: bpf.LdW, K: 0},
	{Op: bpf.JeqK, Jt: 0, Jf: 1, K: 102},
	{Op: bpf.RetK, K: 0x00050000 | 38},
	{Op: bpf.LdW, K: 0},
	{Op: bpf.JeqK, Jt: 0, Jf: 3, K: 359},
	{Op: bpf.LdW, K: 16},
	{Op: bpf.JeqK, Jt: 1, Jf: 0, K: 1},
	{Op: bpf.RetK, K: 0x00050000 | 22},
	{Op: bpf.RetK, K: 0x7fff0000},
	{Op: bpf.LdW, K: 0},
	{Op: bpf.JeqK, Jt: 0, Jf: 3, K: 41},
	{Op: bpf.LdW, K: 16},
	{Op: bpf.JeqK, Jt: 1, Jf: 0, K: 1},
	{Op: bpf.RetK, K: 0x00050000 | 22},
	{Op: bpf.RetK, K: 0x7fff0000},
}

func article(t *testing.T) *policy.Policy {
	t.Helper()
	text, err := os.ReadFile("testdata/article.rkeene")
	if err != nil {
		t.Fatal(err)
	}
	p, diags := rkeene.Read(source.NewFile("article.rkeene", string(text)), rkeene.Options{})
	if len(diags) > 0 {
		t.Fatal(diags)
	}
	return p
}

// TestArticle proves that the article's policy means what the program printed
// there does, but for x32's numbers: there they fall among those of x86_64 and
// are allowed, here they get what every architecture without a block gets.
func TestArticle(t *testing.T) {
	p := article(t)
	ours, theirs := prove.Policy(p), program(t, printed)
	report, err := prove.Differences(ours, theirs, prove.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Undecided) > 0 || len(report.Differences) == 0 {
		t.Fatalf("the proof says\n%s", report)
	}
	for _, d := range report.Differences {
		call := d.Witness.Call
		if call.Arch != linux.X86_64.Audit() || !linux.IsX32(d.Calls.NR.Lo) || !linux.IsX32(d.Calls.NR.Hi) || d.A != linux.Trap || d.B != linux.Allow {
			t.Errorf("another difference: %+v", d)
		}
	}
	if got, err := prove.AtLeastAsStrict(ours, theirs, prove.Options{}); err != nil || got.Verdict != prove.Stricter {
		t.Errorf("at least as strict: %v, %v", got, err)
	}
	// With x32's numbers taken out of the guard the two are equal.
	open := *p
	open.X32 = p.Target(linux.X86_64).Default
	if got, err := prove.Equivalent(prove.Policy(&open), theirs, prove.Options{}); err != nil || got.Verdict != prove.Equal {
		t.Errorf("without the guard: %v, %v", got, err)
	}
	out, err := compiler.Compile(p, compiler.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := prove.Equivalent(ours, program(t, out.Program), prove.Options{}); err != nil || got.Verdict != prove.Equal {
		t.Errorf("compiled: %v, %v", got, err)
	}
}

func program(t *testing.T, p bpf.Program) prove.Filter {
	t.Helper()
	f, err := prove.Program(p)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestVerdicts has a policy with every construct, and the verdicts worked out by
// hand.
func TestVerdicts(t *testing.T) {
	p := read(t, `# every construct
x86_64 {
	if {$nr eq "read" || $nr eq "write"} {
		if {$args(0) < 3} { return allow } elseif {$args(0) == 0x10} {
			return errno 7
		} else {
			return log
		}
	} elseif {$nr eq "socket" && !($args(0) != AF_UNIX)} {
		return allow; # a comment
	} elseif {$nr eq "ioctl"} {
		if {($args(1) & 0xff) == ~0xffffff00 && $args(1) >= -1} { return kill_process }
	}
	if {$nr ne "kill" &&
	    ($nr ne "ptrace" || $args(0) <= 1)} \
	{
		return errno ENOSYS
	}
	if {$args(3) > 4} { return kill }
	return trap
}`)
	const hi = 0xabcd << 32
	for _, c := range []struct {
		name string
		args [6]uint64
		want linux.Action
	}{
		{"read", [6]uint64{2 | hi}, linux.Allow},
		{"read", [6]uint64{3}, linux.Log},
		{"write", [6]uint64{16 | hi}, linux.Errno.With(7)},
		{"write", [6]uint64{17}, linux.Log},
		{"socket", [6]uint64{1}, linux.Allow},
		{"socket", [6]uint64{2}, linux.Errno.With(38)},
		{"ioctl", [6]uint64{0, 0xffffffff}, linux.KillProcess},
		{"ioctl", [6]uint64{0, 0xff}, linux.Errno.With(38)},
		{"kill", [6]uint64{}, linux.Trap},
		{"kill", [6]uint64{0, 0, 0, 5}, linux.KillThread},
		{"kill", [6]uint64{0, 0, 0, 4 | hi}, linux.Trap},
		{"ptrace", [6]uint64{1}, linux.Errno.With(38)},
		{"ptrace", [6]uint64{2}, linux.Trap},
		{"open", [6]uint64{2}, linux.Errno.With(38)},
	} {
		nr, _ := linux.X86_64.Syscall(c.name)
		d := &linux.SeccompData{NR: nr, Arch: linux.X86_64.Audit(), Args: c.args}
		if got, _ := p.Eval(d); got != c.want {
			t.Errorf("%s%x gets %s, want %s", c.name, c.args, got, c.want)
		}
	}
	agree(t, p)
}

// agree checks that the compiled program does what the policy means.
func agree(t *testing.T, p *policy.Policy) {
	t.Helper()
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
	if n < 1000 {
		t.Errorf("only %d calls", n)
	}
}

func read(t *testing.T, text string) *policy.Policy {
	t.Helper()
	p, diags := rkeene.Read(source.NewFile("p", text), rkeene.Options{})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return p
}

func TestErrors(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", `p:1:1: error[syntax]: there is no block for any architecture`},
		{"vax {\n return allow\n}", `p:1:1: error[syntax]: expected an architecture, found "vax"`},
		{"i386 {\n}", `p:2:1: error[no-return]: a call can get here: what happens to it is not said`},
		{"i386 {\n if {$nr eq \"read\"} {\n return allow\n }\n}", `p:5:1: error[no-return]: a call can get here: what happens to it is not said`},
		{"i386 { return allow }\nx86 { return trap }", `p:2:1: error[duplicate-arch]: there are two blocks for i386`},
		{"i386 {\n return maybe\n}", `p:2:9: error[unknown-action]: no action "maybe": there is allow, errno, kill, kill_thread, kill_process, trap and log`},
		{"i386 {\n return errno EFOO\n}", `p:2:15: error[syntax]: expected an errno, found "EFOO"`},
		{"i386 {\n return errno 4096\n}", `p:2:15: error[out-of-range]: an errno is at most 4095`},
		{"x86_64 {\n if {$nr eq \"socketcall\"} {return trap}\n return allow\n}", `p:2:13: error[unknown-syscall]: no syscall named "socketcall" on x86_64`},
		{"i386 {\n if {$nr == 3} {return trap}\n return allow\n}", `p:2:10: error[syntax]: $nr is compared by eq and ne, found "=="`},
		{"i386 {\n if {$args(6) == 3} {return trap}\n return allow\n}", `p:2:12: error[syntax]: arguments are 0 to 5, found "6"`},
		{"i386 {\n if {$args(0) == AF_FOO} {return trap}\n return allow\n}", `p:2:18: error[unknown-name]: no constant named "AF_FOO" on i386`},
		{"i386 {\n if {$args(0) == 0x100000000} {return trap}\n return allow\n}", `p:2:18: error[out-of-range]: $args(N) is the low word of an argument: it can't be compared with a number of more than 32 bits`},
		{"i386 {\n if {$args(0) == 99999999999999999999} {return trap}\n return allow\n}", `p:2:18: error[out-of-range]: $args(N) is the low word of an argument: it can't be compared with a number of more than 32 bits`},
		{"i386 {\n if {$args(0) == 08} {return trap}\n return allow\n}", `p:2:18: error[syntax]: "08" is no number`},
		{"i386 {\n if {$arch eq \"x\"} {return trap}\n return allow\n}", `p:2:6: error[syntax]: expected $nr or $args(N), found "$arch"`},
		{"i386 {\n set x 5\n}", `p:2:2: error[syntax]: expected if or return, found "set"`},
		{"i386 {\n return allow\n", `p:3:1: error[syntax]: expected if or return, found the end of the file`},
		{"i386 {\n return allow if\n}", `p:2:15: error[syntax]: expected the end of the line, found "if"`},
		{"i386 {\n if {$nr eq \"read} {return trap}\n}", `p:2:13: error[syntax]: the quote is not closed on its line`},
		{"i386 {\n if {$nr eq \"[exec x]\"} {return trap}\n return allow\n}", `p:2:13: error[syntax]: nothing is substituted in text: "[exec x]" can't be understood`},
		{"i386 {\n ä\n}", `p:2:2: error[syntax]: unexpected "ä"`},
		{"i386 " + strings.Repeat("{if {$nr eq \"read\"} ", 100), `error[syntax]: this is nested more than 64 deep`},
		{"i386 {if {" + strings.Repeat("!", 100000), `error[syntax]: this is nested more than 64 deep`},
		{"i386 {if {" + strings.Repeat("(", 100000), `error[syntax]: this is nested more than 64 deep`},
		{strings.Repeat("?", 1<<20), `p:1:1: error[syntax]: unexpected "?"`},
		{strings.Repeat(" ", 1<<20+1), `p:1:1: error[too-large]: a policy of this kind has at most 1048576 bytes`},
	} {
		p, diags := rkeene.Read(source.NewFile("p", c.text), rkeene.Options{})
		if p != nil || !diags.HasErrors() || !strings.Contains(diags.Error(), c.want) {
			t.Errorf("%.60q: %v, %.300v; want %s", c.text, p != nil, diags, c.want)
		}
	}
}

// TestBounds has a policy with all syscalls in very many conditions.
func TestBounds(t *testing.T) {
	var text strings.Builder
	text.WriteString("x86_64 {\n")
	for i := range 20000 {
		calls := linux.X86_64.Syscalls()
		fmt.Fprintf(&text, "if {$nr eq %q} {return trap}\n", calls[i%len(calls)].Name)
	}
	text.WriteString("return allow\n}\n")
	p, diags := rkeene.Read(source.NewFile("p", text.String()), rkeene.Options{})
	if p != nil || !strings.Contains(diags.Error(), "p:1:1: error[too-complex]") {
		t.Errorf("%v, %v", p != nil, diags)
	}
}

func TestWarnings(t *testing.T) {
	p, diags := rkeene.Read(source.NewFile("p", "i386 {\n return allow\n return trap\n}"), rkeene.Options{})
	if want := `p:3:2: warning[unreachable]: this is never reached`; p == nil || diags.Error() != want {
		t.Errorf("%v, want %s", diags, want)
	}
}

func FuzzRead(f *testing.F) {
	text, err := os.ReadFile("testdata/article.rkeene")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(text))
	f.Add("arm { if {!($nr eq \"read\") && ($args(1) & 7) >= -5} {return log} else {return errno 5} }")
	f.Fuzz(func(t *testing.T, text string) {
		p, diags := rkeene.Read(source.NewFile("p", text), rkeene.Options{})
		if (p == nil) != diags.HasErrors() {
			t.Errorf("a policy: %v, and %v", p != nil, diags)
		}
	})
}

// TestArches has the caller say which of the blocks are wanted.
func TestArches(t *testing.T) {
	f := source.NewFile("p", "i386 {\n return log\n}\nx86_64 {\n return allow\n}")
	for _, c := range []struct {
		arches []linux.Arch
		want   map[linux.Arch]linux.Action
		fault  string
	}{
		{nil, map[linux.Arch]linux.Action{linux.I386: linux.Log, linux.X86_64: linux.Allow, linux.X32: linux.Trap, linux.ARM: linux.Trap}, ""},
		{[]linux.Arch{linux.X86_64}, map[linux.Arch]linux.Action{linux.I386: linux.Trap, linux.X86_64: linux.Allow, linux.X32: linux.Trap}, ""},
		{[]linux.Arch{linux.I386}, map[linux.Arch]linux.Action{linux.I386: linux.Log, linux.X86_64: linux.Trap, linux.X32: linux.Trap}, ""},
		{[]linux.Arch{linux.X86_64, linux.I386}, map[linux.Arch]linux.Action{linux.I386: linux.Log, linux.X86_64: linux.Allow}, ""},
		{[]linux.Arch{linux.X86_64, linux.ARM64}, nil, "p:1:1: error[unknown-arch]: there is no block for aarch64"},
	} {
		p, diags := rkeene.Read(f, rkeene.Options{Arches: c.arches})
		if (p == nil) != (c.fault != "") || diags.HasErrors() && diags.Error() != c.fault {
			t.Errorf("%v: a policy: %v, %v; want %q", c.arches, p != nil, diags, c.fault)
			continue
		}
		for a, want := range c.want {
			nr, _ := a.Syscall("read")
			if got, _ := p.Eval(&linux.SeccompData{Arch: a.Audit(), NR: nr}); got != want {
				t.Errorf("%v: %s gets %s, want %s", c.arches, a, got, want)
			}
		}
	}
}
