package main

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"secco/linux"
	"secco/policy/prove"
	"secco/source"
)

var proveCommand = &cli.Command{
	Name:      "prove",
	Usage:     "prove that two filters do the same with every call, or show one that tells them apart",
	ArgsUsage: "A B",
	Description: "With --stricter: that A never does a laxer thing than B, in the kernel's precedence from\n" +
		"kill_process to allow; errnos are not ranked. Exit code 0 is proved, 1 shows a call,\n" +
		"which was run through both filters, 4 is undecided, with the reason.",
	Flags: flags([]cli.Flag{
		&cli.BoolFlag{Name: "stricter", DisableDefaultText: true, Usage: "prove that A is at least as strict as B"},
		&cli.StringFlag{Name: "arch", Aliases: []string{"a"}, Usage: "ask only about calls of these `ARCHES`, with commas between them (default: about all)"},
		targetsFlag,
	}, inputFlags),
	Action: action(func(s *session) error {
		if err := s.want(2, 2); err != nil {
			return err
		}
		arches, err := s.arches("arch")
		if err != nil {
			return err
		}
		a, err := s.load(s.Args().Get(0))
		if err != nil {
			return err
		}
		b, err := s.load(s.Args().Get(1))
		if err != nil {
			return err
		}
		return s.prove(a, b, arches)
	}),
}

// prove asks the question of the flags and prints the answer.
func (s *session) prove(a, b *filter, arches []linux.Arch) error {
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
	result, err := question(left, right, prove.Options{Arches: arches})
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
	if rule := decides(f, call); !rule.IsZero() {
		return fmt.Sprintf("%s: %s (%s)", f.name, action, rule)
	}
	return fmt.Sprintf("%s: %s", f.name, action)
}

func decides(f *filter, call *linux.SeccompData) source.Span {
	if f.policy == nil {
		return source.Span{}
	}
	_, rule := f.policy.Eval(call)
	return rule
}

// proofLine returns an answer as a line of JSON; a witness's call is a case that
// emulate takes.
func (s *session) proofLine(a, b *filter, r prove.Result) []byte {
	type verdict struct {
		Filter string `json:"filter"`
		Ret    string `json:"ret"`
		Action string `json:"action"`
		Rule   string `json:"rule,omitempty"`
	}
	answer := struct {
		Verdict string    `json:"verdict"`
		Reason  string    `json:"reason,omitempty"`
		Call    *callJSON `json:"call,omitempty"`
		A       *verdict  `json:"a,omitempty"`
		B       *verdict  `json:"b,omitempty"`
	}{Verdict: r.Verdict.String(), Reason: r.Reason}
	if w := r.Witness; w != nil {
		answer.Call = callLine(&w.Call)
		of := func(f *filter, action linux.Action) *verdict {
			v := &verdict{Filter: f.name, Ret: fmt.Sprintf("0x%08x", uint32(action)), Action: action.String()}
			if rule := decides(f, &w.Call); !rule.IsZero() {
				v.Rule = rule.String()
			}
			return v
		}
		answer.A, answer.B = of(a, w.A), of(b, w.B)
	}
	return jsonLine(answer)
}
