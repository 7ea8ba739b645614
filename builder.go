package secco

import (
	"fmt"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"secco/lang"
	"secco/lang/syntax"
	"secco/linux"
	"secco/source"
)

// Builder makes a policy in code:
//
//	b := secco.New(secco.Errno(syscall.EPERM))
//	b.Add(secco.Allow, "read", "write", "exit_group")
//	b.AddIf(secco.Allow, "socket", secco.ArgL(0).Equal(syscall.AF_UNIX))
//	policy, err := b.Policy()
//
// The rules of a syscall are tried in the order in which they were added: the first
// whose conditions hold decides. A call for which none holds, or that has no rule,
// gets the default action.
//
// What is wrong is told by [Builder.Policy], all at once, with the places in the Go
// program at which it was added; and the rule that decides a call is named by its
// place there. New makes Builders: a zero one has no default action, which is an
// error. A Builder is not safe for concurrent use.
type Builder struct {
	arches    []linux.Arch
	byDefault fragment
	rules     []rule
	findings  source.Diagnostics // of what was wrong when it was added
}

// rule is one rule of one syscall.
type rule struct {
	syscall string
	fragment
	isConditional bool
}

// fragment is a statement in secco's language and where in the Go program it comes
// from. Its file has the name of the Go file, and its text stands on the Go line.
type fragment struct {
	text string
	file *source.File
	line int
}

// New returns a policy without rules, in which every call gets the default action.
// It is for these architectures; for this machine's where there are none.
//
// Calls of other architectures get kill_thread, x32's on x86_64 among them.
func New(byDefault Action, arches ...linux.Arch) *Builder {
	b := &Builder{byDefault: here("DEFAULT_POLICY = " + written(byDefault))}
	b.checkAction(byDefault, b.byDefault)
	if len(arches) == 0 {
		arches = []linux.Arch{Machine()}
	}
	for _, a := range arches {
		if a.Valid() {
			b.arches = append(b.arches, a)
		} else {
			b.findings.Errorf(b.byDefault.span(), "unknown-arch", "linux.Arch(%d) is no architecture that secco knows", a)
		}
	}
	return b
}

// Add adds the rule that these syscalls get the action, whatever their arguments.
func (b *Builder) Add(a Action, syscalls ...string) {
	if len(syscalls) == 0 {
		b.findings.Errorf(here("return "+written(a)).span(), "no-syscall", "a rule for no syscall")
	}
	for _, name := range syscalls {
		b.add(a, here(name+": return "+written(a)), name, false)
	}
}

// AddIf adds the rule that a syscall gets the action where all of the conditions
// hold.
func (b *Builder) AddIf(a Action, syscall string, conditions ...Condition) {
	all := join(conditions, " && ")
	f := here(syscall + " { " + all.text + " -> " + written(a) + " }")
	switch {
	case len(conditions) == 0:
		b.findings.Errorf(f.span(), "no-condition", "a rule for %q without a condition: Add is for those", syscall)
	case all.wrong != "":
		b.findings.Errorf(f.span(), "bad-condition", "the rule for %q: %s", syscall, all.wrong)
	default:
		b.add(a, f, syscall, true)
	}
}

// Delete takes away the rules that syscalls have so far. One without any is an
// error.
func (b *Builder) Delete(syscalls ...string) {
	if len(syscalls) == 0 {
		b.findings.Errorf(here("remove").span(), "no-syscall", "the rules of no syscall are deleted")
	}
	for _, name := range syscalls {
		before := len(b.rules)
		b.rules = slices.DeleteFunc(b.rules, func(r rule) bool { return r.syscall == name })
		if len(b.rules) == before {
			b.findings.Errorf(here("remove "+name).span(), "nothing-to-remove", "there is no rule for %q", name)
		}
	}
}

// Combine adds the rules of another Builder behind b's. The default action and the
// architectures remain b's. See [Union] and [Intersection] for whole policies.
func (b *Builder) Combine(other *Builder) {
	if other == nil {
		b.findings.Errorf(here("include").span(), "no-builder", "there is no Builder to combine with: it is nil")
		return
	}
	b.rules = append(b.rules, other.rules...)
	b.findings = append(b.findings, other.findings...)
}

// syscallName is what a syscall's name may look like.
var syscallName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func (b *Builder) add(a Action, f fragment, name string, isConditional bool) {
	if !syscallName.MatchString(name) {
		b.findings.Errorf(f.span(), "unknown-syscall", "no syscall named %q", name)
		return
	}
	b.checkAction(a, f)
	b.rules = append(b.rules, rule{name, f, isConditional})
}

func (b *Builder) checkAction(a Action, f fragment) {
	if a.Kind() != linux.KillProcess && a.Effect() == linux.KillProcess || a.Kind() == linux.Errno && a.Data() > linux.MaxErrno {
		b.findings.Errorf(f.span(), "bad-action", "%#x is no action of a filter", uint32(a))
	}
}

// written returns an action as secco's language writes it. Errnos are numbers, for
// what a name means depends on the architecture.
func written(a Action) string {
	if a = a.Effect(); a.Kind() == linux.Errno {
		return fmt.Sprintf("errno(%d)", a.Data())
	}
	return a.String()
}

// here returns the fragment of what the caller's caller adds.
func here(text string) fragment {
	name, line := "policy.go", 1
	if _, file, at, ok := runtime.Caller(2); ok {
		name, line = filepath.Base(file), at
	}
	text = strings.ReplaceAll(text, "\n", " ")
	return fragment{text, source.NewFile(name, strings.Repeat("\n", line-1)+text+"\n"), line}
}

func (f fragment) span() source.Span {
	return f.file.Span(f.line-1, f.line-1+len(f.text))
}

// Policy returns the policy, or all that is wrong with it as [source.Diagnostics].
// A condition on bits that the kernel does not look at is among that, for such a
// rule can be dodged.
func (b *Builder) Policy() (*Policy, error) {
	if b == nil || b.byDefault.file == nil {
		var findings source.Diagnostics
		findings.Errorf(here("Policy()").span(), "no-builder", "there is no default action: New makes a Builder")
		return nil, findings
	}
	findings := slices.Clone(b.findings)
	file := &syntax.File{Source: b.byDefault.file}
	parse := func(f fragment) syntax.Stmt {
		parsed, more := syntax.Parse(f.file)
		findings = append(findings, more...)
		if len(parsed.Stmts) != 1 {
			return nil
		}
		return parsed.Stmts[0]
	}
	byDefault, ok := parse(b.byDefault).(*syntax.Default)
	if !ok {
		return nil, findings
	}
	file.Stmts = append(file.Stmts, byDefault)
	for _, rules := range b.bySyscall(&findings) {
		var whole *syntax.Rule
		otherwise := &syntax.Arm{Action: byDefault.Action, At: byDefault.At}
		for _, r := range rules {
			parsed, ok := parse(r.fragment).(*syntax.Rule)
			switch {
			case !ok:
			case whole == nil:
				whole = parsed
			case r.isConditional:
				whole.Arms = append(whole.Arms, parsed.Arms...)
			default:
				otherwise = &syntax.Arm{Action: parsed.Body.Return, At: parsed.At}
			}
		}
		if whole != nil && whole.Arms != nil {
			whole.Arms = append(whole.Arms, otherwise)
		}
		if whole != nil {
			file.Stmts = append(file.Stmts, whole)
		}
	}
	if len(b.arches) == 0 {
		return nil, findings // which say why
	}
	meaning, more := lang.LoadSyntax([]*syntax.File{file}, lang.Options{Targets: b.arches})
	for _, d := range more {
		if d.Code == "wide-comparison" {
			d.Severity = source.Error
		}
		findings = append(findings, d)
	}
	if err := findings.Err(); err != nil {
		return nil, err
	}
	return &Policy{meaning: meaning, warnings: findings}, nil
}

// bySyscall returns the rules of each syscall, up to the one that decides whatever
// comes to it.
func (b *Builder) bySyscall(findings *source.Diagnostics) [][]rule {
	var list [][]rule
	at := map[string]int{}
	for _, r := range b.rules {
		i, ok := at[r.syscall]
		if !ok {
			i = len(list)
			at[r.syscall], list = i, append(list, nil)
		}
		if n := len(list[i]); n > 0 && !list[i][n-1].isConditional {
			if last := list[i][n-1]; last.text != r.text { // the same once more does no harm
				findings.Errorf(r.span(), "duplicate-rule", "no call comes to this rule for %q", r.syscall).Related =
					[]source.Related{{Span: last.span(), Message: "this one decides all of them"}}
			}
			continue
		}
		list[i] = append(list[i], r)
	}
	return list
}
