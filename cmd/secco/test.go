package main

import (
	"github.com/urfave/cli/v2"

	"secco/convert/readers"
	"secco/lang"
	"secco/policy/prove"
)

var testCommand = &cli.Command{
	Name:      "test",
	Usage:     "run the tests that a policy states about itself",
	ArgsUsage: "POLICY...",
	Description: "Arguments that a test leaves open stand for all values: the test is proved. Where one fails, a\n" +
		"call that shows it and the rule that decides it are printed, and the exit code is 1.",
	Flags: flags([]cli.Flag{archFlag}, inputFlags),
	Action: action(func(s *session) error {
		if err := s.want(1, -1); err != nil {
			return err
		}
		f, err := s.load(s.Args().Slice()...)
		if err != nil {
			return err
		}
		if f.policy == nil || f.kind != readers.Secco {
			return badInput("no-tests", "%s is %s: only policies have tests", f.name, f.kind)
		}
		if len(f.tests) == 0 {
			return badInput("no-tests", "%s has no tests", f.name)
		}
		failed, undecided := 0, 0
		for _, t := range f.tests {
			result, err := s.runTest(f, t)
			if err != nil {
				return err
			}
			switch result {
			case prove.Different:
				failed++
			case prove.Undecided:
				undecided++
			}
		}
		if !s.json {
			if err := s.printf("%d passed, %d failed\n", len(f.tests)-failed-undecided, failed); err != nil {
				return err
			}
		}
		switch {
		case failed > 0:
			return &failure{code: exitNo}
		case undecided > 0:
			return &failure{code: exitUndecided}
		}
		return nil
	}),
}

// runTest decides one test and prints why it fails.
func (s *session) runTest(f *filter, t lang.Test) (prove.Verdict, error) {
	result, err := t.Prove(f.policy)
	switch {
	case err != nil:
		return 0, refused("fault", "a fault in secco itself, please report it: %s", err)
	case s.json:
		err = s.print(testLine(f, t, result))
	case result.Verdict == prove.Different:
		call := &result.Witness.Call
		got, rule := f.policy.Eval(call)
		err = s.printf("%s: %s is expected, but %s gets %s (%s)\n", t.Span, actionText(t.Want, call), prove.CallString(call), actionText(got, call), rule)
	case result.Verdict == prove.Undecided:
		err = s.printf("%s: undecided: %s\n", t.Span, result.Reason)
	}
	return result.Verdict, err
}

// testLine returns a test's result as a line of JSON; the call that shows why it
// fails is a case that emulate takes.
func testLine(f *filter, t lang.Test, r prove.Result) []byte {
	line := struct {
		Test   string       `json:"test"`
		Arch   string       `json:"arch"`
		Result string       `json:"result"`
		Reason string       `json:"reason,omitempty"`
		Want   string       `json:"want"`
		Call   *callJSON    `json:"call,omitempty"`
		Got    *verdictJSON `json:"got,omitempty"`
	}{Test: t.Span.String(), Arch: t.Arch.String(), Result: "passed", Reason: r.Reason, Want: t.Want.StringOn(t.Arch)}
	switch r.Verdict {
	case prove.Undecided:
		line.Result = "undecided"
	case prove.Different:
		line.Result = "failed"
		got := verdictOf(f, r.Witness.A, &r.Witness.Call)
		line.Call, line.Got = callLine(&r.Witness.Call), &got
	}
	return jsonLine(line)
}
