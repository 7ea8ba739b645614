package compiler

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"secco/bpf"
	"secco/emulator"
	"secco/linux"
	"secco/policy"
	"secco/source"
)

// check compiles p and compares the program with the policy on the sample calls.
func check(t testing.TB, p *policy.Policy, opts Options) *Output {
	t.Helper()
	out, err := Compile(p, opts)
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Origins) != len(out.Program) {
		t.Fatalf("%d origins for %d instructions", len(out.Origins), len(out.Program))
	}
	m, err := emulator.New(out.Program)
	if err != nil {
		t.Fatalf("%v\n%s", err, listing(out.Program))
	}
	for d := range policy.Samples(p) {
		want, _ := p.Eval(&d)
		if got := m.Run(&d); got != want {
			t.Fatalf("%+v: program says %s, policy %s\n%s", d, got, want, listing(out.Program))
		}
	}
	return out
}

func listing(p bpf.Program) string {
	s := ""
	for i, in := range p {
		s += fmt.Sprintf("%4d: %02x %3d %3d %#x\n", i, in.Op, in.Jt, in.Jf, in.K)
	}
	return s
}

// plainSize is about what a compiler without any idea would need: a load and a
// jump for each test, an instruction or two for each operation.
func plainSize(p *policy.Policy) int {
	size := 0
	roots := []*policy.Node{p.BadArch, p.X32}
	for _, t := range p.Targets {
		size += len(t.Rules)
		roots = append(roots, t.Default)
		for _, n := range t.Rules {
			roots = append(roots, n)
		}
	}
	policy.Walk(func(n *policy.Node) {
		size++
		if !n.IsLeaf() {
			size += 1 + 2*exprSize(n.X) + 2*exprSize(n.Y)
		}
	}, roots...)
	return size
}

func exprSize(e *policy.Expr) int {
	if e.X == nil {
		return 0
	}
	return 1 + exprSize(e.X) + exprSize(e.Y)
}

func TestRandomPolicies(t *testing.T) {
	count := uint64(2000)
	if testing.Short() {
		count = 200
	}
	for seed := range count {
		p := newRandom(seed).policy()
		if size := plainSize(p); size > bpf.MaxInstructions {
			continue
		}
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			check(t, p, Options{Optimize: Goal(seed % 2)})
		})
	}
}

// one returns a policy of one x86_64 rule.
func one(b *policy.Builder, nr uint32, n *policy.Node) *policy.Policy {
	deny := b.Leaf(linux.Errno.With(1), source.Span{})
	kill := b.Leaf(linux.KillThread, source.Span{})
	return &policy.Policy{
		Targets: []*policy.Target{{Arch: linux.X86_64, Rules: map[uint32]*policy.Node{nr: n}, Default: deny}},
		BadArch: kill, X32: kill,
	}
}

// numbered returns a policy whose program has a return for each of n numbers.
func numbered(b *policy.Builder, n int) *policy.Policy {
	text := strings.Repeat("x\n", n)
	f := source.NewFile("numbered", text)
	p := one(b, 0, b.Leaf(linux.Allow, f.Span(0, 1)))
	for nr := range n {
		p.Targets[0].Rules[uint32(nr)] = b.Leaf(linux.Trace.With(uint16(nr)), f.Span(2*nr, 2*nr+1))
	}
	return p
}

func TestLongJumps(t *testing.T) {
	for _, n := range []int{100, 128, 200, 255, 256, 257, 300, 600, 1200} {
		var b policy.Builder
		check(t, numbered(&b, n), Options{})
	}
	// A chain of tests of different words, each with the same two exits.
	for _, n := range []int{100, 126, 127, 128, 129, 130, 250, 260, 1000} {
		var b policy.Builder
		deny := b.Leaf(linux.Errno.With(1), source.Span{})
		other := b.Test(policy.CmpEq, b.Word(linux.ArgLow(5)), b.Const(7), b.Leaf(linux.Trap, source.Span{}), deny, source.Span{})
		node := b.Leaf(linux.Allow, source.Span{})
		for i := range n {
			x := b.Binary(policy.OpMul, b.Word(linux.ArgLow(i%5)), b.Const(uint32(2*i+4)))
			node = b.Test(policy.CmpGt, x, b.Const(uint32(i)), node, other, source.Span{})
		}
		check(t, one(&b, 3, node), Options{})
	}
}

func TestLargestProgram(t *testing.T) {
	// Find the largest policy of this kind that compiles, by bisection.
	compile := func(n int) (*Output, error) {
		var b policy.Builder
		return Compile(numbered(&b, n), Options{})
	}
	fits, over := 1, 4096
	for fits+1 < over {
		n := (fits + over) / 2
		if _, err := compile(n); err == nil {
			fits = n
		} else {
			over = n
		}
	}
	var b policy.Builder
	p := numbered(&b, fits-10)
	out := check(t, p, Options{})
	// Fill up to exactly 4096: each such test is two instructions, or one where A
	// holds the word already.
	deny := b.Leaf(linux.Errno.With(1), source.Span{})
	fill := func(tests int) error {
		n := b.Leaf(linux.Allow, source.Span{})
		for i := range tests {
			n = b.Test(policy.CmpEq, b.Binary(policy.OpMul, b.Word(linux.ArgLow(i/100)), b.Const(2)), b.Const(uint32(i%100*2)), deny, n, source.Span{})
		}
		p.Targets[0].Rules[1<<20] = n
		var err error
		out, err = Compile(p, Options{})
		return err
	}
	exact := false
	for tests := range 200 {
		err := fill(tests)
		if err == nil {
			exact = exact || len(out.Program) == bpf.MaxInstructions
			continue
		}
		var size *SizeError
		if !errors.As(err, &size) || size.Size <= bpf.MaxInstructions || len(size.Rules) == 0 {
			t.Fatalf("%v", err)
		}
		if size.Size == bpf.MaxInstructions+1 && exact {
			t.Log(err)
			return
		}
	}
	t.Error("no program of exactly 4096 instructions, or none of 4097")
}

func TestScratchWords(t *testing.T) {
	// A value like this takes one more scratch word for each level.
	deep := func(b *policy.Builder, levels int) *policy.Expr {
		leaves := 0
		var make func(level int) *policy.Expr
		make = func(level int) *policy.Expr {
			if level == 0 {
				leaves++
				return b.Binary(policy.OpXor, b.Word(linux.ArgLow(leaves%6)), b.Const(uint32(leaves)))
			}
			return b.Binary(policy.OpSub, make(level-1), make(level-1))
		}
		return make(levels)
	}
	var b policy.Builder
	allow, deny := b.Leaf(linux.Allow, source.Span{}), b.Leaf(linux.Errno.With(1), source.Span{})
	check(t, one(&b, 1, b.Test(policy.CmpEq, deep(&b, 9), b.Const(5), allow, deny, source.Span{})), Options{})

	// Values that are all kept, for each is used again at the end.
	f := source.NewFile("kept", "rule")
	kept := func(n int) *policy.Policy {
		var b policy.Builder
		var list []*policy.Expr
		sum := b.Word(linux.ArgLow(0))
		for i := range n {
			x := b.Binary(policy.OpMul, b.Word(linux.ArgLow(i%6)), b.Word(linux.ArgHigh(i/6)))
			list = append(list, x)
			sum = b.Binary(policy.OpSub, sum, x)
		}
		for _, x := range list {
			sum = b.Binary(policy.OpXor, b.Binary(policy.OpMul, sum, b.Const(3)), x)
		}
		allow, deny := b.Leaf(linux.Allow, source.Span{}), b.Leaf(linux.Errno.With(1), source.Span{})
		return one(&b, 1, b.Test(policy.CmpEq, sum, b.Const(5), allow, deny, f.Span(0, 4)))
	}
	check(t, kept(15), Options{})
	_, err := Compile(kept(24), Options{})
	var scratch *ScratchError
	if !errors.As(err, &scratch) || scratch.Rule != f.Span(0, 4) {
		t.Errorf("24 kept values: %v", err)
	}

	// A value whose tree has 2^200 leaves, and whose graph is small.
	x := b.Word(linux.ArgLow(0))
	for range 20 {
		x = b.Binary(policy.OpAdd, b.Binary(policy.OpMul, x, x), b.Const(1))
	}
	out := check(t, one(&b, 1, b.Test(policy.CmpEq, x, b.Const(5), allow, deny, source.Span{})), Options{})
	if len(out.Program) > 200 {
		t.Errorf("a value of 40 operations takes %d instructions", len(out.Program))
	}
}

// TestHopelessPolicies requires an answer soon where there is far too much.
func TestHopelessPolicies(t *testing.T) {
	var b policy.Builder
	f := source.NewFile("hopeless", "xy")
	allow, deny := b.Leaf(linux.Allow, f.Span(0, 1)), b.Leaf(linux.Errno.With(1), f.Span(1, 2))
	distinct, nested := allow, allow
	for i := 1; i < 20_000; i++ {
		x := b.Binary(policy.OpMul, b.Word(linux.ArgLow(i%6)), b.Const(uint32(2*i)))
		distinct = b.Test(policy.CmpGt, x, b.Const(uint32(i)), distinct, deny, f.Span(0, 1))
		x = b.Word(linux.ArgLow(i % 6))
		if i%3 == 0 {
			x = b.Binary(policy.OpAnd, x, b.Const(uint32(i)|5))
		}
		nested = b.Test(policy.Cmp(i%3), x, b.Const(uint32(i)*77), nested, []*policy.Node{deny, distinct}[i%2], f.Span(0, 1))
	}
	for _, n := range []*policy.Node{distinct, nested} {
		var size *SizeError
		if _, err := Compile(one(&b, 1, n), Options{}); !errors.As(err, &size) {
			t.Error(err)
		}
	}
}

func TestDeterminism(t *testing.T) {
	for seed := range uint64(50) {
		opts := Options{}
		if seed%2 == 0 {
			opts.Freq = map[linux.Arch]map[uint32]float64{}
			r := newRandom(seed)
			for _, a := range linux.Arches() {
				opts.Freq[a] = map[uint32]float64{}
				for range 20 {
					opts.Freq[a][r.Uint32N(64)] = r.Float64()
				}
			}
		}
		a, errA := Compile(newRandom(seed).policy(), opts)
		for range 3 {
			b, errB := Compile(newRandom(seed).policy(), opts)
			if fmt.Sprint(errA) != fmt.Sprint(errB) {
				t.Errorf("seed %d: %v, then %v", seed, errA, errB)
			}
			if errA == nil && !slices.Equal(a.Program, b.Program) {
				t.Errorf("seed %d: two programs", seed)
			}
		}
	}
}

func TestStrangeFrequencies(t *testing.T) {
	for _, values := range [][]float64{
		{math.NaN(), 1, 2}, {math.Inf(1), 1}, {math.Inf(-1), 3}, {-1, -2}, {0, 0}, {math.MaxFloat64, math.MaxFloat64, 1}, {5e-324, 1e-300}, {},
	} {
		freq := map[uint32]float64{}
		for i, v := range values {
			freq[uint32(i*7)] = v
		}
		for seed := range uint64(20) {
			check(t, newRandom(seed).policy(), Options{Freq: map[linux.Arch]map[uint32]float64{linux.X86_64: freq, linux.I386: freq, linux.ARM64: freq}})
		}
		var b policy.Builder
		check(t, numbered(&b, 60), Options{Freq: map[linux.Arch]map[uint32]float64{linux.X86_64: freq}})
	}
}

func TestSmallestPolicies(t *testing.T) {
	var b policy.Builder
	allow, kill := b.Leaf(linux.Allow, source.Span{}), b.Leaf(linux.KillThread, source.Span{})
	if out := check(t, &policy.Policy{BadArch: kill}, Options{}); len(out.Program) != 1 {
		t.Errorf("no target: %d instructions", len(out.Program))
	}
	all := &policy.Policy{BadArch: allow, X32: allow}
	for _, a := range linux.Arches() {
		all.Targets = append(all.Targets, &policy.Target{Arch: a, Default: allow})
	}
	if out := check(t, all, Options{}); len(out.Program) != 1 {
		t.Errorf("everything allowed: %d instructions", len(out.Program))
	}
	for _, p := range []*policy.Policy{
		{},
		{BadArch: kill, Targets: []*policy.Target{{Arch: linux.X86_64}}},
		{BadArch: kill, Targets: []*policy.Target{{Arch: linux.X86_64, Default: allow}}}, // and x32?
	} {
		if _, err := Compile(p, Options{}); err == nil {
			t.Errorf("%+v compiles", p)
		}
	}
}
