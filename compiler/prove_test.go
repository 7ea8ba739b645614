package compiler

import (
	"testing"

	"secco/lang"
	"secco/policy"
	"secco/policy/prove"
	"secco/source"
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

var features = []feature{"", featureStrength, featureKnown, featureSorted, featureOrder, featureHalves, featureX32, featureEqual, featureBits, featureWeights, featureList, featureAccumulator}

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

// TestSharedProved proves programs in which x32's numbers share the code for
// x86_64's, with rules that have no small diagrams: no other number than theirs may
// be mixed up with them.
func TestSharedProved(t *testing.T) {
	for _, text := range []string{
		"write[+allow]: 4096 == argL2 - argL0\nclone[+trace]: argL0 ^ 0xff != argL1 ^ 3 || argL0 &? argL2 * 4096\n",
		"write, kill[+allow, -trace]: notIn(argL1, 0x1000, 7)\nfdatasync[+notify]: in(argH3 - argL1, 32)\nprctl[+log]: argL0 * argL1 == 0x12345\n",
		"read: (argL0 + argL1 ^ argL2) - argL3 == 5\nopenat: argL2 << 3 > argL1 >> 2\nlseek: argL1 * 0x9E3779B1 & 0xff == 3\n",
	} {
		const head = "ARCHES = x86_64, x32\nDEFAULT_POSITIVE = EACCES\nDEFAULT_NEGATIVE = 0\nDEFAULT_POLICY = allow\n"
		p, diags := lang.Load([]*source.File{source.NewFile("shared.secco", head+text)}, lang.Options{})
		if err := diags.Err(); err != nil {
			t.Fatal(err)
		}
		for _, opts := range []Options{{}, {Optimize: Size}} {
			if got := proved(t, p, opts); got != prove.Equal {
				t.Errorf("%+v: %v\n%s", opts, got, text)
			}
		}
	}
}
