package policy

import (
	"fmt"

	"secco/linux"
)

// Op is what an [Expr] does.
type Op uint8

// The operations. All are on 32 bits, unsigned and modular. They are those that
// a seccomp program has; the Builder composes others of them.
const (
	OpConst Op = iota // K
	OpWord            // W
	OpAdd             // X + Y
	OpSub             // X - Y
	OpMul             // X * Y
	OpDiv             // X / Y; 0 where Y is 0, but see Builder.Test
	OpAnd             // X & Y
	OpOr              // X | Y
	OpXor             // X ^ Y
	OpLsh             // X << Y; Y is below 32
	OpRsh             // X >> Y; Y is below 32
)

// Expr is a 32-bit value computed from the words of a call. Expressions are
// immutable and shared: two of one Builder are equal exactly where their
// pointers are.
type Expr struct {
	Op   Op
	W    linux.Word // of OpWord
	K    uint32     // of OpConst
	X, Y *Expr      // of the others
	id   int32
}

// Eval returns the value for one call.
func (e *Expr) Eval(d *linux.SeccompData) uint32 {
	switch e.Op {
	case OpConst:
		return e.K
	case OpWord:
		return d.Word(e.W)
	}
	return e.Op.apply(e.X.Eval(d), e.Y.Eval(d))
}

// apply computes a two-operand operation.
func (op Op) apply(x, y uint32) uint32 {
	switch op {
	case OpAdd:
		return x + y
	case OpSub:
		return x - y
	case OpMul:
		return x * y
	case OpDiv:
		if y == 0 {
			return 0
		}
		return x / y
	case OpAnd:
		return x & y
	case OpOr:
		return x | y
	case OpXor:
		return x ^ y
	case OpLsh:
		return x << (y & 31)
	case OpRsh:
		return x >> (y & 31)
	}
	panic(fmt.Sprintf("policy: no operation %d", op))
}

// IsConst reports whether e is a constant.
func (e *Expr) IsConst() bool { return e.Op == OpConst }

// ID returns a number that is unique among the expressions of one Builder, in
// the order they were first made; passes use it for deterministic tables.
func (e *Expr) ID() int { return int(e.id) }

var opText = [...]string{OpAdd: "+", OpSub: "-", OpMul: "*", OpDiv: "/", OpAnd: "&", OpOr: "|", OpXor: "^", OpLsh: "<<", OpRsh: ">>"}

// String returns the expression with every operation in parentheses.
func (e *Expr) String() string {
	switch e.Op {
	case OpConst:
		if e.K < 10 {
			return fmt.Sprint(e.K)
		}
		return fmt.Sprintf("%#x", e.K)
	case OpWord:
		return e.W.String()
	}
	return fmt.Sprintf("(%s %s %s)", e.X, opText[e.Op], e.Y)
}
