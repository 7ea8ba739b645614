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
// Values are kept as what they are as long as possible: a constant, or a word of
// the call. Most jumps then compare the number or the architecture with a
// constant, and the slice's ranges decide them without any diagram. Only other
// values become vectors of diagrams.

// Program is a program made ready for analysis. It is not safe for concurrent
// use.
type Program struct {
	code bpf.Program // and a last instruction, where a division by zero leads
	live []uint32    // registers that are read before they are written, from each instruction on

	ways  []uint16 // to each instruction, from others
	meets []bool   // instructions that lead to one with several ways

	seen    []seenState // of Analyse
	reached []bool
}

// The registers: the accumulator, the index register and the scratch words.
const (
	regA = iota
	regX
	regMem
	numRegs = regMem + bpf.MemWords
)

// NewProgram prepares a program, which must be valid (bpf.Validate).
func NewProgram(p bpf.Program) *Program {
	code := append(append(bpf.Program(nil), p...), bpf.Instruction{Op: bpf.RetK, K: uint32(linux.KillThread)})
	prog := &Program{
		code: code, live: make([]uint32, len(code)),
		ways: make([]uint16, len(code)), meets: make([]bool, len(code)),
	}
	for pc := len(p); pc >= 0; pc-- {
		prog.live[pc] = prog.liveAt(pc)
		for _, to := range prog.follow(pc) {
			prog.ways[to]++
		}
	}
	for pc := len(p); pc >= 0; pc-- {
		for _, to := range prog.follow(pc) {
			prog.meets[pc] = prog.meets[pc] || prog.meets[to] || prog.ways[to] > 1 && !isReturn(code[to].Op)
		}
	}
	return prog
}

func isReturn(op uint16) bool { return op == bpf.RetK || op == bpf.RetA }

// follow returns the instructions that may follow on one.
func (p *Program) follow(pc int) []int {
	in := p.code[pc]
	if _, _, ok := comparison(in.Op); ok {
		return []int{pc + 1 + int(in.Jt), pc + 1 + int(in.Jf)}
	}
	switch in.Op {
	case bpf.RetK, bpf.RetA:
		return nil
	case bpf.Ja:
		return []int{pc + 1 + int(in.K)}
	}
	return []int{pc + 1}
}

func (p *Program) liveAt(pc int) uint32 {
	const a, x = 1 << regA, 1 << regX
	in := p.code[pc]
	switch in.Op {
	case bpf.RetK:
		return 0
	case bpf.RetA:
		return a
	case bpf.Ja:
		return p.live[pc+1+int(in.K)]
	case bpf.JeqK, bpf.JgtK, bpf.JgeK, bpf.JsetK:
		return p.live[pc+1+int(in.Jt)] | p.live[pc+1+int(in.Jf)] | a
	case bpf.JeqX, bpf.JgtX, bpf.JgeX, bpf.JsetX:
		return p.live[pc+1+int(in.Jt)] | p.live[pc+1+int(in.Jf)] | a | x
	}
	live := p.live[pc+1]
	read := func(to, from uint32) uint32 {
		if live&to == 0 {
			return live
		}
		return live&^to | from
	}
	switch in.Op {
	case bpf.LdW, bpf.LdLen, bpf.LdImm:
		return live &^ a
	case bpf.LdxLen, bpf.LdxImm:
		return live &^ x
	case bpf.LdMem:
		return read(a, 1<<(regMem+in.K))
	case bpf.LdxMem:
		return read(x, 1<<(regMem+in.K))
	case bpf.St:
		return read(1<<(regMem+in.K), a)
	case bpf.Stx:
		return read(1<<(regMem+in.K), x)
	case bpf.Tax:
		return read(x, a)
	case bpf.Txa:
		return read(a, x)
	case bpf.DivX: // a divisor of 0 ends the program
		return live | a | x
	case bpf.AddX, bpf.SubX, bpf.MulX, bpf.OrX, bpf.AndX, bpf.LshX, bpf.RshX, bpf.XorX:
		return read(a, a|x)
	}
	return live // A is changed by what is in A
}

// operation returns the two-operand operation of an instruction, and whether the
// second operand is X.
func operation(op uint16) (o policy.Op, withX, ok bool) {
	const source = 0x08 // BPF_X
	switch op &^ source {
	case bpf.AddK:
		o = policy.OpAdd
	case bpf.SubK:
		o = policy.OpSub
	case bpf.MulK:
		o = policy.OpMul
	case bpf.DivK:
		o = policy.OpDiv
	case bpf.OrK:
		o = policy.OpOr
	case bpf.AndK:
		o = policy.OpAnd
	case bpf.LshK:
		o = policy.OpLsh
	case bpf.RshK:
		o = policy.OpRsh
	case bpf.XorK:
		o = policy.OpXor
	default:
		return 0, false, false
	}
	return o, op&source != 0, true
}

// comparison returns the comparison of a conditional jump, and whether the second
// operand is X.
func comparison(op uint16) (c policy.Cmp, withX, ok bool) {
	const source = 0x08
	switch op &^ source {
	case bpf.JeqK:
		c = policy.CmpEq
	case bpf.JgtK:
		c = policy.CmpGt
	case bpf.JgeK:
		c = policy.CmpGe
	case bpf.JsetK:
		c = policy.CmpSet
	default:
		return 0, false, false
	}
	return c, op&source != 0, true
}

// value is what a register holds: its kind in the upper half, and in the lower
// the constant, the word, or the index of a vector.
type value uint64

const (
	constValue value = iota << 32
	wordValue
	vectorValue
	kindOfValue value = 3 << 32
)

type state struct {
	pc   int32
	regs [numRegs]value // 0 for those that are not live
}

type executor struct {
	*Space
	*Program
	vectors []Vector
	index   map[Vector]value
	words   [linux.NumWords]*Vector
}

// Program returns the diagram of what a program returns.
func (s *Space) Program(p *Program) Ref {
	return function(s, func() chooser[state] {
		return &executor{Space: s, Program: p, index: map[Vector]value{}}
	}, state{})
}

// Constant returns the action that a program gives all calls of the space, where
// no diagram is needed to know that it is the same.
func (s *Space) Constant(p *Program) (a linux.Action, ok bool) {
	x := executor{Space: s, Program: p}
	var at state
	if _, ok := x.advance(&at); !ok {
		return 0, false
	}
	in := p.code[at.pc]
	switch {
	case in.Op == bpf.RetK:
		return linux.Action(in.K).Effect(), true
	case in.Op == bpf.RetA && at.regs[regA]&kindOfValue == constValue:
		return linux.Action(at.regs[regA]).Effect(), true
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
	if cmp, withX, ok := comparison(in.Op); ok {
		c := choice[state]{yes: at, no: at}
		c.cond = x.Compare(cmp, x.vector(at.regs[regA]), x.vector(at.operand(in, withX)))
		c.yes.pc += 1 + int32(in.Jt)
		c.no.pc += 1 + int32(in.Jf)
		return c
	}
	switch in.Op {
	case bpf.RetK:
		return choice[state]{isLeaf: true, leaf: x.Leaf(linux.Action(in.K))}
	case bpf.RetA:
		return choice[state]{isLeaf: true, leaf: x.result(x.vector(at.regs[regA]), 31, 0)}
	}
	// A division.
	zero := x.Const(0)
	c := choice[state]{cond: x.equal(x.vector(at.regs[regX]), &zero), no: at}
	c.yes.pc = int32(len(x.code) - 1)
	c.no.pc++
	c.no.regs[regA], _ = x.compute(policy.OpDiv, at.regs[regA], at.regs[regX])
	return c
}

// advance goes on as long as there is one way only. It reports whether others
// lead there, too; ok is false where it takes computing with more than constants,
// and x is not prepared to.
func (x *executor) advance(at *state) (shared, ok bool) {
	pc, regs, start := int(at.pc), &at.regs, at.pc
	for {
		shared = shared || x.ways[pc] > 1
		at.pc = int32(pc)
		in := x.code[pc]
		next := pc + 1
		if cmp, withX, ok := comparison(in.Op); ok {
			holds, known := x.decide(cmp, regs[regA], at.operand(in, withX))
			if !known {
				break
			}
			pc = next + target(in, holds)
			continue
		}
		if op, withX, ok := operation(in.Op); ok {
			operand := at.operand(in, withX)
			if in.Op == bpf.DivX && (operand == 0 || operand&kindOfValue != constValue) {
				break
			}
			v, ok := x.compute(op, regs[regA], operand)
			if !ok {
				return false, false
			}
			regs[regA], pc = v, next
			continue
		}
		switch in.Op {
		case bpf.RetK, bpf.RetA:
			x.Spend(1 + (pc-int(start))/16)
			return shared, true
		case bpf.Ja:
			next += int(in.K)
		case bpf.LdW:
			w, _ := linux.WordAt(in.K, x.calls.BigEndian())
			regs[regA] = x.load(w)
		case bpf.LdLen:
			regs[regA] = linux.DataSize
		case bpf.LdxLen:
			regs[regX] = linux.DataSize
		case bpf.LdImm:
			regs[regA] = value(in.K)
		case bpf.LdxImm:
			regs[regX] = value(in.K)
		case bpf.LdMem:
			regs[regA] = regs[regMem+in.K]
		case bpf.LdxMem:
			regs[regX] = regs[regMem+in.K]
		case bpf.St:
			regs[regMem+in.K] = regs[regA]
		case bpf.Stx:
			regs[regMem+in.K] = regs[regX]
		case bpf.Tax:
			regs[regX] = regs[regA]
		case bpf.Txa:
			regs[regA] = regs[regX]
		case bpf.Neg:
			v, ok := x.compute(policy.OpSub, 0, regs[regA])
			if !ok {
				return false, false
			}
			regs[regA] = v
		default:
			panic("diagram: the program is not valid")
		}
		pc = next
	}
	x.Spend(1 + (pc-int(start))/16)
	return shared, true
}

// operand returns the second operand of an instruction.
func (at *state) operand(in bpf.Instruction, withX bool) value {
	if withX {
		return at.regs[regX]
	}
	return value(in.K)
}

// target returns how many instructions a jump skips.
func target(in bpf.Instruction, holds bool) int {
	if holds {
		return int(in.Jt)
	}
	return int(in.Jf)
}

func (x *executor) load(w linux.Word) value {
	if r := x.calls.word(w); r.Lo == r.Hi {
		return value(r.Lo)
	}
	return wordValue | value(w)
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
		return decide(cmp, x.calls.word(linux.Word(a&^kindOfValue)), uint32(b))
	}
	return false, false
}

// vector returns the bits of a value.
func (x *executor) vector(v value) *Vector {
	switch v & kindOfValue {
	case constValue:
		k := x.Const(uint32(v))
		return &k
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

// compute returns a op b. It fails where that is no constant and x has no place
// for vectors.
func (x *executor) compute(op policy.Op, a, b value) (v value, ok bool) {
	if b == 0 && op != policy.OpMul && op != policy.OpAnd && op != policy.OpDiv {
		return a, true
	}
	if x.index == nil && (a|b)&kindOfValue != constValue {
		return 0, false
	}
	x.Spend(1)
	bits := x.Apply(op, x.vector(a), x.vector(b))
	if k, ok := constant(&bits); ok {
		return value(k), true
	}
	if have, ok := x.index[bits]; ok {
		return have, true
	}
	if len(x.vectors) >= x.limits.States {
		panic(&LimitError{"values computed by the program", x.limits.States})
	}
	v = vectorValue | value(len(x.vectors))
	x.vectors = append(x.vectors, bits)
	x.index[bits] = v
	return v, true
}

// result returns the action of a value whose bits above bit are those of prefix.
func (x *executor) result(v *Vector, bit int, prefix uint32) Ref {
	if low := uint32(1)<<(bit+1) - 1; oneEffect(prefix, prefix|low) {
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

// oneEffect reports whether all values from lo to hi, an aligned block, do the
// same.
func oneEffect(lo, hi uint32) bool {
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
