// Package lower makes the decision graph of a rule. Conditions are lowered with
// the two nodes passed down that come after them; so && and || are nothing but
// the order of tests, and no graph computes a condition's value.
package lower

import (
	"secco/lang/syntax"
	"secco/linux"
	"secco/policy"
	"secco/source"
)

// Lowerer makes the nodes of one architecture's rules.
type Lowerer struct {
	Builder *policy.Builder
	Arch    linux.Arch
	Span    source.Span // of the rule or arm that is lowered
}

// Cond returns the graph of an expanded and checked condition.
func (l *Lowerer) Cond(e syntax.Expr, yes, no *policy.Node) *policy.Node {
	switch e := e.(type) {
	case *syntax.Bool:
		if e.Value {
			return yes
		}
		return no
	case *syntax.Unary: // !
		return l.Cond(e.X, no, yes)
	case *syntax.Binary:
		switch e.Op {
		case syntax.OpAnd:
			return l.Cond(e.X, l.Cond(e.Y, yes, no), no)
		case syntax.OpOr:
			return l.Cond(e.X, yes, l.Cond(e.Y, yes, no))
		}
		return l.compare(e.Op, l.value(e.X), l.value(e.Y), yes, no)
	case *syntax.In:
		if e.Not {
			yes, no = no, yes
		}
		return l.in(e, yes, no)
	}
	panic("lower: not a condition")
}

// compare returns the graph of a comparison.
func (l *Lowerer) compare(op syntax.Op, x, y value, yes, no *policy.Node) *policy.Node {
	switch op {
	case syntax.OpNe:
		op, yes, no = syntax.OpEq, no, yes
	case syntax.OpLt:
		op, yes, no = syntax.OpGe, no, yes
	case syntax.OpLe:
		op, yes, no = syntax.OpGt, no, yes
	}
	cmp := policy.CmpEq
	switch op {
	case syntax.OpGt:
		cmp = policy.CmpGt
	case syntax.OpGe:
		cmp = policy.CmpGe
	}
	b := l.Builder
	if !x.wide && !y.wide {
		if op == syntax.OpSet {
			return l.test(cmp, b.Binary(policy.OpAnd, x.Low, y.Low), y.Low, yes, no)
		}
		return l.test(cmp, x.Low, y.Low, yes, no)
	}
	n := x.Wide
	if op == syntax.OpSet {
		n = b.And(n, y.Wide)
	}
	return l.guard(b.TestWide(cmp, n, y.Wide, yes, no, l.Span), x.Low, y.Low)
}

// guard puts tests for zero before n, for the divisors in these values: they are
// computed whether or not the upper halves of a comparison decide it already.
func (l *Lowerer) guard(n *policy.Node, values ...*policy.Expr) *policy.Node {
	for i := len(values) - 1; i >= 0; i-- {
		n = l.test(policy.CmpEq, values[i], l.Builder.Const(0), n, n)
	}
	return n
}

func (l *Lowerer) test(cmp policy.Cmp, x, y *policy.Expr, yes, no *policy.Node) *policy.Node {
	return l.Builder.Test(cmp, x, y, yes, no, l.Span)
}

// in returns the graph of a test for membership: comparisons from left to right.
// A full argument's upper half is compared once for those constants that share
// it; their order does not show.
func (l *Lowerer) in(e *syntax.In, yes, no *policy.Node) *policy.Node {
	x := l.value(e.X)
	set := make([]value, len(e.Set))
	constants := true
	for i, s := range e.Set {
		set[i] = l.value(s)
		constants = constants && set[i].Low.IsConst() && set[i].High.IsConst()
	}
	n := no
	if !x.wide || !constants {
		for i := len(set) - 1; i >= 0; i-- {
			n = l.compare(syntax.OpEq, x, set[i], yes, n)
		}
		return n
	}
	groups := map[uint32][]value{}
	var order []uint32
	for _, v := range set {
		if groups[v.High.K] == nil {
			order = append(order, v.High.K)
		}
		groups[v.High.K] = append(groups[v.High.K], v)
	}
	for i := len(order) - 1; i >= 0; i-- {
		group := groups[order[i]]
		low := no
		for j := len(group) - 1; j >= 0; j-- {
			low = l.test(policy.CmpEq, x.Low, group[j].Low, yes, low)
		}
		n = l.test(policy.CmpEq, x.High, group[0].High, low, n)
	}
	return n
}
