package main

import (
	"github.com/urfave/cli/v2"

	"secco/oci"
)

var checkCommand = &cli.Command{
	Name:      "check",
	Usage:     "tell what is wrong with a filter, and nothing else",
	ArgsUsage: "FILTER...",
	Description: "Reads the filter and compiles it, so that limits are checked too. Diagnostics go to\n" +
		"standard output; there are none where all is well. What has no effect in a policy, such as a\n" +
		"condition that never holds, is told by this command alone. Warnings leave the exit code at 0,\n" +
		"with --strict it is 1.",
	Flags: flags([]cli.Flag{
		&cli.BoolFlag{Name: "strict", DisableDefaultText: true, Usage: "end with exit code 1 where there is a warning"},
		archFlag,
	}, inputFlags),
	Action: action(func(s *session) error {
		if err := s.want(1, -1); err != nil {
			return err
		}
		s.findingsTo, s.lint = s.App.Writer, true
		f, err := s.load(s.Args().Slice()...)
		if err != nil {
			return err
		}
		if _, err = s.compile(f); err == nil && f.policy != nil {
			var host oci.Host
			if host, err = s.host(); err == nil {
				err = s.warnStartup(f, f.policy, host)
			}
		}
		if err == nil && s.Bool("strict") && len(s.told) > 0 {
			return &failure{code: exitNo}
		}
		return err
	}),
}
