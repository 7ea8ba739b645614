package hook

import (
	"slices"

	"secco/bpf"
	"secco/linux"
)

// Verdicts returns what a valid program may answer to calls of an architecture
// with this number, over all arguments, strictest first. It knows the
// architecture and the number and follows both ways wherever an argument or the
// instruction pointer decides, so it may list verdicts that no call gets, but it
// never leaves one out.
func Verdicts(program bpf.Program, arch linux.Arch, nr uint32) []linux.Action {
	v := &verdicts{arch: arch, nr: nr, states: make([]*absState, len(program))}
	zero := absValue{known: true}
	v.states[0] = &absState{a: zero, x: zero}
	// Jumps go forward only: one pass in order meets every instruction after all
	// that lead to it.
	for pc, in := range program {
		if s := v.states[pc]; s != nil {
			v.step(pc, in, *s)
			v.states[pc] = nil
		}
	}
	slices.SortFunc(v.found, func(a, b linux.Action) int { return a.Rank() - b.Rank() })
	return v.found
}

// Notifies reports whether the program has user notifications among its returns.
// A return of a computed value counts as one.
func Notifies(program bpf.Program) bool {
	return slices.ContainsFunc(program, func(in bpf.Instruction) bool {
		return in.Op == bpf.RetA || in.Op == bpf.RetK && linux.Action(in.K).Kind() == linux.Notify
	})
}

type verdicts struct {
	arch   linux.Arch
	nr     uint32
	states []*absState // before each instruction; nil where it isn't reached
	found  []linux.Action
}

// An absValue is a value that is known, or isn't.
type absValue struct {
	known bool
	k     uint32
}

// An absState is what is known of the machine's registers and scratch words.
type absState struct {
	a, x absValue
	mem  [bpf.MemWords]absValue
}

// reach merges a state into those before an instruction.
func (v *verdicts) reach(pc int, s absState) {
	have := v.states[pc]
	if have == nil {
		v.states[pc] = &s
		return
	}
	merge := func(into *absValue, other absValue) {
		if *into != other {
			*into = absValue{}
		}
	}
	merge(&have.a, s.a)
	merge(&have.x, s.x)
	for i := range have.mem {
		merge(&have.mem[i], s.mem[i])
	}
}

func (v *verdicts) answer(a linux.Action) {
	if a = a.Effect(); !slices.Contains(v.found, a) {
		v.found = append(v.found, a)
	}
}

func (v *verdicts) step(pc int, in bpf.Instruction, s absState) {
	known := func(k uint32) absValue { return absValue{true, k} }
	operand := known(in.K)
	const source = 0x08 // BPF_X
	if in.Op&source != 0 {
		operand = s.x
	}
	switch in.Op {
	case bpf.RetK:
		v.answer(linux.Action(in.K))
		return
	case bpf.RetA:
		if s.a.known {
			v.answer(linux.Action(s.a.k))
			return
		}
		for _, a := range []linux.Action{linux.KillProcess, linux.KillThread, linux.Trap, linux.Errno, linux.Notify, linux.Trace, linux.Log, linux.Allow} {
			v.answer(a)
		}
		return
	case bpf.Ja:
		v.reach(pc+1+int(in.K), s)
		return
	case bpf.JeqK, bpf.JeqX, bpf.JgtK, bpf.JgtX, bpf.JgeK, bpf.JgeX, bpf.JsetK, bpf.JsetX:
		yes, no := true, true
		if s.a.known && operand.known {
			yes = compares(in.Op&^source, s.a.k, operand.k)
			no = !yes
		}
		if yes {
			v.reach(pc+1+int(in.Jt), s)
		}
		if no {
			v.reach(pc+1+int(in.Jf), s)
		}
		return
	case bpf.LdW:
		s.a = v.load(in.K)
	case bpf.LdLen:
		s.a = known(linux.DataSize)
	case bpf.LdxLen:
		s.x = known(linux.DataSize)
	case bpf.LdImm:
		s.a = known(in.K)
	case bpf.LdxImm:
		s.x = known(in.K)
	case bpf.LdMem:
		s.a = s.mem[in.K]
	case bpf.LdxMem:
		s.x = s.mem[in.K]
	case bpf.St:
		s.mem[in.K] = s.a
	case bpf.Stx:
		s.mem[in.K] = s.x
	case bpf.Tax:
		s.x = s.a
	case bpf.Txa:
		s.a = s.x
	case bpf.Neg:
		s.a.k = -s.a.k
	default:
		if in.Op == bpf.DivX && (!operand.known || operand.k == 0) {
			v.answer(linux.KillThread) // the kernel returns 0
			if operand.known {
				return
			}
		}
		if s.a.known && operand.known {
			s.a.k = compute(in.Op&^source, s.a.k, operand.k)
		} else {
			s.a = absValue{}
		}
	}
	if !s.a.known {
		s.a = absValue{}
	}
	v.reach(pc+1, s)
}

func (v *verdicts) load(offset uint32) absValue {
	word, _ := linux.WordAt(offset, v.arch.BigEndian())
	switch word {
	case linux.WordNR:
		return absValue{true, v.nr}
	case linux.WordArch:
		return absValue{true, v.arch.Audit()}
	}
	return absValue{}
}

func compares(op uint16, a, k uint32) bool {
	switch op {
	case bpf.JeqK:
		return a == k
	case bpf.JgtK:
		return a > k
	case bpf.JgeK:
		return a >= k
	}
	return a&k != 0
}

func compute(op uint16, a, k uint32) uint32 {
	switch op {
	case bpf.AddK:
		return a + k
	case bpf.SubK:
		return a - k
	case bpf.MulK:
		return a * k
	case bpf.DivK:
		return a / k
	case bpf.OrK:
		return a | k
	case bpf.AndK:
		return a & k
	case bpf.XorK:
		return a ^ k
	case bpf.LshK:
		return a << (k & 31)
	}
	return a >> (k & 31) // RshK
}
