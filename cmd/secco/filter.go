package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"secco/bpf"
	"secco/compiler"
	"secco/compiler/decompile"
	"secco/compiler/frequency"
	"secco/convert/readers"
	"secco/lang"
	"secco/lang/eval"
	"secco/linux"
	"secco/policy"
	"secco/source"
)

// filter is what FILTER arguments come to: a policy, or a program.
type filter struct {
	name    string // of its first file, fit to be printed
	inputs  []input
	kind    readers.Kind
	policy  *policy.Policy                    // nil for a program
	tests   []lang.Test                       // that a policy states about itself
	often   map[linux.Arch]map[uint32]float64 // how often calls are made, where it says so
	program *compiler.Output                  // nil for a policy, until it is compiled
	read    *readers.Filter                   // nil for a process's
	// reference says once more what a policy's text means, where --boundaries asks for
	// it.
	reference *eval.Evaluator
}

// load reads FILTER arguments as one filter and tells its warnings.
func (s *session) load(args ...string) (*filter, error) {
	kind, err := s.forEach(fromFlag.Name, 1)
	if err != nil {
		return nil, err
	}
	thread, err := s.forEach(threadFlag.Name, 1)
	if err != nil {
		return nil, err
	}
	f, err := s.loadFilter(kind[0], thread[0], args...)
	if err != nil {
		return nil, err
	}
	return f, s.effective(f)
}

// loadEach reads each argument as a filter, of which --from and --thread may say
// something each.
func (s *session) loadEach(args ...string) ([]*filter, error) {
	kinds, err := s.forEach(fromFlag.Name, len(args))
	if err != nil {
		return nil, err
	}
	threads, err := s.forEach(threadFlag.Name, len(args))
	if err != nil {
		return nil, err
	}
	s.several = true
	var list []*filter
	for i, arg := range args {
		f, err := s.loadFilter(kinds[i], threads[i], arg)
		if err != nil {
			return nil, err
		}
		list = append(list, f)
	}
	return list, s.effective(list...)
}

const forEachHelp = "--from and --thread say the same of all filters, or something of each: --from oci --from bpf,\n" +
	"or --from oci,bpf."

// forEach returns what a flag says of each of n filters: the one value that it has
// is for all of them, of several each has its own.
func (s *session) forEach(flag string, n int) ([]string, error) {
	values := strings.Split(strings.Join(s.StringSlice(flag), ","), ",")
	switch len(values) {
	case 1:
		return slices.Repeat(values, n), nil
	case n:
		return values, nil
	}
	if n == 1 {
		return nil, badInput("usage", "--%s says something of %d filters, and there is one", flag, len(values))
	}
	return nil, badInput("usage", "--%s says something of %d filters, and there are %d", flag, len(values), n)
}

// loadFilter reads arguments as one filter of the kind and the name that the flags
// say, "" for what is not said.
func (s *session) loadFilter(kind, thread string, args ...string) (*filter, error) {
	if len(args) == 1 && strings.HasPrefix(args[0], livePrefix) {
		return s.loadLive(args[0])
	}
	inputs := make([]input, len(args))
	files := make([]*source.File, len(args))
	for i, arg := range args {
		in, err := s.read(arg)
		if err != nil {
			return nil, err
		}
		inputs[i], files[i] = in, in.file()
	}
	opts, err := s.readerOptions(kind, thread)
	if err != nil {
		return nil, err
	}
	find, done, err := s.finder(inputs)
	if err != nil {
		return nil, err
	}
	defer done()
	opts.Find = find
	read, findings := readers.Read(files, opts)
	if err := findings.Err(); err != nil {
		return nil, err
	}
	s.warn(findings)
	f := &filter{name: source.Printable(read.Name), inputs: inputs, kind: read.Kind, policy: read.Policy, tests: read.Tests, often: read.Freq, read: read}
	if f.policy == nil {
		f.program = &compiler.Output{Program: read.Program}
	}
	if !s.IsSet("caps") {
		s.tellAssumed(f, files, find)
	}
	if f.kind == readers.Secco && s.Bool("boundaries") {
		f.reference, err = lang.Reference(files, opts.Options)
	}
	return f, err
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
	if size := (*compiler.SizeError)(nil); errors.As(err, &size) {
		return nil, tooLong(f, size)
	} else if err != nil {
		return nil, refused("fault", "a fault in secco itself, please report it: %s", err)
	}
	f.program = out
	return out, nil
}

// tooLong is a failure by a program that the kernel does not take. It points at the
// rules that take most of it.
func tooLong(f *filter, size *compiler.SizeError) *failure {
	failed := badInput("program-too-long", "the program of %s has %d instructions, the kernel takes %d at most", f.name, size.Size, bpf.MaxInstructions)
	d := &failed.findings[0]
	for i, r := range size.Rules {
		takes := fmt.Sprintf("this takes %.0f instructions", r.Instructions)
		if i == 0 {
			d.Span, d.Hint = r.Rule, takes
		} else {
			d.Related = append(d.Related, source.Related{Span: r.Rule, Message: takes})
		}
	}
	return failed
}
