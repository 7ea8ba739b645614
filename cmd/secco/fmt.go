package main

import (
	"bytes"

	"github.com/urfave/cli/v2"

	"secco/lang/syntax"
	"secco/source"
)

var fmtCommand = &cli.Command{
	Name:      "fmt",
	Usage:     "give policies their canonical text",
	ArgsUsage: "POLICY...",
	Description: "Without a flag the text goes to standard output. Comments stay, and the meaning does; a text\n" +
		"that has its canonical form already is not changed.",
	Flags: []cli.Flag{
		&cli.BoolFlag{Name: "write", Aliases: []string{"w"}, DisableDefaultText: true, Usage: "write the files instead"},
		&cli.BoolFlag{Name: "check", DisableDefaultText: true, Usage: "only name the files whose text would change; exit code 1 where there are any"},
		jsonFlag,
	},
	Action: action(func(s *session) error {
		if err := s.want(1, -1); err != nil {
			return err
		}
		if s.Bool("check") && s.Bool("write") {
			return badInput("usage", "--check names the files, and --write writes them: it is one of the two")
		}
		type change struct {
			in   input
			text []byte
		}
		var changes []change
		for _, arg := range s.Args().Slice() { // all are read before anything is written
			in, err := s.read(arg)
			if err != nil {
				return err
			}
			file, findings := syntax.Parse(in.file())
			if err := findings.Err(); err != nil {
				return err
			}
			changes = append(changes, change{in, []byte(syntax.Print(file))})
		}
		changed := false
		for _, c := range changes {
			same := bytes.Equal(c.in.data, c.text)
			var err error
			switch {
			case s.Bool("check") && !same:
				changed = true
				if s.json {
					err = s.print(jsonLine(place{File: c.in.name}))
				} else {
					err = s.printf("%s\n", source.Printable(c.in.name))
				}
			case s.Bool("check"):
			case s.Bool("write") && !c.in.isFile:
				return badInput("usage", "%s is no file that could be written", c.in.name)
			case s.Bool("write"):
				if !same {
					err = writeTo(c.in.name, c.text)
				}
			default:
				err = s.print(c.text)
			}
			if err != nil {
				return err
			}
		}
		if changed {
			return &failure{code: exitNo}
		}
		return nil
	}),
}
