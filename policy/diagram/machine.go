package diagram

import (
	"secco/bpf"
	"secco/linux"
	"secco/policy"
)

// The registers: the accumulator, the index register and the scratch words.
const (
	RegA    = 0
	RegX    = 1
	RegMem  = 2
	NumRegs = RegMem + bpf.MemWords
)

// Registers are the registers of a machine that computes with values of some
// kind, such as numbers, diagrams or expressions.
type Registers[V any] [NumRegs]V

// Machine is how such values come about.
type Machine[V any] interface {
	Const(uint32) V
	Load(linux.Word) V
	Binary(op policy.Op, x, y V) V
}

// Step executes an instruction that neither jumps nor returns. Division by zero
// is the caller's business.
func (r *Registers[V]) Step(in bpf.Instruction, m Machine[V], bigEndian bool) {
	if op, withX, ok := Operation(in.Op); ok {
		r[RegA] = m.Binary(op, r[RegA], r.Operand(in, withX, m))
		return
	}
	switch in.Op {
	case bpf.LdW:
		w, _ := linux.WordAt(in.K, bigEndian)
		r[RegA] = m.Load(w)
	case bpf.LdLen:
		r[RegA] = m.Const(linux.DataSize)
	case bpf.LdxLen:
		r[RegX] = m.Const(linux.DataSize)
	case bpf.LdImm:
		r[RegA] = m.Const(in.K)
	case bpf.LdxImm:
		r[RegX] = m.Const(in.K)
	case bpf.LdMem:
		r[RegA] = r[RegMem+in.K]
	case bpf.LdxMem:
		r[RegX] = r[RegMem+in.K]
	case bpf.St:
		r[RegMem+in.K] = r[RegA]
	case bpf.Stx:
		r[RegMem+in.K] = r[RegX]
	case bpf.Tax:
		r[RegX] = r[RegA]
	case bpf.Txa:
		r[RegA] = r[RegX]
	case bpf.Neg:
		r[RegA] = m.Binary(policy.OpSub, m.Const(0), r[RegA])
	default:
		panic("diagram: the program is not valid")
	}
}

// Operand returns the second operand of an instruction: X or its constant.
func (r *Registers[V]) Operand(in bpf.Instruction, withX bool, m Machine[V]) V {
	if withX {
		return r[RegX]
	}
	return m.Const(in.K)
}

// Program is a program made ready for analysis. It is not safe for concurrent
// use.
type Program struct {
	code bpf.Program // and a last instruction, where a division by zero leads
	live []uint32    // registers that are read before they are written, from each instruction on

	ways  []uint16 // to each instruction, from others
	meets []bool   // instructions that lead to one with several ways

	seen    []Registers[seenValue] // of Analyse
	reached []bool
}

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

// Len returns the number of instructions.
func (p *Program) Len() int { return len(p.code) - 1 }

// At returns an instruction. The one behind the last returns kill_thread; it is
// where a division by zero leads.
func (p *Program) At(pc int) bpf.Instruction { return p.code[pc] }

// Live reports whether a register may be read from an instruction on before it is
// written.
func (p *Program) Live(pc, register int) bool { return p.live[pc]&(1<<register) != 0 }

func isReturn(op uint16) bool { return op == bpf.RetK || op == bpf.RetA }

// follow returns the instructions that may follow on one.
func (p *Program) follow(pc int) []int {
	in := p.code[pc]
	if _, _, ok := Comparison(in.Op); ok {
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
	const a, x = 1 << RegA, 1 << RegX
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
		return read(a, 1<<(RegMem+in.K))
	case bpf.LdxMem:
		return read(x, 1<<(RegMem+in.K))
	case bpf.St:
		return read(1<<(RegMem+in.K), a)
	case bpf.Stx:
		return read(1<<(RegMem+in.K), x)
	case bpf.Tax:
		return read(x, a)
	case bpf.Txa:
		return read(a, x)
	case bpf.DivX: // a divisor of 0 ends the program, whatever becomes of A
		return read(a, a) | x
	case bpf.AddX, bpf.SubX, bpf.MulX, bpf.OrX, bpf.AndX, bpf.LshX, bpf.RshX, bpf.XorX:
		return read(a, a|x)
	}
	return live // A is changed by what is in A
}

// Operation returns the two-operand operation of an instruction, and whether the
// second operand is X.
func Operation(op uint16) (o policy.Op, withX, ok bool) {
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

// Comparison returns the comparison of a conditional jump, and whether the second
// operand is X.
func Comparison(op uint16) (c policy.Cmp, withX, ok bool) {
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
