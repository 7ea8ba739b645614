package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"secco/bpf"
	"secco/convert"
	"secco/convert/libseccomp"
	"secco/emulator"
	"secco/policy"
)

var verifyCommand = &cli.Command{
	Name:      "verify",
	Usage:     "check that a policy, its program and its profile through libseccomp do the same",
	ArgsUsage: "POLICY...",
	Description: "The calls that are compared are those of every syscall number that an architecture has, the\n" +
		"gaps between, x32's and negative ones, other architectures, and arguments at the edges of\n" +
		"the policy's own constants. Exit code 3 where secco was built without libseccomp.",
	Flags: flags([]cli.Flag{archFlag}, inputFlags),
	Action: action(func(s *session) error {
		if err := s.want(1, -1); err != nil {
			return err
		}
		f, err := s.load(s.Args().Slice()...)
		if err != nil {
			return err
		}
		return s.verify(f)
	}),
}

// verify compares the forms of a policy and prints how much was compared.
func (s *session) verify(f *filter) error {
	out, err := s.compile(f)
	if err != nil {
		return err
	}
	if err := s.printf("%s: %d instructions\n%s", f.name, len(out.Program), verdicts(f.policy)); err != nil {
		return err
	}
	calls, err := compare(f.policy, out.Program, "the program returns")
	if err != nil {
		return err
	}
	if err := s.printf("policy = program: %d calls\n", calls); err != nil {
		return err
	}
	profile, err := convert.ToOCI(f.policy, convert.Options{})
	if err != nil {
		return err
	}
	if !libseccomp.Available {
		return refused("no-libseccomp", "not cross-validated: %s", libseccomp.ErrNotBuilt)
	}
	version, err := libseccomp.Version()
	if err != nil {
		return refused("libseccomp", "not cross-validated: %s", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	theirs, err := libseccomp.BuildContext(ctx, profile, libseccomp.Options{})
	if err != nil {
		return refused("libseccomp", "not cross-validated: %s", err)
	}
	calls, err = compare(f.policy, theirs, "the profile through libseccomp "+version+" returns")
	if err != nil {
		return err
	}
	return s.printf("policy = profile through libseccomp %s: %d calls, %d instructions\n", version, calls, len(theirs))
}

// compare has a policy and a program decide the policy's sample calls and returns
// how many those were. A difference is an error with the call.
func compare(p *policy.Policy, program bpf.Program, returns string) (calls int, err error) {
	m, err := emulator.New(program)
	if err != nil {
		return 0, err
	}
	for d := range policy.Samples(p) {
		calls++
		meant, rule := p.Eval(&d)
		if got := m.Run(&d); got.Effect() != meant.Effect() {
			return calls, newFailure(exitNo, "different", "for %s the policy means %s (%s), %s %s", describe(&d), meant, rule, returns, got)
		}
	}
	return calls, nil
}

// verdicts counts, for each architecture, what becomes of its syscalls: a line
// for each.
func verdicts(p *policy.Policy) string {
	var b strings.Builder
	for _, t := range p.Targets {
		counts := map[string]int{}
		for _, call := range t.Arch.Syscalls() {
			if root := t.Root(call.NR); root.IsLeaf() {
				counts[root.Action.Effect().String()]++
			} else {
				counts["by arguments"]++
			}
		}
		names := make([]string, 0, len(counts))
		for name := range counts {
			names = append(names, name)
		}
		slices.SortFunc(names, func(a, b string) int { // the most frequent first
			if counts[a] != counts[b] {
				return counts[b] - counts[a]
			}
			return strings.Compare(a, b)
		})
		fmt.Fprintf(&b, "%s: %d syscalls:", t.Arch, len(t.Arch.Syscalls()))
		for i, name := range names {
			if i > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, " %d %s", counts[name], name)
		}
		b.WriteByte('\n')
	}
	return b.String()
}
