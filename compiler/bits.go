package compiler

import (
	"math/bits"
	"sort"

	"secco/linux"
)

// maxBits is up to how many choices a test of bits is sought for.
const maxBits = 12

// bits returns the mask of a test that tells the two targets of (i, j) apart: no
// value that leads to none has any of its bits, and every one that leads to some
// has. ok is false where there are other targets, or no such test.
func (s *search) bits(i, j int) (mask uint32, none, some target, ok bool) {
	if j-i < 3 || j-i > maxBits { // two need no more than a split
		return 0, 0, 0, false
	}
	a, b := s.cs[i].to, s.cs[i+1].to
	for _, c := range s.cs[i+2 : j] {
		if c.to != a && c.to != b {
			return 0, 0, 0, false
		}
	}
	if mask, ok := s.without(i, j, a); ok {
		return mask, a, b, true
	}
	mask, ok = s.without(i, j, b)
	return mask, b, a, ok
}

// without returns the mask of all bits that no value in (i, j) has that leads to
// t, and whether all others have one of them.
func (s *search) without(i, j int, t target) (mask uint32, ok bool) {
	has := uint32(0)
	for _, c := range s.cs[i:j] {
		if c.to == t {
			// Counting from lo to hi sets every bit up to the highest that differs.
			has |= c.lo | c.hi | (1<<bits.Len32(c.lo^c.hi) - 1)
		}
	}
	for _, c := range s.cs[i:j] {
		if c.to == t {
			continue
		}
		if v, ok := above(c.lo, has); ok && v <= c.hi {
			return 0, false
		}
	}
	return ^has, true
}

// A fork is a test of a single bit, on either side of which other trees are best
// than for all values: many intervals have none left there, or one value. Numbers
// of x32 go with those that have the bit, which tells them apart from the others
// where fewer calls come by than at the end of the numbers.
type fork struct {
	mask   uint32
	before [2][]int   // by choice: how many of those before it have values on the side
	side   [2]*search // for the values that have none of the bits, and for others
}

// Forks are sought by the lowest forkBits bits, among up to maxForked choices, in
// intervals of up to maxFork: each is a search of its own.
const (
	forkBits  = 6
	maxForked = 32
	maxFork   = 24
)

// fork readies the search to find forks; calls are what the choices' weights are of.
func (s *search) fork(calls []called) {
	if len(s.cs) > maxForked {
		return
	}
	of := make([]int, len(calls)) // the choices
	for i, c := range calls {
		of[i] = sort.Search(len(s.cs), func(k int) bool { return s.cs[k].hi >= c.nr })
	}
	for bit := uint32(1); bit < 1<<forkBits; bit <<= 1 {
		f := fork{mask: bit | ^uint32(linux.X32Bit-1)}
		weights := make([]float64, len(s.cs)) // of the values that have one of the bits
		for i, c := range calls {
			if c.nr&f.mask != 0 {
				weights[of[i]] += c.share
			}
		}
		for k := range f.side {
			f.side[k] = &search{goTo: s.goTo, jump: s.jump, splits: s.splits, noBits: s.noBits, most: maxFork}
			f.before[k] = make([]int, len(s.cs)+1)
		}
		for i, c := range s.cs {
			none, some := c, c
			none.weight, some.weight = c.weight-weights[i], weights[i]
			var ok bool
			if none.lo, ok = above(c.lo, ^f.mask); ok && none.lo <= c.hi {
				none.hi = below(c.hi, ^f.mask)
				f.side[0].cs = append(f.side[0].cs, none)
			}
			if c.lo&f.mask == 0 {
				some.lo = (c.lo | bit) &^ (bit - 1)
			}
			if c.hi&f.mask == 0 { // one less than the first that has no lower bits either
				some.hi = c.hi&^(2*bit-1) - 1
			}
			if some.lo <= some.hi && c.lo <= some.hi && some.hi <= c.hi {
				f.side[1].cs = append(f.side[1].cs, some)
			}
			for k, side := range f.side {
				f.before[k][i+1] = len(side.cs)
			}
		}
		s.forks = append(s.forks, f)
	}
}

// forked considers the forks of (i, j).
func (s *search) forked(i, j int, each float64, p *plan) {
	for k, f := range s.forks {
		cost := each
		for k, side := range f.side {
			from, to := f.before[k][i], f.before[k][j]
			if from == to || to-from > maxFork {
				cost = p.cost // no fork, or none is sought
				break
			}
			cost += side.costs[from*side.width+to]
		}
		if cost < p.cost {
			*p = plan{cost, test{form: formFork, split: int16(k)}}
		}
	}
}
