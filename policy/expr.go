package policy

import (
	"fmt"
	"strings"

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
	// tree is how many operations there are where shared parts count each time,
	// large at most; divides is whether there is a divisor that may be zero.
	tree    int32
	divides bool
}

// large is from how many operations on an expression is not taken for a tree: it
// may be small and unfold to more than there is room for.
const large = 256

// Eval returns the value for one call.
func (e *Expr) Eval(d *linux.SeccompData) uint32 {
	switch e.Op {
	case OpConst:
		return e.K
	case OpWord:
		return d.Word(e.W)
	}
	if e.tree >= large {
		return e.eval(d, map[*Expr]uint32{})
	}
	return e.Op.apply(e.X.Eval(d), e.Y.Eval(d))
}

// eval is Eval that computes each part once.
func (e *Expr) eval(d *linux.SeccompData, known map[*Expr]uint32) uint32 {
	if e.tree < large {
		return e.Eval(d)
	}
	v, ok := known[e]
	if !ok {
		v = e.Op.apply(e.X.eval(d, known), e.Y.eval(d, known))
		known[e] = v
	}
	return v
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

// String returns the expression with every operation in parentheses, "…" in
// place of what comes after the first 64 KiB.
func (e *Expr) String() string {
	var b strings.Builder
	e.write(&b)
	return b.String()
}

const maxText = 1 << 16

func (e *Expr) write(b *strings.Builder) {
	switch {
	case e.Op == OpConst && e.K < 10:
		fmt.Fprint(b, e.K)
	case e.Op == OpConst:
		fmt.Fprintf(b, "%#x", e.K)
	case e.Op == OpWord:
		b.WriteString(e.W.String())
	case b.Len() > maxText:
		b.WriteString("…")
	default:
		b.WriteByte('(')
		e.X.write(b)
		fmt.Fprintf(b, " %s ", opText[e.Op])
		e.Y.write(b)
		b.WriteByte(')')
	}
}
