package compiler

import (
	"slices"

	"secco/linux"
	"secco/policy"
)

// A question is a test of the policy in the compiler's terms: whether a term's
// value lies in a set. Or it is a leaf. What a policy asks of the same term in a
// row is one question where two ways on are the same, as with both ends of a
// range.
type question struct {
	t       *term // nil in a leaf
	yes     set
	in, out *question    // where it goes when the value lies in the set, and when not
	action  linux.Action // of a leaf
	id      int32        // 0 for leaves, else larger than those of in and out
	alone   *node        // its own graph, both ways on being exits
	exit    *node        // the leaf that stands for it
	asAsked *node
	needs   []uint64 // of need
	at      int32    // of planner
	seen    int32    // of whoever walks
}

// questions makes questions, of one term, set and ways on only one each.
type questions struct {
	asked  map[asked]*question
	tests  map[asking]*question
	leaves map[linux.Action]*question
	walks  int32
}

type asked struct {
	n   *policy.Node
	big bool
}

// asking is a question whose set is a single span.
type asking struct {
	t       *term
	in, out *question
	yes     span
}

// maxMerged is up to how many spans are looked at to make two questions one.
const maxMerged = 16

// question returns what a node of the policy asks.
func (b *builder) question(n *policy.Node, big bool) *question {
	if n.IsLeaf() {
		q, ok := b.leaves[n.Action]
		if !ok {
			q = &question{action: n.Action}
			b.leaves[n.Action] = q
		}
		return q
	}
	key := asked{n, big}
	q, ok := b.asked[key]
	if !ok {
		in, out := b.question(n.Yes, big), b.question(n.No, big)
		t, yes := b.test(n, big)
		q = b.ask(t, yes, in, out)
		b.asked[key] = q
	}
	return q
}

// ask returns the question whether t lies in the set, or where that leads when
// it is none.
func (qs *questions) ask(t *term, yes set, in, out *question) *question {
	switch {
	case in == out || len(yes) == 0:
		return out
	case yes[0].lo == 0 && yes[0].hi >= t.max():
		return in
	case in.t == t && len(in.yes)+len(yes) <= maxMerged && in.out == out:
		return qs.ask(t, yes.intersect(in.yes), in.in, out)
	case in.t == t && len(in.yes)+len(yes) <= maxMerged && in.in == out:
		return qs.ask(t, yes.intersect(in.yes.complement(t.max())), in.out, out)
	case out.t == t && len(out.yes)+len(yes) <= maxMerged && out.in == in:
		return qs.ask(t, append(slices.Clone(yes), out.yes...).tidy().fit(t.max()), in, out.out)
	case out.t == t && len(out.yes)+len(yes) <= maxMerged && out.out == in:
		return qs.ask(t, out.yes.intersect(yes.complement(t.max())), out.in, in)
	}
	q := &question{t: t, yes: yes, in: in, out: out, id: int32(len(qs.tests)) + 1}
	key := asking{t, in, out, yes[0]}
	if len(yes) > 1 {
		key.yes = span{uint32(q.id), 0} // no other's: its end comes before it begins
	} else if have, ok := qs.tests[key]; ok {
		return have
	}
	qs.tests[key] = q
	return q
}

// walk calls f once for every question that q leads to, but for leaves and
// for those of an ID that is at most floor.
func (qs *questions) walk(q *question, floor int32, f func(*question)) {
	qs.walks++
	this := qs.walks
	var walk func(q *question)
	walk = func(q *question) {
		if q.id > floor && q.seen != this {
			q.seen = this
			f(q)
			walk(q.in)
			walk(q.out)
		}
	}
	walk(q)
}

// need returns the terms that are asked for from q on, as a set of bits.
func (q *question) need() []uint64 {
	if q.t == nil || q.needs != nil {
		return q.needs
	}
	in, out := q.in.need(), q.out.need()
	needs := out // shared where nothing is added, as in a long chain
	if i := int(q.t.id / 64); len(in) > 0 || i >= len(out) || out[i]>>(q.t.id%64)&1 == 0 {
		needs = make([]uint64, max(len(in), len(out), i+1))
		copy(needs, out)
		for j, bits := range in {
			needs[j] |= bits
		}
		needs[i] |= 1 << (q.t.id % 64)
		if slices.Equal(needs, out) {
			needs = out
		}
	}
	q.needs = needs
	return needs
}
