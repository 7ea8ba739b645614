package compiler

import (
	"slices"
	"testing"

	"secco/emulator"
	"secco/policy"
	"secco/test/bench"
)

// TestOrigins requires that the rule that decides a call is among the origins of
// the return that the program comes to.
func TestOrigins(t *testing.T) {
	policies := []*policy.Policy{}
	for _, name := range bench.Names {
		policies = append(policies, readWorkload(t, name).Policy())
	}
	for seed := range uint64(80) {
		policies = append(policies, newRandom(20_000+seed).policy())
	}
	for i, p := range policies {
		out, err := Compile(p, Options{})
		if err != nil {
			continue
		}
		m, err := emulator.New(out.Program)
		if err != nil {
			t.Fatal(err)
		}
		for d := range policy.Samples(p) {
			last := 0
			m.Trace(&d, func(s emulator.Step) { last = s.PC })
			if _, rule := p.Eval(&d); !rule.IsZero() && !slices.Contains(out.Origins[last], rule) {
				t.Fatalf("policy %d: %+v: %s decides, the origins of instruction %d are %v\n%s", i, d, rule, last, out.Origins[last], listing(out.Program))
			}
		}
		for i, spans := range out.Origins {
			if !slices.IsSortedFunc(spans, compareSpans) {
				t.Fatalf("origins of %d are not in order: %v", i, spans)
			}
		}
	}
}
