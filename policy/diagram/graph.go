package diagram

import (
	"secco/linux"
	"secco/policy"
)

// Graph returns the diagram of a policy graph.
func (s *Space) Graph(root *policy.Node) Ref {
	g := &grapher{Space: s, ways: map[*policy.Node]int{}, meets: map[*policy.Node]bool{}}
	policy.Walk(func(n *policy.Node) {
		g.ways[n.Yes]++
		g.ways[n.No]++
	}, root)
	policy.Walk(func(n *policy.Node) {
		if !n.IsLeaf() {
			g.meets[n] = g.leadsToShared(n.Yes) || g.leadsToShared(n.No)
		}
	}, root)
	return function(s, root, func() chooser[*policy.Node] {
		g.vectors = map[*policy.Expr]*Vector{}
		return g
	}, root)
}

// ConstantGraph returns the action that a policy graph gives all calls of the
// space, where no diagram is needed to know that it is the same.
func (s *Space) ConstantGraph(root *policy.Node) (a linux.Action, ok bool) {
	root, _ = (&grapher{Space: s}).next(root)
	return root.Action.Effect(), root.IsLeaf()
}

type grapher struct {
	*Space
	vectors map[*policy.Expr]*Vector
	ways    map[*policy.Node]int  // tests that lead to each node
	meets   map[*policy.Node]bool // nodes that lead to one with several
}

func (g *grapher) leadsToShared(to *policy.Node) bool {
	return !to.IsLeaf() && (g.ways[to] > 1 || g.meets[to])
}

// next skips tests that the slice's ranges decide.
func (g *grapher) next(n *policy.Node) (*policy.Node, role) {
	shared := false
	for {
		shared = shared || g.ways[n] > 1
		holds, known := false, false
		if !n.IsLeaf() {
			holds, known = g.decide(n)
		}
		switch {
		case !known:
			return n, roleOf(n.IsLeaf(), shared, g.meets[n])
		case holds:
			n = n.Yes
		default:
			n = n.No
		}
	}
}

func (g *grapher) order(n *policy.Node) int { return -n.ID() }

func (g *grapher) choose(n *policy.Node) choice[*policy.Node] {
	if n.IsLeaf() {
		return choice[*policy.Node]{isLeaf: true, leaf: g.Leaf(n.Action)}
	}
	g.Spend(1)
	return choice[*policy.Node]{cond: g.Compare(n.Cmp, g.expr(n.X), g.expr(n.Y)), yes: n.Yes, no: n.No}
}

func (s *Space) decide(n *policy.Node) (holds, known bool) {
	switch x := n.X; {
	case !n.Y.IsConst():
	case x.Op == policy.OpWord:
		return s.calls.Decide(n.Cmp, x.W, n.Y.K)
	case x.Op == policy.OpAnd && x.X.Op == policy.OpWord && x.Y.IsConst():
		return s.calls.DecideMasked(n.Cmp, x.X.W, x.Y.K, n.Y.K)
	}
	return false, false
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
			x, y := of(e.X), of(e.Y)
			m.Operation(e.Op, x, y)
			w = x | y
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
