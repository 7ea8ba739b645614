package diagram

import (
	"cmp"
	"slices"

	"secco/linux"
	"secco/policy"
)

// Order is an order of variables: first the bits of words that say how far
// something is shifted, then groups of words, the bits of a group's words
// interleaved from the highest down. Words that it doesn't name come last.
type Order struct {
	shifts uint16 // words, as a bit mask
	groups [][]linux.Word
}

// Plain is the order without interleaving: the architecture, the number, then
// each argument from its highest bit to its lowest, so that intervals are small.
var Plain Order

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
	const shiftBits = 5
	next, placed := 0, [numBits]bool{}
	add := func(bits int, group ...linux.Word) {
		for bit := bits - 1; bit >= 0; bit-- {
			for _, w := range group {
				if v := 32*int(w) + bit; !placed[v] {
					level[v], bitAt[next] = int16(next), int16(v)
					placed[v] = true
					next++
				}
			}
		}
	}
	add(shiftBits, wordsOf(o.shifts)...)
	for _, group := range o.groups {
		add(32, group...)
	}
	for _, w := range wordsOf(allWords) {
		add(32, w)
	}
}

const allWords uint16 = 1<<linux.NumWords - 1

// wordsOf returns the words of a mask in the plain order.
func wordsOf(mask uint16) []linux.Word {
	var words []linux.Word
	for w := range linux.Word(linux.NumWords) {
		if mask&(1<<w) != 0 {
			words = append(words, w)
		}
	}
	slices.SortFunc(words, byRank)
	return words
}

func byRank(a, b linux.Word) int { return cmp.Compare(rank(a), rank(b)) }

// Meetings collects which words meet in one operation or test, from all
// functions that are to share a Space. The zero Meetings has none.
type Meetings struct {
	groups []uint16 // disjoint sets of words, as bit masks
	shifts uint16
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

// Operation says that x op y is computed from the words in these masks. They
// meet; and a value that is shifted is simple only for those who know how far.
func (m *Meetings) Operation(op policy.Op, x, y uint16) {
	m.Meet(x | y)
	if op == policy.OpLsh || op == policy.OpRsh {
		m.shifts |= y
	}
}

// Order returns the order in which words that meet are interleaved.
func (m *Meetings) Order() Order {
	o := Order{shifts: m.shifts}
	single := allWords
	for _, g := range m.groups {
		o.groups = append(o.groups, wordsOf(g))
		single &^= g
	}
	for _, w := range wordsOf(single) {
		o.groups = append(o.groups, []linux.Word{w})
	}
	slices.SortFunc(o.groups, func(a, b []linux.Word) int { return byRank(a[0], b[0]) })
	return o
}
