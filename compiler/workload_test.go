package compiler

import (
	"math"
	"slices"
	"testing"

	"secco/bpf"
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

// guard is what W3 has beyond the goals, in each mode, because numbers of x32 are
// not refused like others but kill, which takes two comparisons more. The goals were
// set without; the other workloads meet theirs with it.
var guard = map[string][3]bench.Figures{"W3": {{}, {Size: 2}, {Size: 1}}}

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
				goal.Size += extra[i].Size
			}
			if !within(f, goal) {
				t.Errorf("%s, %s: %v, at most %v", name, mode.name, f, goal)
			}
		}
	}
}

// theory holds the fewest comparisons of the number that a search by other means
// found, without regard to x32: executed in the mean over all syscalls of x86_64,
// and in the program.
var theory = map[string]struct {
	executed float64
	tests    int
}{"W1a": {5.03, 41}, "W2": {2.93, 11}, "W3": {3.20, 16}, "W4": {5.21, 47}, "W5": {3.89, 24}}

// numberTests returns how many comparisons of the number a program for x86_64
// alone has, and how many of them it makes in the mean over the syscalls.
func numberTests(t *testing.T, p bpf.Program) (tests int, executed float64) {
	t.Helper()
	jump := func(in bpf.Instruction) bool { return in.Op&7 == classJump }
	seen := map[int]bool{}
	var walk func(pc int)
	walk = func(pc int) {
		if seen[pc] || !jump(p[pc]) { // a return, or arguments
			return
		}
		seen[pc] = true
		if in := p[pc]; in.Op == bpf.Ja {
			walk(pc + 1 + int(in.K))
		} else {
			tests++
			walk(pc + 1 + int(in.Jt))
			walk(pc + 1 + int(in.Jf))
		}
	}
	walk(slices.IndexFunc(p, func(in bpf.Instruction) bool { return in.Op == bpf.LdW && in.K == offsetNR }) + 1)
	m, err := emulator.New(p)
	if err != nil {
		t.Fatal(err)
	}
	calls := 0.0
	for _, s := range linux.X86_64.Syscalls() {
		if s.NR > 467 { // the last one of the table that the search had
			continue
		}
		calls++
		m.Trace(&linux.SeccompData{NR: s.NR, Arch: linux.X86_64.Audit()}, func(s emulator.Step) {
			if seen[s.PC] && s.Instruction.Op != bpf.Ja {
				executed++
			}
		})
	}
	return tests, executed / calls
}

// TestTheory requires that programs made for speed alone make no more comparisons
// of the number than theory says, and those made for size have no more, where
// x32's numbers are decided like others; and shows what is added by telling those
// apart, by the weight of size, and by arguments, which theory leaves out.
func TestTheory(t *testing.T) {
	mix := readMix(t)
	defer func(old float64) { sizeWeight[Speed] = old }(sizeWeight[Speed])
	weight := sizeWeight[Speed]
	for _, name := range bench.Names {
		want, ok := theory[name]
		if !ok {
			continue
		}
		w := readWorkload(t, name)
		p := w.Policy()
		whole := measure(t, w, check(t, p, Options{}), mix)
		p.X32 = p.Targets[0].Default
		alike := measure(t, w, check(t, p, Options{}), mix)
		sizeWeight[Speed] = 0
		alone := check(t, p, Options{without: featureList})
		sizeWeight[Speed] = weight
		_, executed := numberTests(t, alone.Program)
		tests, _ := numberTests(t, check(t, p, Options{Optimize: Size}).Program)
		f := measure(t, w, alone, mix)
		t.Logf("%-3s executed %.2f = 4 + %.2f comparisons of the number (theory %.2f) + %.2f by arguments + %.2f by the weight of size + %.2f by x32; for size %d tests (theory %d)",
			name, whole.Uniform, executed, want.executed, f.Uniform-4-executed, alike.Uniform-f.Uniform, whole.Uniform-alike.Uniform, tests, want.tests)
		if executed > want.executed+0.005 {
			t.Errorf("%s: %.3f comparisons, theory %.2f", name, executed, want.executed)
		}
		if tests > want.tests {
			t.Errorf("%s: %d tests, theory %d", name, tests, want.tests)
		}
		if alike.Uniform > 1.02*f.Uniform {
			t.Errorf("%s: %v, %v for speed alone", name, alike, f)
		}
	}
}
