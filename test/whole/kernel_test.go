//go:build linux && amd64

package whole

import (
	"errors"
	"math/rand/v2"
	"os"
	"testing"

	"secco/compiler"
	"secco/hook/oracle"
	"secco/lang/random"
	"secco/linux"
	"secco/policy"
	"secco/policy/prove"
	"secco/test/kernel"
)

// TestRandomPoliciesInKernel has the running kernel decide calls by the programs
// of random policies, through both of its entries.
func TestRandomPoliciesInKernel(t *testing.T) {
	kernel.Require(t, oracle.AMD64, oracle.I386)
	const perProgram = 50
	pairs := 12_000
	if os.Getenv("SECCO_LONG") != "" {
		pairs *= 20
	}
	counts, actions := map[string]int{}, map[linux.Action]bool{}
	for seed := uint64(0); counts["all"] < pairs; seed++ {
		r := rand.New(rand.NewPCG(seed, 3))
		text := random.Policy(r, random.Options{Rules: 1 + int(seed%12), Depth: 1 + int(seed%5)})
		b, err := build(text)
		if size := (*compiler.SizeError)(nil); errors.As(err, &size) {
			continue
		} else if err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, text)
		}
		calls := sample(r, b.policy, perProgram)
		outcomes, err := oracle.Observe(b.programs[seed%2], calls)
		if err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, text)
		}
		for i, o := range outcomes {
			d := calls[i].Data()
			want := b.reference.Eval(&d)
			if o.Value.Effect() != want.Effect() {
				t.Fatalf("seed %d: %s: the text means %s, the kernel says %s\n%s", seed, prove.CallString(&d), want, o.Value, text)
			}
			counts["all"]++
			counts[calls[i].Entry.String()]++
			if calls[i].Entry == oracle.AMD64 && linux.IsX32(d.NR) {
				counts["x32"]++
			}
			actions[want.Effect()] = true
		}
	}
	t.Logf("%d (program, call) pairs: %d x86_64, of these %d x32, and %d i386; %d actions",
		counts["all"], counts["x86_64"], counts["x32"], counts["i386"], len(actions))
	if counts["i386"] < pairs/10 || counts["x32"] < pairs/50 || len(actions) < 20 {
		t.Error("that is not enough")
	}
}

// sample picks at most n of the policy's sample calls that an x86_64 process can
// make, all of them equally likely.
func sample(r *rand.Rand, p *policy.Policy, n int) []oracle.Call {
	var calls []oracle.Call
	seen := 0
	for d := range policy.Samples(p) {
		c := oracle.Call{Entry: oracle.AMD64, NR: d.NR, Args: d.Args}
		switch d.Arch {
		case linux.X86_64.Audit():
		case linux.I386.Audit():
			c.Entry = oracle.I386
		default:
			continue
		}
		if !c.Filtered() {
			continue
		}
		seen++
		if len(calls) < n {
			calls = append(calls, c)
		} else if at := r.IntN(seen); at < n {
			calls[at] = c
		}
	}
	return calls
}
