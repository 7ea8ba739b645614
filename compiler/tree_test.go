package compiler

import (
	"math"
	"math/rand/v2"
	"testing"

	"secco/bpf"
	"secco/compiler/layout"
)

// optimal finds the cost of the best tree of "at least" and "equal" tests by
// trying every test on every set of choices that can remain.
func optimal(cs []choice, size float64) float64 {
	memo := map[uint32]float64{}
	var best func(left uint32) float64
	best = func(left uint32) float64 {
		if c, ok := memo[left]; ok {
			return c
		}
		total, one, first := 0.0, true, target(-1)
		for i, c := range cs {
			if left>>i&1 == 1 {
				total += c.weight
				if first >= 0 && c.to != first {
					one = false
				}
				first = c.to
			}
		}
		if one {
			return 0
		}
		cost := math.Inf(1)
		for i, c := range cs {
			if below := left & (1<<i - 1); below != 0 && below != left {
				cost = min(cost, total+size+best(below)+best(left&^below))
			}
			if c.lo == c.hi && left>>i&1 == 1 {
				cost = min(cost, total+size+best(left&^(1<<i)))
			}
		}
		memo[left] = cost
		return cost
	}
	return best(1<<len(cs) - 1)
}

func randomChoices(r *rand.Rand, n, targets int, skewed bool) []choice {
	cs := make([]choice, n)
	at := uint32(0)
	for i := range cs {
		c := choice{lo: at, hi: at, to: target(r.IntN(targets)), or: nowhere, weight: 1}
		if r.IntN(2) == 0 {
			c.hi += 1 + r.Uint32N(8)
			c.weight = float64(c.hi - c.lo)
		}
		if i > 0 && c.to == cs[i-1].to {
			c.to = (c.to + 1) % target(targets)
		}
		if skewed {
			c.weight = math.Pow(r.Float64(), 6)
		}
		at = c.hi + 1
		cs[i] = c
	}
	total := 0.0
	for _, c := range cs {
		total += c.weight
	}
	for i := range cs {
		cs[i].weight /= total
	}
	return cs
}

// TestTreesAreNearlyOptimal compares the search with trying everything.
func TestTreesAreNearlyOptimal(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, size := range []float64{0, sizeWeight[Speed], 0.2, sizeWeight[Size]} {
		for _, skewed := range []bool{false, true} {
			for _, targets := range []int{2, 3, 12} {
				sum, least, worst := 0.0, 0.0, 1.0
				for range 60 {
					cs := randomChoices(r, 2+r.IntN(10), targets, skewed)
					s := &search{cs: cs, size: size}
					got, want := s.solve(), optimal(cs, size)
					if got < want-1e-9 {
						t.Fatalf("%v costs less than the optimum %v: %v", got, want, cs)
					}
					sum, least = sum+got, least+want
					worst = max(worst, got/want)
				}
				t.Logf("size %-6v skewed %-5v targets %-2d: %.2f %% above the optimum, worst %.2f %%", size, skewed, targets, 100*(sum/least-1), 100*(worst-1))
				if sum > 1.03*least {
					t.Errorf("%.1f %% above the optimum", 100*(sum/least-1))
				}
			}
		}
	}
}

// TestTreeCost requires that the code costs what the search says, and decides
// what the choices say.
func TestTreeCost(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 300 {
		cs := randomChoices(r, 1+r.IntN(60), 2+r.IntN(4), r.IntN(2) == 0)
		l := newLowerer(newBuilder(0, ""))
		s := &search{cs: cs, size: sizeWeight[Speed], jump: l.jump, goTo: func(to target, lo, hi uint32) *layout.Node { return l.ret(uint32(to)) }}
		want := s.solve()
		code := s.code()
		mean := 0.0
		for _, c := range cs {
			for i, v := range []uint32{c.lo, c.hi} {
				n, steps := code, 0
				for ; !n.IsReturn(); steps++ {
					if holds, _ := outcome(bpf.Instruction{Op: n.Op, K: n.K}, v); holds {
						n = n.Yes
					} else {
						n = n.No
					}
				}
				if n.K != uint32(c.to) {
					t.Fatalf("%d goes to %d, not %d", v, n.K, c.to)
				}
				if i == 0 {
					mean += c.weight * float64(steps)
				}
			}
		}
		jumps := map[*layout.Node]bool{}
		var count func(n *layout.Node)
		count = func(n *layout.Node) {
			if !n.IsReturn() && !jumps[n] {
				jumps[n] = true
				count(n.Yes)
				count(n.No)
			}
		}
		count(code)
		if got := mean + float64(len(jumps))*s.size; got > want+1e-9 || got < want*0.98-1e-9 {
			t.Fatalf("costs %v, the search says %v", got, want)
		}
	}
}
