package prove

import (
	"math/rand/v2"
	"testing"

	"secco/bpf"
	"secco/linux"
	"secco/policy"
	"secco/policy/diagram"
	"secco/source"
)

func mustProgram(t testing.TB, p bpf.Program) Filter {
	t.Helper()
	f, err := Program(p)
	if err != nil {
		t.Fatalf("%v\n%v", err, p)
	}
	return f
}

// mutate changes one instruction, so that the program stays valid.
func mutate(r *rand.Rand, p bpf.Program) bpf.Program {
	for {
		q := append(bpf.Program(nil), p...)
		in := &q[r.IntN(len(q))]
		switch r.IntN(5) {
		case 0:
			in.K += 1 - 2*r.Uint32N(2)
		case 1:
			in.K ^= 1 << r.IntN(32)
		case 2:
			in.Jt, in.Jf = in.Jf, in.Jt
		case 3:
			in.Jt += uint8(r.IntN(3)) - 1
		case 4:
			jumps := []uint16{bpf.JeqK, bpf.JgtK, bpf.JgeK, bpf.JsetK}
			if in.Op&7 != 5 || in.Op == bpf.Ja {
				continue
			}
			in.Op = jumps[r.IntN(len(jumps))]
		}
		if bpf.Validate(q) == nil {
			return q
		}
	}
}

// sampled returns a call with which two programs differ, if it finds one.
func sampled(r *rand.Rand, a, b Filter, constants []uint32, tries int) (linux.SeccompData, bool) {
	word := func() uint32 { return constants[r.IntN(len(constants))] + r.Uint32N(3) - 1 }
	for range tries {
		d := linux.SeccompData{NR: word(), Arch: linux.X86_64.Audit(), IP: r.Uint64()}
		if r.IntN(8) == 0 {
			d.Arch = word()
		}
		for i := range d.Args {
			d.Args[i] = uint64(word())<<32 | uint64(word())
			if r.IntN(2) == 0 {
				d.Args[i] &= 0xffffffff
			}
		}
		if a.Run(&d) != b.Run(&d) {
			return d, true
		}
	}
	return linux.SeccompData{}, false
}

// ladder returns a program as filters are written: the architecture, a list of
// numbers, some with conditions on arguments.
func ladder(r *rand.Rand, numbers int) bpf.Program {
	actions := []linux.Action{linux.Allow, linux.Errno | 1, linux.Errno | 38, linux.KillProcess, linux.Log}
	action := func() uint32 { return uint32(actions[r.IntN(len(actions))]) }
	p := bpf.Program{
		{Op: bpf.LdW, K: 4},
		{Op: bpf.JeqK, K: linux.X86_64.Audit(), Jt: 1},
		{Op: bpf.RetK, K: uint32(linux.KillProcess)},
		{Op: bpf.LdW, K: 0},
		{Op: bpf.JgeK, K: linux.X32Bit, Jf: 1},
		{Op: bpf.RetK, K: uint32(linux.KillProcess)},
	}
	tests := []uint16{bpf.JeqK, bpf.JgtK, bpf.JgeK, bpf.JsetK}
	for range numbers {
		var body bpf.Program
		for range r.IntN(4) {
			load := bpf.Program{{Op: bpf.LdW, K: linux.ArgLow(r.IntN(3)).Offset(false) + 4*r.Uint32N(2)}}
			switch r.IntN(5) {
			case 0:
				load = append(load, bpf.Instruction{Op: bpf.AndK, K: r.Uint32()})
			case 1:
				load = append(load, bpf.Instruction{Op: bpf.Tax}, bpf.Instruction{Op: bpf.LdW, K: 24}, bpf.Instruction{Op: bpf.AddX})
			}
			body = append(body, load...)
			body = append(body, bpf.Instruction{Op: tests[r.IntN(4)], K: r.Uint32N(64), Jf: 1}, bpf.Instruction{Op: bpf.RetK, K: action()})
		}
		body = append(body, bpf.Instruction{Op: bpf.RetK, K: action()})
		test := bpf.Instruction{Op: bpf.JeqK, K: r.Uint32N(400), Jf: uint8(len(body))}
		if r.IntN(8) == 0 {
			test.Op, test.K = bpf.JgtK, 395
		}
		p = append(append(p, test), body...)
	}
	return append(p, bpf.Instruction{Op: bpf.RetK, K: action()})
}

func constantsOf(p ...bpf.Program) []uint32 {
	list := []uint32{0, 1, 0xffffffff}
	for _, p := range p {
		for _, in := range p {
			list = append(list, in.K)
		}
	}
	return list
}

// No mutant may be proved equal for which sampling finds a difference; every
// witness is one (the package checks that, and this test again).
func TestMutants(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	different, equal := 0, 0
	for range 400 {
		p := ladder(r, 1+r.IntN(30))
		q := mutate(r, p)
		a, b := mustProgram(t, p), mustProgram(t, q)
		res, err := Equivalent(a, b, Options{})
		if err != nil {
			t.Fatal(err)
		}
		switch res.Verdict {
		case Equal:
			equal++
			if d, found := sampled(r, a, b, constantsOf(p, q), 4000); found {
				t.Fatalf("proved equal, but %s differs", CallString(&d))
			}
		case Different:
			different++
			w := res.Witness
			if w.A == w.B || a.Run(&w.Call) != w.A || b.Run(&w.Call) != w.B {
				t.Fatalf("%v is no witness", w)
			}
		default:
			t.Fatalf("%v: %s", res.Verdict, res.Reason)
		}
		strict, err := AtLeastAsStrict(a, b, Options{})
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case strict.Verdict == Undecided, (strict.Verdict == Equal) != (res.Verdict == Equal):
			t.Fatalf("equivalent: %v, at least as strict: %v", res.Verdict, strict.Verdict)
		case strict.Verdict == Different && strict.Witness.A.Rank() <= strict.Witness.B.Rank():
			t.Fatalf("%v does not show that a is laxer", strict.Witness)
		case strict.Verdict == Stricter:
			back, err := AtLeastAsStrict(b, a, Options{})
			if err != nil || back.Verdict == Equal {
				t.Fatalf("stricter one way, %v the other: %v", back.Verdict, err)
			}
		}
	}
	if different < 100 || equal < 20 {
		t.Errorf("%d mutants were different, %d equal: too few to mean anything", different, equal)
	}
}

// randomPolicy returns a policy for x86_64 whose graphs test nr, too.
func randomPolicy(r *rand.Rand, b *policy.Builder) *policy.Policy {
	leaf := func() *policy.Node {
		all := []linux.Action{linux.Allow, linux.Errno | 1, linux.KillThread, linux.Log}
		return b.Leaf(all[r.IntN(len(all))], source.Span{})
	}
	graph := func(words ...linux.Word) *policy.Node {
		n := leaf()
		for range r.IntN(5) {
			x := b.Word(words[r.IntN(len(words))])
			if r.IntN(3) == 0 {
				x = b.Binary(policy.OpAnd, x, b.Const(r.Uint32()))
			}
			n = b.Test(policy.Cmp(r.IntN(4)), x, b.Const(r.Uint32N(500)), leaf(), n, source.Span{})
		}
		return n
	}
	args := []linux.Word{linux.ArgLow(0), linux.ArgHigh(0), linux.ArgLow(1)}
	p := &policy.Policy{BadArch: graph(linux.WordArch, linux.WordNR), X32: graph(linux.WordNR)}
	for _, arch := range []linux.Arch{linux.X86_64, linux.S390X} {
		t := &policy.Target{Arch: arch, Rules: map[uint32]*policy.Node{}, Default: graph(linux.WordNR, linux.ArgLow(0))}
		for range r.IntN(20) {
			t.Rules[r.Uint32N(450)] = graph(args...)
		}
		p.Targets = append(p.Targets, t)
	}
	return p
}

// A policy and itself with one graph changed must be told apart exactly where
// sampling can.
func TestPolicies(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	verdicts := map[Verdict]int{}
	for range 150 {
		var b policy.Builder
		p := randomPolicy(r, &b)
		q := *p
		switch r.IntN(4) {
		case 0:
			q.BadArch = randomPolicy(r, &b).BadArch
		case 1:
			q.X32 = randomPolicy(r, &b).X32
		case 2:
			other := *p.Targets[1]
			other.Default = randomPolicy(r, &b).Targets[1].Default
			q.Targets = []*policy.Target{&other, p.Targets[0]}
		case 3:
			other := *p.Targets[0]
			other.Rules = map[uint32]*policy.Node{}
			for nr, n := range p.Targets[0].Rules {
				other.Rules[nr] = n
			}
			other.Rules[r.Uint32N(450)] = p.Targets[0].Default
			q.Targets = []*policy.Target{&other, p.Targets[1]}
		}
		res, err := Equivalent(Policy(p), Policy(&q), Options{})
		if err != nil {
			t.Fatal(err)
		}
		verdicts[res.Verdict]++
		for d := range policy.Samples(p) {
			x, _ := p.Eval(&d)
			y, _ := q.Eval(&d)
			if x != y && res.Verdict == Equal {
				t.Fatalf("proved equal, but %s differs: %v and %v", CallString(&d), x, y)
			}
		}
	}
	if verdicts[Equal] < 10 || verdicts[Different] < 10 || verdicts[Undecided] > 0 {
		t.Errorf("verdicts: %v", verdicts)
	}
}

// What can't be computed within the limits is undecided or shown by a call,
// never equal.
func TestBudget(t *testing.T) {
	// x * (y + plus) - x * minus
	product := func(plus, minus uint32) bpf.Program {
		x, y := linux.ArgLow(0).Offset(false), linux.ArgLow(1).Offset(false)
		return bpf.Program{
			{Op: bpf.LdW, K: x}, {Op: bpf.MulK, K: minus}, {Op: bpf.St},
			{Op: bpf.LdW, K: x}, {Op: bpf.Tax}, {Op: bpf.LdW, K: y}, {Op: bpf.AddK, K: plus}, {Op: bpf.MulX},
			{Op: bpf.LdxMem}, {Op: bpf.SubX},
			{Op: bpf.JeqK, K: 0x12345677, Jf: 1},
			{Op: bpf.RetK, K: uint32(linux.Allow)},
			{Op: bpf.RetK, K: uint32(linux.Errno | 1)},
		}
	}
	small := Options{Limits: diagram.Limits{Nodes: 20_000}}
	res, err := Equivalent(mustProgram(t, product(0, 0)), mustProgram(t, product(3, 3)), small)
	if err != nil || res.Verdict != Undecided || res.Reason == "" {
		t.Errorf("x*y against x*(y+3)-3*x: %v (%s), %v; want undecided with a reason", res.Verdict, res.Reason, err)
	}
	different := product(3, 3)
	different[12].K++ // another errno, for nearly every call
	res, err = Equivalent(mustProgram(t, product(0, 0)), mustProgram(t, different), small)
	if err != nil || res.Verdict != Different {
		t.Errorf("another errno: %v (%s), %v; want different", res.Verdict, res.Reason, err)
	}
}

// Filters that compute the same products, quotients and shifts are equal without
// anyone knowing what those are; ones that compute others are not.
func TestAbstract(t *testing.T) {
	x, y := linux.ArgLow(0).Offset(false), linux.ArgLow(1).Offset(false)
	filter := func(first, second uint32, op uint16, test bpf.Instruction) Filter {
		return mustProgram(t, bpf.Program{
			{Op: bpf.LdW, K: first}, {Op: bpf.Tax}, {Op: bpf.LdW, K: second}, {Op: op}, test,
			{Op: bpf.RetK, K: uint32(linux.Allow)}, {Op: bpf.RetK, K: uint32(linux.Errno | 1)},
		})
	}
	above := func(k uint32) bpf.Instruction { return bpf.Instruction{Op: bpf.JgtK, K: k, Jf: 1} }
	from := func(k uint32) bpf.Instruction { return bpf.Instruction{Op: bpf.JgeK, K: k, Jf: 1} }
	other := bpf.Instruction{Op: bpf.JgtX, Jf: 1}
	for name, c := range map[string]struct {
		a, b Filter
		want Verdict
	}{
		"product":         {filter(x, y, bpf.MulX, above(77)), filter(y, x, bpf.MulX, from(78)), Equal},
		"other product":   {filter(x, y, bpf.MulX, above(77)), filter(y, x, bpf.MulX, from(77)), Different},
		"square":          {filter(x, x, bpf.MulX, above(77)), filter(y, y, bpf.MulX, above(77)), Different},
		"quotient":        {filter(x, y, bpf.DivX, above(77)), filter(x, y, bpf.DivX, from(78)), Equal},
		"inverse":         {filter(x, y, bpf.DivX, above(77)), filter(y, x, bpf.DivX, above(77)), Different},
		"shift, compared": {filter(x, y, bpf.LshX, other), filter(x, y, bpf.LshX, other), Equal},
		"other shift":     {filter(x, y, bpf.LshX, other), filter(x, y, bpf.RshX, other), Different},
	} {
		res, err := Equivalent(c.a, c.b, Options{Limits: diagram.Limits{Nodes: 50_000}})
		if err != nil || res.Verdict != c.want {
			t.Errorf("%s: %v (%s), %v; want %v", name, res.Verdict, res.Reason, err, c.want)
		}
		res, err = AtLeastAsStrict(c.a, c.b, Options{Limits: diagram.Limits{Nodes: 50_000}})
		if err != nil || (res.Verdict == Equal) != (c.want == Equal) {
			t.Errorf("%s: %v (%s), %v; at least as strict", name, res.Verdict, res.Reason, err)
		}
	}
}

// A difference is found where only the byte order, an architecture unknown to
// everybody, or the number 0xffffffff shows it.
func TestCorners(t *testing.T) {
	allow := bpf.Program{{Op: bpf.RetK, K: uint32(linux.Allow)}}
	for name, p := range map[string]bpf.Program{
		"one architecture": {{Op: bpf.LdW, K: 4}, {Op: bpf.JeqK, K: 0x12345678, Jf: 1}, {Op: bpf.RetK}, allow[0]},
		"one number":       {{Op: bpf.LdW, K: 0}, {Op: bpf.JeqK, K: 0xffffffff, Jf: 1}, {Op: bpf.RetK}, allow[0]},
		"one bit of arch":  {{Op: bpf.LdW, K: 4}, {Op: bpf.AndK, K: 0x00f00010}, {Op: bpf.JeqK, K: 0x00f00010, Jf: 1}, {Op: bpf.RetK}, allow[0]},
		"number plus one":  {{Op: bpf.LdW, K: 0}, {Op: bpf.AddK, K: 77}, {Op: bpf.JeqK, K: 5, Jf: 1}, {Op: bpf.RetK}, allow[0]},
		"pointer":          {{Op: bpf.LdW, K: 8}, {Op: bpf.JeqK, K: 5, Jf: 1}, {Op: bpf.RetK}, allow[0]},
		"number is arch":   {{Op: bpf.LdW, K: 0}, {Op: bpf.Tax}, {Op: bpf.LdW, K: 4}, {Op: bpf.JeqX, Jf: 1}, {Op: bpf.RetK}, allow[0]},
	} {
		res, err := Equivalent(mustProgram(t, p), mustProgram(t, allow), Options{})
		if err != nil || res.Verdict != Different {
			t.Errorf("%s: %v (%s), %v; want different", name, res.Verdict, res.Reason, err)
		}
		res, err = AtLeastAsStrict(mustProgram(t, p), mustProgram(t, allow), Options{})
		if err != nil || res.Verdict != Stricter || res.Witness == nil {
			t.Errorf("%s: %v, %v; want stricter", name, res.Verdict, err)
		}
	}
	// arg0 == 1<<32 by offsets that are right on little-endian machines only.
	little := bpf.Program{
		{Op: bpf.LdW, K: 16}, {Op: bpf.JeqK, K: 0, Jf: 3},
		{Op: bpf.LdW, K: 20}, {Op: bpf.JeqK, K: 1, Jf: 1},
		{Op: bpf.RetK, K: uint32(linux.Allow)}, {Op: bpf.RetK},
	}
	big := append(bpf.Program(nil), little...)
	big[0].K, big[2].K = 20, 16
	for arch, want := range map[linux.Arch]Verdict{linux.X86_64: Different, linux.S390X: Different} {
		res, err := Equivalent(mustProgram(t, little), mustProgram(t, big), Options{Arches: []linux.Arch{arch}})
		if err != nil || res.Verdict != want {
			t.Fatalf("%v: %v, %v", arch, res, err)
		}
		if allowed := res.Witness.A == linux.Allow; (res.Witness.Call.Args[0] == 1<<32) != (allowed != arch.BigEndian()) {
			t.Errorf("%v: %v", arch, res.Witness)
		}
	}
}

// With hardly any steps nothing is decided, and it is said so.
func TestNoSteps(t *testing.T) {
	r := rand.New(rand.NewPCG(21, 22))
	p := ladder(r, 30)
	for steps := 1; steps < 1<<20; steps *= 4 {
		o := Options{Limits: diagram.Limits{Steps: steps}}
		res, err := Equivalent(mustProgram(t, p), mustProgram(t, same(p)), o)
		if err != nil || res.Verdict == Different || res.Verdict == Undecided && res.Reason == "" {
			t.Fatalf("%d steps: %v %q, %v", steps, res.Verdict, res.Reason, err)
		}
		report, err := Differences(mustProgram(t, p), mustProgram(t, same(p)), o)
		if err != nil || len(report.Differences) > 0 || res.Verdict == Undecided && len(report.Undecided) == 0 {
			t.Fatalf("%d steps: %v %s, %v", steps, res.Verdict, report, err)
		}
		if steps == 1 && res.Verdict != Undecided {
			t.Fatalf("%v in one step", res.Verdict)
		}
	}
}
