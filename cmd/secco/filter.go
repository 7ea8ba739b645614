package main

import (
	"secco/bpf"
	"secco/bpf/asm"
	"secco/compiler"
	"secco/convert"
	"secco/lang"
	"secco/oci"
	"secco/policy"
	"secco/source"
)

// filter is what FILTER arguments come to: a policy, or a program.
type filter struct {
	name    string // of its first file
	kind    kind
	policy  *policy.Policy   // nil for a program
	program *compiler.Output // nil for a policy, until it is compiled
}

// load reads FILTER arguments as one filter and tells its warnings.
func (s *session) load(args ...string) (*filter, error) {
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
	}
	return f, s.loadProfile(f, inputs[0])
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
	p, findings := lang.Load(files, opts)
	if err := findings.Err(); err != nil {
		return err
	}
	s.warn(findings)
	f.policy = p
	return nil
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

// loadProfile reads an OCI profile. What runtimes make of it depends on the
// machine: --arch says which, this one by default.
func (s *session) loadProfile(f *filter, in input) error {
	arches, err := s.targets()
	if err != nil {
		return err
	}
	var opts convert.Options
	if len(arches) > 0 {
		opts.Host.Arch = arches[0]
	}
	profile, findings := oci.Parse(in.file())
	if err := findings.Err(); err != nil {
		return err
	}
	s.warn(findings)
	p, findings := convert.FromOCI(profile, opts)
	if err := findings.Err(); err != nil {
		return err
	}
	s.warn(findings)
	f.policy = p
	return nil
}

// compile returns the filter's program, compiling it where it is a policy.
func (s *session) compile(f *filter) (*compiler.Output, error) {
	if f.program != nil {
		return f.program, nil
	}
	out, err := compiler.Compile(f.policy, compiler.Options{})
	if err != nil {
		return nil, asFailure(err, exitBad, "compile")
	}
	f.program = out
	return out, nil
}
