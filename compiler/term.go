package compiler

import "secco/policy"

// A term is what a program loads or computes, to compare it: a word of the call
// or an expression, under a mask; or the outcome, 0 or 1, of a comparison of
// two such values. Terms are shared: two are equal where their pointers are.
type term struct {
	termKey
	// depth is how deep divisions by values nest in it. A program must not divide
	// by zero, and the policy tests every divisor for zero before it divides, so
	// terms are tested in the order of their depths.
	depth int
	id    int32
}

type termKey struct {
	// offset in the data where expr is a word, so that equal words of machines
	// with different byte orders are one; 0 elsewhere.
	offset uint32
	expr   *policy.Expr // nil where it is a word
	mask   uint32       // all ones where there is none; never leading ones alone
	// y is the other operand of a comparison, nil elsewhere; then mask is all ones.
	y   *policy.Expr
	cmp policy.Cmp
	big bool // the byte order of the words in expr and y
}

// Offsets of words that play a part of their own.
const (
	offsetNR   = 0
	offsetArch = 4
	offsetIP   = 8
)

// base returns the term's value before the mask.
func (t *term) base() termKey {
	k := t.termKey
	k.mask = allOnes
	return k
}

const allOnes = 0xffffffff

// isWord reports whether the term is a word as it is.
func (t *term) isWord(offset uint32) bool {
	return t.expr == nil && t.offset == offset && t.mask == allOnes
}

// max returns the largest value of the term.
func (t *term) max() uint32 {
	if t.y != nil {
		return 1
	}
	return t.mask
}

// terms makes terms.
type terms struct {
	all     map[termKey]*term
	depths  map[*policy.Expr]int
	literal bool // leave expressions as they are
}

func (ts *terms) get(k termKey) *term {
	if k.expr != nil && k.expr.Op == policy.OpWord && k.y == nil {
		k.offset, k.expr = k.expr.W.Offset(k.big), nil
		if k.offset < offsetIP {
			k.big = false
		}
	}
	if t, ok := ts.all[k]; ok {
		return t
	}
	t := &term{termKey: k, id: int32(len(ts.all)), depth: max(ts.depth(k.expr), ts.depth(k.y))}
	ts.all[k] = t
	return t
}

// depth returns how deep divisions by values nest in e.
func (ts *terms) depth(e *policy.Expr) int {
	if e == nil || e.X == nil {
		return 0
	}
	if d, ok := ts.depths[e]; ok {
		return d
	}
	d := max(ts.depth(e.X), ts.depth(e.Y))
	if e.Op == policy.OpDiv && !e.Y.IsConst() {
		d++
	}
	ts.depths[e] = d
	return d
}

// test returns a test of the policy as a term and the set of its values for
// which the test holds. This is where strength is reduced: additions,
// subtractions, shifts, masks of leading ones and more are moved from the term
// into the set, for the set costs nothing to compute.
//
// The set is in its only form: exact on the values that the term can have, and
// its ends are such values.
func (ts *terms) test(n *policy.Node, big bool) (*term, set) {
	if !n.Y.IsConst() {
		return ts.comparison(n, big)
	}
	e, k, mask := n.X, n.Y.K, uint32(allOnes)
	var s set
	switch n.Cmp {
	case policy.CmpEq:
		s = set{{k, k}}
	case policy.CmpGt:
		if k < allOnes {
			s = set{{k + 1, allOnes}}
		}
	case policy.CmpGe:
		s = set{{k, allOnes}}
	case policy.CmpSet:
		mask = k
		s = set{{1, allOnes}}
	}
	for !ts.literal {
		var ok bool
		if e, mask, s, ok = peel(e, mask, s); !ok {
			break
		}
	}
	t := ts.get(termKey{expr: e, mask: mask, big: big})
	return t, s.fit(mask)
}

// comparison is test for two values that are no constants.
func (ts *terms) comparison(n *policy.Node, big bool) (*term, set) {
	k := termKey{expr: n.X, y: n.Y, cmp: n.Cmp, mask: allOnes, big: big}
	yes := set{{1, 1}}
	if n.Cmp == policy.CmpGe { // x >= y is not y > x
		k.expr, k.y, k.cmp = n.Y, n.X, policy.CmpGt
		yes = set{{0, 0}}
	}
	if k.cmp != policy.CmpGt && k.expr.ID() > k.y.ID() {
		k.expr, k.y = k.y, k.expr
	}
	return ts.get(k), yes
}

// peel takes one operation off: that e & mask lies in s is the same as that the
// returned expression under the returned mask lies in the returned set.
func peel(e *policy.Expr, mask uint32, s set) (*policy.Expr, uint32, set, bool) {
	if low := ^mask; mask != allOnes && low&(low+1) == 0 { // a mask of leading ones
		out := set{}
		for _, r := range s {
			if r.lo > mask {
				continue
			}
			if lo, hi := (r.lo+low)&mask, below(r.hi, mask)|low; lo <= hi {
				out = append(out, span{lo, hi})
			}
		}
		return e, allOnes, out.tidy(), true
	}
	if e.X == nil {
		return e, mask, s, false
	}
	if e.Op == policy.OpSub && e.X.IsConst() && mask == allOnes { // k - y
		return e.Y, mask, s.reflect(e.X.K), true
	}
	if !e.Y.IsConst() {
		return e, mask, s, false
	}
	k := e.Y.K
	switch e.Op {
	case policy.OpAnd:
		return e.X, mask & k, s.fit(mask), true
	case policy.OpAdd:
		if mask == allOnes {
			return e.X, mask, s.shift(-k), true
		}
	case policy.OpSub:
		if mask == allOnes {
			return e.X, mask, s.shift(k), true
		}
	case policy.OpXor:
		switch {
		case mask == allOnes && k == allOnes:
			return e.X, mask, s.reflect(allOnes), true
		case mask == allOnes && k == 1<<31:
			return e.X, mask, s.shift(1 << 31), true
		}
		s = s.fit(mask)
		if few(s, mask) {
			return e.X, mask, s.each(mask, func(v uint32) uint32 { return v ^ k&mask }), true
		}
	case policy.OpOr: // (x | k) is (x & ^k) + k
		s = s.fit(mask)
		k &= mask
		out := set{}
		for _, r := range s {
			if r.hi < k {
				continue
			}
			lo := uint32(0)
			if r.lo > k {
				lo = r.lo - k
			}
			out = append(out, span{lo, r.hi - k})
		}
		return e.X, mask &^ k, out, true
	case policy.OpRsh: // (x >> k) & mask is (x & mask << k) >> k
		s = s.fit(mask)
		mask &= allOnes >> k
		out := set{}
		for _, r := range s {
			if r.lo > mask {
				continue
			}
			out = append(out, span{r.lo << k, min(r.hi, mask)<<k | (1<<k - 1)})
		}
		return e.X, mask << k, out, true
	case policy.OpLsh: // (x << k) & mask is (x & mask >> k) << k
		s = s.fit(mask)
		out := set{}
		for _, r := range s {
			if lo := (uint64(r.lo) + 1<<k - 1) >> k; lo <= uint64(r.hi>>k) {
				out = append(out, span{uint32(lo), r.hi >> k})
			}
		}
		return e.X, mask >> k, out, true
	case policy.OpMul:
		if mask == allOnes && k&1 == 1 && few(s, mask) {
			inverse := k // Newton's iteration doubles the bits that are right, three at first
			for range 4 {
				inverse *= 2 - k*inverse
			}
			return e.X, mask, s.each(mask, func(v uint32) uint32 { return v * inverse }), true
		}
	case policy.OpDiv:
		if mask == allOnes && k > 0 {
			out := set{}
			for _, r := range s {
				if lo := uint64(r.lo) * uint64(k); lo <= allOnes {
					out = append(out, span{uint32(lo), uint32(min(uint64(r.hi)*uint64(k)+uint64(k)-1, allOnes))})
				}
			}
			return e.X, mask, out, true
		}
	}
	return e, mask, s, false
}
