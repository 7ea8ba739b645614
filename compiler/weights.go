package compiler

import (
	"maps"
	"math"
	"slices"

	"secco/linux"
)

// The objective is the same for every policy: the instructions executed for a
// call, in the mean, plus sizeWeight for each in the program.
//
// The mean is over the syscalls of an architecture, each as often as the caller
// says, all equally often where the caller does not say. Nothing is known about
// arguments, and most of their tests belong to one syscall of hundreds; so that
// these don't degenerate, they are weighed as if one call of sixteen came to them,
// all intervals equally likely.
var sizeWeight = [...]float64{Speed: 0.02, Size: 100}

// Shares of what is rare, but should not cost without bounds.
const (
	shareUnnamed = 0.02  // of all syscalls alike, where frequencies are given
	shareX32     = 0.02  // of x32 calls to those of x86_64
	shareNarrow  = 0.05  // of a 32-bit architecture to a 64-bit one
	shareUnknown = 0.001 // of an architecture that is no target
	// shareArguments is how often any test of arguments is come to, of all calls.
	shareArguments = 1. / 16
	// heightShare is what an interval of an argument's values weighs more for each
	// instruction of the longest way on from there, for the worst case's sake.
	heightShare = 0.25
)

// weights returns how often each interval of a node's values is taken.
func (u *unit) weights() func(n *node) []float64 {
	arches := map[*node][]linux.Arch{}
	for _, graph := range []*node{u.graph, u.joined} {
		if graph == nil {
			continue
		}
		for _, t := range u.policy.Targets {
			n := graph
			if n.t != nil && n.t.isWord(offsetArch) {
				n = n.at(t.Arch.Audit())
			}
			if !slices.Contains(arches[n], t.Arch) {
				arches[n] = append(arches[n], t.Arch)
			}
		}
	}
	return func(n *node) []float64 {
		w := make([]float64, len(n.to))
		if u.opts.without == featureWeights {
			for i := range w {
				w[i] = 1 / float64(len(w))
			}
			return w
		}
		switch {
		case n.t.isWord(offsetArch):
			for i := range w {
				w[i] = shareUnknown
			}
			for _, t := range u.policy.Targets {
				share := 1.0
				if t.Arch.Bits() == 32 {
					share = shareNarrow
				}
				w[n.index(t.Arch.Audit())] += share
			}
		case n.t.isNumber():
			list := arches[n]
			if n.t.mask != allOnes {
				list = []linux.Arch{linux.X32}
			}
			for _, a := range list {
				share := 1.0
				if a == linux.X32 {
					share = shareX32
				}
				if list := frequent(u.opts.Freq[a]); len(list) > 0 {
					for _, c := range list {
						w[n.index(c.nr&n.t.mask)] += share * (1 - shareUnnamed) * c.share
					}
					share *= shareUnnamed
				}
				calls := a.Syscalls()
				for _, s := range calls {
					w[n.index(s.NR&n.t.mask)] += share / float64(len(calls))
				}
			}
		default:
			for i := range w {
				w[i] = 1
			}
		}
		total := 0.0
		for _, f := range w {
			total += f
		}
		for i := range w {
			w[i] /= max(total, 1e-9)
		}
		return w
	}
}

// called is a syscall's share of all calls.
type called struct {
	nr    uint32
	share float64
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
