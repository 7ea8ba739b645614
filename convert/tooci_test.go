package convert

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"secco/lang"
	"secco/linux"
	"secco/oci"
	"secco/policy"
	"secco/policy/prove"
	"secco/source"
)

func load(t *testing.T, text string, targets ...linux.Arch) *policy.Policy {
	t.Helper()
	p, diags := lang.Load([]*source.File{source.NewFile("p.secco", text)}, lang.Options{Targets: targets})
	if p == nil {
		t.Fatalf("%v\n%s", diags, text)
	}
	return p
}

const defaults = "DEFAULT_POSITIVE = allow\nDEFAULT_NEGATIVE = EPERM\nDEFAULT_POLICY = EPERM\n"

// brief returns a profile's rules, one on each line.
func brief(p *specs.LinuxSeccomp) string {
	var b strings.Builder
	for _, s := range p.Syscalls {
		fmt.Fprintf(&b, "%s %s", strings.Join(s.Names, ","), strings.TrimPrefix(string(s.Action), "SCMP_ACT_"))
		if s.ErrnoRet != nil {
			fmt.Fprintf(&b, "(%d)", *s.ErrnoRet)
		}
		for _, a := range s.Args {
			fmt.Fprintf(&b, " %d %s %#x", a.Index, strings.TrimPrefix(string(a.Op), "SCMP_CMP_"), a.Value)
			if a.Op == specs.OpMaskedEqual {
				fmt.Fprintf(&b, " %#x", a.ValueTwo)
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// TestToOCIRules has a rule of the language for each way of saying it.
func TestToOCIRules(t *testing.T) {
	for name, tc := range map[string]struct {
		text string
		want []string
	}{
		"unconditional":      {"read, write: 1", []string{"read,write ALLOW"}},
		"the default's":      {"read: return EPERM", nil},
		"errno":              {"read: return ENOSYS", []string{"read ERRNO(38)"}},
		"errno 0":            {"read: return 0", []string{"read ERRNO(0)"}},
		"groups":             {"write: 1\nread: arg0 == 3\nclose: 1\nlseek: arg0 == 3", []string{"close,write ALLOW", "lseek,read ALLOW 0 EQ 0x3"}},
		"equal":              {"read: arg0 == 3", []string{"read ALLOW 0 EQ 0x3"}},
		"unequal":            {"read: arg0 != 3", []string{"read ALLOW 0 NE 0x3"}},
		"below":              {"read: arg0 < 3", []string{"read ALLOW 0 LE 0x2"}},
		"above":              {"read: arg0 > 0xffffffff", []string{"read ALLOW 0 GE 0x100000000"}},
		"bits set":           {"read: arg0 &? 6", []string{"read ALLOW 0 MASKED_EQ 0x6 0x6"}},
		"bits clear":         {"read: arg0 & 6 == 0", []string{"read ALLOW 0 MASKED_EQ 0x6 0x0"}},
		"low half":           {"read: argL0 == 3", []string{"read ALLOW 0 MASKED_EQ 0xffffffff 0x3"}},
		"high half":          {"read: argH0 == 3", []string{"read ALLOW 0 MASKED_EQ 0xffffffff00000000 0x300000000"}},
		"three arguments":    {"read: arg0 == 3 && arg1 > 5 && arg2 != 7", []string{"read ALLOW 0 EQ 0x3 1 GE 0x6 2 NE 0x7"}},
		"one of":             {"read: in(arg0, 3, 5, 9)", []string{"read ALLOW 0 EQ 0x3", "read ALLOW 0 EQ 0x5", "read ALLOW 0 EQ 0x9"}},
		"none of":            {"read: notIn(arg0, 3, 4)", []string{"read ALLOW 0 LE 0x2", "read ALLOW 0 GE 0x5"}},
		"none of, far apart": {"read: notIn(arg0, 1, 1 << 40)", []string{"read ALLOW 0 EQ 0x0"}}, // and masks, checked below
		"between":            {"read: arg0 >= 4 && arg0 < 12", []string{"read ALLOW 0 MASKED_EQ 0xfffffffffffffffc 0x4", "read ALLOW 0 MASKED_EQ 0xfffffffffffffffc 0x8"}},
		"any bit":            {"read: arg0 & 5 != 0", []string{"read ALLOW 0 MASKED_EQ 0x1 0x1", "read ALLOW 0 MASKED_EQ 0x4 0x4"}},
		"or":                 {"read: arg0 == 1 || arg1 == 2", []string{"read ALLOW 0 EQ 0x1", "read ALLOW 1 EQ 0x2"}},
		"two actions":        {"read {\n arg0 == 1 -> log\n arg0 == 2 -> allow\n}", []string{"read LOG 0 EQ 0x1", "read ALLOW 0 EQ 0x2"}},
		"split":              {"read {\n arg0 < 8 -> log\n else -> allow\n}", []string{"read LOG 0 LE 0x7", "read ALLOW 0 GE 0x8"}},
		"arithmetic":         {"read: argL0 + 3 == 7", []string{"read ALLOW 0 MASKED_EQ 0xffffffff 0x4"}},
		"always, after all":  {"read: arg0 == 1 || arg0 != 1", []string{"read ALLOW"}},
		"equal arguments":    {"read[+EPERM, -EPERM]: arg0 == arg1", nil},
		"kinds": {"read: return kill_process\nwrite: return kill_thread\nclose: return trap\nlseek: return trace(7)\nopen: return log\nstat: return trace(1)\nfstat: return notify",
			[]string{"close TRAP", "fstat NOTIFY", "lseek TRACE(7)", "open LOG", "read KILL_PROCESS", "stat TRACE", "write KILL_THREAD"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := load(t, defaults+tc.text+"\n")
			out, err := ToOCI(p, Options{})
			if err != nil {
				t.Fatal(err)
			}
			got := brief(out)
			if name == "none of, far apart" {
				if len(out.Syscalls) < 10 {
					t.Errorf("got\n%s", got)
				}
			} else if want := strings.Join(append(tc.want, ""), "\n"); got != want {
				t.Errorf("got\n%swant\n%s", got, want)
			}
			sameMeaning(t, p, out)
		})
	}
}

// sameMeaning proves that a profile, read back, is the policy.
func sameMeaning(t *testing.T, p *policy.Policy, out *specs.LinuxSeccomp) {
	t.Helper()
	text, err := oci.Marshal(out)
	if err != nil {
		t.Fatal(err)
	}
	profile, diags := oci.Parse(source.NewFile("out.json", string(text)))
	if profile == nil {
		t.Fatalf("%v\n%s", diags, text)
	}
	back, diags := FromOCI(profile, Options{Host: oci.Host{Arch: p.Targets[0].Arch}})
	if back == nil {
		t.Fatalf("%v\n%s", diags, text)
	}
	result, err := prove.Equivalent(prove.Policy(p), prove.Policy(back), prove.Options{})
	if err != nil || result.Verdict != prove.Equal {
		t.Errorf("%v %v %v\n%s", result, result.Witness, err, text)
	}
}

func TestToOCIHeader(t *testing.T) {
	p := load(t, defaults+"read: 1\n", linux.X86_64, linux.X32, linux.I386)
	p.Settings = policy.Settings{Flags: []string{"log", "wait_killable_recv"}, ListenerPath: "/run/x", ListenerMetadata: "y"}
	out, err := ToOCI(p, Options{})
	if err != nil {
		t.Fatal(err)
	}
	text, err := oci.Marshal(out)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{
	"defaultAction": "SCMP_ACT_ERRNO",
	"architectures": [
		"SCMP_ARCH_X86_64",
		"SCMP_ARCH_X32",
		"SCMP_ARCH_X86"
	],
	"flags": [
		"SECCOMP_FILTER_FLAG_LOG",
		"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"
	],
	"listenerPath": "/run/x",
	"listenerMetadata": "y",
	"syscalls": [
		{
			"names": [
				"read"
			],
			"action": "SCMP_ACT_ALLOW"
		}
	]
}
`
	if string(text) != want {
		t.Errorf("got\n%s", text)
	}
	sameMeaning(t, p, out)
}

// TestToOCIMultiplexers converts for i386, where socket calls have two ways in.
func TestToOCIMultiplexers(t *testing.T) {
	const text = "DEFAULT_POSITIVE = allow\nDEFAULT_NEGATIVE = EPERM\nDEFAULT_POLICY = EPERM\n" +
		"read: 1\nbind: 1\narch i386 {\nsocketcall: arg0 == 2\n}\n"
	p := load(t, text, linux.X86_64, linux.I386)
	out, err := ToOCI(p, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := brief(out); got != "bind,read ALLOW\n" { // the rest is libseccomp's
		t.Errorf("got\n%s", got)
	}
	sameMeaning(t, p, out)
	more := load(t, strings.Replace(text, "arg0 == 2", "in(arg0, 2, 3)", 1), linux.X86_64, linux.I386)
	if out, err = ToOCI(more, Options{}); err != nil {
		t.Fatal(err)
	}
	sameMeaning(t, more, out)
	// All of what is multiplexed, whatever the calls' own rules say there.
	all := load(t, "DEFAULT_POSITIVE = allow\nDEFAULT_NEGATIVE = EPERM\nDEFAULT_POLICY = ENOSYS\nsocketcall: 1\nsocket: argL0 == AF_UNIX", linux.X86_64, linux.I386)
	if out, err = ToOCI(all, Options{}); err != nil {
		t.Fatal(err)
	}
	sameMeaning(t, all, out)
}

// TestToOCILosses has a policy for each thing that a profile can't say, and what
// is said of it.
func TestToOCILosses(t *testing.T) {
	both := []linux.Arch{linux.X86_64, linux.I386}
	for name, tc := range map[string]struct {
		text    string
		targets []linux.Arch
		opts    Options
		want    string
	}{
		"other arches":      {"DEFAULT_BADARCH = kill_process\nread: 1", nil, Options{}, "calls of other architectures get kill_thread, not kill_process"},
		"x32":               {"DEFAULT_X32 = ENOSYS\nread: 1", nil, Options{}, "x32 calls get kill_thread where x32 is not listed, not errno(ENOSYS)"},
		"too many":          {"read: argL0 * 3 > 100 && argL1 * 5 > 7", nil, Options{}, "p.secco:4:1: error[loss]: an OCI profile can't say this policy: read on x86_64: it would take "},
		"what costs":        {"read: argL0 % 3 == 1", nil, Options{}, "what costs most is "},
		"pointer":           {"read: argL0 < argL1", nil, Options{}, "rules, more than the 400"},
		"trap's data":       {"read: return trap(3)", nil, Options{}, "read on x86_64: no profile says the action trap(3)"},
		"errno 4095":        {"read: return 4095", nil, Options{}, "no profile says the action errno(4095)"},
		"notify on write":   {"write: return notify", nil, Options{}, "refuse user notification for write"},
		"other defaults":    {"read: 1\narch i386 {\nDEFAULT_POLICY = ENOSYS\n}", both, Options{}, "the default action is errno(ENOSYS) here and errno(EPERM) on x86_64"},
		"arches differ":     {"read: 1\narch i386 {\nread: 0 == 1\n}", both, Options{}, "read on i386: the same rules hold for every architecture of a profile"},
		"high half on x32":  {"read: arg0 == 3", []linux.Arch{linux.X86_64, linux.X32}, Options{}, "read on x32: libseccomp compares the lower halves"},
		"multiplexer":       {"read: 1\nbind: 1", both, Options{}, "socketcall on i386: libseccomp extends rules for socket and System V IPC calls to the multiplexer"},
		"what to state":     {"bind, connect: 1\nsocket: argL0 == AF_UNIX\narch i386 { socketcall: argL0 == 1 }", both, Options{}, "^^ state the same for socketcall with the first argument 1 (socket), 2 (bind), 3 (connect) in the policy, or leave i386 out of the targets"},
		"said once":         {"dup {\nargL1 == 1 -> ENOSYS\narg1 != 0x80000 -> 5\narg1 == 6 -> kill_thread\nelse -> ENOSYS\n}", both, Options{}, "this policy: dup on i386: this rule and another"},
		"no native":         {"read: 1", []linux.Arch{linux.I386}, Options{}, "runtimes always add the rules for their native architecture"},
		"byte orders":       {"read: 1", []linux.Arch{linux.X86_64, linux.S390X}, Options{}, "libseccomp refuses two byte orders"},
		"no such target":    {"read: 1", nil, Options{Arch: linux.ARM64}, "aarch64: the policy has no rules for this architecture"},
		"masks on 32 bits":  {"read: arg0 >= 1 && arg0 <= 1 << 33", both, Options{}, "convert for one architecture at a time"},
		"lacking a simple":  {"personality: arg0 > 5\narch x86_64 {\nnewfstatat: 1\n}", both, Options{}, "libseccomp does not get that right"},
		"default of notify": {"read: 1\narch x86_64 {\nDEFAULT_POLICY = notify\n}", nil, Options{}, "refuse user notification as the default action"},
	} {
		t.Run(name, func(t *testing.T) {
			tc.opts.WithoutLibseccomp = true
			out, err := ToOCI(load(t, defaults+tc.text+"\n", tc.targets...), tc.opts)
			var loss *LossError
			if !errors.As(err, &loss) || out != nil {
				t.Fatalf("got %v, %v", out, err)
			}
			var text strings.Builder
			for _, d := range loss.Diagnostics() {
				text.WriteString(d.String())
			}
			if !strings.Contains(text.String(), tc.want) {
				t.Errorf("got\n%s\nwant %s", text.String(), tc.want)
			}
		})
	}
}

// TestToOCIOneArch takes one architecture out of a policy whose architectures
// differ.
func TestToOCIOneArch(t *testing.T) {
	p := load(t, defaults+"read: 1\narch x86_64 {\nwrite: 1\n}\n", linux.X86_64, linux.ARM64)
	for a, want := range map[linux.Arch]string{linux.X86_64: "read,write ALLOW\n", linux.ARM64: "read ALLOW\n"} {
		out, err := ToOCI(p, Options{Arch: a})
		if err != nil {
			t.Fatal(err)
		}
		if got := brief(out); got != want || len(out.Architectures) != 1 || out.Architectures[0] != oci.ArchName(a) {
			t.Errorf("%s: got %v\n%s", a, out.Architectures, got)
		}
	}
}

// TestToOCIUnnamedNumbers has rules and defaults for numbers without a name.
func TestToOCIUnnamedNumbers(t *testing.T) {
	var b policy.Builder
	deny := b.Leaf(linux.Errno.With(1), source.Span{})
	allow := b.Leaf(linux.Allow, source.Span{})
	killed := b.Leaf(linux.KillThread, source.Span{})
	make := func(fallback *policy.Node, rules map[uint32]*policy.Node) *policy.Policy {
		return &policy.Policy{
			Targets: []*policy.Target{{Arch: linux.X86_64, Rules: rules, Default: fallback}},
			BadArch: killed, X32: killed,
		}
	}
	nr := b.Word(linux.WordNR)
	for name, tc := range map[string]struct {
		p    *policy.Policy
		want string // of the loss; empty where there is none
	}{
		"a rule":             {make(deny, map[uint32]*policy.Node{9999: allow}), "number 0x270f has a rule, but no name"},
		"a rule for nothing": {make(deny, map[uint32]*policy.Node{9999: deny}), ""},
		"two defaults":       {make(b.Test(policy.CmpGe, nr, b.Const(5000), allow, deny, source.Span{}), nil), "some get errno(EPERM) and others allow"},
		"by gaps":            {make(b.Test(policy.CmpGe, nr, b.Const(424), deny, b.Test(policy.CmpGe, nr, b.Const(337), allow, deny, source.Span{}), source.Span{}), nil), "others without a name get"},
		// What was a syscall once is named, what came later has the default.
		"a baseline":  {make(b.Test(policy.CmpGe, nr, b.Const(300), deny, b.Test(policy.CmpEq, nr, b.Const(0xffffffff), deny, allow, source.Span{}), source.Span{}), nil), ""},
		"an argument": {make(b.Test(policy.CmpEq, b.Word(linux.ArgLow(0)), b.Const(1), allow, deny, source.Span{}), nil), "some get"},
		"the pointer": {make(deny, map[uint32]*policy.Node{0: b.Test(policy.CmpEq, b.Word(linux.WordIPLow), b.Const(1), allow, deny, source.Span{})}), "a profile can't test the instruction pointer"},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := ToOCI(tc.p, Options{})
			if tc.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				sameMeaning(t, tc.p, out)
			} else if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %s", err, tc.want)
			}
		})
	}
}

// TestToOCITooLong has more rules than one program holds.
func TestToOCITooLong(t *testing.T) {
	text := defaults
	for i, s := range linux.X86_64.Syscalls() {
		if i < 60 {
			text += s.Name + ": arg0 & 0x5555555 != 0\n"
		}
	}
	_, err := ToOCI(load(t, text), Options{})
	if err == nil || !strings.Contains(err.Error(), "instructions, and 4096 is the limit") {
		t.Errorf("got %v", err)
	}
}
