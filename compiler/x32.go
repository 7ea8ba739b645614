package compiler

import (
	"math/bits"

	"secco/bpf"
	"secco/compiler/layout"
	"secco/linux"
)

// The numbers of x32 are those of x86_64 with a bit set, but for some fifty, and
// policies treat them alike. So the bit is cleared and, where both ABIs decide
// the same, x86_64's code decides for x32 too: the tree for x32 need only find
// the numbers where they differ, and enters the tree of x86_64 for the rest.

// noX32Bit is the mask of the other bits.
const noX32Bit = ^uint32(linux.X32Bit)

// fewX32 is up to how many intervals x32's numbers are left alone: no tree with
// others in its branches would be smaller.
const fewX32 = 4

// isNumber reports whether t is the number, perhaps under a mask.
func (t *term) isNumber() bool { return t.expr == nil && t.y == nil && t.offset == offsetNR }

// joinX32 makes the graph in which a node that decides by the number without the
// bit stands in the place of x32's intervals.
func (u *unit) joinX32() error {
	audit := linux.X86_64.Audit()
	if u.opts.without == featureX32 || u.policy.Target(linux.X32) == nil || u.policy.Target(linux.X86_64) == nil || u.graph.t == nil || !u.graph.t.isWord(offsetArch) {
		return nil
	}
	n := u.graph.at(audit)
	if n.t == nil || !n.t.isWord(offsetNR) {
		return nil
	}
	first, last, high := n.index(linux.X32Bit), n.index(allOnes-1), n.index(1<<31)
	if last-first < fewX32 || high != last { // or numbers that would meet others
		return nil
	}
	m := u.b.get(termKey{offset: offsetNR, mask: noX32Bit})
	var from []uint32
	for i := first; i <= last; i++ {
		from = append(from, max(n.from[i], linux.X32Bit)&m.mask)
	}
	u.x32 = u.b.decide(m, from, n.to[first:last+1])
	from, to := []uint32{}, []*node{}
	for i, v := range n.from {
		if v < linux.X32Bit {
			from, to = append(from, v), append(to, n.to[i])
		}
	}
	from, to = append(from, linux.X32Bit), append(to, u.x32)
	if top := n.at(allOnes); top != n.at(allOnes-1) { // that number is x86_64's
		from, to = append(from, allOnes), append(to, top)
	}
	joined := u.b.decide(n.t, from, to)
	to = append([]*node{}, u.graph.to...)
	to[u.graph.index(audit)] = joined
	u.joined = u.b.decide(u.graph.t, u.graph.from, to)
	return nil
}

// asIn splits the choices of a node that joinX32 made where the x86_64 node
// leads elsewhere, and allows x86_64's code where both lead to the same.
func asIn(cs []choice, targets []*node, twin *node, shared target) []choice {
	var out []choice
	for _, c := range cs {
		if c.lo >= linux.X32Bit {
			out = append(out, c)
			continue
		}
		for i := twin.index(c.lo); ; i++ {
			part := c
			part.lo, part.hi = max(c.lo, twin.from[i]), min(c.hi, twin.last(i))
			if i != twin.index(c.lo) {
				part.weight = 0 // all of it goes to the first part: it is hardly any
			}
			if twin.to[i] == targets[c.to] {
				part.or = shared
			}
			out = append(out, part)
			if part.hi == c.hi {
				break
			}
		}
	}
	return out
}

// part returns code that decides the values from lo to hi, all below the x32
// bit, as the tree of (i, j) does: a part of the tree where the values lie in one
// that does not lead to x32's own, which is not made yet; else copies of the
// tests on the way.
func (s *search) part(i, j, gone int, lo, hi uint32) *layout.Node {
	p := s.plan(i, j, gone)
	own := s.cs[j-1].hi < linux.X32Bit
	switch p.form {
	case formSplit:
		k := int(p.split)
		at := s.cs[k].lo
		switch {
		case hi < at:
			return s.part(i, k, gone, lo, hi)
		case lo >= at:
			return s.part(k, j, gone, lo, hi)
		case !own:
			return s.jump(bpf.JgeK, at, s.part(k, j, gone, at, hi), s.part(i, k, gone, lo, at-1))
		}
	case formPeel:
		c := s.cs[s.order[p.split]]
		switch rest := int(p.split) + 1; {
		case c.lo < lo || c.lo > hi:
			return s.part(i, j, rest, lo, hi)
		case !own:
			return s.jump(bpf.JeqK, c.lo, s.goTo(c.to, c.lo, c.lo), s.part(i, j, rest, lo, hi))
		}
	}
	return s.emit(i, j, gone, s.cs[i].lo, s.cs[j-1].hi)
}

// depth estimates how many tests part takes for values from lo to hi.
func (s *search) depth(lo, hi uint32) float64 {
	i, j := 0, len(s.cs)
	for {
		p := s.at(i, j)
		switch at := s.cs[p.split].lo; {
		case p.form == formSplit && hi < at:
			j = int(p.split)
		case p.form == formSplit && lo >= at:
			i = int(p.split)
		default:
			return float64(bits.Len(uint(j - i - 1)))
		}
	}
}
