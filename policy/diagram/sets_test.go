package diagram

import (
	"errors"
	"math/rand/v2"
	"testing"

	"secco/linux"
	"secco/policy"
	"secco/source"
)

// where returns the calls of one x86_64 syscall for which a test holds.
func where(t *testing.T, test func(b *policy.Builder, yes, no *policy.Node) *policy.Node) *Set {
	t.Helper()
	var b policy.Builder
	root := test(&b, b.Leaf(linux.Allow, source.Span{}), b.Leaf(linux.Errno|1, source.Span{}))
	f, err := OfGraph(root, CallsOf(linux.X86_64, 41), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	set, err := f.Where(linux.Allow)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// full returns the test "arg0 cmp k" on all 64 bits.
func full(cmp policy.Cmp, k uint64) func(*policy.Builder, *policy.Node, *policy.Node) *policy.Node {
	return func(b *policy.Builder, yes, no *policy.Node) *policy.Node {
		high, low := b.Word(linux.ArgHigh(0)), b.Word(linux.ArgLow(0))
		kh, kl := b.Const(uint32(k>>32)), b.Const(uint32(k))
		test := b.Test(cmp, low, kl, yes, no, source.Span{})
		switch cmp {
		case policy.CmpEq:
			return b.Test(policy.CmpEq, high, kh, test, no, source.Span{})
		case policy.CmpSet:
			return b.Test(policy.CmpSet, high, kh, yes, test, source.Span{})
		}
		return b.Test(policy.CmpGt, high, kh, yes, b.Test(policy.CmpEq, high, kh, test, no, source.Span{}), source.Span{})
	}
}

func not(test func(*policy.Builder, *policy.Node, *policy.Node) *policy.Node) func(*policy.Builder, *policy.Node, *policy.Node) *policy.Node {
	return func(b *policy.Builder, yes, no *policy.Node) *policy.Node { return test(b, no, yes) }
}

// The number of cubes that common predicates take is known.
func TestCubeCounts(t *testing.T) {
	type test = func(*policy.Builder, *policy.Node, *policy.Node) *policy.Node
	half := func(cmp policy.Cmp, x func(b *policy.Builder, l *policy.Expr) *policy.Expr, k uint32) test {
		return func(b *policy.Builder, yes, no *policy.Node) *policy.Node {
			return b.Test(cmp, x(b, b.Word(linux.ArgLow(0))), b.Const(k), yes, no, source.Span{})
		}
	}
	equalArgs := func(b *policy.Builder, yes, no *policy.Node) *policy.Node {
		low := b.Test(policy.CmpEq, b.Word(linux.ArgLow(0)), b.Word(linux.ArgLow(1)), yes, no, source.Span{})
		return b.Test(policy.CmpEq, b.Word(linux.ArgHigh(0)), b.Word(linux.ArgHigh(1)), low, no, source.Span{})
	}
	for _, c := range []struct {
		name string
		test test
		want int
	}{
		{"arg0 == 5", full(policy.CmpEq, 5), 1},
		{"arg0 != 5", not(full(policy.CmpEq, 5)), 64},
		{"arg0 > 5", full(policy.CmpGt, 5), 62},
		{"arg0 <= 5", not(full(policy.CmpGt, 5)), 2},
		{"arg0 & 0x1_0000_0013", full(policy.CmpSet, 0x100000013), 4},
		{"argL0 & 0xff > 4", half(policy.CmpGt, func(b *policy.Builder, l *policy.Expr) *policy.Expr { return b.Binary(policy.OpAnd, l, b.Const(0xff)) }, 4), 7},
		{"argL0 + 3 == 7", half(policy.CmpEq, func(b *policy.Builder, l *policy.Expr) *policy.Expr { return b.Binary(policy.OpAdd, l, b.Const(3)) }, 7), 1},
		{"argL0 * 3 == 9", half(policy.CmpEq, func(b *policy.Builder, l *policy.Expr) *policy.Expr { return b.Binary(policy.OpMul, l, b.Const(3)) }, 9), 1},
		{"argL0 / 10 > 3", half(policy.CmpGt, func(b *policy.Builder, l *policy.Expr) *policy.Expr { return b.Binary(policy.OpDiv, l, b.Const(10)) }, 3), 28},
		{"argL0 * 3 > 100", half(policy.CmpGt, func(b *policy.Builder, l *policy.Expr) *policy.Expr { return b.Binary(policy.OpMul, l, b.Const(3)) }, 100), 162},
		{"arg0 != arg1", not(equalArgs), 128},
	} {
		cubes, err := where(t, c.test).Cubes(1000)
		if err != nil || len(cubes) != c.want {
			t.Errorf("%s: %d cubes, %v; want %d", c.name, len(cubes), err, c.want)
		}
	}
	_, err := where(t, equalArgs).Cubes(1000)
	var many *TooManyError
	if !errors.As(err, &many) || many.Count < 1<<63 {
		t.Errorf("arg0 == arg1: %v; want 2^64 cubes", err)
	}
}

func TestIntervals(t *testing.T) {
	const highest = ^uint64(0)
	for _, c := range []struct {
		test func(*policy.Builder, *policy.Node, *policy.Node) *policy.Node
		want []Interval
	}{
		{full(policy.CmpEq, 5), []Interval{{5, 5}}},
		{not(full(policy.CmpEq, 1<<32)), []Interval{{0, 1<<32 - 1}, {1<<32 + 1, highest}}},
		{full(policy.CmpGe, 1<<40+7), []Interval{{1<<40 + 7, highest}}},
		{not(full(policy.CmpGt, highest-1)), []Interval{{0, highest - 1}}},
		{full(policy.CmpSet, 1<<63), []Interval{{1 << 63, highest}}},
		{func(_ *policy.Builder, yes, _ *policy.Node) *policy.Node { return yes }, []Interval{{0, highest}}},
		{func(_ *policy.Builder, _, no *policy.Node) *policy.Node { return no }, nil},
	} {
		set := where(t, c.test)
		got, ok := set.Intervals(0, 4)
		if !ok || len(got) != len(c.want) {
			t.Fatalf("%v, %v; want %v", got, ok, c.want)
		}
		for i := range got {
			if got[i] != c.want[i] {
				t.Errorf("%v; want %v", got, c.want)
			}
		}
	}
	// The halves of one argument meet, which interleaves them.
	mirrored := where(t, func(b *policy.Builder, yes, no *policy.Node) *policy.Node {
		five := b.Test(policy.CmpEq, b.Word(linux.ArgLow(0)), b.Const(5), yes, no, source.Span{})
		return b.Test(policy.CmpEq, b.Word(linux.ArgHigh(0)), b.Word(linux.ArgLow(0)), five, no, source.Span{})
	})
	if got, ok := mirrored.Intervals(0, 4); !ok || len(got) != 1 || got[0].Lo != 5<<32|5 {
		t.Errorf("mirrored: %v, %v", got, ok)
	}
	if got, ok := where(t, full(policy.CmpSet, 1)).Intervals(0, 4); ok {
		t.Errorf("odd numbers are no few intervals: %v", got)
	}
}

// Cubes and intervals must cover exactly their set, and no cube may be left out.
func TestSetsAgree(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	listed, irredundant := 0, 0
	for range 250 {
		var b policy.Builder
		root := randomGraph(r, &b, 3+r.IntN(8), false)
		calls := randomCalls(r)
		f, err := OfGraph(root, calls, Limits{Nodes: 100_000, Steps: 200_000})
		if err != nil {
			continue
		}
		for _, a := range f.Actions() {
			set, err := f.Where(a)
			if err != nil { // the steps are used up
				break
			}
			if set.IsEmpty() {
				t.Fatalf("%v is given to no call", a)
			}
			list, isIntervals := set.Intervals(0, 100)
			cubes, err := set.Cubes(400)
			if err != nil {
				continue
			}
			listed++
			for range 60 {
				d := randomData(r, nil)
				if len(cubes) > 0 && r.IntN(2) == 0 { // near the edge of a cube
					c := cubes[r.IntN(len(cubes))]
					for w := range linux.Word(linux.NumWords) {
						SetWord(d, w, d.Word(w)&^c.Mask[w]|c.Value[w])
					}
					if w := linux.Word(r.IntN(linux.NumWords)); r.IntN(2) == 0 {
						SetWord(d, w, d.Word(w)^1<<r.IntN(32))
					}
				}
				among(r, d, calls)
				in := root.Leaf(d).Action.Effect() == a
				covered := false
				for i := range cubes {
					covered = covered || cubes[i].Has(d)
				}
				if covered != in {
					t.Fatalf("%+v: in the set %v, in its cubes %v", d, in, covered)
				}
				if isIntervals {
					covered = false
					for _, i := range list {
						covered = covered || i.Lo <= d.Args[0] && d.Args[0] <= i.Hi
					}
					if covered != in {
						t.Fatalf("%+v: in the set %v, in its intervals %v", d, in, covered)
					}
				}
			}
			if len(cubes) <= 20 && redundant(t, set, cubes) {
				t.Fatalf("a cube of %v can be left out", cubes)
			}
			irredundant++
		}
	}
	if listed < 80 || irredundant < 40 {
		t.Errorf("only %d sets were listed, %d of them short", listed, irredundant)
	}
}

// redundant reports whether the set is covered without one of the cubes.
func redundant(t *testing.T, set *Set, cubes []Cube) bool {
	s := set.space
	found := false
	err := s.Do(func() {
		for skip := range cubes {
			union := s.Not(set.domain)
			for i := range cubes {
				if i == skip {
					continue
				}
				cube := True
				for w := range linux.Word(linux.NumWords) {
					v, mask, value := s.Word(w), s.Const(cubes[i].Mask[w]), s.Const(cubes[i].Value[w])
					v = s.Apply(policy.OpAnd, &v, &mask)
					cube = s.And(cube, s.equal(&v, &value))
				}
				union = s.Or(union, cube)
			}
			if s.And(set.root, s.Not(union)) == False {
				found = true
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
