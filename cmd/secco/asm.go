package main

import (
	"github.com/urfave/cli/v2"

	"secco/bpf"
	"secco/bpf/asm"
)

var asmCommand = &cli.Command{
	Name:      "asm",
	Usage:     "assemble a program's text",
	ArgsUsage: "FILE",
	Description: "The text is what secco disasm prints, or gosecco's. The program is checked as the kernel does,\n" +
		"and written as raw BPF.",
	Flags: []cli.Flag{
		&cli.StringFlag{Name: "arch", Aliases: []string{"a"}, Usage: "`ARCHES` whose byte order the program is written in (default: x86_64)"},
		outputFlag, jsonFlag,
	},
	Action: action(func(s *session) error {
		if err := s.want(1, 1); err != nil {
			return err
		}
		in, err := s.read(s.Args().First())
		if err != nil {
			return err
		}
		program, err := asm.Parse(in.file())
		if err != nil {
			return err
		}
		order, err := s.byteOrder()
		if err != nil {
			return err
		}
		return s.writeBinary(bpf.Encode(program, order))
	}),
}

// writeBinary writes what no terminal should be sent.
func (s *session) writeBinary(data []byte) error {
	if name := s.String("output"); (name == "" || name == "-") && isTerminal(s.App.Writer) {
		return badInput("usage", "a raw program is not written to a terminal").hint("give -o FILE, or another --format to compile")
	}
	return s.write(data)
}
