package main

import (
	"errors"
	"os"
	"runtime"

	"github.com/urfave/cli/v2"

	"secco/hook"
	"secco/linux"
)

// The command that run starts becomes what this process's main thread is.
func init() { runtime.LockOSThread() }

var runCommand = &cli.Command{
	Name:      "run",
	Usage:     "run a command under a filter",
	ArgsUsage: "FILTER [--] CMD [ARG...]",
	Description: "The command takes this process's place once the filter is on it; if anything goes wrong\n" +
		"before, it does not run. Guards that ask for the kernel's version get the running one's,\n" +
		"unless --kernel-version states another.\n\n" +
		"--explain says why a command fails: it tells each call that the filter refuses, and the rule\n" +
		"that does it. The command is this process's child then, and ptrace makes it many times slower.\n\n" +
		"Exit codes are the command's, but for 126 where it can't be executed, 127 where there is\n" +
		"no such command, and secco's own.",
	Flags: flags([]cli.Flag{
		&cli.StringFlag{
			Name: archFlag.Name, Aliases: archFlag.Aliases, Usage: "`ARCHES` that a policy is for, with commas between them (default: those that it names itself, else this machine's)",
		},
		&cli.BoolFlag{Name: "gate", DisableDefaultText: true, Usage: "let CMD start although the filter refuses execve; every later execve fails (Linux 5.5)"},
		&cli.BoolFlag{Name: "explain", DisableDefaultText: true, Usage: "follow CMD and what it starts, and tell each call that the filter refuses and its rule (Linux 5.3)"},
	}, inputFlags),
	Action: action(func(s *session) error {
		if err := s.want(2, -1); err != nil {
			return err
		}
		s.kernel = hook.Kernel() // where the filter will be
		s.native, _ = linux.ParseArch(runtime.GOARCH)
		f, err := s.load(s.Args().First())
		if err != nil {
			return err
		}
		out, err := s.compile(f)
		if err != nil {
			return err
		}
		if s.Bool("explain") && s.Bool("gate") {
			return badInput("usage", "--explain can't follow what --gate lets start")
		}
		exec, start := hook.Exec, hook.CheckExec(out.Program)
		if s.Bool("gate") {
			exec = hook.ExecGated
			_, start = hook.Gate(out.Program)
		}
		if start != nil {
			failed := badInput("no-start", "%s: the command could not start: %s", f.name, start)
			if errors.Is(start, hook.ErrRefusesExecve) {
				failed.hint("--gate lets it start, once")
			}
			return failed
		}
		var opts hook.Options
		if f.policy != nil {
			if opts, err = hook.OptionsFor(f.policy.Settings); err != nil {
				return badInput("settings", "%s: %s", f.name, err)
			}
		}
		argv := s.Args().Slice()[1:]
		path, err := hook.Look(argv[0])
		if failed := (*hook.ExecError)(nil); errors.As(err, &failed) {
			return newFailure(failed.Code(), "no-command", "%s", err)
		} else if err != nil {
			return badInput("no-command", "%s", err)
		}
		if s.Bool("explain") {
			return s.explain(f, out.Program, opts, path, argv)
		}
		return refused("install", "%s: %s", f.name, exec(out.Program, opts, path, argv, os.Environ()))
	}),
}
