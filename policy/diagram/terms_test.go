package diagram

import (
	"math/rand/v2"
	"slices"
	"testing"

	"secco/linux"
	"secco/policy"
	"secco/source"
)

// Terms must cover exactly their set.
func TestTermsAgree(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	described := 0
	for range 150 {
		var b policy.Builder
		root := randomGraph(r, &b, 3+r.IntN(8), false)
		calls := randomCalls(r)
		f, err := OfGraph(root, calls, Limits{Nodes: 50_000, Steps: 200_000})
		if err != nil {
			continue
		}
		for _, a := range f.Actions() {
			set, err := f.Where(a)
			if err != nil {
				break
			}
			terms, err := set.Terms(100)
			if err != nil {
				continue
			}
			described++
			for range 100 {
				d := randomData(r, nil)
				among(r, d, calls)
				if in := root.Leaf(d).Action.Effect() == a; slices.ContainsFunc(terms, func(t Term) bool { return t.Has(d) }) != in {
					t.Fatalf("%+v: in the set %v, in %s %v", d, in, TermsString(terms), !in)
				}
			}
		}
	}
	if described < 50 {
		t.Errorf("only %d sets were described", described)
	}
}

func TestTermsText(t *testing.T) {
	type test = func(b *policy.Builder, yes, no *policy.Node) *policy.Node
	word := func(cmp policy.Cmp, w linux.Word, mask, k uint32) test {
		return func(b *policy.Builder, yes, no *policy.Node) *policy.Node {
			return b.Test(cmp, b.Binary(policy.OpAnd, b.Word(w), b.Const(mask)), b.Const(k), yes, no, source.Span{})
		}
	}
	or := func(tests ...test) test {
		return func(b *policy.Builder, yes, no *policy.Node) *policy.Node {
			for _, x := range tests {
				no = x(b, yes, no)
			}
			return no
		}
	}
	and := func(tests ...test) test {
		return func(b *policy.Builder, yes, no *policy.Node) *policy.Node {
			for _, x := range tests {
				yes = x(b, yes, no)
			}
			return yes
		}
	}
	l0, l1, l2, all := linux.ArgLow(0), linux.ArgLow(1), linux.ArgLow(2), ^uint32(0)
	for want, test := range map[string]test{
		"true":                        func(_ *policy.Builder, yes, _ *policy.Node) *policy.Node { return yes },
		"false":                       func(_ *policy.Builder, _, no *policy.Node) *policy.Node { return no },
		"arg0 == 5":                   full(policy.CmpEq, 5),
		"arg0 != 5":                   not(full(policy.CmpEq, 5)),
		"arg0 <= 5":                   not(full(policy.CmpGt, 5)),
		"arg0 >= 0x100000001":         full(policy.CmpGt, 1<<32),
		"in(arg0, 5, 7, 0x700000000)": or(full(policy.CmpEq, 5), full(policy.CmpEq, 7), full(policy.CmpEq, 7<<32)),
		"notIn(argL0, 5, 7)":          not(or(word(policy.CmpEq, l0, all, 5), word(policy.CmpEq, l0, all, 7))),
		"arg1 & 0x7e020000 == 0":      not(word(policy.CmpSet, l1, all, 0x7e020000)),
		"arg1 & 0x7e020000 != 0":      word(policy.CmpSet, l1, all, 0x7e020000),
		"argL0 == 2 && arg1 & 7 == 1": and(word(policy.CmpEq, l0, all, 2), word(policy.CmpEq, l1, 7, 1)),
		"argL0 == 2 || argL1 == 1":    or(word(policy.CmpEq, l0, all, 2), word(policy.CmpEq, l1, all, 1)),
		"(argL0 == 2 && argL1 == 1) || argL2 == 3": or(and(word(policy.CmpEq, l0, all, 2), word(policy.CmpEq, l1, all, 1)), word(policy.CmpEq, l2, all, 3)),
	} {
		terms, err := where(t, test).Terms(50)
		if got := TermsString(terms); err != nil || got != want {
			t.Errorf("%s, %v; want %s", got, err, want)
		}
	}
	// Two arguments that are compared with each other.
	compared := func(cmp policy.Cmp, x, y linux.Word) test {
		return func(b *policy.Builder, yes, no *policy.Node) *policy.Node {
			return b.Test(cmp, b.Word(x), b.Word(y), yes, no, source.Span{})
		}
	}
	for want, test := range map[string]test{
		"argL0 == argL1":                   compared(policy.CmpEq, l0, l1),
		"argL0 != argL1":                   not(compared(policy.CmpEq, l0, l1)),
		"argL0 > argL1":                    compared(policy.CmpGt, l0, l1),
		"argL1 <= argL0":                   compared(policy.CmpGe, l0, l1),
		"arg0 == arg1":                     and(compared(policy.CmpEq, l0, l1), compared(policy.CmpEq, l0+1, l1+1)),
		"arg0 == argL1":                    and(compared(policy.CmpEq, l0, l1), word(policy.CmpEq, linux.ArgHigh(0), all, 0)),
		"argL0 == argL1 && argL2 == 7":     and(compared(policy.CmpEq, l0, l1), word(policy.CmpEq, l2, all, 7)),
		"argL0 != argL1 || argL2 == argH3": or(not(compared(policy.CmpEq, l0, l1)), compared(policy.CmpEq, l2, linux.ArgHigh(3))),
	} {
		terms, err := where(t, test).Terms(50)
		if got := TermsString(terms); err != nil || got != want {
			t.Errorf("%s, %v; want %s", got, err, want)
		}
	}
	// Two arguments that meet in another way.
	unequal := func(b *policy.Builder, yes, no *policy.Node) *policy.Node {
		x, y := b.Binary(policy.OpAnd, b.Word(l0), b.Const(3)), b.Binary(policy.OpAnd, b.Word(l1), b.Const(3))
		return b.Test(policy.CmpEq, x, y, no, b.Test(policy.CmpEq, b.Word(l2), b.Const(0), yes, no, source.Span{}), source.Span{})
	}
	terms, err := where(t, unequal).Terms(50)
	if err != nil || len(terms) != 1 || len(terms[0]) != 2 || len(terms[0][0].Cubes) != 4 {
		t.Errorf("%s, %v; want one term of four cubes and argL2", TermsString(terms), err)
	}
}
