package prove

import (
	"math/rand/v2"
	"testing"

	"secco/bpf"
	"secco/linux"
	"secco/policy/diagram"
)

// hostile are programs that are hard to compare in one way each.
var hostile = []struct {
	name    string
	decided bool // must be, within a small budget
	program func(r *rand.Rand) bpf.Program
}{
	{"numbers", true, func(*rand.Rand) bpf.Program {
		return fill(nil, func(p bpf.Program) bpf.Program {
			return append(p, bpf.Instruction{Op: bpf.LdW}, bpf.Instruction{Op: bpf.JeqK, K: uint32(len(p)), Jf: 1}, bpf.Instruction{Op: bpf.RetK, K: uint32(linux.Errno) | uint32(len(p))})
		})
	}},
	{"ranges", true, func(r *rand.Rand) bpf.Program {
		return fill(bpf.Program{{Op: bpf.LdW, K: 16}}, func(p bpf.Program) bpf.Program {
			return append(p, bpf.Instruction{Op: bpf.JgeK, K: r.Uint32(), Jf: 1}, bpf.Instruction{Op: bpf.RetK, K: uint32(linux.Errno) | r.Uint32N(4)})
		})
	}},
	{"pairs", true, func(r *rand.Rand) bpf.Program {
		return fill(nil, func(p bpf.Program) bpf.Program {
			return append(p,
				bpf.Instruction{Op: bpf.LdW, K: 16}, bpf.Instruction{Op: bpf.JeqK, K: r.Uint32(), Jf: 3},
				bpf.Instruction{Op: bpf.LdW, K: 24}, bpf.Instruction{Op: bpf.JeqK, K: r.Uint32(), Jf: 1},
				bpf.Instruction{Op: bpf.RetK, K: uint32(linux.Errno) | r.Uint32N(4)})
		})
	}},
	{"pairs of ranges", true, func(r *rand.Rand) bpf.Program {
		return fill(nil, func(p bpf.Program) bpf.Program {
			return append(p,
				bpf.Instruction{Op: bpf.LdW, K: 16}, bpf.Instruction{Op: bpf.JgeK, K: r.Uint32() | 0xf0000000, Jf: 3},
				bpf.Instruction{Op: bpf.LdW, K: 24}, bpf.Instruction{Op: bpf.JgeK, K: r.Uint32() | 0xf0000000, Jf: 1},
				bpf.Instruction{Op: bpf.RetK, K: uint32(linux.Errno) | r.Uint32N(4)})
		})
	}},
	{"equal arguments", false, func(r *rand.Rand) bpf.Program {
		return fill(nil, func(p bpf.Program) bpf.Program {
			i := r.IntN(5)
			return append(p,
				bpf.Instruction{Op: bpf.LdW, K: linux.ArgLow(i).Offset(false)}, bpf.Instruction{Op: bpf.Tax},
				bpf.Instruction{Op: bpf.LdW, K: linux.ArgLow(i + 1).Offset(false)}, bpf.Instruction{Op: bpf.JeqX, Jt: 1},
				bpf.Instruction{Op: bpf.JgtK, K: r.Uint32(), Jf: 1},
				bpf.Instruction{Op: bpf.RetK, K: uint32(linux.Errno) | r.Uint32N(4)})
		})
	}},
	{"paths", true, func(r *rand.Rand) bpf.Program {
		return fill(nil, func(p bpf.Program) bpf.Program {
			return append(p,
				bpf.Instruction{Op: bpf.LdW, K: 16}, bpf.Instruction{Op: bpf.JsetK, K: 1 << r.IntN(32), Jf: 1},
				bpf.Instruction{Op: bpf.LdImm, K: 5}, bpf.Instruction{Op: bpf.LdW, K: 20},
				bpf.Instruction{Op: bpf.JgtK, K: 0xffffff00 | r.Uint32N(256), Jf: 1}, bpf.Instruction{Op: bpf.RetK})
		})
	}},
	{"counted paths", false, func(*rand.Rand) bpf.Program {
		p := fill(bpf.Program{{Op: bpf.LdImm}, {Op: bpf.St}}, func(p bpf.Program) bpf.Program {
			return append(p,
				bpf.Instruction{Op: bpf.LdW, K: 16}, bpf.Instruction{Op: bpf.JsetK, K: 1 << (len(p) / 5 % 32), Jf: 3},
				bpf.Instruction{Op: bpf.LdMem}, bpf.Instruction{Op: bpf.AddK, K: 1}, bpf.Instruction{Op: bpf.St})
		})
		p[len(p)-1] = bpf.Instruction{Op: bpf.RetK}
		p[len(p)-2] = bpf.Instruction{Op: bpf.RetA}
		return append(p[:len(p)-3], bpf.Instruction{Op: bpf.LdMem}, bpf.Instruction{Op: bpf.OrK, K: uint32(linux.Errno)}, bpf.Instruction{Op: bpf.RetA})
	}},
	{"shuffled values", false, func(r *rand.Rand) bpf.Program {
		p := fill(bpf.Program{{Op: bpf.LdImm}, {Op: bpf.St}}, func(p bpf.Program) bpf.Program {
			return append(p,
				bpf.Instruction{Op: bpf.LdW, K: 16 + 4*r.Uint32N(12)}, bpf.Instruction{Op: bpf.JsetK, K: r.Uint32(), Jf: 4},
				bpf.Instruction{Op: bpf.LdMem}, bpf.Instruction{Op: bpf.MulK, K: r.Uint32()}, bpf.Instruction{Op: bpf.XorK, K: r.Uint32()}, bpf.Instruction{Op: bpf.St})
		})
		return append(p[:len(p)-3], bpf.Instruction{Op: bpf.LdMem}, bpf.Instruction{Op: bpf.AndK, K: uint32(linux.Allow)}, bpf.Instruction{Op: bpf.RetA})
	}},
	{"products", false, func(r *rand.Rand) bpf.Program {
		return fill(nil, func(p bpf.Program) bpf.Program {
			return append(p,
				bpf.Instruction{Op: bpf.LdW, K: 16 + 8*r.Uint32N(6)}, bpf.Instruction{Op: bpf.Tax},
				bpf.Instruction{Op: bpf.LdW, K: 16 + 8*r.Uint32N(6)}, bpf.Instruction{Op: bpf.MulX},
				bpf.Instruction{Op: bpf.JgtK, K: r.Uint32(), Jf: 1},
				bpf.Instruction{Op: bpf.RetK, K: uint32(linux.Errno) | r.Uint32N(4)})
		})
	}},
	{"quotients", false, func(r *rand.Rand) bpf.Program {
		return fill(nil, func(p bpf.Program) bpf.Program {
			return append(p,
				bpf.Instruction{Op: bpf.LdW, K: 16 + 8*r.Uint32N(6)}, bpf.Instruction{Op: bpf.Tax},
				bpf.Instruction{Op: bpf.LdW, K: 16 + 8*r.Uint32N(6)}, bpf.Instruction{Op: bpf.DivX},
				bpf.Instruction{Op: bpf.JsetK, K: r.Uint32(), Jf: 1},
				bpf.Instruction{Op: bpf.RetK, K: uint32(linux.Errno) | r.Uint32N(4)})
		})
	}},
	{"masks", false, func(r *rand.Rand) bpf.Program {
		return fill(nil, func(p bpf.Program) bpf.Program {
			sparse := r.Uint32() & r.Uint32() & r.Uint32()
			return append(p,
				bpf.Instruction{Op: bpf.LdW, K: 16}, bpf.Instruction{Op: bpf.AndK, K: sparse}, bpf.Instruction{Op: bpf.JeqK, K: sparse & r.Uint32(), Jf: 3},
				bpf.Instruction{Op: bpf.LdW, K: 24}, bpf.Instruction{Op: bpf.JsetK, K: r.Uint32() & r.Uint32() & r.Uint32(), Jt: 1},
				bpf.Instruction{Op: bpf.RetK, K: uint32(linux.Errno) | r.Uint32N(4)})
		})
	}},
}

// fill adds to a program as long as it has room.
func fill(p bpf.Program, more func(bpf.Program) bpf.Program) bpf.Program {
	for {
		longer := more(p)
		if len(longer) >= bpf.MaxInstructions {
			return append(p, bpf.Instruction{Op: bpf.RetK, K: uint32(linux.Allow)})
		}
		p = longer
	}
}

// same returns a program that does the same as p and starts differently.
func same(p bpf.Program) bpf.Program {
	q := append(bpf.Program{}, p...)
	for pc := len(q) - 1; pc >= 0; pc-- {
		if q[pc].Op == bpf.JgeK && q[pc].K > 0 {
			q[pc].Op, q[pc].K = bpf.JgtK, q[pc].K-1
		}
	}
	return q
}

// Programs of the longest size, compared with themselves and with mutants, are
// decided where they are of ranges and pairs, and else end within the budget. What
// is decided is right.
func TestHostile(t *testing.T) {
	small := Options{Limits: diagram.Limits{Nodes: 1 << 18, Steps: 1 << 22}}
	for _, h := range hostile {
		t.Run(h.name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(5, 6))
			p := h.program(r)
			a := mustProgram(t, p)
			res, err := Equivalent(a, mustProgram(t, same(p)), small)
			if err != nil || res.Verdict == Different || h.decided && res.Verdict != Equal {
				t.Errorf("%v %v %s, %v", res.Verdict, res.Witness, res.Reason, err)
			}
			for range 2 {
				q := mutate(r, p)
				b := mustProgram(t, q)
				res, err := Equivalent(a, b, small)
				if err != nil || h.decided && res.Verdict == Undecided {
					t.Errorf("mutant: %v %s, %v", res.Verdict, res.Reason, err)
				}
				if d, found := sampled(r, a, b, constantsOf(p, q), 2000); found && res.Verdict == Equal {
					t.Errorf("proved equal, but %s differs", CallString(&d))
				}
			}
		})
	}
}

func BenchmarkHostile(b *testing.B) {
	for _, h := range hostile {
		b.Run(h.name, func(b *testing.B) {
			p := h.program(rand.New(rand.NewPCG(5, 6)))
			for b.Loop() {
				res, err := Equivalent(mustProgram(b, p), mustProgram(b, same(p)), Options{})
				if err != nil {
					b.Fatal(err)
				}
				b.Log(res.Verdict, res.Reason)
			}
		})
	}
}
