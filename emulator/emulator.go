// Package emulator runs seccomp programs as the kernel does.
//
// What the kernel's documentation leaves to its code holds here as well:
//
//   - A, X start as 0. Scratch words do too, which nobody can see: a valid
//     program writes before it reads.
//   - Arithmetic is modulo 2^32, comparisons are unsigned.
//   - A shift by X takes the lower five bits of X, as the kernel's interpreter
//     and its compilers for x86 and arm64 do.
//   - Division by an X of 0 ends the program with the value 0, kill_thread.
//   - ld len and ldx len give 64, the size of struct seccomp_data.
//   - ret a may return any value; [linux.Action.Effect] says what the kernel
//     makes of it.
//   - A 64-bit field lies in the byte order of the machine, and the data's arch
//     says which machine that is: AUDIT_ARCH values of little-endian ones have
//     the bit __AUDIT_ARCH_LE.
package emulator

import (
	"secco/bpf"
	"secco/linux"
)

// Machine is a program made ready to run. It may be used by several goroutines
// at once.
type Machine struct {
	program bpf.Program
	code    []instruction
}

// instruction is a bpf.Instruction with jump targets instead of distances, and
// loads by field instead of offset. Its op is the instruction's own but for ld [k].
type instruction struct {
	k      uint32
	jt, jf uint16 // index of the next instruction; loadField: jt is the shift
	op     uint8
}

// What ld [k] becomes, under numbers that no valid instruction has.
const (
	loadNR    = bpf.LdW
	loadArch  = 0x28
	loadField = 0x30 // k: 1 the instruction pointer, 2… the arguments
)

// auditLE is __AUDIT_ARCH_LE.
const auditLE = 0x40000000

// New returns a machine for a copy of p, or Validate's error.
func New(p bpf.Program) (*Machine, error) {
	if err := bpf.Validate(p); err != nil {
		return nil, err
	}
	m := &Machine{append(bpf.Program(nil), p...), make([]instruction, len(p))}
	for i, in := range p {
		m.code[i] = decode(i, in)
	}
	return m, nil
}

// Program returns the program that the machine runs; it is not to be changed.
func (m *Machine) Program() bpf.Program { return m.program }

func decode(pc int, in bpf.Instruction) instruction {
	next := uint16(pc + 1)
	d := instruction{k: in.K, op: uint8(in.Op)}
	switch in.Op {
	case bpf.LdW:
		switch in.K {
		case 0:
		case 4:
			d.op = loadArch
		default:
			d = instruction{op: loadField, k: in.K / 8, jt: uint16(in.K % 8 * 8)}
		}
	case bpf.LdLen:
		d = instruction{op: bpf.LdImm, k: linux.DataSize}
	case bpf.LdxLen:
		d = instruction{op: bpf.LdxImm, k: linux.DataSize}
	case bpf.Ja:
		d.jt = next + uint16(in.K)
	case bpf.JeqK, bpf.JeqX, bpf.JgtK, bpf.JgtX, bpf.JgeK, bpf.JgeX, bpf.JsetK, bpf.JsetX:
		d.jt, d.jf = next+uint16(in.Jt), next+uint16(in.Jf)
	}
	return d
}

// Run returns the value that the program returns for the call d, as it is, data
// and unknown actions included. It does not allocate.
//
// The opcodes stay the sparse ones of BPF: a switch over dense ones, which Go
// turns into a jump table, was measured to be slower.
func (m *Machine) Run(d *linux.SeccompData) linux.Action {
	var (
		a, x  uint32
		mem   [bpf.MemWords]uint32
		field = [8]uint64{0, d.IP, d.Args[0], d.Args[1], d.Args[2], d.Args[3], d.Args[4], d.Args[5]}
		swap  uint16 // 32 where the upper half of a field comes first
	)
	if bigEndian(d) {
		swap = 32
	}
	code := m.code
	for pc := 0; ; {
		in := &code[pc]
		pc++
		switch in.op {
		case loadNR:
			a = d.NR
		case loadArch:
			a = d.Arch
		case loadField:
			a = uint32(field[in.k%8] >> ((in.jt ^ swap) % 64))
		case bpf.LdImm:
			a = in.k
		case bpf.LdxImm:
			x = in.k
		case bpf.LdMem:
			a = mem[in.k%bpf.MemWords]
		case bpf.LdxMem:
			x = mem[in.k%bpf.MemWords]
		case bpf.St:
			mem[in.k%bpf.MemWords] = a
		case bpf.Stx:
			mem[in.k%bpf.MemWords] = x
		case bpf.Tax:
			x = a
		case bpf.Txa:
			a = x

		case bpf.AddK:
			a += in.k
		case bpf.AddX:
			a += x
		case bpf.SubK:
			a -= in.k
		case bpf.SubX:
			a -= x
		case bpf.MulK:
			a *= in.k
		case bpf.MulX:
			a *= x
		case bpf.DivK:
			a /= in.k
		case bpf.DivX:
			if x == 0 {
				return linux.KillThread
			}
			a /= x
		case bpf.OrK:
			a |= in.k
		case bpf.OrX:
			a |= x
		case bpf.AndK:
			a &= in.k
		case bpf.AndX:
			a &= x
		case bpf.LshK:
			a <<= in.k % 32
		case bpf.LshX:
			a <<= x % 32
		case bpf.RshK:
			a >>= in.k % 32
		case bpf.RshX:
			a >>= x % 32
		case bpf.XorK:
			a ^= in.k
		case bpf.XorX:
			a ^= x
		case bpf.Neg:
			a = -a

		case bpf.Ja:
			pc = int(in.jt)
		case bpf.JeqK:
			pc = branch(in, a == in.k)
		case bpf.JeqX:
			pc = branch(in, a == x)
		case bpf.JgtK:
			pc = branch(in, a > in.k)
		case bpf.JgtX:
			pc = branch(in, a > x)
		case bpf.JgeK:
			pc = branch(in, a >= in.k)
		case bpf.JgeX:
			pc = branch(in, a >= x)
		case bpf.JsetK:
			pc = branch(in, a&in.k != 0)
		case bpf.JsetX:
			pc = branch(in, a&x != 0)

		case bpf.RetK:
			return linux.Action(in.k)
		case bpf.RetA:
			return linux.Action(a)
		}
	}
}

func branch(in *instruction, holds bool) int {
	if holds {
		return int(in.jt)
	}
	return int(in.jf)
}
