package compiler

import (
	"slices"

	"secco/bpf"
	"secco/compiler/layout"
)

// A lowerer turns interval graphs into graphs of instructions.
//
// The same node may be reached with different values in A. What a node's code is
// depends on that only where A already holds what the node tests, so code is
// shared by (node, what A holds as far as the node can use it).
type lowerer struct {
	b       *builder
	code    map[instructionKey]*layout.Node
	made    map[lowered]*layout.Node
	without feature
	calls   *frequencies
	most    map[*node]int // tests that a node which decides by number may have
	size    float64       // cost of an instruction, where executing one for certain costs 1
	x32     *node         // the one that joinX32 made
	// The number's tree that is being made, and its node, for x32's to share.
	numbers  *search
	byNumber *node
	failed   *term // needs too many scratch words; nil where none does
	choices  int   // that the best tree is sought for
}

type lowered struct {
	n *node
	a *term
}

func newLowerer(b *builder) *lowerer {
	return &lowerer{b: b, code: map[instructionKey]*layout.Node{}, made: map[lowered]*layout.Node{}, choices: maxChoices}
}

type instructionKey struct {
	op            uint16
	k             uint32
	next, yes, no *layout.Node
}

// instruction returns the node that is like n, each made once.
func (l *lowerer) instruction(n layout.Node) *layout.Node {
	key := instructionKey{n.Op, n.K, n.Next, n.Yes, n.No}
	if have, ok := l.code[key]; ok {
		return have
	}
	n.ID = int32(len(l.code))
	l.code[key] = &n
	return &n
}

func (l *lowerer) ret(k uint32) *layout.Node {
	return l.instruction(layout.Node{Op: bpf.RetK, K: k})
}

// jump returns a conditional jump, or the successor where there is one only.
func (l *lowerer) jump(op uint16, k uint32, yes, no *layout.Node) *layout.Node {
	if yes == no {
		return yes
	}
	return l.instruction(layout.Node{Op: op, K: k, Yes: yes, No: no})
}

// straight returns the instructions with next behind them.
func (l *lowerer) straight(code []bpf.Instruction, next *layout.Node) *layout.Node {
	for i := len(code) - 1; i >= 0; i-- {
		next = l.instruction(layout.Node{Op: code[i].Op, K: code[i].K, Next: next})
	}
	return next
}

// serves reports whether t can be had from A when it holds a.
func serves(a, t *term) bool {
	return a != nil && t.y == nil && a.y == nil && (a == t || a.base() == t.base() && a.mask&t.mask == t.mask)
}

// lower returns the code of n for when A holds a, nil being anything.
func (l *lowerer) lower(n *node, a *term) *layout.Node {
	if n.t == nil {
		return l.ret(uint32(n.action))
	}
	if !serves(a, n.t) || l.without == featureAccumulator {
		a = nil
	}
	key := lowered{n, a}
	if made, ok := l.made[key]; ok {
		return made
	}
	made := l.node(n, a)
	l.made[key] = made
	return made
}

func (l *lowerer) node(n *node, a *term) *layout.Node {
	t := n.t
	if t.y != nil {
		return l.comparison(n)
	}
	var code []bpf.Instruction
	holds := a
	if a == nil {
		holds = l.b.get(t.base())
		code = l.load(holds)
	}
	if t.mask != allOnes && len(n.to) == 2 && n.from[1] == t.mask&-t.mask { // 0 or not
		return l.straight(code, l.jump(bpf.JsetK, t.mask, l.lower(n.to[1], holds), l.lower(n.to[0], holds)))
	}
	if holds != t {
		code = append(code, bpf.Instruction{Op: bpf.AndK, K: t.mask})
	}
	return l.straight(code, l.tree(n))
}

// tree returns the jumps that decide n, whose term A holds.
func (l *lowerer) tree(n *node) *layout.Node {
	weights := l.calls.weights(n)
	cs := make([]choice, len(n.to))
	var targets []*node
	ids := map[*node]target{}
	for i, to := range n.to {
		id, ok := ids[to]
		if !ok {
			id = target(len(targets))
			ids[to], targets = id, append(targets, to)
		}
		if !n.t.isWord(offsetNR) && !n.t.isWord(offsetArch) {
			weights[i] *= 1 + heightShare*float64(l.lower(to, n.t).Height())
			if !n.t.isNumber() {
				weights[i] *= shareArguments
			}
		}
		cs[i] = choice{lo: n.from[i], hi: n.last(i), to: id, or: nowhere, weight: weights[i]}
	}
	goTo := func(t target, _, _ uint32) *layout.Node {
		holds := n.t
		if holds.isNumber() && targets[t] != l.x32 {
			holds = nil // x32 may share this code, with another number in A
		}
		return l.lower(targets[t], holds)
	}
	switch {
	case n.t.isWord(offsetNR) && len(cs) <= maxChoices:
		s := l.search(cs, goTo)
		if l.without != featureBits && (l.x32 == nil || !slices.Contains(targets, l.x32)) { // x32 shares no forks
			s.fork(l.calls.numbers(n))
		}
		if l.without == featureList {
			s.solve()
		} else {
			s.within(l.most[n])
		}
		l.numbers, l.byNumber = s, n
		return s.code()
	case n == l.x32 && l.numbers != nil && len(cs)+len(l.numbers.cs) <= maxChoices:
		shared, twin := target(len(targets)), l.numbers
		l.numbers = nil // should a rule ask for the very same
		cs = asIn(cs, targets, l.byNumber, shared)
		s := l.search(cs, nil)
		s.shared, s.further = shared, twin.depth
		s.goTo = func(t target, lo, hi uint32) *layout.Node {
			if t == shared {
				return twin.part(0, len(twin.cs), 0, lo, hi)
			}
			return goTo(t, lo, hi)
		}
		s.solve()
		return s.code()
	}
	return l.choose(cs, goTo)
}

// search returns the search for the best tree, which is to begin.
func (l *lowerer) search(cs []choice, goTo func(t target, lo, hi uint32) *layout.Node) *search {
	return &search{
		cs: cs, size: l.size, goTo: goTo, jump: l.jump,
		splits: l.without == featureEqual, noBits: l.without == featureBits,
	}
}

// choose returns the jumps that tell the choices apart.
func (l *lowerer) choose(cs []choice, goTo func(t target, lo, hi uint32) *layout.Node) *layout.Node {
	if n := len(cs); n > l.choices {
		mid := cs[n/2].lo
		return l.jump(bpf.JgeK, mid, l.choose(cs[n/2:], goTo), l.choose(cs[:n/2], goTo))
	}
	s := l.search(cs, goTo)
	s.solve()
	return s.code()
}

// load returns the instructions that put the value of t, which has no mask, into A.
func (l *lowerer) load(t *term) []bpf.Instruction {
	if t.expr == nil {
		return []bpf.Instruction{{Op: bpf.LdW, K: t.offset}}
	}
	return l.compute(t)
}

// compute returns the instructions for a term that is no word.
func (l *lowerer) compute(t *term) []bpf.Instruction {
	code, ok := compute(t.expr, t.y, t.big)
	if !ok {
		l.failed = t
	}
	return code
}

// comparison returns the code of a node that compares two values.
func (l *lowerer) comparison(n *node) *layout.Node {
	t := n.t
	code := l.compute(t)
	holds := l.b.get(termKey{expr: t.expr, mask: allOnes, big: t.big})
	op := [...]uint16{bpf.JeqX, bpf.JgtX, bpf.JgeX, bpf.JsetX}[t.cmp]
	return l.straight(code, l.jump(op, 0, l.lower(n.at(1), holds), l.lower(n.at(0), holds)))
}
