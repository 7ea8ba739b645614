package main

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"secco/bpf"
	"secco/compiler"
	"secco/convert/readers"
	"secco/hook/policies"
)

var formatFlag = &cli.StringFlag{
	Name: "format", Aliases: []string{"f"},
	Usage: "`FORMAT` of the program: " + strings.Join(formatNames(), ", ") + " (default: by the ending of --output, else bpf)",
}

var compileCommand = &cli.Command{
	Name:      "compile",
	Usage:     "compile a policy to the program that the kernel runs",
	ArgsUsage: "FILTER...",
	Description: "The program is classic BPF, as seccomp(2) takes it: \"bpf\" writes its instructions as they are in\n" +
		"memory, the other formats as text. One of more than 4096 instructions, which is what the kernel\n" +
		"takes, is an error that names the rules that cost most.",
	Flags: flags([]cli.Flag{
		archFlag, outputFlag, formatFlag, optimizeFlag, freqFlag,
		&cli.BoolFlag{Name: "sums", Usage: "also write NAME.sha256, by which NAME.bpf stands for NAME.secco where policies are put on"},
		&cli.StringFlag{Name: "name", Usage: "`NAME` of the array in formats c and go (default: by the filter's name)"},
	}, inputFlags),
	Action: action(func(s *session) error {
		if err := s.want(1, -1); err != nil {
			return err
		}
		write, err := s.format()
		if err != nil {
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
		if s.Bool("sums") {
			return writeWithSums(s, f, out)
		}
		return write(s, f, out)
	}),
}

// meaningFlags say what a policy's text alone does not.
var meaningFlags = []string{"define", "define-text", "default-positive", "default-negative", "default-policy", "default-badarch", "default-x32"}

// writeWithSums writes a program and the sums that vouch for it.
func writeWithSums(s *session, f *filter, out *compiler.Output) error {
	if len(f.inputs) != 1 || !f.inputs[0].isFile || f.kind != readers.Secco || s.String("format") != "" && s.String("format") != "bpf" {
		return badInput("usage", "--sums is for the raw program of one policy's file")
	}
	for _, name := range meaningFlags {
		if s.IsSet(name) {
			return badInput("usage", "--sums is for what the policy's text says alone: it can't be had with --%s", name)
		}
	}
	file, name, err := policies.SumsFile(f.inputs[0].name, s.String("output"))
	if err != nil {
		return badInput("usage", "--sums: %s", err)
	}
	program, err := encoded(s, f, out)
	if err != nil {
		return err
	}
	sums, err := policies.Sums(name, f.inputs[0].data, program)
	if err != nil {
		return badInput("usage", "--sums: %s", err)
	}
	if err := s.write(program); err != nil {
		return err
	}
	return writeTo(file, sums)
}

// format is a way to write a program.
type format struct {
	name    string
	endings []string // of file names that ask for it
	write   func(*session, *filter, *compiler.Output) error
}

var formats = []format{
	{"bpf", []string{".bpf"}, writeBPF},
	{"asm", []string{".asm", ".bpfasm", ".s"}, writeAsm},
	{"c", []string{".h", ".c"}, writeC},
	{"go", []string{".go"}, writeGo},
	{"base64", []string{".b64", ".base64"}, writeBase64},
	{"json", []string{".json"}, writeProgramJSON},
}

func formatNames() []string {
	names := make([]string, len(formats))
	for i, f := range formats {
		names[i] = f.name
	}
	return names
}

// format returns the format that the flags ask for.
func (s *session) format() (func(*session, *filter, *compiler.Output) error, error) {
	if name := s.String("format"); name != "" {
		for _, f := range formats {
			if f.name == name {
				return f.write, nil
			}
		}
		return nil, badInput("unknown-format", "no format is called %q", name).hint("there is %s", strings.Join(formatNames(), ", "))
	}
	for _, f := range formats {
		if slices.Contains(f.endings, s.ending()) {
			return f.write, nil
		}
	}
	if f := s.promised("a raw program"); f != nil {
		return nil, f.hint("--format is one of %s", strings.Join(formatNames(), ", "))
	}
	return writeBPF, nil
}

func writeBPF(s *session, f *filter, out *compiler.Output) error {
	data, err := encoded(s, f, out)
	if err != nil {
		return err
	}
	return s.writeBinary(data)
}

// encoded returns the program's bytes, in the byte order of the machines that it
// is for.
func encoded(s *session, f *filter, out *compiler.Output) ([]byte, error) {
	order, err := s.byteOrder()
	if err != nil {
		return nil, err
	}
	if f.policy != nil && len(f.policy.Targets) > 0 {
		order = orderOf(f.policy.Targets[0].Arch)
		for _, t := range f.policy.Targets[1:] {
			if orderOf(t.Arch) != order {
				return nil, badInput("byte-order", "%s is for machines of both byte orders: no one raw program serves %s and %s",
					f.name, f.policy.Targets[0].Arch, t.Arch).hint("compile for each with --arch")
			}
		}
	}
	return bpf.Encode(out.Program, order), nil
}
