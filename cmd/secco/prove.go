package main

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"secco/linux"
	"secco/policy"
	"secco/policy/prove"
	"secco/source"
)

var proveCommand = &cli.Command{
	Name:      "prove",
	Usage:     "prove that two filters do the same with every call, or show one that tells them apart",
	ArgsUsage: "A B",
	Description: "With --stricter: that A never does a laxer thing than B, in the kernel's precedence from\n" +
		"kill_process to allow; errnos are not ranked. Exit code 0 is proved, 1 shows a call,\n" +
		"which was run through both filters, 4 is undecided, with the reason.\n" + forEachHelp,
	Flags: flags([]cli.Flag{
		&cli.BoolFlag{Name: "stricter", DisableDefaultText: true, Usage: "prove that A is at least as strict as B"},
		scopeFlag, targetsFlag,
	}, inputFlags),
	Action: action(func(s *session) error {
		a, b, opts, err := s.pair()
		if err != nil {
			return err
		}
		return s.prove(a, b, opts)
	}),
}

var scopeFlag = &cli.StringFlag{
	Name: "arch", Aliases: []string{"a"}, Usage: "ask only about calls of these `ARCHES`, with commas between them (default: about all)",
}

// pair reads the two filters that a question is about, and its scope.
func (s *session) pair() (a, b *filter, opts prove.Options, err error) {
	if err = s.want(2, 2); err != nil {
		return nil, nil, opts, err
	}
	if opts.Arches, err = s.arches(scopeFlag.Name); err != nil {
		return nil, nil, opts, err
	}
	both, err := s.loadEach(s.Args().Slice()...)
	if err != nil {
		return nil, nil, opts, err
	}
	s.warnOtherArch(opts.Arches, both...)
	return both[0], both[1], opts, nil
}

// warnOtherArch tells which of the architectures that are asked about a policy is
// not for: an answer about those says nothing of its rules.
func (s *session) warnOtherArch(asked []linux.Arch, filters ...*filter) {
	var findings source.Diagnostics
	for _, f := range filters {
		for _, a := range asked {
			if f.policy != nil && f.policy.Target(a) == nil {
				findings.Warnf(source.Span{}, "other-arch", "%s is for %s: its rules are not about calls of %s", f.name, archNames(f.policy), a).Hint =
					"--targets says which architectures a policy is for that names none itself"
			}
		}
	}
	s.warn(findings)
}

// archNames returns the architectures that a policy is for.
func archNames(p *policy.Policy) string {
	names := make([]string, len(p.Targets))
	for i, t := range p.Targets {
		names[i] = t.Arch.String()
	}
	return strings.Join(names, ", ")
}

// prove asks the question of the flags and prints the answer.
func (s *session) prove(a, b *filter, opts prove.Options) error {
	left, err := provable(a)
	if err != nil {
		return err
	}
	right, err := provable(b)
	if err != nil {
		return err
	}
	question := prove.Equivalent
	if s.Bool("stricter") {
		question = prove.AtLeastAsStrict
	}
	result, err := question(left, right, opts)
	if err != nil {
		return refused("fault", "a fault in secco itself, please report it: %s", err)
	}
	if s.json {
		err = s.print(s.proofLine(a, b, result))
	} else {
		err = s.print([]byte(proofText(a, b, result)))
	}
	if err != nil {
		return err
	}
	switch result.Verdict {
	case prove.Equal, prove.Stricter:
		return nil
	case prove.Different:
		return &failure{code: exitNo}
	}
	return &failure{code: exitUndecided}
}

// provable returns a filter as proofs take it.
func provable(f *filter) (prove.Filter, error) {
	if f.policy != nil {
		return prove.Policy(f.policy), nil
	}
	p, err := prove.Program(f.program.Program)
	if err != nil {
		return nil, badInput("invalid-program", "%s: %s", f.name, err)
	}
	return p, nil
}

// proofText returns an answer for people.
func proofText(a, b *filter, r prove.Result) string {
	if r.Verdict == prove.Undecided {
		return fmt.Sprintf("undecided: %s\n", r.Reason)
	}
	text := r.Verdict.String() + "\n"
	if w := r.Witness; w != nil {
		text += fmt.Sprintf("%s\n  %s\n  %s\n", prove.CallString(&w.Call), says(a, w.A, &w.Call), says(b, w.B, &w.Call))
	}
	return text
}

// says returns what a filter does with a call, and the rule where it is known.
func says(f *filter, action linux.Action, call *linux.SeccompData) string {
	text := actionText(action, call)
	if rule := decides(f, call); !rule.IsZero() {
		return fmt.Sprintf("%s: %s (%s)", f.name, text, rule)
	}
	return fmt.Sprintf("%s: %s", f.name, text)
}

func decides(f *filter, call *linux.SeccompData) source.Span {
	if f.policy == nil {
		return source.Span{}
	}
	_, rule := f.policy.Eval(call)
	return rule
}

// verdictJSON is what a filter does with a call.
type verdictJSON struct {
	Filter string `json:"filter"`
	Ret    string `json:"ret"`
	Action string `json:"action"`
	Rule   string `json:"rule,omitempty"`
}

func verdictOf(f *filter, action linux.Action, call *linux.SeccompData) verdictJSON {
	v := verdictJSON{Filter: f.name, Ret: fmt.Sprintf("0x%08x", uint32(action)), Action: actionText(action, call)}
	if rule := decides(f, call); !rule.IsZero() {
		v.Rule = rule.String()
	}
	return v
}

// proofLine returns an answer as a line of JSON; a witness's call is a case that
// emulate takes.
func (s *session) proofLine(a, b *filter, r prove.Result) []byte {
	answer := struct {
		Verdict string       `json:"verdict"`
		Reason  string       `json:"reason,omitempty"`
		Call    *callJSON    `json:"call,omitempty"`
		A       *verdictJSON `json:"a,omitempty"`
		B       *verdictJSON `json:"b,omitempty"`
	}{Verdict: r.Verdict.String(), Reason: r.Reason}
	if w := r.Witness; w != nil {
		left, right := verdictOf(a, w.A, &w.Call), verdictOf(b, w.B, &w.Call)
		answer.Call, answer.A, answer.B = callLine(&w.Call), &left, &right
	}
	return jsonLine(answer)
}
