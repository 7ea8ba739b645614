package compiler

import (
	"testing"

	"secco/emulator"
	"secco/lang"
	"secco/policy"
	"secco/source"
	"secco/test/bench"
)

func readText(t testing.TB, name string) []*source.File {
	t.Helper()
	f, err := bench.Text(name)
	if err != nil {
		t.Fatal(err)
	}
	return []*source.File{f}
}

// TestWorkloadTexts compiles the same workloads from the policy language, and
// requires the verdicts of the specifications and programs as small as theirs.
func TestWorkloadTexts(t *testing.T) {
	mix := readMix(t)
	for _, name := range bench.Names {
		w := readWorkload(t, name)
		p, found := lang.Load(readText(t, name), lang.Options{})
		if found.HasErrors() {
			t.Fatal(found)
		}
		out := check(t, p, Options{})
		m, err := emulator.New(out.Program)
		if err != nil {
			t.Fatal(err)
		}
		for d := range policy.Samples(p) {
			if got, want := m.Run(&d), w.Verdict(&d); got != want {
				t.Fatalf("%s: %+v: program says %s, specification %s", name, d, got, want)
			}
		}
		spec, err := Compile(w.Policy(), Options{})
		if err != nil {
			t.Fatal(err)
		}
		if got, want := measure(t, w, out, mix), measure(t, w, spec, mix); got != want {
			t.Errorf("%s: %v from text, %v from the specification", name, got, want)
		}
	}
}

// BenchmarkText compiles from source text.
func BenchmarkText(b *testing.B) {
	for _, name := range bench.Names {
		files := readText(b, name)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				p, found := lang.Load(files, lang.Options{})
				if found.HasErrors() {
					b.Fatal(found)
				}
				if _, err := Compile(p, Options{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
