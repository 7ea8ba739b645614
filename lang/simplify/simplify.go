// Package simplify computes what is known before a filter runs: operations on
// constants, in 64 bits, two's complement. Value in, value out: a node whose
// operands are simplified becomes a simpler node, or stays what it is.
package simplify

import (
	"secco/lang/syntax"
	"secco/source"
)

// Expr simplifies a whole expression. Names and calls stay.
func Expr(e syntax.Expr, diags *source.Diagnostics) syntax.Expr {
	switch e := e.(type) {
	case *syntax.Paren:
		return Expr(e.X, diags)
	case *syntax.Unary:
		return Unary(&syntax.Unary{Op: e.Op, X: Expr(e.X, diags), At: e.At})
	case *syntax.Binary:
		return Binary(&syntax.Binary{Op: e.Op, X: Expr(e.X, diags), Y: Expr(e.Y, diags), OpAt: e.OpAt, At: e.At}, diags)
	case *syntax.In:
		in := &syntax.In{Not: e.Not, X: Expr(e.X, diags), Set: make([]syntax.Expr, len(e.Set)), At: e.At}
		for i, x := range e.Set {
			in.Set[i] = Expr(x, diags)
		}
		return In(in)
	}
	return e
}

// Unary simplifies an operation with one operand.
func Unary(e *syntax.Unary) syntax.Expr {
	switch x := e.X.(type) {
	case *syntax.Number:
		switch e.Op {
		case syntax.OpNeg:
			return &syntax.Number{Value: -x.Value, At: e.At}
		case syntax.OpCompl:
			return &syntax.Number{Value: ^x.Value, At: e.At}
		}
	case *syntax.Bool:
		if e.Op == syntax.OpNot {
			return &syntax.Bool{Value: !x.Value, At: e.At}
		}
	}
	return e
}

// Binary simplifies an operation with two operands. Those that have no result
// are errors.
func Binary(e *syntax.Binary, diags *source.Diagnostics) syntax.Expr {
	switch x := e.X.(type) {
	case *syntax.Bool:
		if y, ok := e.Y.(*syntax.Bool); ok {
			switch e.Op {
			case syntax.OpAnd:
				return &syntax.Bool{Value: x.Value && y.Value, At: e.At}
			case syntax.OpOr:
				return &syntax.Bool{Value: x.Value || y.Value, At: e.At}
			}
		}
	case *syntax.Number:
		y, ok := e.Y.(*syntax.Number)
		switch {
		case !ok || e.Op.IsLogical():
			return e
		case e.Op.IsComparison():
			return &syntax.Bool{Value: compare(e.Op, x.Value, y.Value), At: e.At}
		}
		switch e.Op {
		case syntax.OpDiv, syntax.OpMod:
			if y.Value == 0 {
				diags.Errorf(e.OpAt, "division-by-zero", "division by zero")
				return &syntax.Number{At: e.At}
			}
		case syntax.OpShl, syntax.OpShr:
			if y.Value >= 64 {
				diags.Errorf(y.At, "shift-range", "the number is shifted by 64 bits or more")
				return &syntax.Number{At: e.At}
			}
		}
		return &syntax.Number{Value: calculate(e.Op, x.Value, y.Value), At: e.At}
	}
	return e
}

// In simplifies a test for membership.
func In(e *syntax.In) syntax.Expr {
	x, ok := e.X.(*syntax.Number)
	if !ok {
		return e
	}
	found := false
	for _, s := range e.Set {
		y, ok := s.(*syntax.Number)
		if !ok {
			return e
		}
		found = found || x.Value == y.Value
	}
	return &syntax.Bool{Value: found != e.Not, At: e.At}
}

func compare(op syntax.Op, x, y uint64) bool {
	switch op {
	case syntax.OpEq:
		return x == y
	case syntax.OpNe:
		return x != y
	case syntax.OpSet:
		return x&y == y
	case syntax.OpLt:
		return x < y
	case syntax.OpLe:
		return x <= y
	case syntax.OpGt:
		return x > y
	}
	return x >= y
}

func calculate(op syntax.Op, x, y uint64) uint64 {
	switch op {
	case syntax.OpBitOr:
		return x | y
	case syntax.OpBitXor:
		return x ^ y
	case syntax.OpBitAnd:
		return x & y
	case syntax.OpShl:
		return x << y
	case syntax.OpShr:
		return x >> y
	case syntax.OpAdd:
		return x + y
	case syntax.OpSub:
		return x - y
	case syntax.OpMul:
		return x * y
	case syntax.OpDiv:
		return x / y
	}
	return x % y
}
