package diagram

import "secco/linux"

// Operations other than Ite are remembered in the same cache, under an operation
// in place of the condition.
const (
	opAnd Ref = -1 - iota
	opXor
	opDiffer
	opLaxer
)

func (s *Space) lookup(f, g, h Ref) (*entry, bool) {
	e := &s.cache[hash3(uint32(f), uint32(g), uint32(h))&uint32(len(s.cache)-1)]
	return e, e.gen == s.gen && e.f == f && e.g == g && e.h == h
}

// remember stores a result; the cache may have been replaced since lookup.
func (s *Space) remember(f, g, h, result Ref) Ref {
	e, _ := s.lookup(f, g, h)
	*e = entry{s.gen, f, g, h, result}
	return result
}

// cofactors returns f where the variable at level is 0 and where it is 1.
func (s *Space) cofactors(f Ref, level int32) (lo, hi Ref) {
	if n := &s.nodes[f]; n.level == level {
		return n.lo, n.hi
	}
	return f, f
}

// Ite returns "if f then g else h". f is boolean; g and h are both boolean or
// both not.
func (s *Space) Ite(f, g, h Ref) Ref {
	switch {
	case f == True:
		return g
	case f == False:
		return h
	case g == h:
		return g
	}
	if f == g {
		g = True
	}
	if f == h {
		h = False
	}
	switch {
	case g == True && h == False:
		return f
	case h == False:
		return s.And(f, g)
	}
	s.Spend(1)
	if e, ok := s.lookup(f, g, h); ok {
		return e.result
	}
	level := min(s.nodes[f].level, s.nodes[g].level, s.nodes[h].level)
	f0, f1 := s.cofactors(f, level)
	g0, g1 := s.cofactors(g, level)
	h0, h1 := s.cofactors(h, level)
	lo := s.Ite(f0, g0, h0)
	hi := s.Ite(f1, g1, h1)
	return s.remember(f, g, h, s.make(level, lo, hi))
}

// And returns the conjunction.
func (s *Space) And(f, g Ref) Ref {
	switch {
	case f == g, g == True:
		return f
	case f == True:
		return g
	case f == False || g == False:
		return False
	}
	if f > g {
		f, g = g, f
	}
	return s.apply(opAnd, f, g)
}

// Or returns the disjunction.
func (s *Space) Or(f, g Ref) Ref {
	if f == False {
		return g
	}
	if f > g {
		f, g = g, f
	}
	return s.Ite(f, True, g)
}

// Not returns the complement.
func (s *Space) Not(f Ref) Ref { return s.Xor(True, f) }

// Xor returns whether exactly one holds.
func (s *Space) Xor(f, g Ref) Ref {
	switch {
	case f == g:
		return False
	case f == False:
		return g
	case g == False:
		return f
	}
	if f > g {
		f, g = g, f
	}
	if f == True && g == True {
		return False
	}
	return s.apply(opXor, f, g)
}

// Differ returns where two functions to actions are not the same.
func (s *Space) Differ(f, g Ref) Ref {
	if f == g {
		return False
	}
	if f > g {
		f, g = g, f
	}
	return s.apply(opDiffer, f, g)
}

// Laxer returns where f's action comes behind g's in the kernel's precedence:
// where f lets more happen than g.
func (s *Space) Laxer(f, g Ref) Ref {
	if f == g {
		return False
	}
	return s.apply(opLaxer, f, g)
}

func (s *Space) apply(op, f, g Ref) Ref {
	a, b := s.nodes[f], s.nodes[g]
	if a.level == leafLevel && b.level == leafLevel {
		return s.applyLeaves(op, a.lo, b.lo)
	}
	s.Spend(1)
	if e, ok := s.lookup(op, f, g); ok {
		return e.result
	}
	level := min(a.level, b.level)
	f0, f1 := s.cofactors(f, level)
	g0, g1 := s.cofactors(g, level)
	lo := s.operate(op, f0, g0)
	hi := s.operate(op, f1, g1)
	return s.remember(op, f, g, s.make(level, lo, hi))
}

func (s *Space) operate(op, f, g Ref) Ref {
	switch op {
	case opAnd:
		return s.And(f, g)
	case opXor:
		return s.Xor(f, g)
	case opDiffer:
		return s.Differ(f, g)
	}
	return s.Laxer(f, g)
}

// applyLeaves is the operation on two leaves that And, Xor and the like did not
// decide themselves.
func (s *Space) applyLeaves(op, x, y Ref) Ref {
	switch op {
	case opXor, opDiffer:
		return boolean(x != y)
	case opLaxer:
		return boolean(linux.Action(x).Rank() > linux.Action(y).Rank())
	}
	return boolean(x == 1 && y == 1)
}

func boolean(b bool) Ref {
	if b {
		return True
	}
	return False
}

// Where returns where f's action is a, as the kernel does it.
func (s *Space) Where(f Ref, a linux.Action) Ref {
	return s.Not(s.Differ(f, s.Leaf(a)))
}

// Member returns a call for which f, a boolean function, holds; ok is false where
// there is none. Bits that don't matter are those of hint.
func (s *Space) Member(f Ref, hint linux.SeccompData) (d linux.SeccompData, ok bool) {
	d = hint
	if f = s.And(f, s.Domain()); f == False {
		return d, false
	}
	// What is constant in this space has no variable.
	d.Arch = settle(d.Arch, s.calls.Arch)
	d.NR = settle(d.NR, s.calls.NR)
	for s.nodes[f].level != leafLevel {
		n := s.nodes[f]
		v := s.bitAt[n.level]
		w, bit := linux.Word(v/32), uint(v%32)
		set := d.Word(w)>>bit&1 == 1
		if set && n.hi == False || !set && n.lo == False {
			set = !set
			SetWord(&d, w, d.Word(w)^1<<bit)
		}
		f = n.lo
		if set {
			f = n.hi
		}
	}
	return d, true
}

// settle gives k the bits that all numbers of the range share.
func settle(k uint32, r Range) uint32 {
	fixed := sharedBits(r)
	return k&^fixed | r.Lo&fixed
}

// SetWord sets one word of a call.
func SetWord(d *linux.SeccompData, w linux.Word, k uint32) {
	half := func(v *uint64, high bool) {
		if high {
			*v = *v&0xffffffff | uint64(k)<<32
		} else {
			*v = *v&^0xffffffff | uint64(k)
		}
	}
	switch w {
	case linux.WordNR:
		d.NR = k
	case linux.WordArch:
		d.Arch = k
	case linux.WordIPLow:
		half(&d.IP, false)
	case linux.WordIPHigh:
		half(&d.IP, true)
	default:
		i, high := w.Arg()
		half(&d.Args[i], high)
	}
}
