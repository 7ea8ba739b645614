package compiler

import (
	"testing"

	"secco/policy"
	"secco/policy/prove"
	"secco/test/bench"
)

// proved requires a proof that the program does what the policy says with every
// call.
func proved(t *testing.T, p *policy.Policy, opts Options) prove.Verdict {
	t.Helper()
	out, err := Compile(p, opts)
	if err != nil {
		return prove.Undecided
	}
	program, err := prove.Program(out.Program)
	if err != nil {
		t.Fatal(err)
	}
	r, err := prove.Equivalent(prove.Policy(p), program, prove.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if r.Verdict == prove.Different || r.Verdict == prove.Stricter {
		t.Fatalf("%+v: %v\n%s", opts, r, listing(out.Program))
	}
	return r.Verdict
}

var features = []feature{"", featureStrength, featureKnown, featureSorted, featureOrder, featureX32, featureEqual, featureBits, featureWeights, featureAccumulator}

// TestProved proves the programs of the workloads, with each feature left out in
// turn and in every mode, equal to their policies, and random ones where that
// can be decided.
func TestProved(t *testing.T) {
	freq := bench.Frequencies(readMix(t))
	for _, name := range bench.Names {
		p := readWorkload(t, name).Policy()
		all := []Options{{Optimize: Size}, {Freq: freq}}
		for _, f := range features {
			all = append(all, Options{without: f})
		}
		for _, opts := range all {
			if got := proved(t, p, opts); got != prove.Equal {
				t.Errorf("%s, %+v: %v", name, opts, got)
			}
		}
	}
	equal, asked := 0, 0
	for seed := range uint64(50) {
		p := newRandom(30_000 + seed).policy()
		if plainSize(p) > 400 {
			continue
		}
		asked++
		if proved(t, p, Options{without: features[seed%uint64(len(features))]}) == prove.Equal {
			equal++
		}
	}
	t.Logf("%d of %d random policies proved", equal, asked)
	if equal < asked*3/4 {
		t.Errorf("only %d of %d random policies proved", equal, asked)
	}
}
