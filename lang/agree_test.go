package lang_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"secco/lang"
	"secco/lang/eval"
	"secco/lang/random"
	"secco/lang/syntax"
	"secco/linux"
	"secco/policy"
	"secco/source"
)

// TestEvalAgrees holds the two meanings of the language against each other:
// policies at random, calls at the boundaries of their constants.
func TestEvalAgrees(t *testing.T) {
	count := 3000
	if testing.Short() {
		count = 300
	}
	calls := 0
	for seed := range uint64(count) {
		r := rand.New(rand.NewPCG(seed, 1))
		text := random.Policy(r, random.Options{Rules: 1 + int(seed%10), Depth: 1 + int(seed%5), Plain: seed%7 == 0})
		calls += agree(t, fmt.Sprintf("seed%d", seed), text, r)
		if t.Failed() {
			return
		}
	}
	t.Logf("%d policies, %d calls", count, calls)
}

// agree compares both meanings of one text and returns the number of calls.
func agree(t *testing.T, name, text string, r *rand.Rand) int {
	t.Helper()
	f := source.NewFile(name, text)
	opts := lang.Options{}
	if r.IntN(2) == 0 {
		opts.Capabilities = []string{"CAP_SYS_ADMIN"}
	}
	p, diags := lang.Load([]*source.File{f}, opts)
	if diags.HasErrors() {
		t.Errorf("%v\n%s", diags.Err(), text)
		return 0
	}
	parsed, _ := syntax.Parse(f)
	e, err := eval.New([]*syntax.File{parsed}, eval.Options{Capabilities: opts.Capabilities})
	if err != nil {
		t.Errorf("%v\n%s", err, text)
		return 0
	}
	n := 0
	for d := range samples(p, r) {
		n++
		got, where := p.Eval(&d)
		if want := e.Eval(&d); got != want {
			t.Errorf("%+v: graph says %s (%s), eval %s\n%s", d, got, where, want, text)
			return n
		}
	}
	return n
}

// samples yields calls at the boundaries of the constants in a policy.
func samples(p *policy.Policy, r *rand.Rand) func(func(linux.SeccompData) bool) {
	return func(yield func(linux.SeccompData) bool) {
		for _, target := range p.Targets {
			numbers := []uint32{0, 1, 999, 0x3fffffff, linux.X32Bit, linux.X32Bit | 1, 1 << 31, 0xffffffff}
			for range 20 {
				numbers = append(numbers, uint32(r.IntN(480)))
			}
			words := boundaries(target.Default)
			if !target.Default.IsLeaf() { // it tests the number
				numbers = append(numbers, words...)
			}
			for _, nr := range numbers {
				for range 3 {
					if !yield(linux.SeccompData{Arch: target.Arch.Audit(), NR: nr, Args: drawn(r, words)}) {
						return
					}
				}
			}
			for nr, root := range target.Rules {
				words := boundaries(root)
				for range 40 {
					if !yield(linux.SeccompData{Arch: target.Arch.Audit(), NR: nr, Args: drawn(r, words)}) {
						return
					}
				}
			}
		}
		for _, a := range linux.Arches() {
			if !yield(linux.SeccompData{Arch: a.Audit(), NR: 5}) {
				return
			}
		}
		yield(linux.SeccompData{Arch: 0xdeadbeef})
	}
}

// drawn returns arguments made of words.
func drawn(r *rand.Rand, words []uint32) (args [6]uint64) {
	for i := range args {
		args[i] = uint64(words[r.IntN(len(words))])<<32 | uint64(words[r.IntN(len(words))])
		if r.IntN(2) == 0 {
			args[i] &= 0xffffffff
		}
	}
	return args
}

// boundaries returns the constants in a graph and their neighbours.
func boundaries(root *policy.Node) []uint32 {
	words := []uint32{0, 1, 2, 0x7fffffff, 0x80000000, 0xffffffff}
	var expr func(*policy.Expr)
	expr = func(e *policy.Expr) {
		if e.X != nil {
			expr(e.X)
			expr(e.Y)
		} else if e.IsConst() {
			words = append(words, e.K-1, e.K, e.K+1, e.K/2)
		}
	}
	policy.Walk(func(n *policy.Node) {
		if !n.IsLeaf() {
			expr(n.X)
			expr(n.Y)
		}
	}, root)
	slices.Sort(words)
	return slices.Compact(words)
}
