package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"secco/bpf/asm"
	"secco/compiler"
)

var disasmCommand = &cli.Command{
	Name:      "disasm",
	Usage:     "print a filter's program as assembler text, with the rules that it comes from",
	ArgsUsage: "FILTER...",
	Description: "A policy is compiled first. What is printed, secco asm turns back into the same program; the rules\n" +
		"stand in it as comments. pid:N is what the kernel holds for a process.",
	Flags: flags([]cli.Flag{archFlag, outputFlag, optimizeFlag, freqFlag}, inputFlags),
	Action: action(func(s *session) error {
		if err := s.want(1, -1); err != nil {
			return err
		}
		f, err := s.load(s.Args().Slice()...)
		if err != nil {
			return err
		}
		out, err := s.compile(f)
		if err != nil {
			return err
		}
		return s.write([]byte(asm.Print(out.Program, s.printing(f, out))))
	}),
}

// printing returns how programs are shown: with the rules behind the instructions.
func (s *session) printing(f *filter, out *compiler.Output) asm.Options {
	opts := asm.Options{Comment: func(i int) string { return rules(out, i) }}
	if f.policy != nil {
		opts.Arch = f.policy.Targets[0].Arch
	} else if arches, err := s.targets(); err == nil && len(arches) > 0 {
		opts.Arch = arches[0]
	}
	return opts
}

// rules names the rules that an instruction comes from, where that is known.
func rules(out *compiler.Output, i int) string {
	if i >= len(out.Origins) {
		return ""
	}
	var names []string
	for _, span := range out.Origins[i] {
		if name := span.String(); !span.IsZero() && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	const most = 3
	if len(names) > most {
		names = append(names[:most], fmt.Sprintf("and %d more", len(names)-most))
	}
	return strings.Join(names, ", ")
}
