package policy_test

import (
	"math/rand/v2"
	"testing"

	"secco/linux"
	"secco/policy"
	"secco/source"
)

// TestWide holds comparisons of 64 bits to Go's own.
func TestWide(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	edges := []uint64{0, 1, 0x7fffffff, 0xffffffff, 1 << 32, 1<<32 + 1, 0xfffffffe_ffffffff, 0xffffffff_00000000, 1<<64 - 1}
	pick := func() uint64 {
		switch rng.IntN(3) {
		case 0:
			return edges[rng.IntN(len(edges))]
		case 1:
			return edges[rng.IntN(len(edges))] + uint64(rng.IntN(3)) - 1
		}
		return rng.Uint64()
	}
	want := []func(x, y uint64) bool{
		policy.CmpEq:  func(x, y uint64) bool { return x == y },
		policy.CmpGt:  func(x, y uint64) bool { return x > y },
		policy.CmpGe:  func(x, y uint64) bool { return x >= y },
		policy.CmpSet: func(x, y uint64) bool { return x&y != 0 },
	}
	var b policy.Builder
	yes, no := b.Leaf(linux.Allow, source.Span{}), b.Leaf(linux.KillThread, source.Span{})
	for range 20000 {
		cmp, k := policy.Cmp(rng.IntN(4)), pick()
		d := linux.SeccompData{Args: [6]uint64{pick(), pick()}}
		constant := b.TestWide(cmp, b.Arg(linux.X86_64, 0), b.ConstWide(k), yes, no, source.Span{})
		if got := constant.Leaf(&d) == yes; got != want[cmp](d.Args[0], k) {
			t.Fatalf("comparison %d of %#x with constant %#x gives %v", cmp, d.Args[0], k, got)
		}
		words := b.TestWide(cmp, b.Arg(linux.X86_64, 0), b.Arg(linux.X86_64, 1), yes, no, source.Span{})
		if got := words.Leaf(&d) == yes; got != want[cmp](d.Args[0], d.Args[1]) {
			t.Fatalf("comparison %d of %#x with %#x gives %v", cmp, d.Args[0], d.Args[1], got)
		}
		narrow := b.TestWide(cmp, b.Arg(linux.I386, 0), b.ConstWide(k), yes, no, source.Span{})
		if got := narrow.Leaf(&d) == yes; got != want[cmp](d.Args[0]&0xffffffff, k) {
			t.Fatalf("on i386 comparison %d of %#x with %#x gives %v", cmp, d.Args[0], k, got)
		}
	}
}
