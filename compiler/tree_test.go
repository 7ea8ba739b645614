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
					s := &search{cs: cs, size: size, noBits: true}
					got, want := s.solve(), optimal(cs, size)
					if all := (&search{cs: cs, size: size}).solve(); all > got+1e-9 {
						t.Fatalf("costs %v with tests of bits, %v without: %v", all, got, cs)
					}
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

// TestBits compares the search for a test of bits with trying all masks.
func TestBits(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	found := 0
	for range 20_000 {
		cs := randomChoices(r, 3+r.IntN(6), 2+r.IntN(8)/7, false)
		last := &cs[len(cs)-1]
		if last.hi = max(last.hi, last.lo|7); last.hi > 63 {
			continue
		}
		leads := func(v uint32) target {
			for _, c := range cs {
				if v <= c.hi {
					return c.to
				}
			}
			return nowhere
		}
		// tells reports whether the mask's test does.
		tells := func(mask uint32) bool {
			var to [2]target
			for i := range to {
				to[i] = nowhere
			}
			for v := range last.hi + 1 {
				side := 0
				if v&mask != 0 {
					side = 1
				}
				if to[side] == nowhere {
					to[side] = leads(v)
				}
				if to[side] != leads(v) {
					return false
				}
			}
			return true
		}
		want := false
		for mask := range uint32(64) {
			want = want || tells(mask)
		}
		mask, none, some, ok := (&search{cs: cs}).bits(0, len(cs))
		if ok != want || ok && (!tells(mask) || leads(0) != none || leads(mask&-mask) != some && mask&-mask <= last.hi) {
			t.Fatalf("%v: mask %#x, %d and %d, %v; want %v", cs, mask, none, some, ok, want)
		}
		if ok {
			found++
		}
	}
	if found < 20 {
		t.Errorf("only %d found", found)
	}
}

// TestTreeCost requires that the code costs what the search says, and decides
// what the choices say; with forks, every value being called on its own, no more
// than without.
func TestTreeCost(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	forks := 0
	for round := range 400 {
		cs := randomChoices(r, 1+r.IntN(60), 2+r.IntN(4), r.IntN(2) == 0)
		l := newLowerer(newBuilder(0, ""))
		s := &search{cs: cs, size: sizeWeight[Speed], jump: l.jump, goTo: func(to target, lo, hi uint32) *layout.Node { return l.ret(uint32(to)) }}
		var calls []called
		for i := range cs {
			values := cs[i].hi - cs[i].lo + 1
			for v := range values {
				calls = append(calls, called{cs[i].lo + v, cs[i].weight / float64(values)})
			}
		}
		if last := &cs[len(cs)-1]; round%2 == 0 {
			last.hi = allOnes
			without := s.solve()
			s.fork(calls)
			if with := s.solve(); with > without+1e-9 {
				t.Fatalf("costs %v with forks, %v without", with, without)
			} else if with < without-1e-9 {
				forks++
			}
		}
		want := s.solve()
		code := s.code()
		steps := func(v uint32, want target) (steps int) {
			n := code
			for ; !n.IsReturn(); steps++ {
				if holds, _ := outcome(bpf.Instruction{Op: n.Op, K: n.K}, v); holds {
					n = n.Yes
				} else {
					n = n.No
				}
			}
			if n.K != uint32(want) {
				t.Fatalf("%d goes to %d, not %d", v, n.K, want)
			}
			return steps
		}
		mean := 0.0
		for i, c := range calls {
			for k := range cs {
				if cs[k].lo <= c.nr && c.nr <= cs[k].hi {
					mean += calls[i].share * float64(steps(c.nr, cs[k].to))
				}
			}
		}
		for range 20 { // values that no call has
			last := cs[len(cs)-1]
			if v := r.Uint32(); v >= last.lo && v <= last.hi {
				steps(v, last.to)
			}
			steps(last.hi, last.to)
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
		if tests := s.tests(0, len(cs), 0); tests < len(jumps) {
			t.Fatalf("%d tests, the search says %d", len(jumps), tests)
		}
	}
	if forks < 20 {
		t.Errorf("only %d have forks", forks)
	}
}
