package compiler

import (
	"secco/bpf"
	"secco/policy"
)

// arithmetic writes the instructions that compute expressions.
//
// The machine has an accumulator A, where everything happens, an index register
// X for the other operand, and 16 scratch words. An expression is a graph: what
// is used more than once is computed once and kept in a scratch word, so the
// code is as long as the graph, not as the tree that it unfolds to. Of two
// operands the one that needs more scratch words is computed first, while none
// is taken for the other.
type arithmetic struct {
	big  bool
	code []bpf.Instruction
	uses map[*policy.Expr]int
	slot map[*policy.Expr]uint32 // of values kept
	need map[*policy.Expr]int
	busy [bpf.MemWords]bool
	full bool // no scratch word was left
}

// compute returns the instructions that leave x in A and, where y is not nil, y
// in X; false where the scratch words do not suffice.
func compute(x, y *policy.Expr, big bool) ([]bpf.Instruction, bool) {
	a := &arithmetic{big: big, uses: map[*policy.Expr]int{}, slot: map[*policy.Expr]uint32{}, need: map[*policy.Expr]int{}}
	a.count(x)
	if y == nil {
		a.eval(x)
	} else {
		a.count(y)
		a.both(x, y)
	}
	return a.code, !a.full
}

// count counts the uses of every part of e.
func (a *arithmetic) count(e *policy.Expr) {
	a.uses[e]++
	if a.uses[e] == 1 && e.X != nil {
		a.count(e.X)
		a.count(e.Y)
	}
}

func (a *arithmetic) emit(op uint16, k uint32) {
	a.code = append(a.code, bpf.Instruction{Op: op, K: k})
}

// take returns a free scratch word.
func (a *arithmetic) take() uint32 {
	for i := range a.busy {
		if !a.busy[i] {
			a.busy[i] = true
			return uint32(i)
		}
	}
	a.full = true
	return 0
}

// used notes one use of a kept value, and frees its word after the last.
func (a *arithmetic) used(e *policy.Expr) {
	if a.uses[e]--; a.uses[e] == 0 {
		a.busy[a.slot[e]] = false
	}
}

// eval leaves e in A; X may change.
func (a *arithmetic) eval(e *policy.Expr) {
	if a.full {
		return
	}
	if m, ok := a.slot[e]; ok {
		a.emit(bpf.LdMem, m)
		a.used(e)
		return
	}
	switch {
	case e.Op == policy.OpConst:
		a.emit(bpf.LdImm, e.K)
	case e.Op == policy.OpWord:
		a.emit(bpf.LdW, e.W.Offset(a.big))
	case e.Y.IsConst():
		a.eval(e.X)
		a.emit(opcodes[e.Op], e.Y.K)
	default:
		a.both(e.X, e.Y)
		a.emit(opcodes[e.Op]|fromX, 0)
	}
	if e.X != nil && a.uses[e] > 1 {
		a.slot[e] = a.take()
		a.emit(bpf.St, a.slot[e])
		a.used(e)
	}
}

// fromX turns an operation with a constant into the same with X.
const fromX = bpf.AddX - bpf.AddK

var opcodes = [...]uint16{
	policy.OpAdd: bpf.AddK, policy.OpSub: bpf.SubK, policy.OpMul: bpf.MulK, policy.OpDiv: bpf.DivK, policy.OpAnd: bpf.AndK,
	policy.OpOr: bpf.OrK, policy.OpXor: bpf.XorK, policy.OpLsh: bpf.LshK, policy.OpRsh: bpf.RshK,
}

// both leaves x in A and y in X.
func (a *arithmetic) both(x, y *policy.Expr) {
	if a.full {
		return
	}
	switch {
	case a.plain(x):
		a.eval(y)
		a.emit(bpf.Tax, 0)
		a.eval(x)
	case a.scratch(y) > a.scratch(x):
		a.eval(y)
		m := a.take()
		a.emit(bpf.St, m)
		a.eval(x)
		a.emit(bpf.LdxMem, m)
		a.busy[m] = false
	default:
		a.eval(x)
		m := a.take()
		a.emit(bpf.St, m)
		a.eval(y)
		a.emit(bpf.Tax, 0)
		a.emit(bpf.LdMem, m)
		a.busy[m] = false
	}
}

// plain reports whether computing e leaves X and the scratch words alone.
func (a *arithmetic) plain(e *policy.Expr) bool {
	for {
		if _, ok := a.slot[e]; ok || e.X == nil {
			return true
		}
		if !e.Y.IsConst() {
			return false
		}
		e = e.X
	}
}

// scratch estimates how many scratch words e takes, not counting what is kept.
func (a *arithmetic) scratch(e *policy.Expr) int {
	if e.X == nil {
		return 0
	}
	if n, ok := a.need[e]; ok {
		return n
	}
	x, y := a.scratch(e.X), a.scratch(e.Y)
	n := max(x, y)
	if !e.Y.IsConst() && !(e.X.X == nil) && x == y {
		n++
	}
	a.need[e] = n
	return n
}
