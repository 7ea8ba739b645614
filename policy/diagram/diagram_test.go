package diagram

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"secco/bpf"
	"secco/emulator"
	"secco/linux"
	"secco/policy"
	"secco/test/random"
)

// randomCalls returns a slice of calls, of one syscall, a range of numbers, or
// all of one byte order.
func randomCalls(r *rand.Rand) Calls {
	switch r.IntN(3) {
	case 0:
		return CallsOf(linux.S390X, r.Uint32N(8))
	case 1:
		lo, hi := randomConst(r), randomConst(r)
		return Calls{One(linux.X86_64.Audit()), Range{min(lo, hi), max(lo, hi)}}
	}
	return Calls{Range{auditLE, 2*auditLE - 1}, All()}
}

// among moves a call into a slice.
func among(r *rand.Rand, d *linux.SeccompData, c Calls) {
	move := func(k uint32, in Range) uint32 {
		if in.Has(k) {
			return k
		}
		switch size := uint64(in.Hi-in.Lo) + 1; r.IntN(3) {
		case 0:
			return in.Lo
		case 1:
			return in.Hi
		default:
			return in.Lo + uint32(r.Uint64N(size))
		}
	}
	d.Arch, d.NR = move(d.Arch, c.Arch), move(d.NR, c.NR)
}

// The diagram of a program and the emulator must agree on every call.
func TestProgramAgreesWithEmulator(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	decided := 0
	const programs = 250
	for i := range programs {
		p := random.Program(r, random.Options{Junk: true})
		calls := randomCalls(r)
		f, err := OfProgram(p, calls, Limits{Nodes: 100_000, Steps: 200_000})
		if err != nil {
			var limit *LimitError
			if !errors.As(err, &limit) {
				t.Fatal(err)
			}
			continue
		}
		decided++
		m, err := emulator.New(p)
		if err != nil {
			t.Fatal(err)
		}
		for range 200 {
			d := randomData(r, constantsOf(p))
			among(r, d, calls)
			if got, want := f.Eval(d), m.Run(d).Effect(); got != want {
				t.Fatalf("program %d, %+v: diagram says %v, emulator %v\n%v", i, d, got, want, p)
			}
		}
	}
	if decided < programs*3/4 {
		t.Errorf("only %d of %d programs were decided", decided, programs)
	}
}

// Two bits of two words are all that these programs look at, so that all calls
// can be tried; and equal functions must be one diagram.
func TestProgramsExhaustively(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	calls := CallsOf(linux.X86_64, 1)
	same := 0
	for range 200 {
		var m Meetings
		var programs [2]*Program
		var machines [2]*emulator.Machine
		for j := range programs {
			p := bpf.Program{
				{Op: bpf.LdW, K: linux.ArgLow(0).Offset(false)}, {Op: bpf.AndK, K: 3}, {Op: bpf.St, K: 0},
				{Op: bpf.LdW, K: linux.ArgHigh(1).Offset(false)}, {Op: bpf.AndK, K: 3}, {Op: bpf.Stx, K: 1}, {Op: bpf.Tax},
			}
			if r.IntN(2) == 0 {
				p = append(p, bpf.Instruction{Op: bpf.LdMem})
			}
			for _, in := range random.Program(r, random.Options{Max: 12}) {
				if in.Op == bpf.LdW {
					in.Op, in.K = bpf.LdMem, 0
				}
				if in.Op == bpf.RetK {
					in.K = uint32([]linux.Action{linux.Allow, linux.KillThread}[in.K%2])
				}
				p = append(p, in)
			}
			if bpf.Validate(p) != nil {
				t.Fatal("generated program is invalid")
			}
			programs[j] = NewProgram(p)
			machines[j], _ = emulator.New(p)
			programs[j].Analyse(calls, &m, nil)
		}
		s := NewSpace(calls, m.Order(), Limits{})
		f, g := s.Program(programs[0]), s.Program(programs[1])
		equal := true
		for n := range 16 {
			d := linux.SeccompData{NR: 1, Arch: linux.X86_64.Audit()}
			d.Args[0], d.Args[1] = uint64(n&3), uint64(n>>2)<<32
			a, b := machines[0].Run(&d).Effect(), machines[1].Run(&d).Effect()
			if s.Eval(f, &d) != a || s.Eval(g, &d) != b {
				t.Fatalf("%+v: diagrams say %v and %v, emulator %v and %v", d, s.Eval(f, &d), s.Eval(g, &d), a, b)
			}
			equal = equal && a == b
			if s.Holds(s.Differ(f, g), &d) != (a != b) || s.Holds(s.Laxer(f, g), &d) != (a.Rank() > b.Rank()) {
				t.Fatalf("%+v: %v and %v: Differ or Laxer is wrong", d, a, b)
			}
		}
		if equal != (f == g) {
			t.Fatalf("equal: %v, same diagram: %v", equal, f == g)
		}
		if equal {
			same++
		}
	}
	if same == 0 {
		t.Error("no two programs were equal")
	}
}

func TestGraphAgreesWithEval(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	decided := 0
	const graphs = 200
	for i := range graphs {
		var b policy.Builder
		root := randomGraph(r, &b, 3+r.IntN(12), i%8 == 0)
		var constants []uint32
		policy.Walk(func(n *policy.Node) {
			if !n.IsLeaf() && n.Y.IsConst() {
				constants = append(constants, n.Y.K)
			}
		}, root)
		calls := randomCalls(r)
		f, err := OfGraph(root, calls, Limits{Nodes: 100_000, Steps: 200_000})
		if err != nil {
			continue
		}
		decided++
		var sets []*Set
		actions := f.Actions()
		for _, a := range actions {
			set, err := f.Where(a)
			if err != nil { // the steps are used up
				break
			}
			sets = append(sets, set)
		}
		for range 100 {
			d := randomData(r, constants)
			among(r, d, calls)
			want := root.Leaf(d).Action.Effect()
			if got := f.Eval(d); got != want {
				t.Fatalf("graph %d, %+v: diagram says %v, Eval %v", i, d, got, want)
			}
			for j, set := range sets {
				if set.Has(d) != (actions[j] == want) {
					t.Fatalf("graph %d, %+v: wrong set of %v", i, d, actions[j])
				}
			}
		}
	}
	if decided < graphs*3/4 {
		t.Errorf("only %d of %d graphs were decided", decided, graphs)
	}
}

// Every operation as a circuit must compute what policy.Expr.Eval computes.
func TestOperations(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	x, y := linux.ArgLow(0), linux.ArgLow(1)
	for op := policy.OpAdd; op <= policy.OpRsh; op++ {
		for range 200 {
			var b policy.Builder
			// Few free bits at random places keep every circuit small.
			e, err := b.Word(x), b.Word(y)
			masks := [2]uint32{1 << r.IntN(32), 1 << r.IntN(32)}
			for i := range masks {
				masks[i] |= 1 << r.IntN(8)
			}
			bases := [2]uint32{randomConst(r) &^ masks[0], randomConst(r) &^ masks[1]}
			if r.IntN(2) == 0 {
				masks[1] = 0
			}
			e = b.Binary(policy.OpOr, b.Binary(policy.OpAnd, e, b.Const(masks[0])), b.Const(bases[0]))
			k := b.Binary(policy.OpOr, b.Binary(policy.OpAnd, err, b.Const(masks[1])), b.Const(bases[1]))
			root := b.Binary(op, e, k)
			s := NewSpace(CallsOf(linux.X86_64, 0), Order{groups: [][]linux.Word{{x, y}}}, Limits{})
			g := grapher{Space: s, vectors: map[*policy.Expr]*Vector{}}
			v := g.expr(root)
			for range 40 {
				d := linux.SeccompData{Arch: linux.X86_64.Audit(), Args: [6]uint64{r.Uint64(), r.Uint64()}}
				want := root.Eval(&d)
				for bit := range v {
					if s.Holds(v[bit], &d) != (want>>bit&1 == 1) {
						t.Fatalf("%s of %+v: bit %d of %#x is wrong", root, d, bit, want)
					}
				}
			}
		}
	}
}

// A masked number is told apart where its other bits are the same: x32's numbers,
// which share the code for x86_64's, are cut there as those are.
func TestSlices(t *testing.T) {
	p := NewProgram(bpf.Program{
		{Op: bpf.LdW, K: 0},
		{Op: bpf.JgeK, K: linux.X32Bit, Jf: 1},
		{Op: bpf.AndK, K: ^uint32(linux.X32Bit)},
		{Op: bpf.JeqK, K: 5, Jt: 2},
		{Op: bpf.JgtK, K: 9, Jt: 1},
		{Op: bpf.RetK},
		{Op: bpf.RetK, K: uint32(linux.Allow)},
	})
	calls := Calls{One(linux.X86_64.Audit()), All()}
	var got []Range
	for _, part := range Slices(calls, func(c Calls, cuts *Cuts) { p.Analyse(c, &Meetings{}, cuts) }) {
		got = append(got, part.NR)
	}
	const x = linux.X32Bit
	want := []Range{
		{0, 4}, {5, 5}, {6, 9}, {10, x - 1},
		{x, x + 4}, {x + 5, x + 5}, {x + 6, x + 9}, {x + 10, 2*x - 1},
		{2 * x, 3*x - 1}, {3 * x, 0xffffffff},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for _, c := range []struct {
		r            Range
		holds, known bool
	}{
		{Range{x + 6, x + 9}, true, true}, {Range{x, x + 5}, false, true}, {Range{x + 5, x + 6}, false, false},
		{Range{x - 1, x}, false, false}, {Range{7, x - 1}, true, true},
	} {
		holds, known := Calls{calls.Arch, c.r}.DecideMasked(policy.CmpGt, linux.WordNR, ^uint32(x), 5)
		if known != c.known || known && holds != c.holds {
			t.Errorf("%v: %v, %v", c.r, holds, known)
		}
	}
}
