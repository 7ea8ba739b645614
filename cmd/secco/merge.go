package main

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"secco/bpf"
	"secco/convert/readers"
	"secco/linux"
	"secco/policy"
	"secco/policy/prove"
	"secco/source"
)

var mergeCommand = &cli.Command{
	Name:      "merge",
	Usage:     "make one filter of several: what any of them allows, or what all of them allow",
	ArgsUsage: "FILTER FILTER...",
	Description: "Every call gets one of the actions that the filters have for it: in a union (the default) the\n" +
		"laxest, in an intersection the strictest, in the kernel's precedence kill_process, kill_thread,\n" +
		"trap, errno, notify, trace, log, allow. Of actions that differ in their data only, two errnos\n" +
		"say, the first filter's is taken. An intersection is what the kernel does where all are installed,\n" +
		"but for those data. The result is proved to be that, for every call, before it is written.\n" + forEachHelp,
	Flags: flags([]cli.Flag{
		&cli.BoolFlag{Name: "union", DisableDefaultText: true, Usage: "allow what any of the filters allows (the default)"},
		&cli.BoolFlag{Name: "intersection", DisableDefaultText: true, Usage: "allow what all of the filters allow"},
		&cli.StringFlag{Name: "to", Value: "secco", Usage: "`FORM` of the result: " + strings.Join(append(formNames(), formatNames()...), ", ")},
		archFlag, outputFlag, optimizeFlag, freqFlag,
		&cli.StringFlag{Name: "name", Usage: "`NAME` in the forms that have one, as for convert and compile"},
		&cli.StringFlag{Name: "localhost-profile", Usage: "`PATH` that form pod names, as for convert"},
	}, inputFlags),
	Action: action(func(s *session) error {
		if err := s.want(2, -1); err != nil {
			return err
		}
		join := policy.Union
		if s.Bool("intersection") {
			join = policy.Intersection
			if s.Bool("union") {
				return badInput("usage", "a filter is the union or the intersection of others, not both")
			}
		}
		write, err := s.mergedForm()
		if err != nil {
			return err
		}
		filters, err := s.loadEach(s.Args().Slice()...)
		if err != nil {
			return err
		}
		merged, err := s.merge(join, filters)
		if err != nil {
			return err
		}
		return write(merged)
	}),
}

// mergedForm returns what writes a filter in the form that --to names: one of
// convert's or one of compile's.
func (s *session) mergedForm() (func(*filter) error, error) {
	name := s.String("to")
	if f := s.promised("a policy", ".secco"); f != nil && !s.IsSet("to") {
		return nil, f.hint("--to is one of %s", strings.Join(append(formNames(), formatNames()...), ", "))
	}
	for _, f := range forms {
		if f.name == name {
			return func(merged *filter) error {
				data, err := f.write(s, merged)
				if err != nil {
					return err
				}
				return s.write(data)
			}, nil
		}
	}
	for _, f := range formats {
		if f.name == name {
			return func(merged *filter) error {
				out, err := s.compile(merged)
				if err != nil {
					return err
				}
				return f.write(s, merged, out)
			}, nil
		}
	}
	return nil, badInput("unknown-form", "no form is called %q", name).hint("--to is one of %s", strings.Join(append(formNames(), formatNames()...), ", "))
}

// ranked reports whether all actions that a program returns have their place in the
// kernel's precedence. It compares the numbers of actions before it knows them.
func ranked(p bpf.Program) bool {
	return !slices.ContainsFunc(p, func(in bpf.Instruction) bool {
		action := linux.Action(in.K)
		return in.Op == bpf.RetA || in.Op == bpf.RetK && action.Kind() != linux.KillProcess && action.Effect() == linux.KillProcess
	})
}

// merge returns the join of filters, which is proved.
func (s *session) merge(join policy.Join, filters []*filter) (*filter, error) {
	var merged *filter
	var expected prove.Filter
	for _, f := range filters {
		if join == policy.Intersection && f.program != nil && !ranked(f.program.Program) {
			return nil, badInput("unranked-action", "%s may return an action that the kernel does not know: whether it or another filter decides then goes by its number, which is none of secco's", f.name)
		}
		original, err := provable(f)
		if err != nil {
			return nil, err
		}
		p, err := s.meaning(f)
		if err != nil {
			return nil, err
		}
		if merged == nil {
			merged, expected = &filter{name: f.name, kind: readers.Secco, policy: p}, original
			continue
		}
		var dropped []string
		merged.policy, dropped = policy.Merge(merged.policy, p, join)
		expected = prove.Join(expected, original, join)
		if dropped != nil {
			var findings source.Diagnostics
			findings.Warnf(source.Span{}, "dropped-setting", "%s: the filters do not agree on %s, which is left out", f.name, strings.Join(dropped, ", "))
			s.warn(findings)
		}
	}
	result, err := prove.Equivalent(prove.Policy(merged.policy), expected, prove.Options{})
	if err != nil {
		return nil, refused("fault", "a fault in secco itself, please report it: %s", err)
	}
	switch result.Verdict {
	case prove.Equal:
		return merged, nil
	case prove.Different:
		w := result.Witness
		return nil, refused("fault", "a fault in secco itself, please report it: %s gets %s of the merged policy, and %s of the filters", prove.CallString(&w.Call), w.A, w.B)
	}
	return nil, newFailure(exitUndecided, "undecided", "the %s could not be proved: %s", join, result.Reason)
}
