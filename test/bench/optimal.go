package bench

import (
	"math"
	"slices"

	"secco/linux"
)

// MostChoices is up to how many ranges of numbers [Optimal] is found.
const MostChoices = 15

// list returns how many comparisons of the number a plain list makes for a
// workload of x86_64 alone: one for each number that does not get the default,
// and before, x32's numbers are told apart from these.
func (w *Workload) list() int {
	names := map[string]bool{}
	for _, r := range w.Rules {
		if r.Action != w.Default {
			names[r.Syscall] = true
		}
	}
	if w.Skipped != w.X32 {
		return len(names) + 2
	}
	return len(names) + 1
}

// SizeWeight is what an instruction of the program counts in secco's objective,
// beside one executed.
const SizeWeight = 0.02

// Cost is secco's objective for a program.
func (f Figures) Cost() float64 { return f.Uniform + SizeWeight*float64(f.Size) }

// Optimal returns the least cost that a search tree can have for a workload of
// x86_64 alone without conditions, found by trying every test on every set of
// ranges that can remain, of those trees that have no more tests than a plain list
// if there are any. Beside the tests a program needs four instructions for a call,
// to get architecture and number, test the former and return, and one more return
// for each further action. ok is false where there are too many ranges, or
// conditions.
func (w *Workload) Optimal() (cost float64, ok bool) {
	for _, r := range w.Rules {
		if len(r.Conds) > 0 {
			return 0, false
		}
	}
	rs := w.ranges()
	if len(rs) > MostChoices {
		return 0, false
	}
	actions := map[linux.Action]bool{w.Missing: true}
	for _, r := range rs {
		actions[r.action] = true
	}
	trees := bestTrees(rs)
	if few := slices.IndexFunc(trees, func(t tree) bool { return t.tests > w.list() }); few > 0 {
		trees = trees[:few] // they have ever more
	}
	least := math.Inf(1)
	for _, t := range trees {
		least = min(least, t.mean+SizeWeight*float64(t.tests))
	}
	return 4 + SizeWeight*float64(3+len(actions)) + least, true
}

// numbers are those of one action from low to high; weight is how many of x86_64's
// syscalls they are, of all.
type numbers struct {
	low, high uint32
	action    linux.Action
	weight    float64
}

// ranges returns all numbers in order.
func (w *Workload) ranges() []numbers {
	var rs []numbers
	at := func(nr uint32) {
		a := w.Verdict(&linux.SeccompData{NR: nr, Arch: linux.X86_64.Audit()})
		if n := len(rs); n > 0 && rs[n-1].action == a {
			rs[n-1].high = nr
		} else {
			rs = append(rs, numbers{low: nr, high: nr, action: a})
		}
	}
	const above = 4096 // there are no syscalls between these and x32's numbers
	for nr := range uint32(above) {
		at(nr)
	}
	for _, nr := range []uint32{linux.X32Bit - 1, linux.X32Bit, math.MaxUint32 - 1, math.MaxUint32} {
		at(nr)
	}
	count := 0.0
	for _, s := range linux.X86_64.Syscalls() {
		if s.NR > lastSyscall {
			continue
		}
		count++
		for i := range rs {
			if rs[i].low <= s.NR && s.NR <= rs[i].high {
				rs[i].weight++
			}
		}
	}
	for i := range rs {
		rs[i].weight /= count
	}
	return rs
}

// tree is a search tree: how many tests it has, and makes in the mean.
type tree struct {
	tests int
	mean  float64
}

// bestTrees returns the best trees of "at least" and "equal", those with the fewest
// tests first: each has the least mean of all with so many, and a lesser one than
// those before it.
func bestTrees(rs []numbers) []tree {
	memo := make([][]tree, 1<<len(rs))
	var best func(left uint32) []tree
	best = func(left uint32) []tree {
		if memo[left] != nil {
			return memo[left]
		}
		total, one, first := 0.0, true, -1
		for i, r := range rs {
			if left>>i&1 == 0 {
				continue
			}
			total += r.weight
			if first < 0 {
				first = i
			}
			one = one && r.action == rs[first].action
		}
		if one {
			memo[left] = []tree{{}}
			return memo[left]
		}
		var means []float64 // by tests
		add := func(a, b []tree) {
			for _, a := range a {
				for _, b := range b {
					tests, mean := 1+a.tests+b.tests, total+a.mean+b.mean
					for len(means) <= tests {
						means = append(means, math.Inf(1))
					}
					means[tests] = min(means[tests], mean)
				}
			}
		}
		for i, r := range rs {
			if below := left & (1<<i - 1); below != 0 && below != left {
				add(best(below), best(left&^below))
			}
			if r.low == r.high && left>>i&1 == 1 && left != 1<<i {
				add([]tree{{}}, best(left&^(1<<i)))
			}
		}
		least := math.Inf(1)
		for tests, mean := range means {
			if mean < least {
				least = mean
				memo[left] = append(memo[left], tree{tests, mean})
			}
		}
		return memo[left]
	}
	return best(1<<len(rs) - 1)
}
