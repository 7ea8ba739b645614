package diagram

import (
	"math/bits"

	"secco/linux"
	"secco/policy"
)

// Vector is a 32-bit value that depends on the call: a boolean function for each
// bit, the lowest first.
type Vector [32]Ref

// Const returns the vector of a constant.
func (s *Space) Const(k uint32) Vector {
	var v Vector
	for i := range v {
		v[i] = Ref(k >> i & 1)
	}
	return v
}

// constant returns the value of a vector that is constant.
func constant(v *Vector) (k uint32, ok bool) {
	for i, f := range v {
		if f > True {
			return 0, false
		}
		k |= uint32(f) << i
	}
	return k, true
}

// sharedBits returns the bits in which all numbers of a range agree.
func sharedBits(r Range) uint32 {
	return ^uint32(0) &^ (1<<bits.Len32(r.Lo^r.Hi) - 1)
}

// Word returns a word of the call. Bits in which all of the space's calls agree
// are constants.
func (s *Space) Word(w linux.Word) Vector {
	var v Vector
	r := s.calls.word(w)
	fixed := sharedBits(r)
	for i := range v {
		if fixed>>i&1 == 1 {
			v[i] = Ref(r.Lo >> i & 1)
		} else {
			v[i] = s.variable(w, i)
		}
	}
	return v
}

// Domain returns which calls are among the space's. Outside of it nothing is
// promised of functions in this space.
func (s *Space) Domain() Ref {
	all := True
	for _, w := range [...]linux.Word{linux.WordArch, linux.WordNR} {
		r, v := s.calls.word(w), s.Word(w)
		low, high := s.Const(r.Lo), s.Const(r.Hi)
		all = s.And(all, s.And(s.compareGe(&v, &low, True), s.compareGe(&high, &v, True)))
	}
	return all
}

// Apply returns x op y as a circuit. Division by zero gives 0 and shifts take
// their count modulo 32, as [policy.Expr.Eval] has them.
func (s *Space) Apply(op policy.Op, x, y *Vector) Vector {
	v, abstract := s.abstract(op, x, y)
	if abstract {
		return v
	}
	switch op {
	case policy.OpAdd:
		return s.add(x, y, False)
	case policy.OpSub:
		inverted := s.not(y)
		return s.add(x, &inverted, True)
	case policy.OpMul:
		return s.mul(x, y)
	case policy.OpDiv:
		return s.div(x, y)
	case policy.OpAnd:
		for i := range v {
			v[i] = s.And(x[i], y[i])
		}
	case policy.OpOr:
		for i := range v {
			v[i] = s.Or(x[i], y[i])
		}
	case policy.OpXor:
		for i := range v {
			v[i] = s.Xor(x[i], y[i])
		}
	case policy.OpLsh:
		return s.shift(x, y, func(i, by int) int { return i - by })
	case policy.OpRsh:
		return s.shift(x, y, func(i, by int) int { return i + by })
	default:
		panic("diagram: operation is not one of two operands")
	}
	return v
}

func (s *Space) not(x *Vector) Vector {
	var v Vector
	for i := range v {
		v[i] = s.Not(x[i])
	}
	return v
}

func (s *Space) add(x, y *Vector, carry Ref) Vector {
	s.Spend(32)
	var v Vector
	for i := range v {
		either := s.Xor(x[i], y[i])
		v[i] = s.Xor(either, carry)
		carry = s.Ite(either, carry, x[i])
	}
	return v
}

func (s *Space) mul(x, y *Vector) Vector {
	if _, ok := constant(x); ok {
		x, y = y, x
	}
	sum := s.Const(0)
	for by, bit := range y {
		if bit == False {
			continue
		}
		var part Vector
		for i := by; i < 32; i++ {
			part[i] = s.And(bit, x[i-by])
		}
		sum = s.add(&sum, &part, False)
	}
	return sum
}

// div is long division, from the highest bit down.
func (s *Space) div(x, y *Vector) Vector {
	zero := s.Const(0)
	nonzero := s.Not(s.equal(y, &zero))
	inverted := s.not(y)
	var quotient, rest Vector
	for i := 31; i >= 0; i-- {
		top := rest[31]
		copy(rest[1:], rest[:31])
		rest[0] = x[i]
		fits := s.Or(top, s.compareGe(&rest, y, True))
		less := s.add(&rest, &inverted, True)
		rest = s.choose(fits, &less, &rest)
		quotient[i] = s.And(fits, nonzero)
	}
	return quotient
}

func (s *Space) shift(x, y *Vector, from func(i, by int) int) Vector {
	v := *x
	for stage := range 5 {
		var moved Vector
		for i := range moved {
			if j := from(i, 1<<stage); j >= 0 && j < 32 {
				moved[i] = v[j]
			}
		}
		v = s.choose(y[stage], &moved, &v)
	}
	return v
}

func (s *Space) choose(f Ref, x, y *Vector) Vector {
	var v Vector
	for i := range v {
		v[i] = s.Ite(f, x[i], y[i])
	}
	return v
}

// Compare returns where "x cmp y" holds.
func (s *Space) Compare(cmp policy.Cmp, x, y *Vector) Ref {
	if f, abstract := s.abstractTest(cmp, x, y); abstract {
		return f
	}
	switch cmp {
	case policy.CmpEq:
		return s.equal(x, y)
	case policy.CmpGt:
		return s.compareGe(x, y, False)
	case policy.CmpGe:
		return s.compareGe(x, y, True)
	}
	common := False
	for i := range x { // the bits lowest in the order first, here and below
		common = s.Or(s.And(x[i], y[i]), common)
	}
	return common
}

func (s *Space) equal(x, y *Vector) Ref {
	all := True
	for i := range x {
		all = s.And(s.Not(s.Xor(x[i], y[i])), all)
	}
	return all
}

// compareGe returns x > y, or where the two are equal, equal.
func (s *Space) compareGe(x, y *Vector, equal Ref) Ref {
	f := equal
	for i := range x {
		f = s.Ite(s.Xor(x[i], y[i]), x[i], f)
	}
	return f
}
