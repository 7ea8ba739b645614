// Package decompile makes policies out of programs.
//
// Any program that the kernel accepts has a policy. It does the same with every
// call, of whatever architecture and number: package prove can show it, and the
// tests of this package have it shown.
package decompile

import (
	"fmt"

	"secco/bpf"
	"secco/linux"
	"secco/policy"
	"secco/policy/diagram"
	"secco/source"
)

// Options are for the few who need them. The zero Options is ready for use.
type Options struct {
	// Arches become targets even where the program does not ask for them. Those
	// that it compares the architecture with do in any case; where there are none,
	// x86_64 does.
	Arches []linux.Arch
	// Span says where an instruction comes from; nil is nowhere.
	Span func(pc int) source.Span
	// States is how many states of the program may be looked at, which bounds the
	// work and the size of the policy; 0 is a million.
	States int
}

// LimitError says that the program has too many states.
type LimitError struct{ Max int }

func (e *LimitError) Error() string {
	return fmt.Sprintf("the program is too complex for a policy: it has more than %d states", e.Max)
}

// Program returns a policy that does to every call what the program does. The
// error is bpf.Validate's, or a *LimitError.
func Program(p bpf.Program, o Options) (result *policy.Policy, err error) {
	if err := bpf.Validate(p); err != nil {
		return nil, err
	}
	if o.States <= 0 {
		o.States = 1 << 20
	}
	if o.Span == nil {
		o.Span = func(int) source.Span { return source.Span{} }
	}
	defer func() {
		if r := recover(); r != nil {
			limit, ok := r.(*LimitError)
			if !ok {
				panic(r)
			}
			result, err = nil, limit
		}
	}()
	u := &unit{
		Options: o, program: diagram.NewProgram(p),
		known: map[*policy.Expr]bitsOf{}, results: map[resultKey]*policy.Node{},
	}
	return u.policy(), nil
}

// unit is one program on its way to a policy.
type unit struct {
	Options
	policy.Builder
	program *diagram.Program
	states  int // seen so far
	known   map[*policy.Expr]bitsOf
	results map[resultKey]*policy.Node
}

func (u *unit) spend(states int) {
	if u.states += states; u.states > u.States {
		panic(&LimitError{u.States})
	}
}

func (u *unit) policy() *policy.Policy {
	p := &policy.Policy{}
	arches := u.arches()
	elsewhere := map[uint32]bool{}
	for _, a := range arches {
		elsewhere[a.Audit()] = true
	}
	p.BadArch = u.otherArches(elsewhere)
	for _, a := range arches {
		t, x32 := u.target(a)
		switch {
		case a != linux.X86_64:
		case len(x32.Rules) > 0:
			defer func() { p.Targets = append(p.Targets, x32) }()
		default:
			p.X32 = x32.Default
		}
		p.Targets = append(p.Targets, t)
	}
	return p
}
