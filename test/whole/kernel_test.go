//go:build linux && (amd64 || arm64)

package whole

import (
	"errors"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
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
// of random policies, through all of its entries.
func TestRandomPoliciesInKernel(t *testing.T) {
	kernel.Require(t, oracle.Entries()...)
	const perProgram = 50
	pairs := 12_000
	if os.Getenv("SECCO_LONG") != "" {
		pairs *= 20
	}
	counts, actions := map[string]int{}, map[linux.Action]bool{}
	for seed := uint64(0); counts["all"] < pairs; seed++ {
		r := rand.New(rand.NewPCG(seed, 3))
		opts := random.Options{Rules: 1 + int(seed%12), Depth: 1 + int(seed%5)}
		if runtime.GOARCH != "amd64" && seed%4 != 0 { // which is among those that are drawn most
			native, _ := linux.ParseArch(runtime.GOARCH)
			others := slices.DeleteFunc(linux.Arches(), func(a linux.Arch) bool { return a == native })
			r.Shuffle(len(others), func(i, j int) { others[i], others[j] = others[j], others[i] })
			opts.Targets = slices.Concat(others[:r.IntN(3)], []linux.Arch{native})
		}
		text := random.Policy(r, opts)
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
				counts["x32 of these"]++
			}
			actions[want.Effect()] = true
		}
	}
	t.Logf("(program, call) pairs: %v; %d actions", counts, len(actions))
	enough := len(actions) >= 20
	for _, e := range oracle.Entries() {
		enough = enough && counts[e.String()] >= pairs/10
	}
	if runtime.GOARCH == "amd64" && counts["x32 of these"] < pairs/50 || !enough {
		t.Error("that is not enough")
	}
}

// sample picks at most n of the policy's sample calls that a process can make here,
// all of them equally likely.
func sample(r *rand.Rand, p *policy.Policy, n int) []oracle.Call {
	var calls []oracle.Call
	seen := 0
	for d := range policy.Samples(p) {
		c, ok := oracle.CallFor(d)
		if !ok || !c.Filtered() {
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
