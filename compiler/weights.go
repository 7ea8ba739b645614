package compiler

import (
	"maps"
	"math"
	"slices"

	"secco/linux"
	"secco/policy"
)

// Shares of what is rare, but should not cost without bounds.
const (
	shareUnnamed = 0.02  // of all syscalls alike, where frequencies are given
	shareX32     = 0.02  // of x32 calls to those of x86_64
	shareNarrow  = 0.05  // of a 32-bit architecture to a 64-bit one
	shareUnknown = 0.001 // of an architecture that is no target
	// shareArguments is how often any test of arguments is come to, of all calls.
	shareArguments = 1. / 64
	// heightShare is what an interval of an argument's values weighs more for each
	// instruction of the longest way on from there, for the worst case's sake.
	heightShare = 1.
)

// called is a number's share of all calls.
type called struct {
	nr    uint32
	share float64
}

// A frequencies knows how often the values of words come up.
type frequencies struct {
	opts   Options
	policy *policy.Policy
	arches map[*node][]linux.Arch // whose numbers a node decides by
}

func (u *unit) frequencies() *frequencies {
	f := &frequencies{u.opts, u.policy, map[*node][]linux.Arch{}}
	for _, graph := range []*node{u.graph, u.joined} {
		if graph == nil {
			continue
		}
		for _, t := range u.policy.Targets {
			n := graph
			if n.t != nil && n.t.isWord(offsetArch) {
				n = n.at(t.Arch.Audit())
			}
			if !slices.Contains(f.arches[n], t.Arch) {
				f.arches[n] = append(f.arches[n], t.Arch)
			}
		}
	}
	return f
}

// weights returns how often each interval of a node's values is taken.
func (f *frequencies) weights(n *node) []float64 {
	w := make([]float64, len(n.to))
	switch {
	case n.t.isNumber():
		for _, c := range f.numbers(n) {
			w[n.index(c.nr)] += c.share
		}
	case n.t.isWord(offsetArch) && f.opts.without != featureWeights:
		for i := range w {
			w[i] = shareUnknown
		}
		for _, t := range f.policy.Targets {
			share := 1.0
			if t.Arch.Bits() == 32 {
				share = shareNarrow
			}
			w[n.index(t.Arch.Audit())] += share
		}
	default:
		for i := range w {
			w[i] = 1
		}
	}
	total := 0.0
	for _, v := range w {
		total += v
	}
	for i := range w {
		w[i] /= max(total, 1e-9)
	}
	return w
}

// numbers returns how often the numbers are called that a node decides by.
func (f *frequencies) numbers(n *node) []called {
	if f.opts.without == featureWeights {
		all := make([]called, len(n.to))
		for i, v := range n.from {
			all[i] = called{v, 1 / float64(len(n.to))}
		}
		return all
	}
	list := f.arches[n]
	if n.t.mask != allOnes {
		list = []linux.Arch{linux.X32}
	}
	var all []called
	total := 0.0
	add := func(nr uint32, share float64) {
		all = append(all, called{nr & n.t.mask, share})
		total += share
	}
	for _, a := range list {
		share := 1.0
		if a == linux.X32 {
			share = shareX32
		}
		if list := frequent(f.opts.Freq[a]); len(list) > 0 {
			for _, c := range list {
				add(c.nr, share*(1-shareUnnamed)*c.share)
			}
			share *= shareUnnamed
		}
		calls := a.Syscalls()
		for _, s := range calls {
			add(s.NR, share/float64(len(calls)))
		}
	}
	for i := range all {
		all[i].share /= max(total, 1e-9)
	}
	return all
}

// frequent returns the shares of the syscalls that are called at all, by number.
// What is no frequency counts as none.
func frequent(freq map[uint32]float64) []called {
	var list []called
	most, total := 0.0, 0.0
	for _, nr := range slices.Sorted(maps.Keys(freq)) { // for the same rounding every time
		if f := freq[nr]; f > 0 && !math.IsInf(f, 1) {
			list = append(list, called{nr, f})
			most = max(most, f)
		}
	}
	for i := range list { // first by the largest, for the sum may be too large
		list[i].share /= most
		total += list[i].share
	}
	for i := range list {
		list[i].share /= total
	}
	return list
}
