package compiler

import "slices"

// maxCubeBits bounds the search for cubes.
const maxCubeBits = 8

// cube looks for values that one test of bits tells from all others: all subsets
// of some bits, when they lead to one target. It returns the mask of the other
// bits, the target, and the choices that remain when none of the other bits is
// set is no longer possible; ok is false where there is no such set of four
// values at least. An interval is not looked at: a comparison does as well.
func cube(cs []choice, limit uint32) (mask uint32, t target, rest []choice, ok bool) {
	if cs[0].to == anywhere {
		return 0, 0, nil, false
	}
	t = cs[0].to
	goes := func(v uint32) bool {
		i, _ := slices.BinarySearchFunc(cs, v, func(c choice, v uint32) int {
			switch {
			case c.hi < v:
				return -1
			case c.lo > v:
				return 1
			}
			return 0
		})
		return i < len(cs) && cs[i].accepts(t)
	}
	var bits []uint32
	for bit := uint32(1); bit != 0 && bit <= limit; bit <<= 1 {
		if goes(bit) {
			bits = append(bits, bit)
		}
	}
	if len(bits) > maxCubeBits {
		bits = bits[:maxCubeBits]
	}
	best := []uint32{0}
	var grow func(from int, values []uint32, m uint32)
	grow = func(from int, values []uint32, m uint32) {
		if len(values) > len(best) {
			best, mask = slices.Clone(values), m
		}
		for i := from; i < len(bits); i++ {
			more := slices.Clone(values)
			for _, v := range values {
				if !goes(v | bits[i]) {
					break
				}
				more = append(more, v|bits[i])
			}
			if len(more) == 2*len(values) {
				grow(i+1, more, m|bits[i])
			}
		}
	}
	grow(0, best, 0)
	if len(best) < 4 || mask&(mask+1) == 0 {
		return 0, 0, nil, false
	}
	slices.Sort(best)
	for _, c := range cs {
		next := c
		for len(best) > 0 && best[0] <= c.hi {
			v := best[0]
			best = best[1:]
			if v > next.lo {
				part := next
				part.hi = v - 1
				rest = append(rest, part)
			}
			rest = append(rest, choice{lo: v, hi: v, to: anywhere, or: anywhere})
			next.lo = v + 1 // past the end, even 0, where v is the last
		}
		if n := len(rest); n == 0 || rest[n-1].hi < c.hi {
			rest = append(rest, next)
		}
	}
	return ^mask, t, rest, true
}
