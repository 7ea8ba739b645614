package compiler

import "slices"

// The ordered graph of a root tests each term at most once on every way, in one
// order. It is made of the graphs of single questions: in the graph of a part, a
// question outside of it is a leaf of its own, an exit, and the graph of that
// question takes the exit's place, its tests going up to where they belong. So
// what a policy asks in a long row, "this or that or that …", in whatever order,
// comes to one node for each term. For that to take no more than n log n, parts
// are joined in pairs of about the same size: a row of questions falls apart
// wherever there is one way on only.
//
// The parts are the same for every order of terms, so a plan is made once.

// A step of a plan makes the graph of one question or, where question is nil,
// that of left with that of right in the place of the exit.
type step struct {
	question    *question
	left, right int32 // steps before
	exit        *question
}

type planner struct {
	*builder
	steps []step
	parts map[part]int32
}

// A part is what entry leads to, as far as IDs are above floor.
type part struct {
	entry *question
	floor int32
}

// plan returns the steps that make the graph of q, the last one all of it; nil
// where finding them takes more than the budget.
func (b *builder) plan(q *question) []step {
	p := planner{builder: b, parts: map[part]int32{}}
	if p.part(part{q, 0}) < 0 {
		return nil
	}
	return p.steps
}

func (p *planner) add(s step) int32 {
	p.steps = append(p.steps, s)
	return int32(len(p.steps) - 1)
}

// join returns the step that puts right in the place of an exit of left.
func (p *planner) join(left int32, exit *question, right int32) int32 {
	if left < 0 || right < 0 {
		return -1
	}
	return p.add(step{left: left, exit: exit, right: right})
}

// part returns the step that makes a part's graph, -1 where that takes more than the budget.
func (p *planner) part(of part) int32 {
	if of.entry.in.id <= of.floor && of.entry.out.id <= of.floor {
		return p.add(step{question: of.entry})
	}
	if made, ok := p.parts[of]; ok {
		return made
	}
	made := p.split(of)
	p.parts[of] = made
	return made
}

func (p *planner) split(of part) int32 {
	var all []*question // in the order of IDs, which is one from the top down
	p.walk(of.entry, of.floor, func(q *question) { all = append(all, q) })
	if !p.spend(len(all)) {
		return -1
	}
	slices.SortFunc(all, func(a, b *question) int { return int(b.id - a.id) })
	for i, q := range all {
		q.at = int32(i)
	}
	// Over how many places ways lead that pass by, and the longest of all.
	passed := make([]int, len(all)+1)
	longest, target := int32(0), of.entry
	for _, q := range all {
		for _, to := range [2]*question{q.in, q.out} {
			if to.id <= of.floor {
				continue
			}
			passed[q.at+1]++
			passed[to.at]--
			if to.at-q.at > longest {
				longest, target = to.at-q.at, to
			}
		}
	}
	entries := []*question{of.entry}
	for i := 1; i < len(all); i++ {
		if passed[i] += passed[i-1]; passed[i] == 0 {
			entries = append(entries, all[i])
		}
	}
	if len(entries) > 1 {
		return p.row(entries, of.floor)
	}
	// What the longest way leads to, and all below it, is apart.
	exits := []*question{}
	for _, q := range all[:target.at] {
		for _, to := range [2]*question{q.in, q.out} {
			if to.id > of.floor && to.id <= target.id && !slices.Contains(exits, to) {
				exits = append(exits, to)
			}
		}
	}
	made := p.part(part{of.entry, target.id})
	for _, exit := range exits {
		made = p.join(made, exit, p.part(part{exit, of.floor}))
	}
	return made
}

// row returns the step that makes the graph of parts of which each leads to the
// next one alone, or out.
func (p *planner) row(entries []*question, floor int32) int32 {
	if len(entries) == 1 {
		return p.part(part{entries[0], floor})
	}
	mid := len(entries) / 2
	return p.join(p.row(entries[:mid], entries[mid].id), entries[mid], p.row(entries[mid:], floor))
}

// follow makes the graph that a plan is for, in the present order of terms; nil
// where that takes more than the budget.
func (b *builder) follow(plan []step) *node {
	clear(b.composed)
	made := make([]*node, len(plan))
	for i, s := range plan {
		if s.question != nil {
			made[i] = b.single(s.question)
		} else if made[i] = b.compose(made[s.left], b.exit(s.exit), made[s.right]); made[i] == nil {
			return nil
		}
	}
	return made[len(made)-1]
}

// single returns the graph of one question.
func (b *builder) single(q *question) *node {
	if q.alone != nil {
		return q.alone
	}
	in, out := b.exit(q.in), b.exit(q.out)
	from, to := make([]uint32, 0, 2*len(q.yes)+1), make([]*node, 0, 2*len(q.yes)+1)
	next := uint32(0)
	for _, s := range q.yes {
		if s.lo > next {
			from, to = append(from, next), append(to, out)
		}
		from, to = append(from, s.lo), append(to, in)
		next = s.hi + 1
	}
	if next != 0 && next <= q.t.max() {
		from, to = append(from, next), append(to, out)
	}
	q.alone = b.decide(q.t, from, to)
	return q.alone
}

// exit returns the leaf that stands for a question, or that it is.
func (b *builder) exit(q *question) *node {
	switch {
	case q.exit != nil:
	case q.t == nil:
		q.exit = b.leaf(q.action)
	default:
		q.exit = b.intern(node{exit: q, exits: 1 << (q.id % 64)})
	}
	return q.exit
}

type composition struct{ n, exit, by int32 }

// compose returns n with by in the place of an exit, both ordered, and so
// ordered; nil where that takes more than the budget.
func (b *builder) compose(n, exit, by *node) *node {
	switch {
	case n == exit:
		return by
	case n.exits&exit.exits == 0 || n.t == nil:
		return n
	}
	key := composition{n.id, exit.id, by.id}
	if made, ok := b.composed[key]; ok {
		return made
	}
	t := n.t
	if by.t != nil && by.t != t && b.order.before(by.t, t) {
		t = by.t
	}
	var from []uint32
	var to []*node
	add := func(at uint32, n, by *node) bool {
		made := b.compose(n, exit, by)
		from, to = append(from, at), append(to, made)
		return made != nil
	}
	size := 0
	if n.t == t {
		size += len(n.to)
	}
	if by.t == t {
		size += len(by.to)
	}
	if !b.spend(size) {
		return nil
	}
	from, to = make([]uint32, 0, size), make([]*node, 0, size)
	switch {
	case by.t != t:
		for i, at := range n.from {
			if !add(at, n.to[i], by) {
				return nil
			}
		}
	case n.t != t:
		for i, at := range by.from {
			if !add(at, n, by.to[i]) {
				return nil
			}
		}
	default:
		for i, j := 0, 0; i < len(n.to) && j < len(by.to); {
			if !add(max(n.from[i], by.from[j]), n.to[i], by.to[j]) {
				return nil
			}
			endN, endBy := n.last(i), by.last(j)
			if endN <= endBy {
				i++
			}
			if endBy <= endN {
				j++
			}
		}
	}
	made := b.decide(t, from, to)
	b.composed[key] = made
	return made
}
