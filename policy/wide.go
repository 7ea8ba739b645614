package policy

import (
	"secco/linux"
	"secco/source"
)

// Wide is a 64-bit value in two halves.
type Wide struct{ High, Low *Expr }

// Arg returns argument i as the kernel takes it on an architecture: where
// arguments have 32 bits, the upper half that a filter sees is not used by the
// kernel and can be anything, so it counts as zero.
func (b *Builder) Arg(a linux.Arch, i int) Wide {
	if a.Bits() == 32 {
		return Wide{b.Const(0), b.Word(linux.ArgLow(i))}
	}
	return Wide{b.Word(linux.ArgHigh(i)), b.Word(linux.ArgLow(i))}
}

// ConstWide returns the 64-bit constant k.
func (b *Builder) ConstWide(k uint64) Wide { return Wide{b.Const(uint32(k >> 32)), b.Const(uint32(k))} }

// And returns x & y.
func (b *Builder) And(x, y Wide) Wide {
	return Wide{b.Binary(OpAnd, x.High, y.High), b.Binary(OpAnd, x.Low, y.Low)}
}

// TestWide returns the test "x cmp y" on 64 bits.
func (b *Builder) TestWide(cmp Cmp, x, y Wide, yes, no *Node, span source.Span) *Node {
	switch cmp {
	case CmpEq:
		return b.Test(CmpEq, x.High, y.High, b.Test(CmpEq, x.Low, y.Low, yes, no, span), no, span)
	case CmpSet:
		return b.Test(CmpSet, x.High, y.High, yes, b.Test(CmpSet, x.Low, y.Low, yes, no, span), span)
	}
	low := b.Test(cmp, x.Low, y.Low, yes, no, span)
	above := b.Test(CmpGt, x.High, y.High, yes, no, span)
	switch {
	case isConst(y.High, 0), isConst(x.High, 0xffffffff): // not equal is above
		above = yes
	case isConst(y.High, 0xffffffff), isConst(x.High, 0): // not equal is below
		above = no
	}
	return b.Test(CmpEq, x.High, y.High, low, above, span)
}

func isConst(e *Expr, k uint32) bool { return e.IsConst() && e.K == k }
