package secco

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"secco/bpf"
	"secco/bpf/asm"
	"secco/compiler"
	"secco/emulator"
	"secco/hook"
	"secco/hook/compat"
	"secco/linux"
	"secco/source"
)

// Supported returns nil where filters can be installed on this process, else why
// not. It finds out by trying, on a thread that ends with it.
func Supported() error { return compat.CheckSupport() }

// Program is what the kernel runs. One without instructions, as the zero Program and
// a nil one are, is an error wherever it is to do something.
type Program struct {
	// Instructions are the program.
	Instructions bpf.Program
	// Options say how it is installed: as the policy asks for.
	Options hook.Options

	arches  []linux.Arch    // that it is for; none where that is not known
	origins [][]source.Span // the rules behind each instruction
}

// Compile returns the program of a policy; where the policy was read from a program,
// that one. See [ProveEqual] for a proof that it does what the policy means.
func Compile(p *Policy) (*Program, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	opts, err := hook.OptionsFor(p.meaning.Settings)
	if err != nil {
		return nil, err
	}
	if p.original != nil {
		return &Program{Instructions: slices.Clone(p.original), Options: opts}, nil
	}
	out, err := compiler.Compile(p.meaning, compiler.Options{Freq: p.freq})
	if err != nil {
		return nil, err
	}
	program := &Program{Instructions: out.Program, Options: opts, origins: out.Origins}
	for _, t := range p.meaning.Targets {
		program.arches = append(program.arches, t.Arch)
	}
	return program, nil
}

var errNoProgram = errors.New("there is no program: it has no instructions")

// check returns an error where a program is none.
func (p *Program) check() error {
	if p == nil || len(p.Instructions) == 0 {
		return errNoProgram
	}
	return nil
}

// Eval runs a call through the program, as the kernel would, and returns what it
// does. The program has to be valid: see [bpf.Validate].
func (p *Program) Eval(call Call) (Action, error) {
	if err := p.check(); err != nil {
		return 0, err
	}
	m, err := emulator.New(p.Instructions)
	if err != nil {
		return 0, err
	}
	return m.Run(&call), nil
}

// Bytes returns the program as seccomp(2) of this machine takes it, and other tools'
// files hold it.
func (p *Program) Bytes() []byte {
	if p.check() != nil {
		return nil
	}
	return bpf.Encode(p.Instructions, binary.NativeEndian)
}

// Dump writes the program's text, with the rules that instructions are there for as
// comments. secco's assembler takes it.
func (p *Program) Dump(w io.Writer) error {
	if err := p.check(); err != nil {
		return err
	}
	opts := asm.Options{Comment: p.rules}
	if len(p.arches) > 0 {
		opts.Arch = p.arches[0]
	}
	_, err := io.WriteString(w, asm.Print(p.Instructions, opts))
	return err
}

// rules returns the places of the rules behind an instruction.
func (p *Program) rules(i int) string {
	if i >= len(p.origins) {
		return ""
	}
	var places []string
	for _, span := range p.origins[i] {
		if place := span.String(); !span.IsZero() && !slices.Contains(places, place) {
			places = append(places, place)
		}
	}
	if len(places) > 3 {
		places = append(places[:3], "…")
	}
	return strings.Join(places, ", ")
}

// Install puts the program on every thread of this process, and so on whatever it
// starts later. It cannot be taken off again. no_new_privs is set first, unless
// Options say otherwise or the process has CAP_SYS_ADMIN.
//
// A policy with notify verdicts is refused, for they fail where nobody listens: see
// [Program.Listen].
//
// The Go runtime goes on making system calls of its own on every thread, for memory,
// timers and signals. A program that refuses those breaks or ends the process: to
// confine another command, use [Program.Exec].
func (p *Program) Install() error {
	if err := p.checkMachine(); err != nil {
		return err
	}
	if p.arches != nil && hook.Notifies(p.Instructions) { // of a program that was read it is not certain
		return fmt.Errorf("%w: see Listen", hook.ErrNotifies)
	}
	return hook.Install(p.Instructions, p.Options)
}

// Listen is [Program.Install] for a program that notifies: user notifications are
// to be read from, and answered on, the descriptor that it returns.
func (p *Program) Listen() (*os.File, error) {
	if err := p.checkMachine(); err != nil {
		return nil, err
	}
	return hook.Listen(p.Instructions, p.Options)
}

// Exec replaces this process by a command, under the program. The command is found
// as a shell would; env is its environment, as os.Environ returns it. Exec returns
// only where the program was not installed; where it was, and the command can't
// start, the process ends: see [hook.Exec].
func (p *Program) Exec(argv, env []string) error {
	if err := p.checkMachine(); err != nil {
		return err
	}
	if len(argv) == 0 {
		return fmt.Errorf("there is no command")
	}
	if err := hook.CheckExec(p.Instructions); err != nil {
		return fmt.Errorf("%s could not start: %w", argv[0], err)
	}
	path, err := hook.Look(argv[0])
	if err != nil {
		return err
	}
	return hook.Exec(p.Instructions, p.Options, path, argv, env)
}

// checkMachine returns an error where the program has no rules for this machine's
// own calls: all of them would be refused.
func (p *Program) checkMachine() error {
	if err := p.check(); err != nil {
		return err
	}
	machine := Machine()
	if p.arches == nil || slices.Contains(p.arches, machine) {
		return nil
	}
	names := make([]string, len(p.arches))
	for i, a := range p.arches {
		names[i] = a.String()
	}
	return fmt.Errorf("the policy is for %s, and this machine is %s", strings.Join(names, ", "), machine)
}
