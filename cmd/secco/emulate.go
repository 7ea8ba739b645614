package main

import (
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"secco/emulator"
	"secco/lang"
	"secco/linux"
	"secco/policy/prove"
	"secco/source"
)

var emulateCommand = &cli.Command{
	Name:      "emulate",
	Usage:     "say what a filter does with a system call, and which rule decides",
	ArgsUsage: "FILTER SYSCALL [ARG...]  or  FILTER --cases FILE",
	Description: "SYSCALL is a name or a number, ARG a number, a constant's name such as AF_INET, or an expression\n" +
		"of them as policies have it, such as 'O_WRONLY | O_CREAT'; arguments that are left out are 0.\n" +
		"--cases reads one call a line and answers each with a line:\n" +
		`   {"arch":"x86_64","nr":1,"args":[3,"0xffffffffffffffff"],"ip":0}` + "\n" +
		`   {"ret":"0x7fff0000","action":"allow","rule":"web.secco:3"}` + "\n" +
		"arch is a name or an AUDIT_ARCH number (default: --arch), nr a number, x32's with their bit, or a name.",
	Flags: flags([]cli.Flag{
		&cli.StringFlag{Name: "arch", Aliases: []string{"a"}, Value: "x86_64", Usage: "`ARCH` of the call"},
		targetsFlag,
		&cli.StringFlag{Name: "cases", Usage: "answer the calls in `FILE`, JSON lines; - is standard input", TakesFile: true},
		&cli.StringFlag{Name: "ip", Value: "0", Usage: "`ADDRESS` that the call comes from"},
	}, inputFlags),
	Action: action(func(s *session) error {
		cases := s.String("cases")
		least, most := 2, 8
		if cases != "" {
			least, most = 1, 1
		}
		if err := s.want(least, most); err != nil {
			return err
		}
		arch, err := parseArch(s.String("arch"))
		if err != nil {
			return err
		}
		f, err := s.load(s.Args().First())
		if err != nil {
			return err
		}
		judge, err := s.judge(f)
		if err != nil {
			return err
		}
		if cases != "" {
			return s.answerCases(judge, arch, cases)
		}
		call, err := parseCall(arch, s.Args().Slice()[1:], s.String("ip"))
		if err != nil {
			return err
		}
		return s.answer(judge, call)
	}),
}

// judge says what a filter does. It has a policy decided twice: by its graph and
// by its program in the emulator, which must agree.
type judge struct {
	*filter
	machine *emulator.Machine
}

func (s *session) judge(f *filter) (*judge, error) {
	out, err := s.compile(f)
	if err != nil {
		return nil, err
	}
	m, err := emulator.New(out.Program)
	if err != nil {
		return nil, badInput("invalid-program", "%s: %s", f.name, err)
	}
	return &judge{f, m}, nil
}

// decide returns the verdict on one call, and the rule where the filter knows it.
func (j *judge) decide(d *linux.SeccompData) (linux.Action, source.Span, error) {
	verdict := j.machine.Run(d)
	if j.policy == nil {
		return verdict, source.Span{}, nil
	}
	meant, rule := j.policy.Eval(d)
	if meant.Effect() != verdict.Effect() {
		return 0, source.Span{}, refused("fault", "a fault in secco itself, please report it: for %s the policy means %s, its program returns %s",
			prove.CallString(d), meant, verdict)
	}
	return verdict, rule, nil
}

// answer prints the verdict on one call, then the rule.
func (s *session) answer(j *judge, call *linux.SeccompData) error {
	verdict, rule, err := j.decide(call)
	if err != nil {
		return err
	}
	if s.json {
		return s.print(answerLine(verdict, rule, call))
	}
	text := actionText(verdict, call)
	switch {
	case !rule.IsZero():
		return s.printf("%s\n%s: %s\n", text, rule, source.Printable(strings.ReplaceAll(rule.File().Line(rule.Position().Line), "\t", " ")))
	case j.isForOther(call):
		return s.printf("%s\nthe policy is for %s: what calls of other architectures get is a default that it does not set\n", text, archNames(j.policy))
	case j.policy != nil:
		return s.printf("%s\nno rule of the policy: a default that it does not set\n", text)
	}
	return s.printf("%s\n", text)
}

// isForOther reports whether a call is of an architecture that the policy is not for.
func (j *judge) isForOther(call *linux.SeccompData) bool {
	arch, ok := linux.ArchOf(call.Arch, call.NR)
	return j.policy != nil && ok && j.policy.Target(arch) == nil
}

// actionText returns what is done with a call, errnos by their name where it is
// made.
func actionText(action linux.Action, call *linux.SeccompData) string {
	if arch, ok := linux.ArchOf(call.Arch, call.NR); ok {
		return action.StringOn(arch)
	}
	return action.String()
}

// parseCall reads a call from the command line.
func parseCall(arch linux.Arch, words []string, ip string) (*linux.SeccompData, error) {
	d := &linux.SeccompData{Arch: arch.Audit()}
	var err error
	if d.NR, err = parseSyscall(arch, words[0]); err != nil {
		return nil, err
	}
	for i, w := range words[1:] {
		if d.Args[i], err = parseArgument(arch, w); err != nil {
			return nil, err
		}
	}
	d.IP, err = parseArgument(arch, ip)
	return d, err
}

// parseSyscall reads a syscall's name or number.
func parseSyscall(arch linux.Arch, word string) (uint32, error) {
	if nr, ok := arch.Syscall(word); ok {
		return nr, nil
	}
	if n, err := strconv.ParseInt(word, 0, 64); err == nil && n >= -1<<31 && n < 1<<32 {
		return uint32(n), nil
	}
	f := badInput("unknown-syscall", "no syscall %q on %s", word, arch)
	if linux.SyscallKnown(word) {
		f.hint("other architectures have it")
	} else if near, ok := arch.ClosestSyscall(word); ok {
		f.hint("did you mean %q?", near)
	}
	return 0, f
}

// parseArgument reads a number, negative ones in two's complement, or a constant
// expression.
func parseArgument(arch linux.Arch, word string) (uint64, error) {
	if n, err := strconv.ParseUint(word, 0, 64); err == nil {
		return n, nil
	}
	if n, err := strconv.ParseInt(word, 0, 64); err == nil {
		return uint64(n), nil
	}
	if n, ok := arch.Constant(word); ok {
		return n, nil
	}
	none := badInput("bad-argument", "%q is no number of 64 bits and no constant of %s", word, arch)
	if !arch.Valid() {
		return 0, none
	}
	n, findings := lang.Constant(source.NewFile("argument", word), arch)
	switch {
	case !findings.HasErrors():
		return n, nil
	case strings.ContainsAny(word, "+-*/%&|^~<>()! "):
		none = badInput("bad-argument", "%q: %s", word, findings[0].Message)
	}
	if findings[0].Code != "unknown-name" {
		return 0, none
	}
	return 0, none.hint("%s", findings[0].Hint)
}
