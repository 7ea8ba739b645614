package diagram

import (
	"cmp"
	"slices"

	"secco/linux"
)

// Order is an order of variables: groups of words, the bits of a group's words
// interleaved from the highest down. Words that it doesn't name come last.
type Order [][]linux.Word

// Plain is the order without interleaving: the architecture, the number, then
// each argument from its highest bit to its lowest, so that intervals are small.
var Plain = Order{}

// rank is where a word stands in the plain order.
func rank(w linux.Word) int {
	switch w {
	case linux.WordArch:
		return 0
	case linux.WordNR:
		return 1
	}
	return int(w) ^ 1 // the high half first
}

func (o Order) levels(level, bitAt *[numBits]int16) {
	next, seen := 0, uint16(0)
	add := func(group ...linux.Word) {
		for bit := 31; bit >= 0; bit-- {
			for _, w := range group {
				v := 32*int(w) + bit
				level[v], bitAt[next] = int16(next), int16(v)
				next++
			}
		}
		for _, w := range group {
			seen |= 1 << w
		}
	}
	for _, group := range o {
		add(group...)
	}
	rest := make([]linux.Word, 0, linux.NumWords)
	for w := range linux.Word(linux.NumWords) {
		if seen&(1<<w) == 0 {
			rest = append(rest, w)
		}
	}
	slices.SortFunc(rest, byRank)
	for _, w := range rest {
		add(w)
	}
}

func byRank(a, b linux.Word) int { return cmp.Compare(rank(a), rank(b)) }

// Meetings collects which words meet in one operation or test, from all
// functions that are to share a Space. The zero Meetings has none.
type Meetings struct {
	groups []uint16 // disjoint sets of words, as bit masks
}

// Meet says that the words in the mask (1 << word) meet.
func (m *Meetings) Meet(words uint16) {
	if words&(words-1) == 0 {
		return
	}
	m.groups = slices.DeleteFunc(m.groups, func(g uint16) bool {
		if g&words == 0 {
			return false
		}
		words |= g
		return true
	})
	m.groups = append(m.groups, words)
}

// Order returns the order in which words that meet are interleaved.
func (m *Meetings) Order() Order {
	var order Order
	single := uint16(1<<linux.NumWords - 1)
	for _, g := range m.groups {
		var group []linux.Word
		for w := range linux.Word(linux.NumWords) {
			if g&(1<<w) != 0 {
				group = append(group, w)
			}
		}
		slices.SortFunc(group, byRank)
		order = append(order, group)
		single &^= g
	}
	for w := range linux.Word(linux.NumWords) {
		if single&(1<<w) != 0 {
			order = append(order, []linux.Word{w})
		}
	}
	slices.SortFunc(order, func(a, b []linux.Word) int { return byRank(a[0], b[0]) })
	return order
}
