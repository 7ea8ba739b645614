package compiler

import "slices"

// Bounds of the search for cubes: in bits, and in how wide an interval may be
// for a bit that lies in it to be worth a try.
const (
	maxCubeBits     = 8
	maxCubeInterval = 16
)

// cube looks for values that one test of bits tells from all others: all subsets
// of some bits, when they lead to one target. It returns the mask of the other
// bits, the target, and the choices that remain when one of the other bits is
// set; ok is false where there are no such values or the choices hardly become
// fewer.
func cube(cs []choice, limit uint32) (mask uint32, t target, rest []choice, ok bool) {
	t = cs[0].to
	find := func(v uint32) *choice {
		i, _ := slices.BinarySearchFunc(cs, v, func(c choice, v uint32) int {
			switch {
			case c.hi < v:
				return -1
			case c.lo > v:
				return 1
			}
			return 0
		})
		if i == len(cs) {
			return nil
		}
		return &cs[i]
	}
	var bits []uint32
	for bit := uint32(1); bit != 0 && bit <= limit; bit <<= 1 {
		if c := find(bit); c != nil && c.accepts(t) && c.hi-c.lo < maxCubeInterval {
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
				if c := find(v | bits[i]); c == nil || !c.accepts(t) {
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
	next := uint32(0) // where the next choice begins
	for _, c := range cs {
		i, _ := slices.BinarySearch(best, c.lo)
		j, last := slices.BinarySearch(best, c.hi)
		if last && uint32(j-i) == c.hi-c.lo { // none but such values: no longer possible
			if n := len(rest); n > 0 {
				rest[n-1].hi, next = c.hi, c.hi+1
			}
			continue
		}
		c.lo = next
		next = c.hi + 1
		if n := len(rest); n > 0 && rest[n-1].to == c.to && rest[n-1].or == c.or {
			rest[n-1].hi = c.hi
			rest[n-1].weight += c.weight
			continue
		}
		rest = append(rest, c)
	}
	if len(rest) == 0 || len(rest)+2 > len(cs) {
		return 0, 0, nil, false
	}
	return ^mask, t, rest, true
}
