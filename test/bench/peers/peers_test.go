package main

import (
	"testing"

	"secco/test/bench"
)

// TestCompilers compiles two of the workloads with every compiler, and requires
// right programs, and that a missing rule is found in what the others make: a
// slice of what `make bench` does with all.
func TestCompilers(t *testing.T) {
	mix, err := bench.ReadMix()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"W3", "W5"} {
		w, err := bench.Read(name)
		if err != nil {
			t.Fatal(err)
		}
		less := *w
		less.Rules = w.Rules[1:]
		for _, c := range compilers(mix) {
			r, err := compile(c, w, mix)
			if err != nil {
				t.Fatalf("%s, %s: %v", c.name, name, err)
			}
			if r.missing || len(r.differ) > 0 || r.calls < 1000 || r.figures.Size < 10 {
				t.Errorf("%s, %s: %+v", c.name, name, r)
			}
			if c.ours {
				continue // compiles the text of the whole workload
			}
			build, err := c.prepare(&less)
			if err != nil {
				t.Fatal(err)
			}
			program, err := build()
			if err != nil {
				t.Fatal(err)
			}
			if _, differ, err := bench.Check(w, program); err != nil || len(differ) == 0 {
				t.Errorf("%s, %s: that a rule is missing is not found, %v", c.name, name, err)
			}
		}
	}
}
