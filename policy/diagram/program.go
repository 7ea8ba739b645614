package diagram

import (
	"secco/bpf"
	"secco/linux"
	"secco/policy"
)

// Symbolic execution.
//
// A program has no loops, so that what it returns from an instruction on is a
// function of its registers there: the state. At a jump it chooses, by the jump's
// condition, between the functions of two states that follow; choice.go makes
// diagrams of such choices, one for each state. Registers that are not read any
// more are left out of states; so two ways that meet again with the same values
// that still matter are one state, and a chain of n such joins takes n steps
// although it has 2^n paths.
//
// Values are kept as what they are as long as possible: a constant, a word of
// the call, or the number without bits that all of the slice's numbers have. Most
// jumps then compare the number or the architecture with a constant, and the
// slice's ranges decide them without any diagram. Only other values become vectors
// of diagrams.

// value is what a register holds: its kind in the upper half, and in the lower
// the constant, the word, the index of a vector, or the bits without which it is
// the number.
type value uint64

const (
	constValue value = iota << 32
	wordValue
	vectorValue
	numberValue
	kindOfValue value = 3 << 32
)

type state struct {
	pc   int32
	regs Registers[value] // 0 for those that are not live
}

type executor struct {
	*Space
	*Program
	bigEndian bool
	vectors   []Vector
	index     map[Vector]value // nil where there is no place for vectors
	words     [linux.NumWords]*Vector
	stuck     bool
}

// Program returns the diagram of what a program returns.
func (s *Space) Program(p *Program) Ref {
	return function(s, p, func() chooser[state] {
		return &executor{Space: s, Program: p, bigEndian: s.calls.BigEndian(), index: map[Vector]value{}}
	}, state{})
}

// Constant returns the action that a program gives all calls of the space, where
// no diagram is needed to know that it is the same.
func (s *Space) Constant(p *Program) (a linux.Action, ok bool) {
	x := &executor{Space: s, Program: p, bigEndian: s.calls.BigEndian()}
	var at state
	if _, ok := x.advance(&at); !ok {
		return 0, false
	}
	in := p.code[at.pc]
	switch {
	case in.Op == bpf.RetK:
		return linux.Action(in.K).Effect(), true
	case in.Op == bpf.RetA && at.regs[RegA]&kindOfValue == constValue:
		return linux.Action(at.regs[RegA]).Effect(), true
	}
	return 0, false
}

// next goes on to a return, a jump that depends on the call, or a division by an
// X that may be zero.
func (x *executor) next(at state) (state, role) {
	shared, ok := x.advance(&at)
	if !ok {
		panic("diagram: a computation was left undone")
	}
	for r := range at.regs {
		if x.live[at.pc]&(1<<r) == 0 {
			at.regs[r] = 0
		}
	}
	return at, roleOf(isReturn(x.code[at.pc].Op), shared, x.meets[at.pc])
}

func (x *executor) order(at state) int { return int(at.pc) }

func (x *executor) choose(at state) choice[state] {
	in := x.code[at.pc]
	if cmp, withX, ok := Comparison(in.Op); ok {
		c := choice[state]{yes: at, no: at}
		c.cond = x.Compare(cmp, x.vector(at.regs[RegA]), x.vector(at.regs.Operand(in, withX, x)))
		c.yes.pc += 1 + int32(in.Jt)
		c.no.pc += 1 + int32(in.Jf)
		return c
	}
	switch in.Op {
	case bpf.RetK:
		return choice[state]{isLeaf: true, leaf: x.Leaf(linux.Action(in.K))}
	case bpf.RetA:
		return choice[state]{isLeaf: true, leaf: x.result(x.vector(at.regs[RegA]), 31, 0)}
	}
	// A division.
	zero := x.Space.Const(0)
	c := choice[state]{cond: x.equal(x.vector(at.regs[RegX]), &zero), no: at}
	c.yes.pc = int32(len(x.code) - 1)
	c.no.pc++
	if x.Live(int(c.no.pc), RegA) {
		c.no.regs[RegA] = x.Binary(policy.OpDiv, at.regs[RegA], at.regs[RegX])
	}
	return c
}

// advance goes on as long as there is one way only. It reports whether others
// lead there, too; ok is false where it takes computing with more than constants,
// and x is not prepared to.
func (x *executor) advance(at *state) (shared, ok bool) {
	start := at.pc
	for {
		in := x.code[at.pc]
		shared = shared || x.ways[at.pc] > 1
		if cmp, withX, ok := Comparison(in.Op); ok {
			holds, known := x.decide(cmp, at.regs[RegA], at.regs.Operand(in, withX, x))
			if !known {
				break
			}
			at.pc += 1 + int32(target(in, holds))
			continue
		}
		if isReturn(in.Op) {
			break
		}
		if in.Op == bpf.DivX && (at.regs[RegX] == 0 || at.regs[RegX]&kindOfValue != constValue) {
			break
		}
		if in.Op == bpf.Ja {
			at.pc += 1 + int32(in.K)
			continue
		}
		if at.regs.Step(in, x, x.bigEndian); x.stuck {
			return false, false
		}
		at.pc++
	}
	x.Spend(1 + int(at.pc-start)/16)
	return shared, true
}

// target returns how many instructions a jump skips.
func target(in bpf.Instruction, holds bool) int {
	if holds {
		return int(in.Jt)
	}
	return int(in.Jf)
}

// Const, Load and Binary make x a [Machine] of values.
func (x *executor) Const(k uint32) value { return value(k) }

// Load is part of [Machine].
func (x *executor) Load(w linux.Word) value {
	if r := x.calls.word(w); r.Lo == r.Hi {
		return value(r.Lo)
	}
	return wordValue | value(w)
}

// Binary is part of [Machine]. It leaves x stuck where the result is no constant
// and x has no place for vectors.
func (x *executor) Binary(op policy.Op, a, b value) value {
	if b == 0 && op != policy.OpMul && op != policy.OpAnd && op != policy.OpDiv {
		return a
	}
	if op == policy.OpAnd && a == wordValue|value(linux.WordNR) && b&kindOfValue == constValue {
		if without, ok := x.calls.NR.masked(uint32(b)); ok {
			return numberValue | value(without)
		}
	}
	if x.index == nil && (a|b)&kindOfValue != constValue {
		x.stuck = true
		return 0
	}
	x.Spend(1)
	bits := x.Apply(op, x.vector(a), x.vector(b))
	if k, ok := constant(&bits); ok {
		return value(k)
	}
	if have, ok := x.index[bits]; ok {
		return have
	}
	if len(x.vectors) >= x.limits.States {
		panic(&LimitError{"values computed by the program", x.limits.States})
	}
	v := vectorValue | value(len(x.vectors))
	x.vectors = append(x.vectors, bits)
	x.index[bits] = v
	return v
}

// decide returns how a comparison comes out where no diagram is needed to know.
func (x *executor) decide(cmp policy.Cmp, a, b value) (holds, known bool) {
	if b&kindOfValue != constValue {
		return false, false
	}
	switch a & kindOfValue {
	case constValue:
		return cmp.Holds(uint32(a), uint32(b)), true
	case wordValue:
		return x.calls.Decide(cmp, linux.Word(a&^kindOfValue), uint32(b))
	case numberValue:
		return x.calls.NR.minus(uint32(a)).decide(cmp, uint32(b))
	}
	return false, false
}

// vector returns the bits of a value.
func (x *executor) vector(v value) *Vector {
	switch v & kindOfValue {
	case constValue:
		k := x.Space.Const(uint32(v))
		return &k
	case numberValue:
		nr, without := x.Word(linux.WordNR), x.Space.Const(^uint32(v))
		bits := x.Apply(policy.OpAnd, &nr, &without)
		return &bits
	case wordValue:
		w := v &^ kindOfValue
		if x.words[w] == nil {
			bits := x.Word(linux.Word(w))
			x.words[w] = &bits
		}
		return x.words[w]
	}
	bits := x.vectors[v&^kindOfValue]
	return &bits
}

// result returns the action of a value whose bits above bit are those of prefix.
func (x *executor) result(v *Vector, bit int, prefix uint32) Ref {
	if low := uint32(1)<<(bit+1) - 1; OneEffect(prefix, prefix|low) {
		return x.Leaf(linux.Action(prefix))
	}
	x.Spend(1)
	set := prefix | 1<<bit
	switch v[bit] {
	case False:
		return x.result(v, bit-1, prefix)
	case True:
		return x.result(v, bit-1, set)
	}
	lo := x.result(v, bit-1, prefix)
	return x.Ite(v[bit], x.result(v, bit-1, set), lo)
}

// kinds are the actions that the kernel knows.
var kinds = [...]linux.Action{linux.KillProcess, linux.KillThread, linux.Trap, linux.Errno, linux.Notify, linux.Trace, linux.Log, linux.Allow}

// OneEffect reports whether all values from lo to hi, an aligned block, do the
// same.
func OneEffect(lo, hi uint32) bool {
	if lo>>16 == hi>>16 {
		return linux.Action(lo).Effect() == linux.Action(hi).Effect() // data only matters in ascending order, if at all
	}
	for _, k := range kinds[1:] {
		if uint32(k)>>16 >= lo>>16 && uint32(k)>>16 <= hi>>16 {
			return false
		}
	}
	return true // kill_process, as unknown ones are
}
