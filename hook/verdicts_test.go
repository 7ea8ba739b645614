package hook_test

import (
	"math/rand"
	"slices"
	"testing"

	"secco/bpf"
	"secco/emulator"
	"secco/hook"
	"secco/linux"
)

// Whatever a random program answers to a call is among the verdicts listed for
// it; and where the program looks at nothing but architecture and number, the
// list holds that one verdict alone.
func TestVerdicts(t *testing.T) {
	rng := rand.New(rand.NewSource(1))
	exact := 0
	for range 20000 {
		p := randomProgram(rng)
		machine, err := emulator.New(p)
		if err != nil {
			continue
		}
		d := linux.SeccompData{NR: uint32(rng.Intn(4)), Arch: linux.X86_64.Audit()}
		list := hook.Verdicts(p, linux.X86_64, d.NR)
		if !slices.IsSortedFunc(list, func(a, b linux.Action) int { return a.Rank() - b.Rank() }) || len(list) == 0 {
			t.Fatalf("%v for %v", list, p)
		}
		if len(list) == 1 {
			exact++
		}
		for range 20 {
			for i := range d.Args {
				d.Args[i] = uint64(rng.Intn(4))<<32 | uint64(rng.Intn(4))
			}
			got := machine.Run(&d).Effect()
			if !slices.ContainsFunc(list, func(a linux.Action) bool { return a == got || a.Kind() == got.Kind() && !constant(p) }) {
				t.Fatalf("%v answers %v to %+v, listed are %v", p, got, d, list)
			}
		}
	}
	if exact < 1000 {
		t.Errorf("only %d lists of one verdict", exact)
	}
}

// constant reports whether all returns are of constants.
func constant(p bpf.Program) bool {
	return !slices.ContainsFunc(p, func(in bpf.Instruction) bool { return in.Op == bpf.RetA })
}

func randomProgram(rng *rand.Rand) bpf.Program {
	returns := []linux.Action{linux.Allow, linux.KillProcess, linux.Errno.With(1), linux.Errno.With(5000), 0x12340000, linux.Log, linux.Notify}
	alu := []uint16{bpf.AddK, bpf.AddX, bpf.SubK, bpf.SubX, bpf.MulK, bpf.MulX, bpf.DivX, bpf.OrK, bpf.OrX, bpf.AndK, bpf.AndX, bpf.XorK, bpf.XorX, bpf.LshK, bpf.LshX, bpf.RshK, bpf.RshX, bpf.Neg, bpf.Tax, bpf.Txa, bpf.LdImm, bpf.LdxImm, bpf.LdLen, bpf.LdxLen}
	jumps := []uint16{bpf.JeqK, bpf.JeqX, bpf.JgtK, bpf.JgtX, bpf.JgeK, bpf.JgeX, bpf.JsetK, bpf.JsetX}
	n := 3 + rng.Intn(12)
	p := bpf.Program{{Op: bpf.LdImm}, {Op: bpf.St}, {Op: bpf.St, K: 1}}
	for i := len(p); i < n; i++ {
		room := n - i - 1
		in := bpf.Instruction{K: uint32(rng.Intn(5))}
		switch rng.Intn(6) {
		case 0:
			in.Op, in.K = bpf.LdW, 4*uint32(rng.Intn(16))
		case 1:
			in.Op = alu[rng.Intn(len(alu))]
		case 2:
			in.Op, in.K = []uint16{bpf.St, bpf.Stx, bpf.LdMem, bpf.LdxMem}[rng.Intn(4)], uint32(rng.Intn(2))
		case 3, 4:
			in.Op, in.Jt, in.Jf = jumps[rng.Intn(len(jumps))], uint8(rng.Intn(room+1)), uint8(rng.Intn(room+1))
		case 5:
			in.Op, in.K = bpf.Ja, uint32(rng.Intn(room+1))
		}
		p = append(p, in)
	}
	if rng.Intn(8) == 0 {
		return append(p, bpf.Instruction{Op: bpf.RetA})
	}
	at := len(p)
	for range 3 {
		p = append(p, bpf.Instruction{Op: bpf.RetK, K: uint32(returns[rng.Intn(len(returns))])})
	}
	for i := 3; i < at; i++ { // so that the returns are all reached
		if p[i].Op == bpf.JeqK {
			p[i].Jt += uint8(rng.Intn(3))
		}
	}
	return p
}
