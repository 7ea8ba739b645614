package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"secco/linux"
	"secco/policy/diagram"
	"secco/policy/prove"
)

var diffCommand = &cli.Command{
	Name:      "diff",
	Usage:     "list every difference between two filters, with the conditions under which it shows",
	ArgsUsage: "A B",
	Description: "The list is complete: without a line the filters are proved equal. Syscalls and architectures of\n" +
		"which the same is to be said are one item; with --json each range of numbers has its line, and a\n" +
		"call that shows the difference. Exit code 0 is equal, 1 different,\n" +
		"4 that some calls are undecided, which are named.\n" + forEachHelp,
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
		if err := s.printDifferences(a, b, report); err != nil {
			return err
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

// printDifferences prints the differences: as JSON a line for each range of
// numbers; for people those that are alike together, the calls, the condition,
// then what each filter does with them.
func (s *session) printDifferences(a, b *filter, report *prove.Report) error {
	if s.json {
		for i := range report.Differences {
			d := &report.Differences[i]
			line := struct {
				Calls *callsJSON  `json:"calls"`
				When  string      `json:"when,omitempty"`
				Vague string      `json:"vague,omitempty"`
				Call  *callJSON   `json:"call"`
				A     verdictJSON `json:"a"`
				B     verdictJSON `json:"b"`
			}{callsLine(d.Calls), "", d.Vague, callLine(&d.Witness.Call), verdictOf(a, d.A, &d.Witness.Call), verdictOf(b, d.B, &d.Witness.Call)}
			if d.Vague == "" {
				line.When = d.Condition()
			}
			if err := s.print(jsonLine(line)); err != nil {
				return err
			}
		}
		return nil
	}
	for _, c := range report.Changes() {
		calls := strings.Join(c.Arches, ", ") + ": " + wrapped(c.Syscalls)
		if c.When != "" {
			calls += " where " + c.When
		}
		if err := s.printf("%s\n  %s\n  %s\n", calls, saysOfAll(a, c.A, c.Differences), saysOfAll(b, c.B, c.Differences)); err != nil {
			return err
		}
	}
	return nil
}

// callsJSON is calls of a range of architectures, as the kernel numbers them, and
// of syscall numbers. What has names is named: the architecture, where it is one,
// and the syscalls.
type callsJSON struct {
	Arch  string    `json:"arch,omitempty"`
	Audit [2]string `json:"audit"`
	NR    [2]uint32 `json:"nr"`
	Names []string  `json:"names,omitempty"`
}

// callsLine returns what stands for calls.
func callsLine(c diagram.Calls) *callsJSON {
	line := &callsJSON{
		Audit: [2]string{fmt.Sprintf("%#x", c.Arch.Lo), fmt.Sprintf("%#x", c.Arch.Hi)},
		NR:    [2]uint32{c.NR.Lo, c.NR.Hi},
	}
	arch, ok := linux.ArchOf(c.Arch.Lo, c.NR.Lo)
	if !ok || c.Arch.Lo != c.Arch.Hi {
		return line
	}
	line.Arch = arch.String()
	for _, call := range arch.Syscalls() {
		if c.NR.Has(call.NR) {
			line.Names = append(line.Names, call.Name)
		}
	}
	return line
}

// wrapped returns a list of words with commas, in lines that are not too long.
func wrapped(words []string) string {
	const width = 100
	var b strings.Builder
	column := 0
	for i, w := range words {
		if i > 0 {
			b.WriteByte(',')
			if column+len(w) > width {
				b.WriteString("\n   ")
				column = 0
			}
			b.WriteByte(' ')
		}
		b.WriteString(w)
		column += len(w) + 2
	}
	return b.String()
}

// saysOfAll returns what a filter does with calls, and its rules for them.
func saysOfAll(f *filter, action linux.Action, differences []*prove.Difference) string {
	const most = 4
	var rules []string
	for _, d := range differences {
		if rule := decides(f, &d.Witness.Call); !rule.IsZero() && !slices.Contains(rules, rule.String()) {
			rules = append(rules, rule.String())
		}
	}
	text := fmt.Sprintf("%s: %s", f.name, actionText(action, &differences[0].Witness.Call))
	if more := len(rules) - most; more > 0 {
		rules = append(rules[:most], fmt.Sprintf("%d more", more))
	}
	if len(rules) > 0 {
		text += " (" + strings.Join(rules, ", ") + ")"
	}
	return text
}

func (s *session) printUndecided(u prove.UndecidedCalls) error {
	if s.json {
		return s.print(jsonLine(struct {
			Calls     *callsJSON `json:"calls"`
			Undecided string     `json:"undecided"`
		}{callsLine(u.Calls), u.Reason}))
	}
	return s.printf("%s: undecided: %s\n", prove.CallsString(u.Calls), u.Reason)
}
