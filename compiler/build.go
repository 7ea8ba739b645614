package compiler

import (
	"cmp"
	"slices"

	"secco/linux"
	"secco/policy"
)

// builder turns graphs of the policy into interval graphs.
//
// The first choice is a graph that is ordered: see compose. It can take
// exponential room, where the policy tests terms in opposite orders. Past a
// budget the policy's own order is kept: from the top, a region of the policy's
// graph, as far as one term decides, is taken at once; it becomes a node with an
// interval for each way out, and the graphs behind those are built knowing in
// which interval the term lies. Tests that this decides are gone, wherever in the
// policy they stood. That is exponential too where much is known in many ways,
// and past another budget nothing is known; what is left then is as large as the
// policy's graph.
type builder struct {
	graph
	terms
	questions
	roots    map[*question]*node
	used     map[*node]bool // the nodes of those
	built    map[buildKey]*node
	composed map[composition]*node
	combined map[string]*node
	without  feature
	size     float64 // cost of an instruction, as in lowerer
	plain    bool    // graphs are as the policy's, nothing being known
	forget   bool    // build knows nothing but the interval it is in
	doubt    bool    // whether that was tried beside others
	order    order
	budget   int // how many nodes there may be
	steps    int // how much more may be done
	spent    int // what has been done
}

// spend takes from the steps that are left and reports whether there were enough.
func (b *builder) spend(steps int) bool {
	b.spent += steps
	b.steps -= steps
	return b.steps >= 0
}

type buildKey struct {
	q      *question
	known  string
	forget bool
}

// Building the graph of a root may take that many steps, and so many more for
// each test of the policy's graph. With more than maxTerms terms nothing is
// known or ordered: it would take time, and the program is too long anyway.
const (
	budget        = 1000
	budgetPerTest = 64
	maxTerms      = 1000
)

func newBuilder(size float64, without feature) *builder {
	return &builder{
		plain:     without == featureKnown,
		graph:     graph{byHash: map[uint64]*node{}},
		terms:     terms{all: map[termKey]*term{}, depths: map[*policy.Expr]int{}, literal: without == featureStrength},
		roots:     map[*question]*node{},
		used:      map[*node]bool{},
		built:     map[buildKey]*node{},
		composed:  map[composition]*node{},
		questions: questions{asked: map[asked]*question{}, tests: map[asking]*question{}, leaves: map[linux.Action]*question{}},
		order:     naturalOrder,
		without:   without,
		size:      size,
		combined:  map[string]*node{},
	}
}

// root returns the interval graph of one of the policy's roots: the ordered one,
// but another where that is smaller.
func (b *builder) root(n *policy.Node, big bool) *node {
	q := b.question(n, big)
	if q.t == nil {
		return b.leaf(q.action)
	}
	if made, ok := b.roots[q]; ok {
		return made
	}
	tests, terms := 0, map[*term]bool{}
	b.walk(q, 0, func(q *question) {
		tests += len(b.single(q).to)
		terms[q.t] = true
	})
	allowed := budget + budgetPerTest*tests
	var best *node
	least := 0.0
	better := func(made *node) bool {
		if made == nil {
			return false
		}
		c := b.objective(made)
		if best != nil && c >= least-1e-9 {
			return false
		}
		best, least = made, c
		return true
	}
	if !b.plain && len(terms) <= maxTerms && b.without != featureSorted {
		b.steps = allowed
		if plan := b.plan(q); plan != nil {
			b.search(plan, allowed, better)
		}
	}
	for _, b.forget = range [2]bool{b.plain || len(terms) > maxTerms, true} {
		if best == nil || cost(best) > tests {
			b.doubt = b.doubt || best != nil
			b.steps = allowed
			better(b.build(q, nil))
		}
	}
	if best == nil {
		best = b.asAsked(q)
	}
	b.roots[q] = best
	b.use(best)
	return best
}

// use marks the nodes of a graph that is part of the whole.
func (b *builder) use(n *node) {
	if n.t != nil && !b.used[n] {
		b.used[n] = true
		for _, to := range n.to {
			b.use(to)
		}
	}
}

// saved estimates how many instructions the graphs of the roots save by what they
// have in common.
func (b *builder) saved() int {
	var all []*node
	saved := 0
	for _, n := range b.roots {
		all = append(all, n)
		saved += cost(n)
	}
	return saved - cost(all...)
}

// cost estimates the instructions that graphs take together.
func cost(roots ...*node) int {
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
	total := 0
	for _, n := range roots {
		total += walk(n)
	}
	return total
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

// skip returns the first question from q on that the facts, but for one about
// except, do not decide.
func (b *builder) skip(q *question, facts []fact, except *term) *question {
	for ; len(facts) > 0 && q.t != nil && q.t != except; b.spend(1) {
		yes, ok := decided(facts, q.t, q.yes)
		switch {
		case !ok:
			return q
		case yes:
			q = q.in
		default:
			q = q.out
		}
	}
	return q
}

// known returns those facts that matter from q on, as a key.
func known(q *question, facts []fact) string {
	if len(facts) == 0 {
		return ""
	}
	needs := q.need()
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

// build returns the graph of q for when the facts hold, nil where that takes
// more than the budget. The facts are about different terms.
func (b *builder) build(q *question, facts []fact) *node {
	if q = b.skip(q, facts, nil); q.t == nil {
		return b.leaf(q.action)
	}
	key := buildKey{q, known(q, facts), b.forget}
	if made, ok := b.built[key]; ok {
		return made
	}
	t := q.t
	f := fact{t, 0, t.max()}
	at := slices.IndexFunc(facts, func(f fact) bool { return f.t == t })
	if at >= 0 {
		f = facts[at]
	}
	r := region{b: b, term: t, facts: facts}
	r.walk(q, []span{{f.lo, f.hi}})
	pieces := r.sorted()
	if !b.spend(8 * len(pieces)) {
		return nil
	}
	from, to := make([]uint32, len(pieces)), make([]*node, len(pieces))
	for i, p := range pieces {
		var inner []fact
		if !b.forget {
			if inner = append(slices.Clone(facts), fact{t, p.lo, p.hi}); at >= 0 {
				inner = slices.Delete(inner, at, at+1)
			}
		}
		if from[i], to[i] = p.lo, b.build(p.exit, inner); to[i] == nil {
			return nil
		}
	}
	from[0] = 0 // what cannot be may go anywhere
	made := b.decide(t, from, to)
	b.built[key] = made
	return made
}

// asAsked returns the graph of q that tests what the policy does, as it does.
func (b *builder) asAsked(q *question) *node {
	if q.t == nil {
		return b.leaf(q.action)
	}
	if q.asAsked == nil {
		alone, in, out := b.single(q), b.asAsked(q.in), b.asAsked(q.out)
		to := slices.Clone(alone.to)
		for i, exit := range to {
			if to[i] = out; exit == b.exit(q.in) {
				to[i] = in
			}
		}
		q.asAsked = b.decide(q.t, alone.from, to)
	}
	return q.asAsked
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
	key := make([]byte, 0, 8+8*len(from))
	put := func(v uint32) { key = append(key, byte(v), byte(v>>8), byte(v>>16), byte(v>>24)) }
	put(uint32(t.id))
	for i := range from {
		put(from[i])
		put(uint32(to[i].id))
	}
	return string(key)
}

// A region is what the policy decides by one term alone, from some question on:
// which question comes next, for each interval of the term's values.
type region struct {
	b      *builder
	term   *term
	facts  []fact
	pieces []piece
}

type piece struct {
	span
	exit *question
}

// sorted returns the pieces in order, neighbours with the same exit joined.
func (r *region) sorted() []piece {
	slices.SortFunc(r.pieces, func(a, b piece) int { return cmp.Compare(a.lo, b.lo) })
	out := r.pieces[:0]
	for _, p := range r.pieces {
		if n := len(out); n > 0 && out[n-1].exit == p.exit {
			out[n-1].hi = p.hi
			continue
		}
		out = append(out, p)
	}
	return out
}

// walk adds the pieces for those values that come to q. Of a row of questions
// about the term, each takes what is left of the values by those before.
func (r *region) walk(q *question, values []span) {
	var row []*question
	cuts := []uint32{}
	cut := func(s span) {
		if cuts = append(cuts, s.lo); s.hi < allOnes {
			cuts = append(cuts, s.hi+1)
		}
	}
	for q = r.b.skip(q, r.facts, r.term); q.t == r.term; q = r.b.skip(q.out, r.facts, r.term) {
		row = append(row, q)
		for _, s := range q.yes {
			cut(s)
		}
		r.b.spend(1 + len(q.yes))
	}
	if len(row) == 0 {
		for _, s := range values {
			r.pieces = append(r.pieces, piece{s, q})
		}
		return
	}
	for _, s := range values {
		cut(s)
	}
	slices.Sort(cuts)
	cuts = slices.Compact(cuts)
	taken := make([]*question, len(cuts)) // who takes the values from each cut up to the next
	next := make([]int, len(cuts)+1)      // the next that is not taken
	for i := range next {
		next[i] = i
	}
	find := func(i int) int {
		for next[i] != i {
			next[i] = next[next[i]]
			i = next[i]
		}
		return i
	}
	take := func(s span, by *question) {
		i, _ := slices.BinarySearch(cuts, s.lo)
		for i = find(i); i < len(cuts) && cuts[i] <= s.hi; i = find(i) {
			taken[i], next[i] = by, i+1
		}
	}
	for _, by := range row {
		for _, s := range by.yes {
			take(s, by.in)
		}
	}
	for i := range taken {
		if taken[i] == nil {
			taken[i] = q
		}
	}
	exits, of := []*question{}, map[*question][]span{}
	i := 0
	for _, s := range values {
		for ; i < len(cuts) && cuts[i] < s.lo; i++ { // none of the values
		}
		for ; i < len(cuts) && cuts[i] <= s.hi; i++ {
			to, end := taken[i], s.hi
			if i+1 < len(cuts) {
				end = min(end, cuts[i+1]-1)
			}
			if of[to] == nil {
				exits = append(exits, to)
			}
			of[to] = append(of[to], span{cuts[i], end})
		}
	}
	for _, to := range exits {
		r.walk(to, of[to])
	}
}
