package check

import "secco/lang/syntax"

// mayBeZero reports whether a divisor can be zero, as far as is plain to see.
func (t Types) mayBeZero(e syntax.Expr) bool {
	for known := t.nonzero; known != nil; known = known.before {
		if equal(e, known.value) {
			return false
		}
	}
	b, ok := e.(*syntax.Binary)
	if !ok || b.Op != syntax.OpBitOr {
		return true
	}
	return !nonzero(b.X) && !nonzero(b.Y)
}

// nonzero reports whether e is a constant other than zero, in 32 bits.
func nonzero(e syntax.Expr) bool {
	n, ok := e.(*syntax.Number)
	return ok && uint32(n.Value) != 0
}

func isZero(e syntax.Expr) bool {
	n, ok := e.(*syntax.Number)
	return ok && n.Value == 0
}

// fact is a value that is not zero, and those known before.
type fact struct {
	value  syntax.Expr
	before *fact
}

// facts adds the values that are not zero where a condition holds, or where it
// does not hold.
func facts(e syntax.Expr, holds bool, list *fact) *fact {
	switch e := e.(type) {
	case *syntax.Unary:
		if e.Op == syntax.OpNot {
			return facts(e.X, !holds, list)
		}
	case *syntax.Binary:
		switch {
		case e.Op == syntax.OpAnd && holds, e.Op == syntax.OpOr && !holds:
			return facts(e.Y, holds, facts(e.X, holds, list))
		case e.Op == syntax.OpNe && holds, e.Op == syntax.OpEq && !holds:
			if isZero(e.Y) {
				return &fact{e.X, list}
			}
			if isZero(e.X) {
				return &fact{e.Y, list}
			}
		case e.Op == syntax.OpEq && nonzero(e.Y), e.Op == syntax.OpGt && holds, e.Op == syntax.OpLe && !holds:
			if holds || e.Op != syntax.OpEq {
				return &fact{e.X, list} // greater than something
			}
		case e.Op == syntax.OpLt && holds, e.Op == syntax.OpGe && !holds:
			return &fact{e.Y, list}
		case e.Op == syntax.OpGe && holds && nonzero(e.Y), e.Op == syntax.OpLt && !holds && nonzero(e.Y):
			return &fact{e.X, list}
		}
	}
	return list
}

// equal reports whether two expanded expressions are written alike.
func equal(a, b syntax.Expr) bool {
	switch a := a.(type) {
	case *syntax.Number:
		b, ok := b.(*syntax.Number)
		return ok && a.Value == b.Value
	case *syntax.Arg:
		b, ok := b.(*syntax.Arg)
		return ok && a.Index == b.Index && a.Half == b.Half
	case *syntax.Unary:
		b, ok := b.(*syntax.Unary)
		return ok && a.Op == b.Op && equal(a.X, b.X)
	case *syntax.Binary:
		b, ok := b.(*syntax.Binary)
		return ok && a.Op == b.Op && equal(a.X, b.X) && equal(a.Y, b.Y)
	}
	return false
}
