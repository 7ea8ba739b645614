package diagram

import (
	"math/bits"
	"slices"

	"secco/policy"
)

// Abstraction.
//
// The product of two words has no small diagram in any order of variables, nor has
// a quotient, or a value shifted by another and then compared with a third. But
// two filters that compute the same thing need not know what it is. An abstract
// space gives such a result new variables of its own, the same wherever the same
// operation is applied to the same operands: those are diagrams, so that it is
// their values that count, not how they came about. What holds for all values of
// the new variables holds for the true ones. So diagrams that are equal in an
// abstract space are equal; ones that differ may differ only where no call leads.

// opaqueKey is what an opaque result is the result of.
type opaqueKey struct {
	compares bool
	op       uint8 // policy.Op, or policy.Cmp
	x, y     Vector
}

// Abstract makes the space abstract until the next Reset: the results of operations
// whose circuits are too large in general, or, with tests, all tests of two values
// that depend on the call as well. Only what is said of abstract spaces may be done
// with what is made in it from here on; see Exact.
func (s *Space) Abstract(tests bool) {
	s.opaque, s.opaqueTests = map[opaqueKey]int32{}, tests
}

// Exact reports whether nothing was abstracted: everything in the space is what it
// is in others. Where something was, only whether diagrams are equal means
// something, and calls can't be evaluated.
func (s *Space) Exact() bool { return s.nextOpaque == 0 }

// abstract returns the opaque result of an operation whose circuit would be too
// large; ok is false where it would not.
func (s *Space) abstract(op policy.Op, x, y *Vector) (v Vector, ok bool) {
	if s.opaque == nil {
		return v, false
	}
	kx, constX := constant(x)
	ky, constY := constant(y)
	if constX && constY {
		return v, false
	}
	key := opaqueKey{op: uint8(op), x: *x, y: *y}
	hard := false
	switch op {
	case policy.OpMul:
		const fewAdditions = 4
		hard = !constX && !constY || constX && bits.OnesCount32(kx) > fewAdditions || constY && bits.OnesCount32(ky) > fewAdditions
	case policy.OpDiv:
		const fewRemainders = 64
		hard = !constY || ky > fewRemainders && ky&(ky-1) != 0
	case policy.OpLsh, policy.OpRsh:
		hard = !constY
		clear(key.y[5:]) // the count is taken modulo 32
	}
	if !hard && !constX && !constY {
		hard = s.isOpaque(x) || s.isOpaque(y)
	}
	if !hard {
		return v, false
	}
	switch op {
	case policy.OpAdd, policy.OpMul, policy.OpAnd, policy.OpOr, policy.OpXor:
		key.sort()
	}
	first := s.opaqueVariables(key, len(v))
	for i := range v {
		v[i] = s.make(first+int32(i), False, True)
	}
	return v, true
}

// abstractTest is abstract for a comparison.
func (s *Space) abstractTest(cmp policy.Cmp, x, y *Vector) (f Ref, ok bool) {
	if s.opaque == nil {
		return False, false
	}
	if _, isConst := constant(x); isConst {
		return False, false
	}
	if _, isConst := constant(y); isConst {
		return False, false
	}
	s.comparesTwo = true
	if !s.opaqueTests && !s.isOpaque(x) && !s.isOpaque(y) {
		return False, false
	}
	key := opaqueKey{compares: true, x: *x, y: *y}
	swapped := key.sort()
	if cmp == policy.CmpSet {
		key.op = uint8(cmp)
		return s.make(s.opaqueVariables(key, 1), False, True), true
	}
	// Two variables for all comparisons of two values: whether they are equal, and
	// which is larger where they are not.
	first := s.opaqueVariables(key, 2)
	equal, larger := s.make(first, False, True), s.make(first+1, False, True)
	if swapped {
		larger = s.Not(larger)
	}
	switch cmp {
	case policy.CmpGt:
		return s.And(s.Not(equal), larger), true
	case policy.CmpGe:
		return s.Or(equal, larger), true
	}
	return equal, true
}

// sort orders the operands where their order does not matter.
func (k *opaqueKey) sort() (swapped bool) {
	if swapped = slices.Compare(k.x[:], k.y[:]) > 0; swapped {
		k.x, k.y = k.y, k.x
	}
	return swapped
}

// opaqueVariables returns the level of the first of n variables of a key. They
// come behind all others.
func (s *Space) opaqueVariables(key opaqueKey, n int) int32 {
	first, ok := s.opaque[key]
	if !ok {
		if s.nextOpaque+n > maxOpaque {
			panic(&LimitError{"abstract variables", maxOpaque})
		}
		first = int32(numBits + s.nextOpaque)
		s.nextOpaque += n
		s.opaque[key] = first
	}
	return first
}

// forgetOpaque drops what is about nodes from the given number on.
func (s *Space) forgetOpaque(nodes int) {
	for key := range s.opaque {
		if int(max(slices.Max(key.x[:]), slices.Max(key.y[:]))) >= nodes {
			delete(s.opaque, key)
		}
	}
	clear(s.seesOpaque)
}

// isOpaque reports whether a value depends on opaque variables.
func (s *Space) isOpaque(v *Vector) bool {
	return s.nextOpaque > 0 && slices.ContainsFunc(v[:], s.dependsOnOpaque)
}

func (s *Space) dependsOnOpaque(f Ref) bool {
	n := s.nodes[f]
	switch {
	case n.level == leafLevel:
		return false
	case n.level >= int32(numBits):
		return true
	}
	sees, ok := s.seesOpaque[f]
	if !ok {
		s.Spend(1)
		sees = s.dependsOnOpaque(n.lo) || s.dependsOnOpaque(n.hi)
		s.seesOpaque[f] = sees
	}
	return sees
}
