package compiler

import (
	"math"
	"testing"

	"secco/emulator"
	"secco/linux"
	"secco/policy"
	"secco/test/bench"
)

func readWorkload(t testing.TB, name string) *bench.Workload {
	t.Helper()
	w, err := bench.Read(name)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func readMix(t testing.TB) []bench.Call {
	t.Helper()
	mix, err := bench.ReadMix()
	if err != nil {
		t.Fatal(err)
	}
	return mix
}

func measure(t testing.TB, w *bench.Workload, out *Output, mix []bench.Call) bench.Figures {
	t.Helper()
	f, err := bench.Measure(w, out.Program, mix)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// goals are the figures to stay within, of speed, size and speed with the
// frequencies of the mix; 0 where there is none.
var goals = map[string][3]bench.Figures{
	"W1":  {{Size: 235, Uniform: 10.5, Worst: 23}, {Size: 210}, {Size: 240, Mix: 6.9, Worst: 23}},
	"W1a": {{Size: 70, Uniform: 9.3, Worst: 19}, {Size: 62}, {Size: 70, Mix: 6.8, Worst: 19}},
	"W2":  {{Size: 17, Uniform: 7.1, Worst: 13}, {Size: 16}, {Size: 18, Mix: 6.0, Worst: 14}},
	"W3":  {{Size: 27, Uniform: 7.2, Worst: 11}, {Size: 22}, {Size: 24, Mix: 7.5, Worst: 12}},
	"W4":  {{Size: 262, Uniform: 9.6, Worst: 27}, {Size: 240}, {Size: 260, Mix: 9.2, Worst: 27}},
	"W5":  {{Size: 38, Uniform: 8.1, Worst: 14}, {Size: 32}, {Size: 38, Mix: 6.1, Worst: 14}},
}

// guard is what it costs W3 that numbers of x32 are not refused like others but
// kill: two comparisons more, of which one is made for every number above the
// last one allowed, which are a quarter of all. The goals were set without; the
// other workloads meet theirs with it.
var guard = map[string]bench.Figures{"W3": {Size: 3, Uniform: 0.25}}

func within(f, goal bench.Figures) bool {
	round := func(v float64) float64 { return math.Round(v*10) / 10 } // as the goals are
	return f.Size <= goal.Size &&
		(goal.Uniform == 0 || round(f.Uniform) <= goal.Uniform) &&
		(goal.Mix == 0 || round(f.Mix) <= goal.Mix) &&
		(goal.Worst == 0 || f.Worst <= goal.Worst)
}

func TestWorkloads(t *testing.T) {
	mix := readMix(t)
	modes := []struct {
		name string
		opts Options
	}{{"speed", Options{}}, {"size", Options{Optimize: Size}}, {"frequencies", Options{Freq: bench.Frequencies(mix)}}}
	for _, name := range bench.Names {
		w := readWorkload(t, name)
		p := w.Policy()
		for i, mode := range modes {
			out := check(t, p, mode.opts)
			m, err := emulator.New(out.Program)
			if err != nil {
				t.Fatal(err)
			}
			for d := range policy.Samples(p) {
				if got, want := m.Run(&d), w.Verdict(&d); got != want {
					t.Fatalf("%s: %+v: program says %s, specification %s", name, d, got, want)
				}
			}
			f, goal := measure(t, w, out, mix), goals[name][i]
			t.Logf("%-4s %-11s %-20s at most %v", name, mode.name, f, goal)
			if extra, ok := guard[name]; ok {
				alike := w.Policy()
				alike.X32 = alike.Targets[0].Default
				g := measure(t, w, check(t, alike, mode.opts), mix)
				t.Logf("%-4s %-11s %-20s with x32 like x86_64", name, mode.name, g)
				if !within(g, goal) {
					t.Errorf("%s, %s, with x32 like x86_64: %v, at most %v", name, mode.name, g, goal)
				}
				goal.Size += extra.Size
				if goal.Uniform > 0 {
					goal.Uniform += extra.Uniform
				}
			}
			if !within(f, goal) {
				t.Errorf("%s, %s: %v, at most %v", name, mode.name, f, goal)
			}
		}
	}
}

// theory holds the fewest comparisons of the number, in the mean over all
// syscalls of x86_64, that a search by other means found, without regard to size
// and to x32. It is no bound: W3's is above what is reached here.
var theory = map[string]float64{"W1a": 5.03, "W2": 2.93, "W3": 3.20, "W4": 5.21, "W5": 3.89}

// TestNearTheory shows how far the programs are from those made for speed alone,
// and those from the theory: four instructions that every call needs, and the
// comparisons; W1a and W4 add what arguments take.
func TestNearTheory(t *testing.T) {
	mix := readMix(t)
	defer func(old float64) { sizeWeight[Speed] = old }(sizeWeight[Speed])
	weight := sizeWeight[Speed]
	for _, name := range bench.Names {
		if theory[name] == 0 {
			continue
		}
		w := readWorkload(t, name)
		p := w.Policy()
		if w.Default != linux.Allow {
			p.X32 = p.Targets[0].Default
		}
		var f [2]bench.Figures
		for i, size := range []float64{weight, 0} {
			sizeWeight[Speed] = size
			f[i] = measure(t, w, check(t, p, Options{}), mix)
		}
		t.Logf("%-3s %v; for speed alone %v; theory %.2f", name, f[0], f[1], 4+theory[name])
		if f[0].Uniform > 1.02*f[1].Uniform {
			t.Errorf("%s: %v, %v for speed alone", name, f[0], f[1])
		}
		if f[1].Uniform > 1.06*(4+theory[name]) {
			t.Errorf("%s: %v, theory %v", name, f[1], 4+theory[name])
		}
	}
}
