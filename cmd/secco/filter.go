package main

import (
	"errors"
	"strings"

	"secco/bpf"
	"secco/bpf/asm"
	"secco/compiler"
	"secco/compiler/decompile"
	"secco/compiler/frequency"
	"secco/convert"
	"secco/lang"
	"secco/linux"
	"secco/oci"
	"secco/policy"
	"secco/source"
)

// filter is what FILTER arguments come to: a policy, or a program.
type filter struct {
	name    string // of its first file
	kind    kind
	policy  *policy.Policy                    // nil for a program
	tests   []lang.Test                       // that a policy states about itself
	often   map[linux.Arch]map[uint32]float64 // how often calls are made, where it says so
	program *compiler.Output                  // nil for a policy, until it is compiled
}

// load reads FILTER arguments as one filter and tells its warnings.
func (s *session) load(args ...string) (*filter, error) {
	if len(args) == 1 && strings.HasPrefix(args[0], livePrefix) {
		return s.loadLive(args[0])
	}
	inputs := make([]input, len(args))
	var what kind
	for i, arg := range args {
		in, err := s.read(arg)
		if err != nil {
			return nil, err
		}
		k, err := s.kindOf(in)
		if err != nil {
			return nil, err
		}
		if i > 0 && (k != kindSecco || what != kindSecco) {
			return nil, badInput("usage", "only policies can be several: %s is %s, %s is %s", inputs[0].name, what, in.name, k)
		}
		inputs[i], what = in, k
	}
	f := &filter{name: inputs[0].name, kind: what}
	switch what {
	case kindSecco:
		return f, s.loadPolicy(f, inputs)
	case kindBPF:
		return f, s.loadProgram(f, inputs[0])
	case kindAsm:
		program, err := asm.Parse(inputs[0].file())
		f.program = &compiler.Output{Program: program}
		return f, err
	case kindOCI:
		return f, s.loadProfile(f, inputs[0])
	}
	return f, s.loadForeign(f, inputs[0])
}

// take makes a policy that was read the filter's, unless it has errors.
func (s *session) take(f *filter, p *policy.Policy, findings source.Diagnostics) error {
	if err := findings.Err(); err != nil {
		return err
	}
	s.warn(findings)
	f.policy = p
	return nil
}

func (s *session) loadPolicy(f *filter, inputs []input) error {
	opts, err := s.langOptions()
	if err != nil {
		return err
	}
	files := make([]*source.File, len(inputs))
	for i, in := range inputs {
		files[i] = in.file()
	}
	find, done, err := s.finder(inputs)
	if err != nil {
		return err
	}
	defer done()
	opts.Find = find
	p, tests, findings := lang.LoadTests(files, opts)
	f.tests = tests
	return s.take(f, p, findings)
}

// loadProgram reads a raw program, in the byte order of --arch.
func (s *session) loadProgram(f *filter, in input) error {
	order, err := s.byteOrder()
	if err != nil {
		return err
	}
	program, err := bpf.Decode(in.data, order)
	if err != nil {
		return badInput("invalid-program", "%s: %s", in.name, err)
	}
	if err := bpf.Validate(program); err != nil {
		return badInput("invalid-program", "%s: %s", in.name, err)
	}
	f.program = &compiler.Output{Program: program}
	return nil
}

// loadProfile reads an OCI or Docker profile. What runtimes make of it depends on
// the machine: --arch says which, x86_64 by default.
func (s *session) loadProfile(f *filter, in input) error {
	host, err := s.host()
	if err != nil {
		return err
	}
	profile, findings := oci.Parse(in.file())
	if err := findings.Err(); err != nil {
		return err
	}
	profile, more := profile.Resolve(host)
	findings = append(findings, more...)
	if err := findings.Err(); err != nil {
		return err
	}
	p, more := convert.FromOCI(profile, convert.Options{Host: host})
	return s.take(f, p, append(findings, more...))
}

// meaning returns the filter's policy, decompiling it where it is a program.
func (s *session) meaning(f *filter) (*policy.Policy, error) {
	if f.policy != nil {
		return f.policy, nil
	}
	p, err := s.decompile(f.name, f.program.Program)
	if err != nil {
		return nil, err
	}
	f.policy = p
	return p, nil
}

// decompile returns a policy that does what a program does.
func (s *session) decompile(name string, program bpf.Program) (*policy.Policy, error) {
	arches, err := s.targets()
	if err != nil {
		return nil, err
	}
	p, err := decompile.Program(program, decompile.Options{Arches: arches})
	if limit := (*decompile.LimitError)(nil); errors.As(err, &limit) {
		return nil, newFailure(exitUndecided, "too-complex", "%s: %s", name, err)
	} else if err != nil {
		return nil, badInput("invalid-program", "%s: %s", name, err)
	}
	return p, nil
}

// compile returns the filter's program, compiling it where it is a policy.
func (s *session) compile(f *filter) (*compiler.Output, error) {
	if f.program != nil {
		return f.program, nil
	}
	opts := compiler.Options{Freq: f.often}
	if name := s.String("freq"); name != "" {
		in, err := s.read(name)
		if err != nil {
			return nil, err
		}
		often, findings := frequency.Read(in.file(), f.policy.Targets[0].Arch)
		if err := findings.Err(); err != nil {
			return nil, err
		}
		s.warn(findings)
		opts.Freq = often
	}
	switch goal := s.String("optimize"); goal {
	case "", "speed":
	case "size":
		opts.Optimize = compiler.Size
	default:
		return nil, badInput("usage", "nothing is optimised for %q", goal).hint("there is speed and size")
	}
	out, err := compiler.Compile(f.policy, opts)
	if err != nil {
		return nil, asFailure(err, exitBad, "compile")
	}
	f.program = out
	return out, nil
}
