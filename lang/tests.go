package lang

import (
	"fmt"
	"math"

	"secco/lang/lower"
	"secco/lang/simplify"
	"secco/lang/syntax"
	"secco/lang/unify"
	"secco/linux"
	"secco/policy"
	"secco/policy/prove"
	"secco/source"
)

// Test is a test that a policy states about itself, for one architecture.
type Test struct {
	Arch linux.Arch
	Name string // of the syscall, or the range
	NR   uint32
	Last uint32     // of a range; else NR
	Args [6]*uint64 // nil stands for every value
	Want linux.Action
	Span source.Span
}

// Prove decides, for all calls that the test is about, whether a policy does what
// the test expects: the verdict is Equal where it does, Different with a call for
// which it does not, or Undecided.
func (t Test) Prove(p *policy.Policy) (prove.Result, error) {
	// What the policy does is looked at with the test's arguments in place, so that it
	// is as easy to decide as what they leave open.
	values := map[linux.Word]uint32{linux.WordArch: t.Arch.Audit()}
	if t.NR == t.Last {
		values[linux.WordNR] = t.NR
	}
	for i, arg := range t.Args {
		if arg == nil {
			continue
		}
		values[linux.ArgLow(i)] = uint32(*arg)
		if t.Arch.Bits() == 64 {
			values[linux.ArgHigh(i)] = uint32(*arg >> 32)
		}
	}
	var b policy.Builder
	other := b.Leaf(linux.KillThread, source.Span{})
	whole := func(n *policy.Node, rules map[uint32]*policy.Node) prove.Filter {
		parts := []policy.Part{{From: 0, Node: other}, {From: t.NR, Node: n}}
		if t.NR == 0 {
			parts = parts[1:]
		}
		if t.Last < math.MaxUint32 {
			parts = append(parts, policy.Part{From: t.Last + 1, Node: other})
		}
		target := &policy.Target{Arch: t.Arch, Rules: rules, Default: b.ByNumber(parts)}
		return prove.Policy(&policy.Policy{Targets: []*policy.Target{target}, BadArch: other, X32: other})
	}
	does, rules := p.Root(t.Arch.Audit(), t.NR), map[uint32]*policy.Node{}
	if from := p.Target(t.Arch); from != nil && t.NR < t.Last {
		does = from.Default
		for nr, n := range from.Rules {
			if t.NR <= nr && nr <= t.Last {
				rules[nr] = b.Restrict(n, values)
			}
		}
	}
	result, err := prove.Equivalent(whole(b.Restrict(does, values), rules), whole(b.Leaf(t.Want, t.Span), nil), prove.Options{Arches: []linux.Arch{t.Arch}})
	if err != nil || result.Witness == nil {
		return result, err
	}
	w := result.Witness
	w.Call.IP = 0
	for i, arg := range t.Args {
		if arg != nil {
			w.Call.Args[i] = *arg
		}
	}
	if got, _ := p.Eval(&w.Call); got.Effect() != w.A || got.Effect() == t.Want.Effect() {
		return prove.Result{}, &prove.InternalError{What: fmt.Sprintf("%s, but the policy says %s", w, got)}
	}
	return result, nil
}

// tests returns the tests of the unit, and checks those that are idle.
func (l *loader) tests() []Test {
	var list []Test
	for _, ct := range l.unit.Tests {
		for _, arch := range ct.Arches {
			u := unify.Unifier{Arch: arch, Defs: l.unit.Defs, Unknown: l.unit.Unknown, Diags: &l.diags, Steps: &l.steps}
			t := Test{Arch: arch, Name: ct.Syscall.Text, Span: ct.At}
			t.NR, t.Last, _ = arch.Numbers(t.Name)
			for i, a := range ct.Args {
				if a != nil && i < len(t.Args) {
					t.Args[i] = l.argument(&u, a)
				}
			}
			if a, ok := u.Action(ct.Action); ok {
				t.Want, _ = lower.Action(a, &l.diags)
			}
			if !ct.Idle {
				list = append(list, t)
			}
		}
	}
	return list
}

// argument returns the value of an argument in a test, as the kernel takes it on
// the architecture. One that no call has there would make a test that cannot
// fail.
func (l *loader) argument(u *unify.Unifier, e syntax.Expr) *uint64 {
	value := l.constant(u, e, "an argument of a test")
	if value == nil || u.Arch.Bits() == 64 {
		return value
	}
	low := *value & math.MaxUint32
	if *value != low && *value != uint64(int32(low)) {
		l.diags.Errorf(e.Span(), "constant-range", "%#x does not fit in the 32 bits of an argument on %s", *value, u.Arch).Hint =
			"name another architecture before the syscall"
	}
	return &low
}

// constant returns the value of an expression that has to be constant; nil where it is
// none.
func (l *loader) constant(u *unify.Unifier, e syntax.Expr, what string) *uint64 {
	closed, ok := u.Expr(e)
	if !ok {
		return nil
	}
	value := simplify.Expr(closed, &l.diags)
	unknown := false // names are reported
	syntax.Walk(value, func(n syntax.Node) bool {
		_, is := n.(*syntax.Name)
		unknown = unknown || is
		return !unknown
	})
	switch x, ok := value.(*syntax.Number); {
	case ok:
		return &x.Value
	case !unknown:
		l.diags.Errorf(e.Span(), "not-constant", "%s has to be a constant", what)
	}
	return nil
}
