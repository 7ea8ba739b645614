package diagram

import (
	"secco/linux"
	"secco/policy"
)

// Graph returns the diagram of a policy graph.
func (s *Space) Graph(root *policy.Node) Ref {
	g := grapher{s, map[*policy.Expr]*Vector{}, map[*policy.Node]Ref{}}
	return g.node(root)
}

// ConstantGraph returns the action that a policy graph gives all calls of the
// space, where no diagram is needed to know that it is the same.
func (s *Space) ConstantGraph(root *policy.Node) (a linux.Action, ok bool) {
	for !root.IsLeaf() {
		holds, known := s.decide(root)
		switch {
		case !known:
			return 0, false
		case holds:
			root = root.Yes
		default:
			root = root.No
		}
	}
	return root.Action.Effect(), true
}

type grapher struct {
	*Space
	vectors map[*policy.Expr]*Vector
	done    map[*policy.Node]Ref
}

func (g *grapher) node(n *policy.Node) Ref {
	if n.IsLeaf() {
		return g.Leaf(n.Action)
	}
	if f, ok := g.done[n]; ok {
		return f
	}
	g.Spend(1)
	f := g.Ite(g.test(n), g.node(n.Yes), g.node(n.No))
	g.done[n] = f
	return f
}

func (g *grapher) test(n *policy.Node) Ref {
	if holds, known := g.decide(n); known {
		return boolean(holds)
	}
	return g.Compare(n.Cmp, g.expr(n.X), g.expr(n.Y))
}

func (s *Space) decide(n *policy.Node) (holds, known bool) {
	if n.X.Op != policy.OpWord || !n.Y.IsConst() {
		return false, false
	}
	return decide(n.Cmp, s.calls.word(n.X.W), n.Y.K)
}

// decide returns whether "w cmp k" holds, where that is the same for every w of
// the range.
func decide(cmp policy.Cmp, r Range, k uint32) (holds, known bool) {
	low, high := cmp.Holds(r.Lo, k), cmp.Holds(r.Hi, k)
	switch cmp {
	case policy.CmpEq:
		return low, !r.Has(k) || r.Lo == r.Hi
	case policy.CmpGt, policy.CmpGe:
		return low, low == high
	}
	return low, r.Lo == r.Hi
}

func (g *grapher) expr(e *policy.Expr) *Vector {
	if v, ok := g.vectors[e]; ok {
		return v
	}
	var v Vector
	switch e.Op {
	case policy.OpConst:
		v = g.Const(e.K)
	case policy.OpWord:
		v = g.Word(e.W)
	default:
		v = g.Apply(e.Op, g.expr(e.X), g.expr(e.Y))
	}
	g.vectors[e] = &v
	return &v
}

// Graph notes which words meet in a policy graph, for the calls given.
func (m *Meetings) Graph(root *policy.Node, calls Calls) {
	words := map[*policy.Expr]uint16{}
	seen := map[*policy.Node]bool{}
	var of func(e *policy.Expr) uint16
	of = func(e *policy.Expr) uint16 {
		switch e.Op {
		case policy.OpConst:
			return 0
		case policy.OpWord:
			if r := calls.word(e.W); r.Lo == r.Hi {
				return 0
			}
			return 1 << e.W
		}
		w, ok := words[e]
		if !ok {
			w = of(e.X) | of(e.Y)
			words[e] = w
		}
		return w
	}
	var walk func(n *policy.Node)
	walk = func(n *policy.Node) {
		if n.IsLeaf() || seen[n] {
			return
		}
		seen[n] = true
		m.Meet(of(n.X) | of(n.Y))
		walk(n.Yes)
		walk(n.No)
	}
	walk(root)
}
