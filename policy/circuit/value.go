package circuit

import (
	"github.com/go-air/gini/z"

	"secco/linux"
	"secco/policy"
)

// Const returns a constant.
func (c *Circuit) Const(k uint32) (v Value) {
	for i := range v {
		if v[i] = c.gates.F; k>>i&1 != 0 {
			v[i] = c.gates.T
		}
	}
	return v
}

// Load returns a word of the call.
func (c *Circuit) Load(w linux.Word) Value { return c.words[w] }

// Binary returns x op y. A quotient by 0 is 0.
func (c *Circuit) Binary(op policy.Op, x, y Value) (v Value) {
	switch op {
	case policy.OpAdd:
		v, _ = c.add(x, y, c.gates.F)
	case policy.OpSub:
		v, _ = c.add(x, not(y), c.gates.T)
	case policy.OpMul:
		v = c.multiply(x, y)
	case policy.OpDiv:
		v = c.divide(x, y)
	case policy.OpAnd:
		for i := range v {
			v[i] = c.gates.And(x[i], y[i])
		}
	case policy.OpOr:
		for i := range v {
			v[i] = c.gates.Or(x[i], y[i])
		}
	case policy.OpXor:
		for i := range v {
			v[i] = c.gates.Xor(x[i], y[i])
		}
	case policy.OpLsh, policy.OpRsh:
		v = c.shift(x, y, op == policy.OpLsh)
	default:
		panic("circuit: no operation of two values")
	}
	return v
}

// Compare returns whether x cmp y.
func (c *Circuit) Compare(cmp policy.Cmp, x, y Value) z.Lit {
	switch cmp {
	case policy.CmpEq:
		same := c.gates.T
		for i := range x {
			same = c.gates.And(same, c.gates.Xor(x[i], y[i]).Not())
		}
		return same
	case policy.CmpGe:
		return c.atLeast(x, y)
	case policy.CmpGt:
		return c.atLeast(y, x).Not()
	case policy.CmpSet:
		return c.isZero(c.Binary(policy.OpAnd, x, y)).Not()
	}
	panic("circuit: no comparison")
}

// atLeast returns whether x >= y: whether x - y carries no borrow.
func (c *Circuit) atLeast(x, y Value) z.Lit {
	_, carry := c.add(x, not(y), c.gates.T)
	return carry
}

func (c *Circuit) isZero(x Value) z.Lit {
	zero := c.gates.T
	for _, bit := range x {
		zero = c.gates.And(zero, bit.Not())
	}
	return zero
}

func not(x Value) Value {
	for i := range x {
		x[i] = x[i].Not()
	}
	return x
}

// add returns x + y + carry and the carry out.
func (c *Circuit) add(x, y Value, carry z.Lit) (sum Value, out z.Lit) {
	for i := range x {
		half := c.gates.Xor(x[i], y[i])
		sum[i] = c.gates.Xor(half, carry)
		carry = c.gates.Or(c.gates.And(x[i], y[i]), c.gates.And(half, carry))
	}
	return sum, carry
}

// choose returns x where cond holds, else y.
func (c *Circuit) choose(cond z.Lit, x, y Value) (v Value) {
	for i := range v {
		if v[i] = x[i]; x[i] != y[i] {
			v[i] = c.gates.Choice(cond, x[i], y[i])
		}
	}
	return v
}

// shift returns x shifted by y modulo 32, as the kernel does.
func (c *Circuit) shift(x, y Value, left bool) Value {
	for step := range 5 {
		shifted := c.Const(0)
		for i := range x {
			if from := i - 1<<step; left && from >= 0 {
				shifted[i] = x[from]
			} else if from := i + 1<<step; !left && from < len(x) {
				shifted[i] = x[from]
			}
		}
		x = c.choose(y[step], shifted, x)
	}
	return x
}

func (c *Circuit) multiply(x, y Value) Value {
	product := c.Const(0)
	for i := range y {
		if y[i] == c.gates.F {
			continue
		}
		part := c.Const(0)
		for j := i; j < len(part); j++ {
			part[j] = c.gates.And(x[j-i], y[i])
		}
		product, _ = c.add(product, part, c.gates.F)
	}
	return product
}

// divide returns x / y, as it is done by hand, and 0 where y is 0.
func (c *Circuit) divide(x, y Value) (quotient Value) {
	divides := c.isZero(y).Not()
	rest := c.Const(0)
	for i := len(x) - 1; i >= 0; i-- {
		top := rest[31] // the bit that the next does not have room for
		copy(rest[1:], rest[:31])
		rest[0] = x[i]
		less, fits := c.add(rest, not(y), c.gates.T)
		fits = c.gates.Or(top, fits)
		rest = c.choose(fits, less, rest)
		quotient[i] = c.gates.And(fits, divides)
	}
	return quotient
}
