package compiler

import (
	"fmt"
	"testing"

	"secco/test/bench"
)

// ablation is the mean over policies of what becomes of the program's size, and
// of the instructions executed for a syscall of x86_64 with no arguments, when a
// feature is left out.
func TestAblation(t *testing.T) {
	mix := readMix(t)
	lines := map[feature]string{}
	for _, name := range bench.Names {
		w := readWorkload(t, name)
		p := w.Policy()
		for _, f := range features {
			out := check(t, p, Options{without: f})
			m := measure(t, w, out, mix)
			lines[f] += fmt.Sprintf(" %4d/%.2f/%d", m.Size, m.Uniform, m.Worst)
		}
	}
	sizes := map[feature]int{}
	for seed := range uint64(150) {
		p := newRandom(50_000 + seed).policy()
		if plainSize(p) > 4000 {
			continue
		}
		var all [16]int
		whole := true
		for i, f := range features {
			out, err := Compile(p, Options{without: f})
			if whole = whole && err == nil; whole {
				all[i] = len(out.Program)
			}
		}
		for i, f := range features {
			if whole {
				sizes[f] += all[i]
			}
		}
	}
	for _, f := range features {
		t.Logf("without %-12s%s random %+.1f %%", f, lines[f], 100*(float64(sizes[f])/float64(sizes[""])-1))
		if f != "" && float64(sizes[f]) < 0.98*float64(sizes[""]) && f != featureX32 && f != featureWeights {
			t.Errorf("without %s programs are smaller", f)
		}
	}
	// Every feature leaves the meaning alone.
	for seed := range uint64(30) {
		p := newRandom(60_000 + seed).policy()
		for _, f := range features {
			if _, err := Compile(p, Options{without: f}); err == nil {
				check(t, p, Options{without: f})
			}
		}
	}
}
