package eval

import (
	"fmt"

	"secco/lang/syntax"
)

// kind is how wide a value is, and where it comes from.
type kind uint8

const (
	truthValue kind = iota
	constant        // 64 bits
	word            // 32 bits
	full            // 64 bits, from a whole argument
)

type value struct {
	kind kind
	b    bool   // of truthValue
	n    uint64 // of the others; of a word below 2^32
}

func truth(b bool) value { return value{kind: truthValue, b: b} }

func (v value) truth() bool {
	if v.kind != truthValue {
		panic("eval: a number is no condition")
	}
	return v.b
}

func unary(op syntax.Op, x value) value {
	switch {
	case op == syntax.OpNot:
		return truth(!x.truth())
	case op == syntax.OpNeg && x.kind == constant:
		return value{kind: constant, n: 0 - x.n}
	case op == syntax.OpCompl && x.kind == word:
		return value{kind: word, n: x.n ^ 0xffffffff}
	case op == syntax.OpCompl && x.kind != truthValue:
		return value{kind: x.kind, n: ^x.n}
	}
	panic(fmt.Sprintf("eval: %s of such a value", op))
}

// binary computes an operation. Beside a full argument everything has 64 bits, a
// half extended by zeros; beside half an argument everything has 32; constants
// alone have 64.
func binary(op syntax.Op, x, y value) value {
	if op == syntax.OpAnd || op == syntax.OpOr {
		return truth(y.truth()) // x did not decide
	}
	if x.kind == truthValue || y.kind == truthValue {
		panic(fmt.Sprintf("eval: %s of conditions", op))
	}
	wide := max(x.kind, y.kind)
	a, b := x.n, y.n
	if wide == word {
		a, b = a&0xffffffff, b&0xffffffff
	}
	switch op {
	case syntax.OpEq:
		return truth(a == b)
	case syntax.OpNe:
		return truth(a != b)
	case syntax.OpSet:
		return truth(a&b == b)
	case syntax.OpLt:
		return truth(a < b)
	case syntax.OpLe:
		return truth(a <= b)
	case syntax.OpGt:
		return truth(a > b)
	case syntax.OpGe:
		return truth(a >= b)
	}
	n := arithmetic(op, a, b, wide)
	if wide == word {
		n &= 0xffffffff
	}
	return value{kind: wide, n: n}
}

func arithmetic(op syntax.Op, a, b uint64, wide kind) uint64 {
	switch op {
	case syntax.OpBitAnd:
		return a & b
	case syntax.OpBitOr:
		return a | b
	case syntax.OpBitXor:
		return a ^ b
	}
	if wide == full {
		panic(fmt.Sprintf("eval: %s of a full argument", op))
	}
	switch op {
	case syntax.OpAdd:
		return a + b
	case syntax.OpSub:
		return a - b
	case syntax.OpMul:
		return a * b
	case syntax.OpDiv, syntax.OpMod:
		if b == 0 {
			panic(errDivision)
		}
		if op == syntax.OpDiv {
			return a / b
		}
		return a % b
	case syntax.OpShl, syntax.OpShr:
		if wide == word {
			b %= 32
		}
		if op == syntax.OpShl {
			return a << b
		}
		return a >> b
	}
	panic(fmt.Sprintf("eval: no operation %s", op))
}
