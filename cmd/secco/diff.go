package main

import (
	"github.com/urfave/cli/v2"

	"secco/policy/prove"
)

var diffCommand = &cli.Command{
	Name:      "diff",
	Usage:     "list every difference between two filters, with the conditions under which it shows",
	ArgsUsage: "A B",
	Description: "The list is complete: without a line the filters are proved equal. Exit code 0 is equal, 1 different,\n" +
		"4 that some calls are undecided, which are named.",
	Flags: flags([]cli.Flag{scopeFlag, targetsFlag}, inputFlags),
	Action: action(func(s *session) error {
		a, b, opts, err := s.pair()
		if err != nil {
			return err
		}
		left, err := provable(a)
		if err != nil {
			return err
		}
		right, err := provable(b)
		if err != nil {
			return err
		}
		report, err := prove.Differences(left, right, opts)
		if err != nil {
			return refused("fault", "a fault in secco itself, please report it: %s", err)
		}
		for i := range report.Differences {
			if err := s.printDifference(a, b, &report.Differences[i]); err != nil {
				return err
			}
		}
		for _, u := range report.Undecided {
			if err := s.printUndecided(u); err != nil {
				return err
			}
		}
		switch {
		case len(report.Differences) > 0:
			return &failure{code: exitNo}
		case len(report.Undecided) > 0:
			return &failure{code: exitUndecided}
		}
		return nil
	}),
}

// printDifference prints one difference: the calls, the condition, then what each
// filter does with them.
func (s *session) printDifference(a, b *filter, d *prove.Difference) error {
	calls, when := prove.CallsString(d.Calls), d.Condition()
	if s.json {
		return s.print(jsonLine(struct {
			Calls string      `json:"calls"`
			When  string      `json:"when,omitempty"`
			Call  *callJSON   `json:"call"`
			A     verdictJSON `json:"a"`
			B     verdictJSON `json:"b"`
		}{calls, when, callLine(&d.Witness.Call), verdictOf(a, d.A, &d.Witness.Call), verdictOf(b, d.B, &d.Witness.Call)}))
	}
	if when != "" {
		calls += ": " + when
	}
	return s.printf("%s\n  %s\n  %s\n", calls, says(a, d.A, &d.Witness.Call), says(b, d.B, &d.Witness.Call))
}

func (s *session) printUndecided(u prove.UndecidedCalls) error {
	calls := prove.CallsString(u.Calls)
	if s.json {
		return s.print(jsonLine(struct {
			Calls     string `json:"calls"`
			Undecided string `json:"undecided"`
		}{calls, u.Reason}))
	}
	return s.printf("%s: undecided: %s\n", calls, u.Reason)
}
