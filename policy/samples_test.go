package policy

import (
	"slices"
	"testing"

	"secco/linux"
	"secco/source"
)

// samplePolicy has a chain of three 64-bit tests behind each other.
func samplePolicy() (*Policy, []*Node) {
	var b Builder
	allow, deny := b.Leaf(linux.Allow, source.Span{}), b.Leaf(linux.Errno.With(1), source.Span{})
	n := allow
	var tests []*Node
	for i, k := range []uint32{0x1234, 0xdeadbeef, 7} {
		low := b.Test(CmpEq, b.Word(linux.ArgLow(i)), b.Const(k), n, deny, source.Span{})
		n = b.Test(CmpGe, b.Word(linux.ArgHigh(i)), b.Const(k>>1), low, deny, source.Span{})
		tests = append(tests, low, n)
	}
	masked := b.Binary(OpAnd, b.Word(linux.ArgLow(4)), b.Const(0xf0))
	n = b.Test(CmpEq, masked, b.Const(0x30), n, deny, source.Span{})
	p := &Policy{
		Targets: []*Target{{Arch: linux.X86_64, Rules: map[uint32]*Node{5: n}, Default: deny}},
		BadArch: deny, X32: deny,
	}
	return p, append(tests, n)
}

func TestSamplesReachBothSidesOfEveryTest(t *testing.T) {
	p, tests := samplePolicy()
	hit := map[*Node][2]bool{}
	for d := range Samples(p) {
		for n := p.Root(d.Arch, d.NR); !n.IsLeaf(); {
			h, next := hit[n], n.No
			if n.Cmp.Holds(n.X.Eval(&d), n.Y.Eval(&d)) {
				h[1], next = true, n.Yes
			} else {
				h[0] = true
			}
			hit[n], n = h, next
		}
	}
	for _, n := range tests {
		if hit[n] != [2]bool{true, true} {
			t.Errorf("%s: no, yes hit: %v", n, hit[n])
		}
	}
}

func TestSamplesAreBoundedAndTheSameEveryTime(t *testing.T) {
	p, _ := samplePolicy()
	first := slices.Collect(Samples(p))
	if !slices.Equal(first, slices.Collect(Samples(p))) {
		t.Error("two runs differ")
	}
	numbers := map[[2]uint32]bool{}
	audits := map[uint32]bool{}
	for _, d := range first {
		numbers[[2]uint32{d.Arch, d.NR}] = true
		audits[d.Arch] = true
	}
	if most := len(numbers)*PlainSamples + MaxSamplesPerGraph; len(first) > most {
		t.Errorf("%d calls, at most %d promised", len(first), most)
	}
	for _, a := range linux.Arches() {
		if !audits[a.Audit()] {
			t.Errorf("no call on %s", a)
		}
	}
	for _, nr := range []uint32{4, 5, 6, 5 | linux.X32Bit, 0x7fffffff, 0x80000000, 0xffffffff} {
		if !numbers[[2]uint32{linux.X86_64.Audit(), nr}] {
			t.Errorf("no call with number %#x", nr)
		}
	}
	for range Samples(p) {
		break // stopping early must not panic
	}
}
