package circuit

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"secco/bpf"
	"secco/emulator"
	"secco/linux"
	"secco/policy"
	"secco/policy/diagram"
	"secco/source"
)

// boundaries are values at which arithmetic goes wrong first.
var boundaries = []uint32{0, 1, 2, 3, 5, 7, 31, 32, 33, 0x7fffffff, 0x80000000, 0x80000001, 0xfffffffe, 0xffffffff}

func number(r *rand.Rand) uint32 {
	if r.IntN(2) == 0 {
		return boundaries[r.IntN(len(boundaries))]
	}
	return r.Uint32() >> r.IntN(32)
}

// Every operation and comparison computes what the processor does.
func TestValues(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var b policy.Builder
	for range 400 {
		x, y := number(r), number(r)
		for op := policy.OpAdd; op <= policy.OpRsh; op++ {
			// Not as constants, which the Builder computes, but as what a call holds.
			e := b.Binary(op, b.Word(linux.ArgLow(0)), b.Word(linux.ArgLow(1)))
			d := linux.SeccompData{Args: [6]uint64{uint64(x), uint64(y)}}
			want := e.Eval(&d)
			c := New(diagram.CallsOf(linux.X86_64, 1))
			c.words[linux.ArgLow(0)], c.words[linux.ArgLow(1)] = c.Const(x), c.Const(y)
			if got, ok := c.constant(c.Binary(op, c.Load(linux.ArgLow(0)), c.Load(linux.ArgLow(1)))); !ok || got != want {
				t.Fatalf("operation %d of %#x and %#x: %#x, want %#x", op, x, y, got, want)
			}
		}
		for cmp := policy.CmpEq; cmp <= policy.CmpSet; cmp++ {
			c := New(diagram.CallsOf(linux.X86_64, 1))
			if got := c.Compare(cmp, c.Const(x), c.Const(y)); got != c.gates.T && got != c.gates.F || (got == c.gates.T) != cmp.Holds(x, y) {
				t.Fatalf("comparison %d of %#x and %#x: %v", cmp, x, y, got)
			}
		}
	}
}

// randomProgram makes a program of all instructions.
func randomProgram(r *rand.Rand) bpf.Program {
	operations := []uint16{
		bpf.AddK, bpf.AddX, bpf.SubK, bpf.SubX, bpf.DivK, bpf.DivX, bpf.OrK, bpf.OrX, bpf.AndK, bpf.AndX, bpf.LshK, bpf.LshX, bpf.RshK,
		bpf.RshX, bpf.XorK, bpf.XorX, bpf.Neg, bpf.Tax, bpf.Txa, bpf.LdImm, bpf.LdxImm, bpf.LdLen, bpf.LdxLen, bpf.LdW, bpf.LdW, bpf.LdW,
		bpf.St, bpf.Stx, bpf.LdMem, bpf.LdxMem, bpf.MulK,
	}
	jumps := []uint16{bpf.Ja, bpf.JeqK, bpf.JeqX, bpf.JgtK, bpf.JgtX, bpf.JgeK, bpf.JgeX, bpf.JsetK, bpf.JsetX}
	p := bpf.Program{{Op: bpf.LdW, K: 16}, {Op: bpf.St}, {Op: bpf.Stx, K: 1}}
	n := 8 + r.IntN(24)
	for len(p) < n {
		op := operations[r.IntN(len(operations))]
		if r.IntN(3) == 0 {
			op = jumps[r.IntN(len(jumps))]
		}
		in := bpf.Instruction{Op: op, K: number(r)}
		switch op {
		case bpf.LdW:
			in.K = 16 + 4*r.Uint32N(4)
		case bpf.LdMem, bpf.LdxMem, bpf.St, bpf.Stx:
			in.K = r.Uint32N(2)
		case bpf.LshK, bpf.RshK:
			in.K = r.Uint32N(32)
		case bpf.DivK:
			in.K = max(1, in.K)
		case bpf.Ja:
			in.K = r.Uint32N(uint32(min(4, n-len(p))))
		case bpf.Neg, bpf.Tax, bpf.Txa, bpf.LdLen, bpf.LdxLen, bpf.AddX, bpf.SubX, bpf.DivX, bpf.OrX, bpf.AndX, bpf.LshX, bpf.RshX, bpf.XorX:
			in.K = 0
		}
		if _, _, ok := diagram.Comparison(op); ok {
			in.Jt, in.Jf = uint8(r.IntN(min(4, n-len(p)))), uint8(r.IntN(min(4, n-len(p))))
		}
		p = append(p, in)
	}
	return append(p, bpf.Instruction{Op: jumps[1+r.IntN(len(jumps)-1)], K: number(r), Jf: 1},
		bpf.Instruction{Op: bpf.RetK, K: uint32(linux.Allow)}, bpf.Instruction{Op: bpf.RetK, K: uint32(linux.Errno) | r.Uint32N(3)})
}

// What the solver says of two programs is so: a call that it finds is tried, and
// where it finds none, calls are.
func TestPrograms(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	same, different := 0, 0
	for i := range 1200 {
		p := randomProgram(r)
		q := append(bpf.Program(nil), p...)
		if at := r.IntN(len(q)); i%4 > 0 {
			q[at].K ^= 1 << r.IntN(4)
			q[at].Jt, q[at].Jf = q[at].Jf, q[at].Jt
		}
		m, err := emulator.New(p)
		if err != nil {
			continue
		}
		n, err := emulator.New(q)
		if err != nil {
			continue
		}
		c := New(diagram.CallsOf(linux.X86_64, r.Uint32N(3)))
		a, err := c.Program(diagram.NewProgram(p))
		if err != nil {
			t.Fatal(err)
		}
		b, err := c.Program(diagram.NewProgram(q))
		if err != nil {
			t.Fatal(err)
		}
		call, known := c.Ask(a, b, func(x, y linux.Action) bool { return x != y }).Try(2 * time.Second)
		switch {
		case !known:
		case call != nil:
			different++
			if !c.calls.Has(call) || m.Run(call).Effect() == n.Run(call).Effect() {
				t.Fatalf("%v\n%v\ndo the same with %+v", p, q, call)
			}
		default:
			same++
			for range 200 {
				d := linux.SeccompData{NR: c.calls.NR.Lo, Arch: c.calls.Arch.Lo}
				for i := range d.Args {
					d.Args[i] = uint64(number(r))<<32 | uint64(number(r))
				}
				if m.Run(&d).Effect() != n.Run(&d).Effect() {
					t.Fatalf("%v\n%v\ndo not the same with %+v", p, q, d)
				}
			}
		}
	}
	if same < 200 || different < 100 {
		t.Errorf("%d programs were the same and %d different", same, different)
	}
}

// A slice of numbers bounds the calls that are looked for.
func TestSlices(t *testing.T) {
	arch := diagram.One(linux.X86_64.Audit())
	p := diagram.NewProgram(bpf.Program{
		{Op: bpf.LdW}, {Op: bpf.JgeK, K: 100, Jf: 1}, {Op: bpf.RetK, K: uint32(linux.Allow)}, {Op: bpf.RetK, K: uint32(linux.Errno)},
	})
	var builder policy.Builder
	allow := builder.Leaf(linux.Allow, source.Span{})
	for _, c := range []struct {
		lo, hi uint32
		want   string
	}{{0, 99, "a call"}, {50, 200, "a call"}, {100, 0xffffffff, "none"}, {100, 100, "none"}, {99, 99, "a call"}} {
		calls := diagram.Calls{Arch: arch, NR: diagram.Range{Lo: c.lo, Hi: c.hi}}
		gates := New(calls)
		a, err := gates.Program(p)
		if err != nil {
			t.Fatal(err)
		}
		b, err := gates.Graph(allow)
		if err != nil {
			t.Fatal(err)
		}
		got := "none"
		call, known := gates.Ask(a, b, func(x, y linux.Action) bool { return x != y }).Try(time.Second)
		if call != nil {
			got = "a call"
			if !calls.Has(call) || call.NR >= 100 {
				t.Errorf("%d to %d: %+v", c.lo, c.hi, call)
			}
		}
		if !known || got != c.want {
			t.Errorf("%d to %d: %s, want %s", c.lo, c.hi, got, c.want)
		}
	}
}

// What grows beyond the bound is an error, and what computes its action too.
func TestBounds(t *testing.T) {
	var p bpf.Program
	for i := range 200 {
		p = append(p, bpf.Instruction{Op: bpf.LdW, K: 16}, bpf.Instruction{Op: bpf.XorK, K: uint32(i)}, bpf.Instruction{Op: bpf.Tax},
			bpf.Instruction{Op: bpf.LdW, K: 24}, bpf.Instruction{Op: bpf.DivX}, bpf.Instruction{Op: bpf.MulX}, bpf.Instruction{Op: bpf.St}, bpf.Instruction{Op: bpf.Tax},
			bpf.Instruction{Op: bpf.LdMem}, bpf.Instruction{Op: bpf.DivX}, bpf.Instruction{Op: bpf.AddK, K: uint32(len(p))},
			bpf.Instruction{Op: bpf.JgtK, K: uint32(len(p)), Jf: 1}, bpf.Instruction{Op: bpf.RetK})
	}
	p = append(p, bpf.Instruction{Op: bpf.RetA})
	for n, want := range map[int]string{0: fmt.Sprintf("more than %d gates", MaxGates), len(p) - 14: ErrComputed.Error()} {
		_, err := New(diagram.CallsOf(linux.X86_64, 1)).Program(diagram.NewProgram(p[n:]))
		if err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
