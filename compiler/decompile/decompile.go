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

// LimitError says what a program or its policy has too much of.
type LimitError struct {
	What string
	Max  int
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("it is too complex for a policy: it takes more than %d %s", e.Max, e.What)
}

// maxOperations is how many operations a value may be computed by. Policies
// evaluate shared parts of a value each time they occur, so that n instructions
// can make for 2^n operations.
const maxOperations = 4096

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
		known: map[*policy.Expr]bitsOf{}, results: map[resultKey]*policy.Node{}, sizes: map[*policy.Expr]int{},
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
	sizes   map[*policy.Expr]int
}

func (u *unit) spend(states int) {
	if u.states += states; u.states > u.States {
		panic(&LimitError{"states", u.States})
	}
}

// Binary is the Builder's, for values that are not too long.
func (u *unit) Binary(op policy.Op, x, y *policy.Expr) *policy.Expr {
	if u.size(x)+u.size(y) > maxOperations {
		panic(&LimitError{"operations for a value", maxOperations})
	}
	return u.Builder.Binary(op, x, y)
}

// size returns the number of operations in an expression.
func (u *unit) size(e *policy.Expr) int {
	if e.X == nil {
		return 0
	}
	n, ok := u.sizes[e]
	if !ok {
		n = 1 + u.size(e.X) + u.size(e.Y)
		u.sizes[e] = n
	}
	return n
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
		case len(x32.Rules) > 0 || !x32.Default.IsLeaf():
			defer func() { p.Targets = append(p.Targets, x32) }()
		default:
			p.X32 = x32.Default
		}
		p.Targets = append(p.Targets, t)
	}
	return p
}
