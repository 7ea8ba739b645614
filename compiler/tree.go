package compiler

import (
	"cmp"
	"math"
	"slices"

	"secco/bpf"
	"secco/compiler/layout"
)

// A choice is one interval of the value in A, where it leads, and how often.
type choice struct {
	lo, hi uint32
	to     *layout.Node
	weight float64
}

// tree returns the best jumps that lead from A's value to the choices, which are
// in order and without gaps.
func (l *lowerer) tree(cs []choice) *layout.Node {
	merged := cs[:0:0]
	for _, c := range cs {
		if n := len(merged); n > 0 && merged[n-1].to == c.to {
			merged[n-1].hi = c.hi
			merged[n-1].weight += c.weight
			continue
		}
		merged = append(merged, c)
	}
	t := &search{l: l, cs: merged, size: l.size}
	return t.solve()
}

type search struct {
	l    *lowerer
	cs   []choice
	size float64
	sum  []float64
	memo []plan
}

// plan is the best way to tell the choices from i to j apart.
type plan struct {
	cost  float64
	split int // the first test is whether the value is at least that of this choice; 0: a chain
	rest  *layout.Node
}

func (s *search) solve() *layout.Node {
	n := len(s.cs)
	if n > 64 {
		mid := n / 2
		low := &search{l: s.l, cs: s.cs[:mid], size: s.size}
		high := &search{l: s.l, cs: s.cs[mid:], size: s.size}
		return s.l.jump(bpf.JgeK, s.cs[mid].lo, high.solve(), low.solve())
	}
	s.sum = make([]float64, n+1)
	for i, c := range s.cs {
		s.sum[i+1] = s.sum[i] + c.weight
	}
	s.memo = make([]plan, (n+1)*(n+1))
	for length := 2; length <= n; length++ {
		for i := 0; i+length <= n; i++ {
			s.memo[i*(n+1)+i+length] = s.best(i, i+length)
		}
	}
	return s.emit(0, n)
}

func (s *search) at(i, j int) *plan { return &s.memo[i*(len(s.cs)+1)+j] }

func (s *search) best(i, j int) plan {
	p := plan{cost: math.Inf(1)}
	total := s.sum[j] - s.sum[i] + s.size
	for k := i + 1; k < j; k++ {
		if c := s.at(i, k).cost + s.at(k, j).cost + total; c < p.cost {
			p = plan{cost: c, split: k}
		}
	}
	if j-i <= 24 {
		s.chain(i, j, &p)
	}
	return p
}

// chain considers comparing with each single value in turn.
func (s *search) chain(i, j int, p *plan) {
	var rest *layout.Node
	for _, c := range s.cs[i:j] {
		if c.lo != c.hi {
			if rest != nil && rest != c.to {
				return
			}
			rest = c.to
		}
	}
	if rest == nil {
		rest = s.cs[j-1].to
	}
	cost, left := 0.0, s.sum[j]-s.sum[i]
	for _, c := range s.singles(i, j, rest) {
		cost += left + s.size
		left -= c.weight
	}
	if cost < p.cost {
		*p = plan{cost: cost, rest: rest}
	}
}

func (s *search) singles(i, j int, rest *layout.Node) []choice {
	var out []choice
	for _, c := range s.cs[i:j] {
		if c.to != rest {
			out = append(out, c)
		}
	}
	slices.SortStableFunc(out, func(a, b choice) int { return -cmp.Compare(a.weight, b.weight) })
	return out
}

func (s *search) emit(i, j int) *layout.Node {
	if j-i == 1 {
		return s.cs[i].to
	}
	p := s.at(i, j)
	if p.rest == nil {
		return s.l.jump(bpf.JgeK, s.cs[p.split].lo, s.emit(p.split, j), s.emit(i, p.split))
	}
	n := p.rest
	chain := s.singles(i, j, p.rest)
	for k := len(chain) - 1; k >= 0; k-- {
		n = s.l.jump(bpf.JeqK, chain[k].lo, chain[k].to, n)
	}
	return n
}
