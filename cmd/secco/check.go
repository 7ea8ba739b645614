package main

import "github.com/urfave/cli/v2"

var checkCommand = &cli.Command{
	Name:      "check",
	Usage:     "tell what is wrong with a filter, and nothing else",
	ArgsUsage: "FILTER...",
	Description: "Reads the filter and compiles it, so that limits are checked too. Diagnostics go to\n" +
		"standard output; there are none where all is well. What has no effect in a policy, such\n" +
		"as a condition that never holds, is told by this command alone.",
	Flags: flags([]cli.Flag{archFlag}, inputFlags),
	Action: action(func(s *session) error {
		if err := s.want(1, -1); err != nil {
			return err
		}
		s.findingsTo, s.lint = s.App.Writer, true
		f, err := s.load(s.Args().Slice()...)
		if err != nil {
			return err
		}
		_, err = s.compile(f)
		return err
	}),
}
