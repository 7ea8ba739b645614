package compiler

import (
	"cmp"
	"slices"

	"secco/policy"
)

// builder turns graphs of the policy into interval graphs.
//
// From the top, a region of the policy's graph, as far as one term decides, is
// taken at once; it becomes a node with an interval for each way out, and the
// graphs behind those are built knowing in which interval the term lies. Tests
// that this decides are gone, wherever in the policy they stood. From the
// bottom, the graphs so built are put under the node in order: where one of them
// tests a term that comes earlier, that test goes to the top and the others are
// distributed over it. So each term is tested once on every path, and the same
// decisions become the same node, in whatever order the policy asked.
//
// Both can take exponential room, where terms are tested in opposite orders and
// where much is known in many ways. Past a budget the policy's own order is
// kept, and past another one nothing is known; what is left then is as large as
// the policy's graph.
type builder struct {
	graph
	terms
	roots    map[buildKey]*node
	built    map[buildKey]*node
	combined map[string]*node
	asked    map[askKey]question
	needs    map[askKey][]uint64
	without  feature
	size     float64 // cost of an instruction, as in lowerer
	mode     mode
	first    mode // the first one that is tried
	doubt    bool // whether more than one was
	order    order
	orders   map[order]uint32
	budget   int // how many nodes there may be
	steps    int // how many more calls of build
}

type buildKey struct {
	n     *policy.Node
	big   bool
	mode  mode
	order order
	known string
}

// mode is what build does to a graph.
type mode uint8

const (
	ordered mode = iota // terms are tested in order
	pruned              // in the policy's order, but not what is known
	plain               // as the policy does
)

// Building the graph of a root may make that many new nodes, and so many more
// for each test of the policy's graph. With more than maxTerms terms nothing is
// known or ordered: it would take time, and the program is too long anyway.
const (
	budget        = 100
	budgetPerTest = 10
	maxTerms      = 1000
)

func newBuilder(size float64, without feature) *builder {
	first := ordered
	if without == featureKnown {
		first = plain
	}
	return &builder{
		first:    first,
		graph:    graph{byHash: map[uint64][]*node{}},
		terms:    terms{all: map[termKey]*term{}, depths: map[*policy.Expr]int{}, literal: without == featureStrength},
		roots:    map[buildKey]*node{},
		built:    map[buildKey]*node{},
		orders:   map[order]uint32{},
		order:    naturalOrder,
		without:  without,
		size:     size,
		combined: map[string]*node{},
		asked:    map[askKey]question{},
		needs:    map[askKey][]uint64{},
	}
}

// root returns the interval graph of one of the policy's roots: the ordered one,
// but another where that is smaller.
func (b *builder) root(n *policy.Node, big bool) *node {
	if n.IsLeaf() {
		return b.leaf(n.Action)
	}
	key := buildKey{n: n, big: big}
	if made, ok := b.roots[key]; ok {
		return made
	}
	tests, terms := 0, map[*term]bool{}
	policy.Walk(func(n *policy.Node) {
		tests++
		if !n.IsLeaf() {
			t, _ := b.ask(n, big)
			terms[t] = true
		}
	}, n)
	first := b.first
	if len(terms) > maxTerms {
		first = plain
	}
	b.order = naturalOrder
	var best *node
	least := 0.0
	for b.mode = first; b.mode <= plain; b.mode++ {
		made := b.try(n, big, tests)
		if made == nil {
			continue
		}
		if b.mode == ordered && b.without != featureOrder {
			made = b.reorder(n, big, tests, made)
		}
		if c := b.objective(made); best == nil || c < least {
			best, least = made, c
		}
		if cost(best) <= tests {
			break
		}
		b.doubt = true
	}
	b.order = naturalOrder
	b.roots[key] = best
	return best
}

// try is build within the budget that a graph of so many tests has.
func (b *builder) try(n *policy.Node, big bool, tests int) *node {
	b.steps = budget + budgetPerTest*tests
	b.budget = len(b.nodes) + b.steps
	return b.build(n, big, nil)
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
		total := len(n.to) + instructions(n.t.expr) + instructions(n.t.y)
		for _, to := range n.to {
			total += walk(to)
		}
		return total
	}
	return walk(n)
}

// instructions estimates those that compute e, nil being a word.
func instructions(e *policy.Expr) int {
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

// A fact is in which interval a term is known to lie.
type fact struct {
	t      *term
	lo, hi uint32
}

// decided returns whether the facts decide that t lies in s, and how.
func decided(facts []fact, t *term, s set) (yes, ok bool) {
	for _, f := range facts {
		if f.t != t {
			continue
		}
		for _, in := range s {
			switch {
			case in.lo <= f.lo && f.hi <= in.hi:
				return true, true
			case in.lo <= f.hi && f.lo <= in.hi:
				return false, false
			}
		}
		return false, true
	}
	return false, false
}

// skip returns the first node from n on that the facts, but for one about except,
// do not decide.
func (b *builder) skip(n *policy.Node, big bool, facts []fact, except *term) *policy.Node {
	for len(facts) > 0 && !n.IsLeaf() {
		t, s := b.ask(n, big)
		if t == except {
			return n
		}
		yes, ok := decided(facts, t, s)
		switch {
		case !ok:
			return n
		case yes:
			n = n.Yes
		default:
			n = n.No
		}
	}
	return n
}

// known returns those facts that matter from n on, as a key.
func (b *builder) known(n *policy.Node, big bool, facts []fact) string {
	if len(facts) == 0 {
		return ""
	}
	needs := b.need(n, big)
	var key []byte
	for _, f := range facts {
		if i := int(f.t.id / 64); i < len(needs) && needs[i]>>(f.t.id%64)&1 == 1 {
			for _, v := range [3]uint32{uint32(f.t.id), f.lo, f.hi} {
				key = append(key, byte(v), byte(v>>8), byte(v>>16), byte(v>>24))
			}
		}
	}
	return string(key)
}

// need returns the terms that are tested from n on, as a set of bits.
func (b *builder) need(n *policy.Node, big bool) []uint64 {
	if n.IsLeaf() {
		return nil
	}
	key := askKey{n, big}
	if needs, ok := b.needs[key]; ok {
		return needs
	}
	yes, no := b.need(n.Yes, big), b.need(n.No, big)
	t, _ := b.ask(n, big)
	needs := no // shared where nothing is added, as in a long chain
	if i := int(t.id / 64); len(yes) > 0 || i >= len(no) || no[i]>>(t.id%64)&1 == 0 {
		needs = make([]uint64, max(len(yes), len(no), i+1))
		copy(needs, no)
		for j, bits := range yes {
			needs[j] |= bits
		}
		needs[i] |= 1 << (t.id % 64)
		if slices.Equal(needs, no) {
			needs = no
		}
	}
	b.needs[key] = needs
	return needs
}

// build returns the graph of n for when the facts hold, nil where that takes
// more than the budget. The facts are about different terms.
func (b *builder) build(n *policy.Node, big bool, facts []fact) *node {
	if n = b.skip(n, big, facts, nil); n.IsLeaf() {
		return b.leaf(n.Action)
	}
	key := buildKey{n, big, b.mode, b.order, b.known(n, big, facts)}
	if made, ok := b.built[key]; ok {
		return made
	}
	if b.steps--; b.steps < 0 && b.mode != plain {
		return nil
	}
	t, _ := b.ask(n, big)
	f := fact{t, 0, t.max()}
	at := slices.IndexFunc(facts, func(f fact) bool { return f.t == t })
	if at >= 0 {
		f = facts[at]
	}
	r := region{b: b, big: big, term: t, facts: facts}
	r.walk(n, f.lo, f.hi)
	from, to := make([]uint32, len(r.pieces)), make([]*node, len(r.pieces))
	for i, p := range r.pieces {
		var inner []fact
		if b.mode != plain {
			end := f.hi
			if i+1 < len(r.pieces) {
				end = r.pieces[i+1].lo - 1
			}
			if inner = append(slices.Clone(facts), fact{t, p.lo, end}); at >= 0 {
				inner = slices.Delete(inner, at, at+1)
			}
		}
		if from[i], to[i] = p.lo, b.build(p.exit, big, inner); to[i] == nil {
			return nil
		}
	}
	from[0] = 0 // what cannot be may go anywhere
	var made *node
	if b.mode != ordered {
		made = b.decide(t, from, to)
	} else if made = b.combine(t, from, to); made == nil {
		return nil
	}
	b.built[key] = made
	return made
}

// A question is what a test of the policy asks for.
type question struct {
	t   *term
	yes set
}

type askKey struct {
	n   *policy.Node
	big bool
}

// ask is test, done once for each node.
func (b *builder) ask(n *policy.Node, big bool) (*term, set) {
	key := askKey{n, big}
	q, ok := b.asked[key]
	if !ok {
		q.t, q.yes = b.test(n, big)
		b.asked[key] = q
	}
	return q.t, q.yes
}

// combine returns the ordered graph that goes to one of the ordered graphs to,
// by the value of t; nil where that takes more than the budget.
func (b *builder) combine(t *term, from []uint32, to []*node) *node {
	first := t
	for _, n := range to {
		if n.t != nil && b.order.before(n.t, first) {
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
	key := b.combineKey(t, from, to)
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

func (b *builder) combineKey(t *term, from []uint32, to []*node) string {
	number, ok := b.orders[b.order]
	if !ok {
		number = uint32(len(b.orders))
		b.orders[b.order] = number
	}
	key := make([]byte, 0, 8+8*len(from))
	put := func(v uint32) { key = append(key, byte(v), byte(v>>8), byte(v>>16), byte(v>>24)) }
	put(number)
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
	facts  []fact
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
	for n = r.b.skip(n, r.big, r.facts, r.term); !n.IsLeaf(); n = r.b.skip(n, r.big, r.facts, r.term) {
		t, s := r.b.ask(n, r.big)
		if t != r.term || len(s) != 1 || s[0].lo != s[0].hi {
			break
		}
		if s[0].lo < lo || s[0].lo > hi {
			n = n.No
			continue
		}
		points = append(points, piece{s[0].lo, n.Yes})
		n = n.No
	}
	if len(points) > 0 {
		// Of the same value the first test decides.
		slices.SortStableFunc(points, func(a, b piece) int { return cmp.Compare(a.lo, b.lo) })
		points = slices.CompactFunc(points, func(a, b piece) bool { return a.lo == b.lo })
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
	t, s := r.b.ask(n, r.big)
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
