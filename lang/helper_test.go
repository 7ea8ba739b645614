package lang_test

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"secco/lang"
	"secco/lang/eval"
	"secco/lang/syntax"
	"secco/linux"
	"secco/policy"
	"secco/source"
)

// usual are the defaults of examples that state none.
var usual = lang.Options{Defaults: lang.Defaults{Positive: "allow", Negative: "EPERM", Policy: "kill_process"}}

// expect holds a policy against calls, "[ARCH] NAME(ARGUMENTS) => ACTION",
// under both meanings of the language.
func expect(t *testing.T, text string, calls ...string) {
	t.Helper()
	expectWith(t, text, usual, calls...)
}

func expectWith(t *testing.T, text string, opts lang.Options, calls ...string) {
	t.Helper()
	f := source.NewFile("test", text)
	p, diags := lang.Load([]*source.File{f}, opts)
	if diags.HasErrors() {
		t.Fatalf("%v\n%s", diags.Err(), text)
	}
	e := evaluator(t, f, opts)
	for _, c := range calls {
		d, want := parseCall(t, p, c)
		if got, span := p.Eval(&d); got != want {
			t.Errorf("%s: the policy says %s, by %s\n%s", c, got, span, text)
		}
		if got := e.Eval(&d); got != want {
			t.Errorf("%s: eval says %s\n%s", c, got, text)
		}
	}
}

func evaluator(t *testing.T, f *source.File, opts lang.Options) *eval.Evaluator {
	t.Helper()
	parse := func(files ...*source.File) (list []*syntax.File) {
		for _, f := range files {
			parsed, _ := syntax.Parse(f)
			syntax.Resolve([]*syntax.File{parsed}, opts.Find)
			list = append(list, parsed)
		}
		return list
	}
	e, err := eval.New(parse(f), eval.Options{
		Targets: opts.Targets,
		Defaults: map[syntax.Which]string{
			syntax.DefaultPositive: opts.Defaults.Positive, syntax.DefaultNegative: opts.Defaults.Negative,
			syntax.DefaultPolicy: opts.Defaults.Policy, syntax.DefaultBadArch: opts.Defaults.BadArch, syntax.DefaultX32: opts.Defaults.X32,
		},
		Definitions:  parse(opts.Definitions...),
		Capabilities: opts.Capabilities,
		Kernel:       opts.Kernel,
	})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

var callPattern = regexp.MustCompile(`^(?:(\w+) )?(\w+)\(([^)]*)\) => (.+)$`)

// parseCall reads a call and the action that is expected. Syscalls are names or
// numbers, arguments numbers or constants.
func parseCall(t *testing.T, p *policy.Policy, text string) (linux.SeccompData, linux.Action) {
	t.Helper()
	m := callPattern.FindStringSubmatch(text)
	if m == nil {
		t.Fatalf("bad call %q", text)
	}
	arch := p.Targets[0].Arch
	if m[1] != "" {
		var ok bool
		if arch, ok = linux.ParseArch(m[1]); !ok {
			t.Fatalf("no architecture %q", m[1])
		}
	}
	d := linux.SeccompData{Arch: arch.Audit()}
	if nr, ok := arch.Syscall(m[2]); ok {
		d.NR = nr
	} else if n, err := strconv.ParseUint(m[2], 0, 32); err == nil {
		d.NR = uint32(n)
	} else {
		t.Fatalf("no syscall %q on %s", m[2], arch)
	}
	for i, arg := range strings.Split(m[3], ",") {
		arg = strings.TrimSpace(arg)
		if arg == "" {
			continue
		}
		v, ok := arch.Constant(arg)
		if !ok {
			n, err := strconv.ParseUint(arg, 0, 64)
			if err != nil {
				t.Fatal(err)
			}
			v = n
		}
		d.Args[i] = v
	}
	return d, parseAction(t, m[4])
}

func parseAction(t *testing.T, text string) linux.Action {
	t.Helper()
	p, diags := lang.Load(nil, lang.Options{Defaults: lang.Defaults{Policy: text}})
	if diags.HasErrors() {
		t.Fatalf("%s: %v", text, diags)
	}
	return p.Targets[0].Default.Action
}

// findings loads a policy and returns what was found, as
// line:column: severity[code], but for wide-comparison, which most short examples
// draw.
func findings(text string, opts lang.Options) []string {
	_, diags := lang.Load([]*source.File{source.NewFile("test", text)}, opts)
	var list []string
	for _, d := range diags {
		if d.Code == "wide-comparison" {
			continue
		}
		pos := d.Span.Position()
		list = append(list, fmt.Sprintf("%d:%d: %s[%s]", pos.Line, pos.Column, d.Severity, d.Code))
	}
	return list
}

// refuse expects that a policy has exactly these findings.
func refuse(t *testing.T, text string, want ...string) {
	t.Helper()
	if got := findings(text, usual); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("found %q, want %q in\n%.1000s", got, want, text)
	}
}

// mustLoad loads a policy without errors.
func mustLoad(t *testing.T, text string) *policy.Policy {
	t.Helper()
	p, diags := lang.Load([]*source.File{source.NewFile("test", text)}, usual)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return p
}
