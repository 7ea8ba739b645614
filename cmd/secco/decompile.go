package main

import (
	"errors"

	"github.com/urfave/cli/v2"

	"secco/compiler/decompile"
	"secco/convert"
	"secco/lang"
	"secco/policy"
	"secco/policy/prove"
	"secco/source"
)

var decompileCommand = &cli.Command{
	Name:      "decompile",
	Usage:     "write a policy that does what a filter's program does",
	ArgsUsage: "FILTER...",
	Description: "The policy is read back and proved to do the same as the program with every call before it\n" +
		"is written. What the language has no words for is an error that says what it is; a program\n" +
		"too complex for a policy or a proof ends with exit code 4. A filter that is no program is\n" +
		"compiled first: secco convert --to secco writes what it means without that.",
	Flags: flags([]cli.Flag{archFlag, outputFlag}, inputFlags),
	Action: action(func(s *session) error {
		if err := s.want(1, -1); err != nil {
			return err
		}
		if f := s.promised("a policy", ".secco"); f != nil {
			return f.hint("secco convert and secco compile write other forms")
		}
		f, err := s.load(s.Args().Slice()...)
		if err != nil {
			return err
		}
		out, err := s.compile(f)
		if err != nil {
			return err
		}
		p, err := s.decompile(f.name, out.Program)
		if err != nil {
			return err
		}
		program, err := prove.Program(out.Program)
		if err != nil {
			return badInput("invalid-program", "%s: %s", f.name, err)
		}
		text, err := provedText(f.name, p, program, decompile.TextOptions{})
		if err != nil {
			return err
		}
		return s.write(text)
	}),
}

// toSecco writes what a filter means as a policy, with the comments of its source.
// Guards of a profile that the flags don't settle stay guards.
func toSecco(s *session, f *filter) ([]byte, error) {
	if f.read != nil && f.read.Profile.HasGuards() {
		return s.guardedText(f)
	}
	original, err := provable(f) // a program where it is one
	if err != nil {
		return nil, err
	}
	p, err := s.meaning(f)
	if err != nil {
		return nil, err
	}
	var opts decompile.TextOptions
	if f.read != nil {
		opts = decompile.TextOptions{Header: f.read.Header(), Comment: f.read.Comment}
	}
	return provedText(f.name, p, original, opts)
}

// guardedText writes a profile with guards as a policy.
func (s *session) guardedText(f *filter) ([]byte, error) {
	arches, err := s.targets()
	if err != nil {
		return nil, err
	}
	if s.String("through") != "" {
		return nil, badInput("usage", "%s: the program that libseccomp builds of a profile is for one machine and container: --through goes without the profile's guards", f.name).
			hint("leave --through out; the policy keeps the guards that --caps and --kernel don't settle")
	}
	opts := convert.SeccoOptions{Arches: arches, Caps: s.capabilities(), Kernel: f.read.Host.Kernel, Runtime: f.read.Host.Runtime}
	text, findings, err := convert.ToSecco(f.read.Profile, opts)
	var unproved *convert.UndecidedError
	switch {
	case errors.As(err, &unproved):
		return nil, newFailure(exitUndecided, "undecided", "%s: %s", f.name, err)
	case err != nil:
		return nil, unsayable(f.name, err)
	}
	s.warn(findings)
	return []byte(text), nil
}

// unsayable returns an error of writing a policy's text.
func unsayable(name string, err error) error {
	if limit := (*decompile.LimitError)(nil); errors.As(err, &limit) {
		return newFailure(exitUndecided, "too-complex", "%s: %s", name, limit)
	}
	if cant := (*decompile.UnsayableError)(nil); errors.As(err, &cant) {
		return badInput("unsayable", "%s: the language has no words for this filter: %s", name, cant)
	}
	return err
}

// provedText returns a policy's text, which was read back and proved equal to the
// filter that the policy was made from.
func provedText(name string, p *policy.Policy, original prove.Filter, opts decompile.TextOptions) ([]byte, error) {
	text, err := decompile.Text(p, opts)
	if err != nil {
		return nil, unsayable(name, err)
	}
	if text, err = lang.Canonical(text); err != nil {
		return nil, refused("fault", "a fault in secco itself, please report it: %s: the policy made of it can't be read: %s", name, err)
	}
	again, findings := lang.Load([]*source.File{source.NewFile("<decompiled>", text)}, lang.Options{})
	if err := findings.Err(); err != nil {
		return nil, refused("fault", "a fault in secco itself, please report it: %s: the policy made of it can't be read: %s", name, err)
	}
	result, err := prove.Equivalent(original, prove.Policy(again), prove.Options{})
	if err != nil {
		return nil, refused("fault", "a fault in secco itself, please report it: %s", err)
	}
	switch result.Verdict {
	case prove.Equal:
		return []byte(text), nil
	case prove.Different:
		w := result.Witness
		return nil, refused("fault", "a fault in secco itself, please report it: %s: for %s the filter returns %s, the policy made of it %s",
			name, prove.CallString(&w.Call), w.A, w.B)
	}
	return nil, newFailure(exitUndecided, "undecided", "%s: the policy made of it could not be proved to do the same: %s", name, result.Reason)
}
