package lower

import (
	"secco/lang/syntax"
	"secco/policy"
)

// value is a number in two halves. One that is not wide has 32 bits, which are
// the lower half, but a constant's upper half is right as well.
type value struct {
	policy.Wide
	wide bool // a full argument is in it
}

// value lowers a number.
func (l *Lowerer) value(e syntax.Expr) value {
	b := l.Builder
	switch e := e.(type) {
	case *syntax.Number:
		return value{b.ConstWide(e.Value), false}
	case *syntax.Arg:
		arg := b.Arg(l.Arch, e.Index)
		switch e.Half {
		case syntax.Low:
			return l.half(arg.Low)
		case syntax.High:
			return l.half(arg.High)
		}
		return value{arg, true}
	case *syntax.Unary: // ~
		x := l.value(e.X)
		if x.wide {
			return value{policy.Wide{High: b.Not(x.High), Low: b.Not(x.Low)}, true}
		}
		return l.half(b.Not(x.Low))
	case *syntax.Binary:
		x, y := l.value(e.X), l.value(e.Y)
		if x.wide || y.wide {
			op := operations[e.Op]
			return value{policy.Wide{High: b.Binary(op, x.High, y.High), Low: b.Binary(op, x.Low, y.Low)}, true}
		}
		return l.half(l.word(e.Op, x.Low, y.Low))
	}
	panic("lower: not a number")
}

// half returns a value of 32 bits.
func (l *Lowerer) half(e *policy.Expr) value {
	return value{policy.Wide{High: l.Builder.Const(0), Low: e}, false}
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
