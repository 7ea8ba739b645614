package policy

import (
	"testing"

	"secco/linux"
	"secco/source"
)

// A graph that is restricted to values does with all calls what the whole one does
// with those that have them.
func TestRestrict(t *testing.T) {
	var b, to Builder
	leaf := func(n uint16) *Node { return b.Leaf(linux.Errno.With(n), source.Span{}) }
	sum := b.Binary(OpAdd, b.Word(linux.ArgLow(0)), b.Word(linux.ArgLow(1)))
	quotient := b.Binary(OpDiv, b.Word(linux.ArgLow(0)), b.Word(linux.ArgLow(1)))
	n := b.Test(CmpEq, quotient, b.Const(3), leaf(1), leaf(2), source.Span{})
	n = b.Test(CmpGe, sum, b.Word(linux.ArgHigh(2)), n, leaf(3), source.Span{})
	n = b.Test(CmpEq, b.Word(linux.WordNR), b.Const(7), n, leaf(4), source.Span{})
	for _, values := range []map[linux.Word]uint32{
		{}, {linux.WordNR: 7}, {linux.WordNR: 8}, {linux.ArgLow(1): 0}, {linux.ArgLow(1): 2, linux.WordNR: 7}, {linux.ArgLow(0): 6, linux.ArgLow(1): 2, linux.WordNR: 7},
		{linux.ArgHigh(2): 9, linux.ArgLow(0): 5},
	} {
		got := to.Restrict(n, values)
		Walk(func(n *Node) {
			if !n.IsLeaf() {
				if _, ok := values[n.X.W]; ok && n.X.Op == OpWord {
					t.Errorf("%v still looks at %v", values, n.X)
				}
			}
		}, got)
		for nr := range uint32(2) {
			for i := range uint64(4 * 4 * 4) {
				d := linux.SeccompData{NR: 7 + nr, Args: [6]uint64{6 * (i % 4), i / 4 % 4, i / 16 * 9 << 32}}
				for w, k := range values {
					setWord(&d, w, k)
					if w == linux.WordNR {
						d.NR = k
					}
				}
				if a, want := got.Leaf(&d).Action, n.Leaf(&d).Action; a != want {
					t.Fatalf("%v: %+v gets %v, want %v", values, d, a, want)
				}
			}
		}
	}
}
