package diagram

import (
	"slices"

	"secco/bpf"
	"secco/linux"
	"secco/policy"
)

// Cuts are the numbers at which a function of the architecture or the number may
// begin to do something else. They are hints: what is not in them costs time, not
// truth.
type Cuts struct {
	Arch, NR map[uint32]bool
	// SeesArch says that the architecture was found to be looked at, in whatever
	// way.
	SeesArch bool
	// vague says that something is compared of which only parts of the calls may
	// tell what it has to do with the number.
	vague bool
}

// NewCuts returns cuts with those that every analysis needs: where the byte order
// changes.
func NewCuts() *Cuts {
	return &Cuts{
		Arch: map[uint32]bool{auditLE: true, 2 * auditLE: true, 3 * auditLE: true},
		NR:   map[uint32]bool{},
	}
}

// Cut keeps the numbers of r apart from the others.
func (r Range) Cut(cuts map[uint32]bool) {
	cuts[r.Lo] = true
	cuts[r.Hi+1] = true // Hi+1 may be 0, which cuts nothing
}

// Graph cuts where a policy graph compares the architecture or the number.
func (c *Cuts) Graph(roots ...*policy.Node) {
	seen := map[*policy.Expr]bool{}
	var look func(e *policy.Expr)
	look = func(e *policy.Expr) {
		if e == nil || seen[e] {
			return
		}
		seen[e] = true
		c.SeesArch = c.SeesArch || e.Op == policy.OpWord && e.W == linux.WordArch
		look(e.X)
		look(e.Y)
	}
	policy.Walk(func(n *policy.Node) {
		if n.IsLeaf() {
			return
		}
		if n.X.Op == policy.OpWord && n.Y.IsConst() {
			c.compared(n.X.W, n.Cmp, n.Y.K, 0)
		}
		look(n.X)
		look(n.Y)
	}, roots...)
}

// compared notes that a word, or what is by minus less, is compared with a
// constant.
func (c *Cuts) compared(w linux.Word, cmp policy.Cmp, k, minus uint32) {
	var cuts map[uint32]bool
	switch w {
	case linux.WordArch:
		cuts = c.Arch
	case linux.WordNR:
		cuts = c.NR
	default:
		return
	}
	switch cmp {
	case policy.CmpEq:
		One(k + minus).Cut(cuts)
	case policy.CmpGt:
		cuts[k+minus+1] = true
	case policy.CmpGe:
		cuts[k+minus] = true
	case policy.CmpSet:
		if minus == 0 {
			c.bits(w, k)
		}
	}
}

// bits cuts a word at the bits of a mask: where those are the highest only, as for
// x32, that makes few ranges.
func (c *Cuts) bits(w linux.Word, mask uint32) {
	cuts := c.NR
	if w == linux.WordArch {
		cuts = c.Arch
	}
	if step := mask & -mask; step >= 1<<30 {
		for at := step; at != 0; at += step {
			cuts[at] = true
		}
	}
}

// Slices returns the parts of calls between whose numbers nothing is cut, in
// order.
func Slices(calls Calls, cut func(Calls, *Cuts)) []Calls {
	return slicesOf(calls, cut, maxSlicing, nil)
}

// maxSlicing is how often parts are looked at again for further cuts. What shares
// its code with something else, as x32's numbers may with x86_64's, shows them
// then.
const maxSlicing = 4

func slicesOf(calls Calls, cut func(Calls, *Cuts), depth int, list []Calls) []Calls {
	cuts := NewCuts()
	cut(calls, cuts)
	ranges := Ranges(calls.NR, cuts.NR)
	for _, r := range ranges {
		part := Calls{calls.Arch, r}
		if cuts.vague && depth > 0 && len(ranges) > 1 {
			list = slicesOf(part, cut, depth-1, list)
		} else {
			list = append(list, part)
		}
	}
	return list
}

// Ranges returns the ranges between the cuts that lie in r.
func Ranges(r Range, cuts map[uint32]bool) []Range {
	sorted := make([]uint32, 0, len(cuts)+1)
	for k := range cuts {
		if r.Lo < k && k <= r.Hi {
			sorted = append(sorted, k)
		}
	}
	slices.Sort(sorted)
	list := make([]Range, 0, len(sorted)+1)
	for _, k := range sorted {
		list = append(list, Range{r.Lo, k - 1})
		r.Lo = k
	}
	return append(list, r)
}

// seenValue is what a register may hold: nothing known of it yet, a constant, a
// word less a constant, or something computed from a set of words.
type seenValue struct {
	kind  seenKind
	k     uint32 // constant, or word
	minus uint32 // by which it is less than the word
	words uint16 // that it depends on
}

type seenKind uint8

const (
	seenNothing seenKind = iota
	seenConst
	seenWord
	seenMix
)

func (v seenValue) join(w seenValue) seenValue {
	switch {
	case v == w, w.kind == seenNothing:
		return v
	case v.kind == seenNothing:
		return w
	}
	return seenValue{kind: seenMix, words: v.words | w.words}
}

// seer makes such values.
type seer struct {
	calls Calls
	m     *Meetings
	cuts  *Cuts // may be nil
}

// Const is part of [Machine].
func (s *seer) Const(k uint32) seenValue { return seenValue{kind: seenConst, k: k} }

// Load is part of [Machine].
func (s *seer) Load(w linux.Word) seenValue {
	if s.cuts != nil && w == linux.WordArch {
		s.cuts.SeesArch = true
	}
	if r := s.calls.word(w); r.Lo == r.Hi {
		return s.Const(r.Lo)
	}
	return seenValue{kind: seenWord, k: uint32(w), words: 1 << w}
}

// Binary is part of [Machine].
func (s *seer) Binary(op policy.Op, a, b seenValue) seenValue {
	s.m.Operation(op, a.words, b.words)
	if op == policy.OpAnd && a.kind == seenWord && a.minus == 0 && b.kind == seenConst {
		w := linux.Word(a.k)
		if minus, ok := s.calls.word(w).masked(b.k); ok {
			a.minus = minus
			return a
		}
		if s.cuts != nil && (w == linux.WordNR || w == linux.WordArch) {
			s.cuts.bits(w, ^b.k)
		}
	}
	return seenValue{kind: seenMix, words: a.words | b.words}
}

// Analyse notes which words meet in the instructions that these calls can reach,
// and, where cuts is not nil, what number and architecture are compared with
// there. One pass does it, since jumps only go forward.
func (p *Program) Analyse(calls Calls, m *Meetings, cuts *Cuts) {
	if p.seen == nil {
		p.seen, p.reached = make([]Registers[seenValue], len(p.code)), make([]bool, len(p.code))
	}
	states, reached := p.seen, p.reached
	clear(reached)
	reached[0] = true
	see := &seer{calls, m, cuts}
	for r := range states[0] {
		states[0][r] = see.Const(0)
	}
	for pc := range p.code {
		if !reached[pc] {
			continue
		}
		at := &states[pc]
		in := p.code[pc]
		flow := func(skip int) {
			next := pc + 1 + skip
			to := &states[next]
			for live, r := p.live[next], 0; live != 0; live, r = live>>1, r+1 {
				if live&1 == 0 {
					continue
				}
				if reached[next] {
					to[r] = to[r].join(at[r])
				} else {
					to[r] = at[r]
				}
			}
			reached[next] = true
		}
		if cmp, withX, ok := Comparison(in.Op); ok {
			a, b := at[RegA], at.Operand(in, withX, see)
			m.Meet(a.words | b.words)
			holds, known := false, false
			if b.kind == seenConst {
				switch a.kind {
				case seenConst:
					holds, known = cmp.Holds(a.k, b.k), true
				case seenWord:
					holds, known = calls.word(linux.Word(a.k)).minus(a.minus).decide(cmp, b.k)
					if !known && cuts != nil {
						cuts.compared(linux.Word(a.k), cmp, b.k, a.minus)
					}
				}
			}
			if cuts != nil && a.kind == seenMix && a.words&(1<<linux.WordNR) != 0 {
				cuts.vague = true
			}
			if !known || holds {
				flow(int(in.Jt))
			}
			if !known || !holds {
				flow(int(in.Jf))
			}
			continue
		}
		switch in.Op {
		case bpf.RetK, bpf.RetA:
			continue
		case bpf.Ja:
			flow(int(in.K))
			continue
		}
		at.Step(in, see, calls.BigEndian())
		flow(0)
	}
}
