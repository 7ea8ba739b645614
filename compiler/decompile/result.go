package decompile

import (
	"math/bits"

	"secco/linux"
	"secco/policy"
	"secco/policy/diagram"
	"secco/source"
)

type resultKey struct {
	value *policy.Expr
	span  source.Span
}

// returned returns the graph of "ret a".
func (u *unit) returned(e *policy.Expr, span source.Span) *policy.Node {
	key := resultKey{e, span}
	n, ok := u.results[key]
	if !ok {
		n = u.result(e, 31, 0, span)
		u.results[key] = n
	}
	return n
}

// result returns the graph of "ret a" for a value whose bits above bit are those
// of prefix: a search for the value, by halves, down to where all values that are
// left do the same. Bits that are known are not searched for.
func (u *unit) result(e *policy.Expr, bit int, prefix uint32, span source.Span) *policy.Node {
	if diagram.OneEffect(prefix, prefix|(1<<(bit+1)-1)) {
		u.spend(1)
		return u.Leaf(linux.Action(prefix).Effect(), span)
	}
	set := prefix | 1<<bit
	if k := u.knownBits(e); k.known&(1<<bit) != 0 {
		return u.result(e, bit-1, prefix|k.value&(1<<bit), span)
	}
	no := u.result(e, bit-1, prefix, span)
	return u.Test(policy.CmpGe, e, u.Const(set), u.result(e, bit-1, set, span), no, span)
}

// bitsOf is what is known of a value: the bits of known are those of value.
type bitsOf struct{ known, value uint32 }

// knownBits returns bits of an expression that are the same for every call.
func (u *unit) knownBits(e *policy.Expr) bitsOf {
	if k, ok := u.known[e]; ok {
		return k
	}
	k := u.findBits(e)
	k.value &= k.known
	u.known[e] = k
	return k
}

func (u *unit) findBits(e *policy.Expr) bitsOf {
	switch e.Op {
	case policy.OpConst:
		return bitsOf{^uint32(0), e.K}
	case policy.OpWord:
		return bitsOf{}
	}
	a, b := u.knownBits(e.X), u.knownBits(e.Y)
	both := a.known & b.known
	switch e.Op {
	case policy.OpAnd:
		zero := a.known&^a.value | b.known&^b.value
		return bitsOf{both | zero, a.value & b.value}
	case policy.OpOr:
		return bitsOf{both | a.value | b.value, a.value | b.value}
	case policy.OpXor:
		return bitsOf{both, a.value ^ b.value}
	case policy.OpAdd:
		// Where no two bits can meet there is no carry.
		if (a.value|^a.known)&(b.value|^b.known) == 0 {
			return bitsOf{both | a.value | b.value, a.value | b.value}
		}
		low := uint32(1)<<bits.TrailingZeros32(^both) - 1 // a carry goes up only
		return bitsOf{low, a.value + b.value}
	case policy.OpSub:
		low := uint32(1)<<bits.TrailingZeros32(^both) - 1
		return bitsOf{low, a.value - b.value}
	case policy.OpLsh:
		if e.Y.IsConst() {
			return bitsOf{a.known<<e.Y.K | (1<<e.Y.K - 1), a.value << e.Y.K}
		}
	case policy.OpRsh:
		if e.Y.IsConst() {
			return bitsOf{a.known>>e.Y.K | ^(^uint32(0) >> e.Y.K), a.value >> e.Y.K}
		}
	}
	return bitsOf{}
}
