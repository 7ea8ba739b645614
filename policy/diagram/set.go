package diagram

import (
	"secco/linux"
)

// Set is a set of calls among those of its slice.
type Set struct {
	space  *Space
	root   Ref
	domain Ref // the slice's calls, as far as root can tell
}

// SetOf returns the set of the space's calls for which a boolean function holds.
// Like the methods of s it may panic with a *LimitError.
func SetOf(s *Space, f Ref) *Set {
	domain := s.domainOf(f)
	return &Set{s, s.And(domain, f), domain}
}

// IsEmpty reports whether no call is in the set.
func (s *Set) IsEmpty() bool { return s.root == False }

// IsAll reports whether every call of the slice is in the set.
func (s *Set) IsAll() bool { return s.root == s.domain }

// Has reports whether a call of the slice is in the set.
func (s *Set) Has(d *linux.SeccompData) bool { return s.space.Holds(s.root, d) }

// Words returns the words that decide who is in the set, in the plain order.
func (s *Set) Words() []linux.Word { return s.space.Support(s.root) }

// Args returns the arguments that decide, in ascending order; only is false
// where other words decide too.
func (s *Set) Args() (args []int, only bool) {
	only = true
	for _, w := range s.Words() {
		i, _ := w.Arg()
		switch {
		case i < 0:
			only = false
		case len(args) == 0 || args[len(args)-1] != i:
			args = append(args, i)
		}
	}
	return args, only
}

// Interval is the values from Lo to Hi, both included.
type Interval struct{ Lo, Hi uint64 }

// Intervals returns the values of an argument that are in the set, as disjoint
// intervals in ascending order, no two adjacent. ok is false where other words
// decide too, where it takes more than limit intervals, or where the set cannot
// be computed within the limits.
func (s *Set) Intervals(arg, limit int) (list []Interval, ok bool) {
	high, low := linux.ArgHigh(arg), linux.ArgLow(arg)
	for _, w := range s.Words() {
		if w != high && w != low {
			return nil, false
		}
	}
	return s.intervals(limit, high, low)
}

// WordIntervals is Intervals of one word.
func (s *Set) WordIntervals(w linux.Word, limit int) (list []Interval, ok bool) {
	for _, other := range s.Words() {
		if w != other {
			return nil, false
		}
	}
	return s.intervals(limit, w)
}

// intervals lists the numbers whose bits are those of the words, from the
// highest to the lowest.
func (s *Set) intervals(limit int, words ...linux.Word) (list []Interval, ok bool) {
	var levels []int32
	for _, w := range words {
		for bit := 31; bit >= 0; bit-- {
			levels = append(levels, int32(s.space.level[32*int(w)+bit]))
			if n := len(levels); n > 1 && levels[n-1] < levels[n-2] {
				plain, ok := s.reordered(Plain)
				if !ok {
					return nil, false
				}
				return plain.intervals(limit, words...)
			}
		}
	}
	size := uint(len(levels))
	var walk func(f Ref, depth uint, prefix uint64) bool
	walk = func(f Ref, depth uint, prefix uint64) bool {
		if f == False {
			return true
		}
		rest := size - depth
		if f == True {
			last := prefix<<rest | (1<<rest - 1)
			if rest == 64 {
				prefix, last = 0, ^uint64(0)
			} else {
				prefix <<= rest
			}
			if n := len(list); n > 0 && list[n-1].Hi+1 == prefix {
				list[n-1].Hi = last
			} else {
				list = append(list, Interval{prefix, last})
			}
			return len(list) <= limit
		}
		lo, hi := s.space.cofactors(f, levels[depth])
		return walk(lo, depth+1, prefix<<1) && walk(hi, depth+1, prefix<<1|1)
	}
	if !walk(s.root, 0, 0) {
		return nil, false
	}
	return list, true
}

// reordered returns the same set in a space of its own with another order.
func (s *Set) reordered(order Order) (*Set, bool) {
	limits := s.space.limits
	limits.Nodes, limits.Steps = max(limits.Nodes/8, 1024), max(limits.Steps/16, 1024)
	to := NewSpace(s.space.calls, order, limits)
	defer func() { s.space.steps += to.steps }() // it is work done for s
	moved := map[Ref]Ref{False: False, True: True}
	var move func(f Ref) Ref
	move = func(f Ref) Ref {
		if g, ok := moved[f]; ok {
			return g
		}
		n := s.space.nodes[f]
		v := s.space.bitAt[n.level]
		g := to.Ite(to.variable(linux.Word(v/32), int(v%32)), move(n.hi), move(n.lo))
		moved[f] = g
		return g
	}
	set := &Set{space: to}
	err := to.Do(func() { set.root, set.domain = move(s.root), move(s.domain) })
	return set, err == nil
}
