package main

import (
	"os"
	"os/exec"

	"github.com/urfave/cli/v2"

	"secco/hook"
)

var runCommand = &cli.Command{
	Name:      "run",
	Usage:     "run a command under a filter",
	ArgsUsage: "FILTER [--] CMD [ARG...]",
	Description: "The command takes this process's place once the filter is on it; if anything goes wrong\n" +
		"before, it does not run. The filter must allow execve.",
	Flags: flags([]cli.Flag{archFlag}, inputFlags),
	Action: action(func(s *session) error {
		if err := s.want(2, -1); err != nil {
			return err
		}
		f, err := s.load(s.Args().First())
		if err != nil {
			return err
		}
		out, err := s.compile(f)
		if err != nil {
			return err
		}
		var opts hook.Options
		if f.policy != nil {
			if opts, err = hook.OptionsFor(f.policy.Settings); err != nil {
				return badInput("settings", "%s: %s", f.name, err)
			}
		}
		argv := s.Args().Slice()[1:]
		path, err := exec.LookPath(argv[0])
		if err != nil {
			return badInput("no-command", "%s", err)
		}
		return refused("install", "%s", hook.Exec(out.Program, opts, path, argv, os.Environ()))
	}),
}
