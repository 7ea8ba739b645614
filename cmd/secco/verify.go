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
	"secco/linux"
	"secco/policy"
	"secco/policy/prove"
	"secco/source"
)

var verifyCommand = &cli.Command{
	Name:      "verify",
	Usage:     "check that a policy, its program and its profile through libseccomp do the same",
	ArgsUsage: "POLICY...",
	Description: "Each pair is proved equal for every call of every architecture. Calls of every syscall\n" +
		"number and of those between, x32's and negative ones, other architectures', with arguments at\n" +
		"the edges of the policy's own constants, are run through both besides. Exit code 1 shows a\n" +
		"call that tells them apart, 3 says that secco was built without libseccomp.",
	Flags: flags([]cli.Flag{archFlag, optimizeFlag, freqFlag}, inputFlags),
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
	if _, err := s.meaning(f); err != nil {
		return err
	}
	out, err := s.compile(f)
	if err != nil {
		return err
	}
	if err := s.printf("%s: %d instructions\n%s", f.name, len(out.Program), verdicts(f.policy)); err != nil {
		return err
	}
	done, err := compare(f.policy, out.Program, "the program returns")
	if err != nil {
		return err
	}
	if err := s.printf("policy = program: %s\n", done); err != nil {
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
	known, unknown, err := libseccomp.Known(f.policy)
	if err != nil {
		return refused("libseccomp", "not cross-validated: %s", err)
	}
	skipped, err := tooNew(unknown, version)
	if err != nil {
		return err
	}
	done, err = compare(known, theirs, "the profile through libseccomp "+version+" returns")
	if err != nil {
		return err
	}
	return s.printf("policy = profile through libseccomp %s: %s (%d instructions)%s\n", version, done, len(theirs), skipped)
}

// tooNew says which syscalls this libseccomp is too old to know: runtimes skip
// their names, and the calls get the default action. Where that is laxer than the
// rule, the profile does not enforce the policy, which is an error.
func tooNew(unknown []libseccomp.Unknown, version string) (string, error) {
	var failed source.Diagnostics
	var names []string
	for _, u := range unknown {
		names = append(names, fmt.Sprintf("%s %s", u.Arch, u.Name))
		if u.Opened {
			failed.Errorf(u.Span, "different", "libseccomp %s does not know %s of %s: the profile leaves it at the default action, which is laxer", version, u.Name, u.Arch)
		}
	}
	if len(failed) > 0 {
		return "", &failure{exitNo, failed}
	}
	if len(names) == 0 {
		return "", nil
	}
	return ", but for calls that it does not know and leaves at the default action: " + strings.Join(names, ", "), nil
}

// compare proves that a policy and a program do the same with every call, and has
// both decide the policy's sample calls besides: the emulator knows nothing of
// proofs. It returns what was done. A difference is an error with the call.
func compare(p *policy.Policy, program bpf.Program, returns string) (done string, err error) {
	different := func(call *linux.SeccompData, got linux.Action) error {
		meant, rule := p.Eval(call)
		return newFailure(exitNo, "different", "for %s the policy means %s (%s), %s %s", prove.CallString(call), meant, rule, returns, got)
	}
	m, err := emulator.New(program)
	if err != nil {
		return "", err
	}
	calls := 0
	for d := range policy.Samples(p) {
		calls++
		meant, _ := p.Eval(&d)
		if got := m.Run(&d); got.Effect() != meant.Effect() {
			return "", different(&d, got)
		}
	}
	theirs, err := prove.Program(program)
	if err != nil {
		return "", err
	}
	result, err := prove.Equivalent(prove.Policy(p), theirs, prove.Options{})
	if err != nil {
		return "", refused("fault", "a fault in secco itself, please report it: %s", err)
	}
	switch result.Verdict {
	case prove.Equal:
		return fmt.Sprintf("proved, and %d calls compared", calls), nil
	case prove.Different:
		return "", different(&result.Witness.Call, result.Witness.B)
	}
	return "", newFailure(exitUndecided, "undecided", "%d calls compared without a difference, but not proved: %s", calls, result.Reason)
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
