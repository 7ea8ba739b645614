package diagram

import (
	"math"
	"math/bits"

	"secco/linux"
	"secco/policy"
)

// Range is the numbers from Lo to Hi, both included.
type Range struct{ Lo, Hi uint32 }

// One returns the range of a single number.
func One(n uint32) Range { return Range{n, n} }

// All returns the range of all numbers.
func All() Range { return Range{0, math.MaxUint32} }

// Has reports whether n is in r.
func (r Range) Has(n uint32) bool { return r.Lo <= n && n <= r.Hi }

// Calls are the calls whose AUDIT_ARCH value and number are in these ranges:
// what one slice of a proof is about. Nothing is promised about other calls.
type Calls struct{ Arch, NR Range }

// CallsOf returns the calls of one syscall.
func CallsOf(a linux.Arch, nr uint32) Calls { return Calls{One(a.Audit()), One(nr)} }

// AllCalls returns every call.
func AllCalls() Calls { return Calls{All(), All()} }

// Has reports whether a call is among c.
func (c Calls) Has(d *linux.SeccompData) bool { return c.Arch.Has(d.Arch) && c.NR.Has(d.NR) }

// word returns the range of a word.
func (c Calls) word(w linux.Word) Range {
	switch w {
	case linux.WordArch:
		return c.Arch
	case linux.WordNR:
		return c.NR
	}
	return All()
}

// Decide returns whether "w cmp k" holds, where that is the same for all of the
// calls and their ranges tell.
func (c Calls) Decide(cmp policy.Cmp, w linux.Word, k uint32) (holds, known bool) {
	return c.word(w).decide(cmp, k)
}

// DecideMasked is Decide for "w & mask cmp k".
func (c Calls) DecideMasked(cmp policy.Cmp, w linux.Word, mask, k uint32) (holds, known bool) {
	minus, ok := c.word(w).masked(mask)
	if !ok {
		return false, false
	}
	return c.word(w).minus(minus).decide(cmp, k)
}

func (r Range) decide(cmp policy.Cmp, k uint32) (holds, known bool) {
	low, high := cmp.Holds(r.Lo, k), cmp.Holds(r.Hi, k)
	switch cmp {
	case policy.CmpEq:
		return low, !r.Has(k) || r.Lo == r.Hi
	case policy.CmpGt, policy.CmpGe:
		return low, low == high
	}
	if r.Lo&k&^r.changing() != 0 {
		return true, true
	}
	return low, k&r.changing() == 0
}

// changing returns the bits that are not the same in all numbers of r.
func (r Range) changing() uint32 { return 1<<bits.Len32(r.Lo^r.Hi) - 1 }

// minus returns the range of what is n less; n is not above Lo.
func (r Range) minus(n uint32) Range { return Range{r.Lo - n, r.Hi - n} }

// masked returns by how much a mask makes the numbers of r less, where that is the
// same for all of them: the bits that it clears don't change in r.
func (r Range) masked(mask uint32) (minus uint32, ok bool) {
	if ^mask&r.changing() != 0 {
		return 0, false
	}
	return r.Lo &^ mask, true
}

// BigEndian reports the byte order of the calls, which [Cuts] keeps apart.
func (c Calls) BigEndian() bool { return c.Arch.Lo&auditLE == 0 }

// auditLE is __AUDIT_ARCH_LE, which the AUDIT_ARCH values of little-endian
// machines have.
const auditLE = 0x40000000
