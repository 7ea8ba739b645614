package main

import (
	"github.com/urfave/cli/v2"

	"secco/hook/container"
)

var doctorCommand = &cli.Command{
	Name:        "doctor",
	Usage:       "find out what works on this machine, by trying it",
	Description: "Looks at the kernel, the container runtimes and engines, and what of secco is set up for them.\nExit code 1 where something that is set up does not do what it should.",
	Flags:       []cli.Flag{jsonFlag},
	Action: action(func(s *session) error {
		if err := s.want(0, 0); err != nil {
			return err
		}
		problems := false
		for _, f := range container.Doctor(container.Host{}) {
			problems = problems || f.Level == container.Problem
			var err error
			switch {
			case s.json:
				err = s.print(jsonLine(f))
			case f.Advice != "":
				err = s.printf("%-8s %s: %s\n         = %s\n", f.Level, f.Topic, f.Text, f.Advice)
			default:
				err = s.printf("%-8s %s: %s\n", f.Level, f.Topic, f.Text)
			}
			if err != nil {
				return err
			}
		}
		if problems {
			return &failure{code: exitNo}
		}
		return nil
	}),
}
