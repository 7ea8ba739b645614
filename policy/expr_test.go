package policy

import (
	"strings"
	"testing"

	"secco/linux"
	"secco/source"
)

// TestSharedExpressions requires that a value that unfolds to more operations
// than there can be is made, computed, tested and printed all the same.
func TestSharedExpressions(t *testing.T) {
	var b Builder
	d := linux.SeccompData{Args: [6]uint64{5, 7}}
	x, y := b.Word(linux.ArgLow(0)), b.Word(linux.ArgLow(1))
	v, w := uint32(5), uint32(7)
	for range 200 {
		x = b.Binary(OpAdd, b.Binary(OpMul, x, x), b.Const(3))
		v = v*v + 3
		y = b.Binary(OpDiv, b.Binary(OpAdd, b.Binary(OpXor, y, b.Const(9)), y), b.Binary(OpOr, y, b.Const(1)))
		w = ((w ^ 9) + w) / (w | 1)
	}
	if got := x.Eval(&d); got != v {
		t.Errorf("squares of squares: %d, not %d", got, v)
	}
	if got := y.Eval(&d); got != w {
		t.Errorf("quotients of quotients: %d, not %d", got, w)
	}
	if s := x.String(); len(s) > 1<<17 || !strings.Contains(s, "…") {
		t.Errorf("%d bytes of text", len(s))
	}
	allow, deny := b.Leaf(linux.Allow, source.Span{}), b.Leaf(linux.Errno.With(1), source.Span{})
	n := b.Test(CmpGt, y, x, allow, deny, source.Span{})
	guards := 0
	for ; n.Cmp == CmpEq && n.Yes.IsLeaf() && n.Yes.Action == linux.KillThread; n = n.No {
		guards++
	}
	if guards != 200 {
		t.Errorf("%d tests of 200 divisors", guards)
	}
	if b.Binary(OpMul, y, b.Const(0)).IsConst() || !b.Binary(OpMul, x, b.Const(0)).IsConst() {
		t.Error("0 times what may divide by zero is not 0, 0 times another value is")
	}
}
