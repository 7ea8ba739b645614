package lower

import (
	"secco/lang/syntax"
	"secco/linux"
	"secco/policy"
)

// value is a number in two halves. One that is not wide has 32 bits, which are
// the lower half, but a constant's upper half is right as well.
type value struct {
	high, low *policy.Expr
	wide      bool // a full argument is in it
}

// value lowers a number.
func (l *Lowerer) value(e syntax.Expr) value {
	b := l.Builder
	switch e := e.(type) {
	case *syntax.Number:
		return value{b.Const(uint32(e.Value >> 32)), b.Const(uint32(e.Value)), false}
	case *syntax.Arg:
		switch e.Half {
		case syntax.Low:
			return value{b.Const(0), b.Word(linux.ArgLow(e.Index)), false}
		case syntax.High:
			return value{b.Const(0), l.high(e.Index), false}
		}
		return value{l.high(e.Index), b.Word(linux.ArgLow(e.Index)), true}
	case *syntax.Unary: // ~
		x := l.value(e.X)
		if x.wide {
			return value{b.Not(x.high), b.Not(x.low), true}
		}
		return value{b.Const(0), b.Not(x.low), false}
	case *syntax.Binary:
		x, y := l.value(e.X), l.value(e.Y)
		if x.wide || y.wide {
			op := operations[e.Op]
			return value{b.Binary(op, x.high, y.high), b.Binary(op, x.low, y.low), true}
		}
		return value{b.Const(0), l.word(e.Op, x.low, y.low), false}
	}
	panic("lower: not a number")
}

// high returns the upper half of an argument. Where arguments have 32 bits there
// is none: what a filter sees there is not what the kernel uses.
func (l *Lowerer) high(index int) *policy.Expr {
	if l.Arch.Bits() == 32 {
		return l.Builder.Const(0)
	}
	return l.Builder.Word(linux.ArgHigh(index))
}

var operations = [...]policy.Op{
	syntax.OpBitOr: policy.OpOr, syntax.OpBitXor: policy.OpXor, syntax.OpBitAnd: policy.OpAnd,
	syntax.OpShl: policy.OpLsh, syntax.OpShr: policy.OpRsh,
	syntax.OpAdd: policy.OpAdd, syntax.OpSub: policy.OpSub, syntax.OpMul: policy.OpMul, syntax.OpDiv: policy.OpDiv,
}

// word lowers an operation of 32 bits.
func (l *Lowerer) word(op syntax.Op, x, y *policy.Expr) *policy.Expr {
	if op == syntax.OpMod {
		return l.Builder.Mod(x, y)
	}
	return l.Builder.Binary(operations[op], x, y)
}
