package compiler

import (
	"slices"
	"sort"

	"secco/policy"
)

// builder turns graphs of the policy into interval graphs.
//
// A test of the policy becomes a node with two or three intervals, and the
// graphs of its successors are put under it so that on every path each term is
// tested once and in order: the upper of two terms comes first, and the lower
// one's successors are distributed over it. What is known on a path is known by
// position, so nothing is tested twice and nothing is tested whose outcome is
// known, wherever in the policy the tests stood.
//
// Distributing can take exponential room where terms are tested in opposite
// orders. Past a budget the graph is built in the policy's own order instead,
// where the result is as large as the policy's graph; it may test a word twice.
type builder struct {
	graph
	terms
	roots    map[buildKey]*node
	built    map[buildKey]*node
	combined map[string]*node
	budget   int
	free     bool // build in the policy's own order
}

type buildKey struct {
	n    *policy.Node
	big  bool
	free bool
}

// Ordering the graph of a root may make room for that many new nodes, and so
// many more for each test of the policy's graph.
const (
	budget        = 100
	budgetPerTest = 10
)

func newBuilder() *builder {
	return &builder{
		graph:    graph{byHash: map[uint64][]*node{}},
		terms:    terms{all: map[termKey]*term{}, depths: map[*policy.Expr]int{}},
		roots:    map[buildKey]*node{},
		built:    map[buildKey]*node{},
		combined: map[string]*node{},
	}
}

// root returns the interval graph of one of the policy's roots: the ordered one,
// but the one in the policy's order where that is smaller.
func (b *builder) root(n *policy.Node, big bool) *node {
	if n.IsLeaf() {
		return b.leaf(n.Action)
	}
	key := buildKey{n, big, false}
	if made, ok := b.roots[key]; ok {
		return made
	}
	tests := 0
	policy.Walk(func(*policy.Node) { tests++ }, n)
	b.budget, b.free = len(b.nodes)+budget+budgetPerTest*tests, false
	made := b.build(n, big)
	if made == nil || tests > 3 {
		b.free = true
		if free := b.build(n, big); made == nil || cost(free) < cost(made) {
			made = free
		}
	}
	b.roots[key] = made
	return made
}

// cost estimates the instructions that a graph takes.
func cost(n *node) int {
	seen := map[*node]bool{}
	var walk func(n *node) int
	walk = func(n *node) int {
		if seen[n] || n.t == nil {
			return 0
		}
		seen[n] = true
		total := len(n.to) + size(n.t.expr) + size(n.t.y)
		for _, to := range n.to {
			total += walk(to)
		}
		return total
	}
	return walk(n)
}

// size estimates the instructions that compute e, nil being a word.
func size(e *policy.Expr) int {
	parts := map[*policy.Expr]bool{}
	var walk func(e *policy.Expr)
	walk = func(e *policy.Expr) {
		if e != nil && e.X != nil && !parts[e] {
			parts[e] = true
			walk(e.X)
			walk(e.Y)
		}
	}
	walk(e)
	return 2 * len(parts)
}

// build returns the graph of n, nil where that takes more than the budget.
func (b *builder) build(n *policy.Node, big bool) *node {
	if n.IsLeaf() {
		return b.leaf(n.Action)
	}
	key := buildKey{n, big, b.free}
	if made, ok := b.built[key]; ok {
		return made
	}
	r := region{b: b, big: big}
	r.term, _ = b.test(n, big)
	r.walk(n, 0, r.term.max())
	from, to := make([]uint32, len(r.pieces)), make([]*node, len(r.pieces))
	for i, p := range r.pieces {
		from[i], to[i] = p.lo, b.build(p.exit, big)
		if to[i] == nil {
			return nil
		}
	}
	var made *node
	if b.free {
		made = b.decide(r.term, from, to)
	} else if made = b.combine(r.term, from, to); made == nil {
		return nil
	}
	b.built[key] = made
	return made
}

// combine returns the ordered graph that goes to one of the ordered graphs to,
// by the value of t; nil where that takes more than the budget.
func (b *builder) combine(t *term, from []uint32, to []*node) *node {
	first := t
	for _, n := range to {
		if n.t != nil && n.t.before(first) {
			first = n.t
		}
	}
	if first == t {
		var f []uint32
		var o []*node
		for i, n := range to {
			if n.t != t {
				f, o = append(f, from[i]), append(o, n)
				continue
			}
			end := t.max()
			if i+1 < len(from) {
				end = from[i+1] - 1
			}
			for j := n.index(from[i]); j < len(n.to) && n.from[j] <= end; j++ {
				f, o = append(f, max(n.from[j], from[i])), append(o, n.to[j])
			}
		}
		return b.decide(t, f, o)
	}
	key := combineKey(t, from, to)
	if made, ok := b.combined[key]; ok {
		return made
	}
	if len(b.nodes) > b.budget {
		return nil
	}
	cuts := []uint32{0}
	for _, n := range to {
		if n.t == first {
			cuts = append(cuts, n.from[1:]...)
		}
	}
	slices.Sort(cuts)
	cuts = slices.Compact(cuts)
	outer := make([]*node, len(cuts))
	for i, v := range cuts {
		inner := slices.Clone(to)
		for j, n := range inner {
			if n.t == first {
				inner[j] = n.at(v)
			}
		}
		if outer[i] = b.combine(t, from, inner); outer[i] == nil {
			return nil
		}
	}
	made := b.decide(first, cuts, outer)
	b.combined[key] = made
	return made
}

func combineKey(t *term, from []uint32, to []*node) string {
	key := make([]byte, 0, 4+8*len(from))
	put := func(v uint32) { key = append(key, byte(v), byte(v>>8), byte(v>>16), byte(v>>24)) }
	put(uint32(t.id))
	for i := range from {
		put(from[i])
		put(uint32(to[i].id))
	}
	return string(key)
}

// A region is what the policy decides by one term alone, from some node on:
// which node comes next, for each interval of the term's values.
type region struct {
	b      *builder
	big    bool
	term   *term
	pieces []piece // in order, together all values
}

type piece struct {
	lo   uint32
	exit *policy.Node
}

func (r *region) add(lo uint32, exit *policy.Node) {
	if n := len(r.pieces); n > 0 && r.pieces[n-1].exit == exit {
		return
	}
	r.pieces = append(r.pieces, piece{lo, exit})
}

// walk adds the pieces for the values from lo to hi that come to n. Long chains
// of comparisons with single values are taken in one go.
func (r *region) walk(n *policy.Node, lo, hi uint32) {
	var points []piece
	var seen map[uint32]bool
	for !n.IsLeaf() {
		t, s := r.b.test(n, r.big)
		if t != r.term || len(s) != 1 || s[0].lo != s[0].hi {
			break
		}
		if s[0].lo < lo || s[0].lo > hi {
			n = n.No
			continue
		}
		if seen == nil {
			seen = map[uint32]bool{}
		}
		if v := s[0].lo; !seen[v] {
			seen[v] = true
			points = append(points, piece{v, n.Yes})
		}
		n = n.No
	}
	if len(points) > 0 {
		sort.Slice(points, func(i, j int) bool { return points[i].lo < points[j].lo })
		next := lo
		for _, p := range points {
			if p.lo > next {
				r.walk(n, next, p.lo-1)
			}
			r.walk(p.exit, p.lo, p.lo)
			if p.lo == hi {
				return
			}
			next = p.lo + 1
		}
		r.walk(n, next, hi)
		return
	}
	if n.IsLeaf() {
		r.add(lo, n)
		return
	}
	t, s := r.b.test(n, r.big)
	if t != r.term {
		r.add(lo, n)
		return
	}
	for _, in := range s {
		if in.hi < lo {
			continue
		}
		if in.lo > hi {
			break
		}
		if in.lo > lo {
			r.walk(n.No, lo, in.lo-1)
		}
		lo = max(lo, in.lo)
		r.walk(n.Yes, lo, min(in.hi, hi))
		if in.hi >= hi {
			return
		}
		lo = in.hi + 1
	}
	r.walk(n.No, lo, hi)
}
