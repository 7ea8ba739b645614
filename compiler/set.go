package compiler

import (
	"cmp"
	"slices"
)

// A set is a set of 32-bit values: spans in ascending order, with gaps between.
type set []span

// span holds the values from lo up to and with hi.
type span struct{ lo, hi uint32 }

// tidy returns the union of spans in any order.
func (s set) tidy() set {
	slices.SortFunc(s, func(a, b span) int { return cmp.Compare(a.lo, b.lo) })
	out := s[:0]
	for _, r := range s {
		if n := len(out); n > 0 && (out[n-1].hi == allOnes || r.lo <= out[n-1].hi+1) {
			out[n-1].hi = max(out[n-1].hi, r.hi)
			continue
		}
		out = append(out, r)
	}
	return out
}

// intersect returns what lies in both sets.
func (s set) intersect(other set) set {
	out := set{}
	for i, j := 0, 0; i < len(s) && j < len(other); {
		if lo, hi := max(s[i].lo, other[j].lo), min(s[i].hi, other[j].hi); lo <= hi {
			out = append(out, span{lo, hi})
		}
		if s[i].hi < other[j].hi {
			i++
		} else {
			j++
		}
	}
	return out
}

// shift returns the set of v + k.
func (s set) shift(k uint32) set {
	out := set{}
	for _, r := range s {
		if lo, hi := r.lo+k, r.hi+k; lo <= hi && !(r.lo == 0 && r.hi == allOnes) {
			out = append(out, span{lo, hi})
		} else if r.lo == 0 && r.hi == allOnes {
			out = append(out, r)
		} else {
			out = append(out, span{0, hi}, span{lo, allOnes})
		}
	}
	return out.tidy()
}

// reflect returns the set of k - v.
func (s set) reflect(k uint32) set {
	out := set{}
	for _, r := range s {
		out = append(out, span{^r.hi, ^r.lo})
	}
	slices.Reverse(out)
	return out.shift(k + 1) // k - v is ^v + k + 1
}

// fit returns the set for a value under a mask: spans end in values that such a
// value can have, and join where none lies between.
func (s set) fit(mask uint32) set {
	if mask == allOnes {
		return s
	}
	out := make(set, 0, len(s))
	for _, r := range s {
		lo, ok := above(r.lo, mask)
		if !ok {
			break
		}
		hi := below(r.hi, mask)
		if lo > hi {
			continue
		}
		if n := len(out); n > 0 {
			if next, ok := above(out[n-1].hi+1, mask); ok && next >= lo {
				out[n-1].hi = hi
				continue
			}
		}
		out = append(out, span{lo, hi})
	}
	return out
}

// below returns the largest value with no bits but mask's that is at most v.
func below(v, mask uint32) uint32 {
	for bit := uint32(1 << 31); bit > 0; bit >>= 1 {
		if v&bit != 0 && mask&bit == 0 { // smaller from here on: all of the mask
			return v&mask&^(bit-1) | mask&(bit-1)
		}
	}
	return v
}

// above returns the smallest value with no bits but mask's that is at least v.
func above(v, mask uint32) (uint32, bool) {
	if v&^mask == 0 {
		return v, true
	}
	if v > mask {
		return 0, false
	}
	// One more than the largest such value below v.
	return (below(v, mask) | ^mask + 1) & mask, true
}

// maxSingles is how many values few calls few.
const maxSingles = 64

// few reports whether the set, or its complement among the values under the
// mask, is made of single values, and not many.
func few(s set, mask uint32) bool {
	return single(s, mask) || single(s.complement(mask), mask)
}

func single(s set, mask uint32) bool {
	return len(s) <= maxSingles && !slices.ContainsFunc(s, func(r span) bool { return below(r.hi, mask) != r.lo })
}

// complement returns the other values under the mask.
func (s set) complement(mask uint32) set {
	out := set{}
	next := uint32(0)
	for _, r := range s {
		if r.lo > next {
			out = append(out, span{next, r.lo - 1})
		}
		if r.hi == allOnes {
			return out.fit(mask)
		}
		next = r.hi + 1
	}
	return append(out, span{next, allOnes}).fit(mask)
}

// each returns the set of f(v), f being a bijection of the values under the
// mask and s few.
func (s set) each(mask uint32, f func(uint32) uint32) set {
	other := !single(s, mask)
	if other {
		s = s.complement(mask)
	}
	out := set{}
	for _, r := range s {
		out = append(out, span{f(r.lo), f(r.lo)})
	}
	out = out.tidy()
	if other {
		out = out.complement(mask)
	}
	return out
}
