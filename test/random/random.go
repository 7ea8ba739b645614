// Package random makes valid programs, and calls that tell their paths apart,
// for tests.
package random

import (
	"errors"
	"math/rand/v2"

	"secco/bpf"
	"secco/linux"
)

// Options bounds what [Program] makes.
type Options struct {
	Max    int  // most instructions; 0 means 60
	NoRetA bool // every return has a constant
	Junk   bool // fill some of the fields that an instruction does not use
}

var (
	arithmetic = []uint16{bpf.AddK, bpf.AddX, bpf.SubK, bpf.SubX, bpf.MulK, bpf.MulX, bpf.DivK, bpf.DivX,
		bpf.OrK, bpf.OrX, bpf.AndK, bpf.AndX, bpf.LshK, bpf.LshX, bpf.RshK, bpf.RshX, bpf.XorK, bpf.XorX, bpf.Neg}
	jumps = []uint16{bpf.JeqK, bpf.JeqX, bpf.JgtK, bpf.JgtX, bpf.JgeK, bpf.JgeX, bpf.JsetK, bpf.JsetX, bpf.Ja}
	loads = []uint16{bpf.LdImm, bpf.LdxImm, bpf.LdLen, bpf.LdxLen, bpf.Tax, bpf.Txa, bpf.Tax, bpf.Txa}
	words = []uint16{bpf.St, bpf.Stx, bpf.LdMem, bpf.LdxMem}

	arches = []uint32{linux.X86_64.Audit(), linux.I386.Audit(), linux.ARM64.Audit(), linux.S390X.Audit(), linux.PPC64.Audit(), 0}
)

// Program returns a random program that [bpf.Validate] accepts. All opcodes
// occur, most jumps are short, and few returns stand before the end, so that
// much of the program can be reached.
func Program(r *rand.Rand, o Options) bpf.Program {
	if o.Max == 0 {
		o.Max = 60
	}
	p := make(bpf.Program, 1+r.IntN(min(o.Max, bpf.MaxInstructions)))
	for i := range p {
		p[i] = instruction(r, len(p)-i-1, o)
	}
	for { // make up for scratch words read before they are written
		var invalid *bpf.InvalidError
		if !errors.As(bpf.Validate(p), &invalid) {
			return p
		}
		switch at := &p[invalid.Index]; at.Op {
		case bpf.LdMem:
			at.Op = bpf.St
		case bpf.LdxMem:
			at.Op = bpf.Stx
		default:
			panic("random program is " + invalid.Error())
		}
	}
}

// instruction returns one that is valid in front of rest others.
func instruction(r *rand.Rand, rest int, o Options) bpf.Instruction {
	var in bpf.Instruction
	if o.Junk && r.IntN(2) == 0 {
		in = bpf.Instruction{Jt: uint8(r.Uint32()), Jf: uint8(r.Uint32()), K: r.Uint32()}
	}
	kind := r.IntN(100)
	if rest == 0 {
		kind = 99
	}
	switch {
	case kind < 25:
		in.Op, in.K = bpf.LdW, uint32(r.IntN(16))*4
	case kind < 50:
		in.Op = pick(r, arithmetic)
	case kind < 75:
		in.Op = pick(r, jumps)
	case kind < 83:
		in.Op = pick(r, loads)
	case kind < 96:
		in.Op, in.K = pick(r, words), uint32(r.IntN(bpf.MemWords))
	default:
		in.Op = bpf.RetK
		if !o.NoRetA && r.IntN(3) == 0 {
			in.Op = bpf.RetA
		}
	}
	switch in.Op {
	case bpf.LshK, bpf.RshK:
		in.K = uint32(r.IntN(32))
	case bpf.DivK:
		in.K = max(1, Value(r))
	case bpf.AddK, bpf.SubK, bpf.MulK, bpf.OrK, bpf.AndK, bpf.XorK, bpf.LdImm, bpf.LdxImm:
		in.K = Value(r)
	case bpf.RetK:
		in.K = uint32(linux.Errno) + r.Uint32()%5000
		if r.IntN(2) == 0 {
			in.K = r.Uint32()
		}
	case bpf.Ja:
		in.K = uint32(distance(r, rest))
		if rest == 1 {
			in.K = 0
		}
	case bpf.JeqK, bpf.JgtK, bpf.JgeK, bpf.JsetK:
		in.K = Value(r)
		fallthrough
	case bpf.JeqX, bpf.JgtX, bpf.JgeX, bpf.JsetX:
		in.Jt, in.Jf = uint8(distance(r, min(rest, 256))), uint8(distance(r, min(rest, 256)))
	}
	return in
}

// distance returns a jump's distance below rest, most often a short one.
func distance(r *rand.Rand, rest int) int {
	if r.IntN(8) > 0 {
		rest = min(rest, 6)
	}
	return r.IntN(rest)
}

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

// Value returns a word, most often one at which some comparison or arithmetic turns.
func Value(r *rand.Rand) uint32 {
	switch r.IntN(8) {
	case 0:
		return r.Uint32()
	case 1:
		return pick(r, arches)
	case 2:
		return 1<<r.IntN(32) - 1
	case 3:
		return 1 << r.IntN(32)
	case 4:
		return -uint32(r.IntN(4))
	}
	return uint32(r.IntN(8))
}

// Data returns a call whose words are most often the constants of p, their
// neighbours, or values that are special by themselves.
func Data(r *rand.Rand, p bpf.Program) linux.SeccompData {
	word := func() uint32 {
		if r.IntN(3) > 0 {
			if in := pick(r, p); in.Op != bpf.LdW && in.Op&7 != bpf.RetK {
				return in.K + uint32(r.IntN(3)) - 1
			}
		}
		return Value(r)
	}
	d := linux.SeccompData{NR: word(), Arch: pick(r, arches), IP: uint64(word())<<32 | uint64(word())}
	if r.IntN(4) == 0 {
		d.Arch = word()
	}
	for i := range d.Args {
		d.Args[i] = uint64(word())<<32 | uint64(word())
	}
	return d
}
