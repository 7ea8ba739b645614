package convert

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"secco/linux"
	"secco/oci"
	"secco/policy"
	"secco/source"
)

func read(t *testing.T, text string, opts Options) (*policy.Policy, source.Diagnostics) {
	t.Helper()
	profile, diags := oci.Parse(source.NewFile("p.json", text))
	if profile == nil {
		t.Fatalf("%v\n%s", diags, text)
	}
	return FromOCI(profile, opts)
}

// profileOf returns a profile that denies all but these entries.
func profileOf(entries ...string) string {
	return "{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"architectures\": [\"SCMP_ARCH_X86_64\", \"SCMP_ARCH_X86\"], \"syscalls\": [\n" +
		strings.Join(entries, ",\n") + "]}"
}

// ruleText returns an entry of a profile: name, action, and conditions such as
// "0 EQ 1" or "1 MASKED_EQ 0xf 3".
func ruleText(name, action string, conds ...string) string {
	text := `{"names": ["` + name + `"], "action": "SCMP_ACT_` + action + `"`
	if len(conds) > 0 {
		var args []string
		for _, c := range conds {
			f := strings.Fields(c)
			arg := `{"index": ` + f[0] + `, "op": "SCMP_CMP_` + f[1] + `", "value": ` + f[2]
			if len(f) > 3 {
				arg += `, "valueTwo": ` + f[3]
			}
			args = append(args, arg+"}")
		}
		text += `, "args": [` + strings.Join(args, ", ") + `]`
	}
	return text + "}"
}

func TestFromOCIVerdicts(t *testing.T) {
	errno := linux.Errno.With(1)
	for name, tc := range map[string]struct {
		text string
		call linux.SeccompData
		want linux.Action
	}{
		"allowed":             {profileOf(ruleText("read", "ALLOW")), x86(0), linux.Allow},
		"default":             {profileOf(ruleText("read", "ALLOW")), x86(1), errno},
		"the other arch":      {profileOf(ruleText("read", "ALLOW")), i386(3), linux.Allow},
		"arch not listed":     {profileOf(ruleText("read", "ALLOW")), linux.SeccompData{Arch: linux.ARM64.Audit(), NR: 63}, linux.KillThread},
		"x32 not listed":      {profileOf(ruleText("read", "ALLOW")), x86(linux.X32Bit), linux.KillThread},
		"skipped by a tracer": {profileOf(ruleText("read", "ALLOW")), x86(0xffffffff), errno},
		"kill is a thread's":  {profileOf(ruleText("read", "KILL")), x86(0), linux.KillThread},
		"kill_process":        {profileOf(ruleText("read", "KILL_PROCESS")), x86(0), linux.KillProcess},
		"trace carries EPERM": {profileOf(ruleText("read", "TRACE")), x86(0), linux.Trace.With(1)},
		"notify":              {profileOf(ruleText("read", "NOTIFY")), x86(0), linux.Notify},
		"log":                 {profileOf(ruleText("read", "LOG")), x86(0), linux.Log},
		"trap":                {profileOf(ruleText("read", "TRAP")), x86(0), linux.Trap},
		"and: both hold":      {profileOf(ruleText("read", "ALLOW", "0 GE 7", "1 LE 15")), x86(0, 7, 15), linux.Allow},
		"and: one holds":      {profileOf(ruleText("read", "ALLOW", "0 GE 7", "1 LE 15")), x86(0, 7, 16), errno},
		// Two conditions on one argument are two rules.
		"same argument":      {profileOf(ruleText("read", "ALLOW", "0 EQ 7", "0 EQ 15")), x86(0, 15), linux.Allow},
		"high half matters":  {profileOf(ruleText("read", "ALLOW", "0 EQ 7")), x86(0, 1<<32+7), errno},
		"not on i386":        {profileOf(ruleText("read", "ALLOW", "0 EQ 7")), i386(3, 1<<32+7), linux.Allow},
		"i386 drops it":      {profileOf(ruleText("read", "ALLOW", "0 EQ 4294967303")), i386(3, 7), linux.Allow},
		"i386 loses a mask":  {profileOf(ruleText("read", "ALLOW", "0 MASKED_EQ 4294967296 4294967296")), i386(3, 7), linux.Allow},
		"masked":             {profileOf(ruleText("read", "ALLOW", "0 MASKED_EQ 12 4")), x86(0, 7), linux.Allow},
		"masked, not":        {profileOf(ruleText("read", "ALLOW", "0 MASKED_EQ 12 4")), x86(0, 15), errno},
		"datum beyond mask":  {profileOf(ruleText("read", "ALLOW", "0 MASKED_EQ 12 5")), x86(0, 4), linux.Allow},
		"mask 0":             {profileOf(ruleText("read", "ALLOW", "0 MASKED_EQ 0 0")), x86(0, 4), linux.Allow},
		"unequal":            {profileOf(ruleText("read", "ALLOW", "0 NE 5")), x86(0, 1<<32+5), linux.Allow},
		"unequal, i386":      {profileOf(ruleText("read", "ALLOW", "0 NE 5")), i386(3, 1<<32+5), errno},
		"less":               {profileOf(ruleText("read", "ALLOW", "0 LT 4294967296")), x86(0, 1<<32-1), linux.Allow},
		"not less":           {profileOf(ruleText("read", "ALLOW", "0 LT 4294967296")), x86(0, 1<<32), errno},
		"greater":            {profileOf(ruleText("read", "ALLOW", "0 GT 4294967295")), x86(0, 1<<32), linux.Allow},
		"not greater":        {profileOf(ruleText("read", "ALLOW", "0 GT 4294967295")), x86(0, 1<<32-1), errno},
		"wiped":              {profileOf(ruleText("read", "TRAP", "0 EQ 1"), ruleText("read", "ALLOW")), x86(0, 1), linux.Allow},
		"dropped":            {profileOf(ruleText("read", "ERRNO", "0 EQ 1"), ruleText("read", "ALLOW")), x86(0, 1), linux.Allow},
		"multiplexed":        {profileOf(ruleText("bind", "ALLOW")), i386(102, 2), linux.Allow},
		"not multiplexed":    {profileOf(ruleText("bind", "ALLOW")), i386(102, 1), errno},
		"its condition goes": {profileOf(ruleText("socket", "ALLOW", "0 EQ 1", "1 EQ 2")), i386(102, 1, 2), linux.Allow},
		"others stay":        {profileOf(ruleText("socket", "ALLOW", "0 EQ 1", "1 EQ 2")), i386(102, 1, 3), errno},
		"ipc":                {profileOf(ruleText("semop", "ALLOW"), ruleText("read", "ALLOW")), i386(117, 1), linux.Allow},
		"direct too":         {profileOf(ruleText("bind", "ALLOW")), i386(361), linux.Allow},
	} {
		t.Run(name, func(t *testing.T) {
			p, diags := read(t, tc.text, Options{})
			if p == nil {
				t.Fatal(diags)
			}
			if got, _ := p.Eval(&tc.call); got != tc.want {
				t.Errorf("%s: got %s, want %s", callText(&tc.call), got, tc.want)
			}
		})
	}
}

func x86(nr uint32, args ...uint64) linux.SeccompData {
	d := linux.SeccompData{Arch: linux.X86_64.Audit(), NR: nr}
	copy(d.Args[:], args)
	return d
}

func i386(nr uint32, args ...uint64) linux.SeccompData {
	d := x86(nr, args...)
	d.Arch = linux.I386.Audit()
	return d
}

func TestFromOCIRefusals(t *testing.T) {
	for name, tc := range map[string]struct{ text, want string }{
		"overlap": {
			profileOf(ruleText("read", "ALLOW", "0 EQ 7"), ruleText("read", "TRAP", "0 GE 5", "1 GE 3")),
			"p.json:3:12: error[undefined-overlap]: read on x86_64: ",
		},
		"overlap's call": {
			profileOf(ruleText("read", "ALLOW", "0 EQ 7"), ruleText("read", "TRAP", "0 GE 5", "1 GE 3")),
			"such as x86_64 read(0x7, 0x3, 0x0, 0x0, 0x0, 0x0)",
		},
		"masked overlap":    {profileOf(ruleText("read", "ALLOW", "0 MASKED_EQ 12 4"), ruleText("read", "TRAP", "0 MASKED_EQ 3 1")), "read(0x5, "},
		"overlap on i386":   {profileOf(ruleText("read", "ALLOW", "0 EQ 4294967296"), ruleText("read", "TRAP", "0 EQ 0")), "such as i386 read(0x0, "},
		"behind socketcall": {profileOf(ruleText("socket", "ALLOW", "1 EQ 1"), ruleText("socketcall", "LOG", "0 EQ 1")), "socketcall on i386"},
		"among the wiped":   {profileOf(ruleText("read", "ALLOW", "0 EQ 7"), ruleText("read", "TRAP", "0 EQ 7"), ruleText("read", "LOG")), "error[undefined-overlap]"},
		"lacking call":      {profileOf(ruleText("chown32", "ALLOW", "0 EQ 7"), ruleText("chown32", "TRAP", "0 EQ 7")), "chown32 on x86_64"},
		"LT across halves":  {profileOf(ruleText("read", "ALLOW", "0 LT 7"), ruleText("read", "ALLOW", "0 GE 4294967296")), "error[unsafe-rules]"},
		"LT and another":    {profileOf(ruleText("read", "ALLOW", "0 LT 7"), ruleText("read", "ALLOW", "1 EQ 4")), "error[unsafe-rules]"},
		"order of two":      {profileOf(ruleText("read", "ALLOW", "0 GT 7", "1 EQ 2"), ruleText("read", "ALLOW", "1 EQ 4")), "error[unsafe-rules]"},
		"never":             {profileOf(ruleText("read", "ALLOW", "0 GT 18446744073709551615"), ruleText("read", "ALLOW", "0 EQ 4")), "the condition never holds"},
		"never on i386":     {profileOf(ruleText("read", "ALLOW", "0 LT 4294967296"), ruleText("read", "ALLOW", "0 EQ 4294967296")), "error[never-matches]: read on i386"},
		"typo, open":        {`{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [` + ruleText("ptraec", "ERRNO") + "]}", `error[unknown-syscall]: no architecture has a syscall "ptraec"`},
		"arch":              {`{"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_PPC"]}`, "error[unsupported-arch]"},
		"seven conditions":  {profileOf(ruleText("read", "ALLOW", "0 EQ 1", "0 EQ 2", "0 EQ 3", "0 EQ 4", "0 EQ 5", "0 EQ 6", "0 EQ 7")), "p.json:2:1: error[too-many-conditions]: an entry with 7 conditions: crun reads the first 6"},
		"byte order":        {`{"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_S390X"]}`, "error[mixed-endian]"},
	} {
		t.Run(name, func(t *testing.T) {
			p, diags := read(t, tc.text, Options{WithoutLibseccomp: true})
			if p != nil {
				t.Fatal("a policy is returned")
			}
			var text strings.Builder
			for _, d := range diags {
				text.WriteString(d.String())
			}
			if !strings.Contains(text.String(), tc.want) {
				t.Errorf("got\n%s\nwant %s", text.String(), tc.want)
			}
		})
	}
}

func TestFromOCIWarnings(t *testing.T) {
	for name, tc := range map[string]struct{ text, want string }{
		"typo, closed": {profileOf(ruleText("raed", "ALLOW")), `p.json:2:12: warning[unknown-syscall]`},
		"dropped":      {profileOf(ruleText("read", "ERRNO", "0 EQ 1"), ruleText("read", "ALLOW")), "p.json:2:12: warning[dropped-rule]"},
		"wiped":        {profileOf(ruleText("read", "TRAP", "0 EQ 1"), ruleText("read", "ALLOW")), "p.json:2:12: warning[wiped-rule]"},
		"wiped twice":  {profileOf(ruleText("read", "TRAP", "0 EQ 1"), ruleText("read", "TRAP", "0 EQ 2"), ruleText("read", "ALLOW")), "p.json:2:12: warning[wiped-rule]"},
		"range":        {profileOf(ruleText("read", "ALLOW", "0 GE 1", "0 LE 9")), "p.json:2:1: warning[split-conditions]"},
	} {
		p, diags := read(t, tc.text, Options{})
		if p == nil || len(diags) != 1 || !strings.HasPrefix(diags.Error(), tc.want) {
			t.Errorf("%s: got %v, want %s", name, diags, tc.want)
		}
	}
	// A rule of the default's action alone, or one wiped by its like, is no matter.
	for _, text := range []string{
		profileOf(ruleText("read", "ERRNO")),
		profileOf(ruleText("read", "ALLOW", "0 EQ 1"), ruleText("read", "ALLOW")),
		profileOf(ruleText("read", "ALLOW", "0 EQ 1", "0 EQ 2")),
	} {
		if _, diags := read(t, text, Options{}); len(diags) > 0 {
			t.Errorf("%v\n%s", diags, text)
		}
	}
}

func TestFromOCIRuleIsNamed(t *testing.T) {
	p, diags := read(t, profileOf(ruleText("read", "ALLOW"), ruleText("write", "ALLOW", "0 EQ 1")), Options{})
	if p == nil {
		t.Fatal(diags)
	}
	for nr, want := range map[uint32]string{0: "p.json:2", 1: "p.json:3", 2: "p.json:1"} {
		call := x86(nr, 1)
		if _, span := p.Eval(&call); span.String() != want {
			t.Errorf("number %d is decided at %s, want %s", nr, span, want)
		}
	}
}

func TestFromOCISettings(t *testing.T) {
	p, diags := read(t, `{"defaultAction": "SCMP_ACT_ALLOW", "flags": ["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"],
		"listenerPath": "/a", "listenerMetadata": "b"}`, Options{})
	if p == nil {
		t.Fatal(diags)
	}
	s := p.Settings
	if strings.Join(s.Flags, " ") != "log wait_killable_recv" || s.ListenerPath != "/a" || s.ListenerMetadata != "b" || s.NoNewPrivs != nil {
		t.Errorf("got %+v", s)
	}
}

// TestCommon compares the search for a value with trying all of a small word.
func TestCommon(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	const words = 0xff
	ops := []specs.LinuxSeccompOperator{
		specs.OpEqualTo, specs.OpNotEqual, specs.OpLessThan, specs.OpLessEqual, specs.OpGreaterThan, specs.OpGreaterEqual, specs.OpMaskedEqual,
	}
	found := 0
	for range 20000 {
		var args []specs.LinuxSeccompArg
		var conds []condition
		for range 1 + r.IntN(4) {
			arg := specs.LinuxSeccompArg{Op: ops[r.IntN(len(ops))], Value: r.Uint64() & words, ValueTwo: r.Uint64() & words}
			args = append(args, arg)
			conds = append(conds, newCondition(arg, words))
		}
		got, ok := common(words, conds...)
		want := false
		for x := range uint64(words + 1) {
			want = want || holds(args, x)
		}
		if ok != want || ok && !holds(args, got) {
			t.Fatalf("%v: got %#x, %v; want %v", conds, got, ok, want)
		}
		if ok {
			found++
		}
	}
	if found < 5000 || found > 18000 {
		t.Errorf("%d of 20000 have a common value: the test is not about much", found)
	}
}

// holds reports whether a value meets conditions, as the specification has it;
// but a masked comparison takes no more of its datum than of its mask.
func holds(args []specs.LinuxSeccompArg, x uint64) bool {
	for _, a := range args {
		ok := false
		switch a.Op {
		case specs.OpEqualTo:
			ok = x == a.Value
		case specs.OpNotEqual:
			ok = x != a.Value
		case specs.OpLessThan:
			ok = x < a.Value
		case specs.OpLessEqual:
			ok = x <= a.Value
		case specs.OpGreaterThan:
			ok = x > a.Value
		case specs.OpGreaterEqual:
			ok = x >= a.Value
		case specs.OpMaskedEqual:
			ok = x&a.Value == a.ValueTwo&a.Value
		}
		if !ok {
			return false
		}
	}
	return true
}

// FuzzFromOCI reads whatever parses; what it accepts must be a whole policy.
func FuzzFromOCI(f *testing.F) {
	f.Add(profileOf(ruleText("read", "ALLOW", "0 EQ 7"), ruleText("socket", "TRAP", "0 GE 5", "1 LT 3")))
	f.Add(profileOf(ruleText("chown32", "LOG", "0 MASKED_EQ 7 3", "0 NE 1"), ruleText("ipc", "ALLOW")))
	f.Fuzz(func(t *testing.T, text string) {
		profile, _ := oci.Parse(source.NewFile("fuzz", text))
		if profile == nil {
			return
		}
		p, diags := FromOCI(profile, Options{WithoutLibseccomp: true})
		if (p == nil) != diags.HasErrors() {
			t.Fatalf("a policy with errors, or neither: %v", diags)
		}
		if p == nil {
			return
		}
		for _, call := range []linux.SeccompData{x86(0), x86(41, 1, 2, 3), i386(102, 1), x86(linux.X32Bit), {}} {
			p.Eval(&call)
		}
	})
}
