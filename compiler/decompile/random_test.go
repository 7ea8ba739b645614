package decompile

import (
	"math/rand/v2"

	"secco/bpf"
	"secco/linux"
)

// interesting are constants at which arithmetic turns.
var interesting = []uint32{0, 1, 2, 3, 5, 7, 8, 15, 16, 31, 32, 63, 64, 255, 4096, 1 << 30, 1 << 31, 0xffff0000, 0xfffffffe, 0xffffffff}

func randomConst(r *rand.Rand) uint32 {
	switch r.IntN(4) {
	case 0:
		return r.Uint32()
	case 1:
		return r.Uint32N(16)
	}
	return interesting[r.IntN(len(interesting))]
}

var randomActions = []linux.Action{linux.Allow, linux.Errno | 1, linux.Errno | 38, linux.KillProcess, linux.KillThread, linux.Log, linux.Notify, linux.Trap, linux.Trace | 7, linux.Errno | 0xffff, 0x12345678}

// randomProgram returns a valid program that uses everything seccomp has.
func randomProgram(r *rand.Rand, size int) bpf.Program {
	alu := []uint16{bpf.AddK, bpf.AddX, bpf.SubK, bpf.SubX, bpf.MulK, bpf.MulX, bpf.DivK, bpf.DivX, bpf.OrK, bpf.OrX,
		bpf.AndK, bpf.AndX, bpf.LshK, bpf.LshX, bpf.RshK, bpf.RshX, bpf.XorK, bpf.XorX, bpf.Neg, bpf.Tax, bpf.Txa,
		bpf.LdLen, bpf.LdxLen, bpf.LdImm, bpf.LdxImm, bpf.LdMem, bpf.LdxMem, bpf.St, bpf.Stx}
	jumps := []uint16{bpf.JeqK, bpf.JeqX, bpf.JgtK, bpf.JgtX, bpf.JgeK, bpf.JgeX, bpf.JsetK, bpf.JsetX, bpf.Ja}
	for {
		p := bpf.Program{{Op: bpf.St, K: 0}, {Op: bpf.Stx, K: 1}}
		for len(p) < size {
			rest := size + 2 - len(p)
			in := bpf.Instruction{K: randomConst(r)}
			switch r.IntN(5) {
			case 0, 1:
				in.Op = bpf.LdW
				in.K = 4 * r.Uint32N(linux.NumWords)
			case 2:
				in.Op = alu[r.IntN(len(alu))]
				switch in.Op {
				case bpf.LdMem, bpf.LdxMem, bpf.St, bpf.Stx:
					in.K = r.Uint32N(2)
				case bpf.LshK, bpf.RshK:
					in.K %= 32
				case bpf.DivK:
					in.K = max(in.K, 1)
				}
			case 3, 4:
				in.Op = jumps[r.IntN(len(jumps))]
				in.Jt, in.Jf = uint8(r.IntN(min(rest, 9))), uint8(r.IntN(min(rest, 9)))
				if in.Op == bpf.Ja {
					in.K = uint32(in.Jt)
				}
			}
			p = append(p, in)
		}
		for range 3 {
			p = append(p, bpf.Instruction{Op: bpf.RetK, K: uint32(randomActions[r.IntN(len(randomActions))])})
		}
		if r.IntN(4) == 0 {
			p[len(p)-1] = bpf.Instruction{Op: bpf.RetA}
		}
		if bpf.Validate(p) == nil {
			return p
		}
	}
}
