package emulator

import (
	"secco/bpf"
	"secco/linux"
)

// Step is one instruction that has run.
type Step struct {
	PC          int
	Instruction bpf.Instruction
	A, X        uint32 // after it
	Taken       bool   // a conditional jump whose condition held, or ja
}

// Trace returns what [Machine.Run] does and shows every instruction after it has
// run, the last one included: a return, or a division by an X of 0.
func (m *Machine) Trace(d *linux.SeccompData, show func(Step)) linux.Action {
	var (
		s   Step
		mem [bpf.MemWords]uint32
	)
	for next := 0; ; {
		s.PC, s.Instruction, s.Taken = next, m.program[next], false
		next++
		in := s.Instruction
		operand := in.K
		if isX(in.Op) {
			operand = s.X
		}
		switch in.Op {
		case bpf.LdW:
			w, _ := linux.WordAt(in.K, bigEndian(d))
			s.A = d.Word(w)
		case bpf.LdLen:
			s.A = linux.DataSize
		case bpf.LdxLen:
			s.X = linux.DataSize
		case bpf.LdImm:
			s.A = in.K
		case bpf.LdxImm:
			s.X = in.K
		case bpf.LdMem:
			s.A = mem[in.K]
		case bpf.LdxMem:
			s.X = mem[in.K]
		case bpf.St:
			mem[in.K] = s.A
		case bpf.Stx:
			mem[in.K] = s.X
		case bpf.Tax:
			s.X = s.A
		case bpf.Txa:
			s.A = s.X

		case bpf.AddK, bpf.AddX:
			s.A += operand
		case bpf.SubK, bpf.SubX:
			s.A -= operand
		case bpf.MulK, bpf.MulX:
			s.A *= operand
		case bpf.DivK, bpf.DivX:
			if operand == 0 {
				s.A = uint32(linux.KillThread)
				show(s)
				return linux.KillThread
			}
			s.A /= operand
		case bpf.OrK, bpf.OrX:
			s.A |= operand
		case bpf.AndK, bpf.AndX:
			s.A &= operand
		case bpf.XorK, bpf.XorX:
			s.A ^= operand
		case bpf.LshK, bpf.LshX:
			s.A <<= operand & 31
		case bpf.RshK, bpf.RshX:
			s.A >>= operand & 31
		case bpf.Neg:
			s.A = -s.A

		case bpf.Ja:
			s.Taken = true
			next += int(in.K)
		case bpf.JeqK, bpf.JeqX:
			s.Taken = s.A == operand
		case bpf.JgtK, bpf.JgtX:
			s.Taken = s.A > operand
		case bpf.JgeK, bpf.JgeX:
			s.Taken = s.A >= operand
		case bpf.JsetK, bpf.JsetX:
			s.Taken = s.A&operand != 0
		}
		show(s)
		switch {
		case in.Op == bpf.RetK:
			return linux.Action(in.K)
		case in.Op == bpf.RetA:
			return linux.Action(s.A)
		case in.Op&classMask == classJmp && in.Op != bpf.Ja:
			if s.Taken {
				next += int(in.Jt)
			} else {
				next += int(in.Jf)
			}
		}
	}
}

// Fields of an opcode.
const (
	classMask = 0x07
	classAlu  = 0x04
	classJmp  = 0x05
	sourceX   = 0x08
)

// isX reports whether an operation takes X as its operand, not K.
func isX(op uint16) bool {
	class := op & classMask
	return (class == classAlu || class == classJmp) && op&sourceX != 0
}

// bigEndian reports the byte order of the machine that d comes from.
func bigEndian(d *linux.SeccompData) bool { return d.Arch&auditLE == 0 }
