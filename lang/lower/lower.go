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
	if !x.wide && !y.wide {
		switch op {
		case syntax.OpEq:
			return l.test(policy.CmpEq, x.low, y.low, yes, no)
		case syntax.OpSet:
			return l.test(policy.CmpEq, l.Builder.Binary(policy.OpAnd, x.low, y.low), y.low, yes, no)
		case syntax.OpGt:
			return l.test(policy.CmpGt, x.low, y.low, yes, no)
		}
		return l.test(policy.CmpGe, x.low, y.low, yes, no)
	}
	var n *policy.Node
	switch op {
	case syntax.OpEq:
		n = l.test(policy.CmpEq, x.high, y.high, l.test(policy.CmpEq, x.low, y.low, yes, no), no)
	case syntax.OpSet:
		low := l.test(policy.CmpEq, l.Builder.Binary(policy.OpAnd, x.low, y.low), y.low, yes, no)
		n = l.test(policy.CmpEq, l.Builder.Binary(policy.OpAnd, x.high, y.high), y.high, low, no)
	case syntax.OpGt:
		n = l.order(policy.CmpGt, x, y, yes, no)
	default:
		n = l.order(policy.CmpGe, x, y, yes, no)
	}
	return l.guard(n, x.low, y.low)
}

// order returns the graph of a comparison for order of 64 bits: the upper halves
// decide, or where they are equal the lower ones.
func (l *Lowerer) order(cmp policy.Cmp, x, y value, yes, no *policy.Node) *policy.Node {
	low := l.test(cmp, x.low, y.low, yes, no)
	above := l.test(policy.CmpGt, x.high, y.high, yes, no)
	switch {
	case isConst(y.high, 0), isConst(x.high, 0xffffffff): // not equal is above
		above = yes
	case isConst(y.high, 0xffffffff), isConst(x.high, 0): // not equal is below
		above = no
	}
	return l.test(policy.CmpEq, x.high, y.high, low, above)
}

func isConst(e *policy.Expr, k uint32) bool { return e.IsConst() && e.K == k }

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
		constants = constants && set[i].low.IsConst() && set[i].high.IsConst()
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
		if groups[v.high.K] == nil {
			order = append(order, v.high.K)
		}
		groups[v.high.K] = append(groups[v.high.K], v)
	}
	for i := len(order) - 1; i >= 0; i-- {
		group := groups[order[i]]
		low := no
		for j := len(group) - 1; j >= 0; j-- {
			low = l.test(policy.CmpEq, x.low, group[j].low, yes, low)
		}
		n = l.test(policy.CmpEq, x.high, group[0].high, low, n)
	}
	return n
}
