package check

import (
	"cmp"
	"slices"
	"sort"
)

// Range is numbers in a row that the same rules for ranges are about. A rule for one
// of them alone counts before these.
type Range struct {
	Lo, Hi uint32
	Uses
}

// maxRepeats is how many further rules for the same numbers are kept, all of which
// are errors or warnings.
const maxRepeats = 8

// at returns the index of the first range that does not end before nr.
func (t *Target) at(nr uint32) int {
	return sort.Search(len(t.Ranges), func(i int) bool { return t.Ranges[i].Hi >= nr })
}

// InRange reports whether a rule for a range is about a number.
func (t *Target) InRange(nr uint32) bool {
	i := t.at(nr)
	return i < len(t.Ranges) && t.Ranges[i].Lo <= nr
}

// split makes a range begin at nr if nr is in one.
func (t *Target) split(nr uint32) {
	i := t.at(nr)
	if i == len(t.Ranges) || t.Ranges[i].Lo >= nr {
		return
	}
	below, above := t.Ranges[i], t.Ranges[i]
	below.Hi, above.Lo = nr-1, nr
	below.More, above.More = slices.Clip(below.More), slices.Clip(above.More)
	t.Ranges = slices.Replace(t.Ranges, i, i+1, below, above)
}

// within splits the ranges at both ends of another, and returns which of them lie
// in it.
func (t *Target) within(lo, hi uint32) (from, to int) {
	t.split(lo)
	if hi+1 != 0 {
		t.split(hi + 1)
	}
	return t.at(lo), sort.Search(len(t.Ranges), func(i int) bool { return t.Ranges[i].Lo > hi })
}

// addRange adds a rule for a range. Where there is one for some of its numbers, the
// one with the highest rank counts. It returns how many ranges it looked at.
func (t *Target) addRange(lo, hi uint32, u Use) (looked int) {
	from, to := t.within(lo, hi)
	var free []Range
	next := uint64(lo)
	for i := from; i < to; i++ {
		have := &t.Ranges[i]
		if next < uint64(have.Lo) {
			free = append(free, Range{uint32(next), have.Lo - 1, Uses{First: u}})
		}
		next = uint64(have.Hi) + 1
		have.add(u, maxRepeats)
	}
	if next <= uint64(hi) {
		free = append(free, Range{uint32(next), hi, Uses{First: u}})
	}
	if len(free) == 1 {
		t.Ranges = slices.Insert(t.Ranges, t.at(free[0].Lo), free[0])
	} else if len(free) > 1 {
		all := slices.Concat(free, t.Ranges[from:to])
		slices.SortFunc(all, func(a, b Range) int { return cmp.Compare(a.Lo, b.Lo) })
		t.Ranges = slices.Replace(t.Ranges, from, to, all...)
	}
	return to - from
}

// remove takes away what is said about some numbers below a level, and reports
// whether there is anything; it is only looked for where really is false.
func (t *Target) remove(lo, hi uint32, level int, really bool) (found bool) {
	gone := func(u Uses) bool {
		below := u.First.Rule != nil && u.First.rank.level < level
		found = found || below
		return below && really
	}
	if lo == hi {
		if gone(t.Rules[lo]) {
			delete(t.Rules, lo)
		}
	} else {
		for nr, have := range t.Rules {
			if lo <= nr && nr <= hi && gone(have) {
				delete(t.Rules, nr)
			}
		}
	}
	from, to := t.within(lo, hi)
	left := slices.DeleteFunc(slices.Clone(t.Ranges[from:to]), func(r Range) bool { return gone(r.Uses) })
	t.Ranges = slices.Replace(t.Ranges, from, to, left...)
	return found
}

// settle drops the rules for single numbers where one for a range ranks above them.
func (t *Target) settle() {
	for nr, have := range t.Rules {
		if i := t.at(nr); t.InRange(nr) && t.Ranges[i].First.rank.Above(have.First.rank) {
			delete(t.Rules, nr)
		}
	}
}
