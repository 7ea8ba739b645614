package decompile

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"os"
	"testing"

	"secco/bpf"
	"secco/emulator"
	"secco/linux"
	"secco/policy"
	"secco/policy/diagram"
	"secco/policy/prove"
	"secco/test/random"
)

func read(t testing.TB, name string) bpf.Program {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	p, err := bpf.Decode(data, binary.LittleEndian)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// mustBeSame fails where the policy is not proved equal to the program; it
// returns false where it can't be decided.
func mustBeSame(t *testing.T, p bpf.Program, got *policy.Policy, limits diagram.Limits) bool {
	t.Helper()
	f, err := prove.Program(p)
	if err != nil {
		t.Fatal(err)
	}
	res, err := prove.Equivalent(f, prove.Policy(got), prove.Options{Limits: limits})
	if err != nil {
		t.Fatalf("%v\n%v", err, p)
	}
	if res.Verdict == prove.Different {
		t.Fatalf("%v\n%v", res.Witness, p)
	}
	return res.Verdict == prove.Equal
}

// What libseccomp made of Docker's default profile, in its two forms, is one
// policy with three architectures.
func TestDocker(t *testing.T) {
	var sizes []int
	for _, name := range []string{"docker-linear.bpf", "docker-tree.bpf"} {
		p := read(t, name)
		got, err := Program(p, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if !mustBeSame(t, p, got, diagram.Limits{}) {
			t.Fatalf("%s: not decided", name)
		}
		var arches []linux.Arch
		nodes := 0
		for _, target := range got.Targets {
			arches = append(arches, target.Arch)
			if n := target.Default; target.Arch != linux.X32 && (!n.IsLeaf() || n.Action != linux.Errno|1) {
				t.Errorf("%s: %v: the default is %v", name, target.Arch, n)
			}
			nodes += len(target.Rules)
		}
		sizes = append(sizes, nodes)
		if len(arches) != 3 || arches[0] != linux.X86_64 || arches[1] != linux.I386 || arches[2] != linux.X32 {
			t.Errorf("%s: architectures %v", name, arches)
		}
		if !got.BadArch.IsLeaf() || got.BadArch.Action != linux.KillThread {
			t.Errorf("%s: other architectures get %v", name, got.BadArch)
		}
	}
	if sizes[0] != sizes[1] {
		t.Errorf("%d rules out of the linear program, %d out of the tree", sizes[0], sizes[1])
	}
}

// Random programs that use everything seccomp has are decompiled, and proved
// equal or at least run alike.
func TestRandomPrograms(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	proved := 0
	const programs = 80
	for range programs {
		p := random.Program(r, random.Options{Junk: true})
		got, err := Program(p, Options{States: 50_000})
		var limit *LimitError
		if errors.As(err, &limit) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if mustBeSame(t, p, got, diagram.Limits{Nodes: 50_000, Steps: 100_000}) {
			proved++
		}
		m, err := emulator.New(p)
		if err != nil {
			t.Fatal(err)
		}
		for range 200 {
			k := func() uint32 { return p[r.IntN(len(p))].K + r.Uint32N(3) - 1 }
			d := linux.SeccompData{NR: k(), Arch: k(), IP: uint64(k())<<32 | uint64(k())}
			if arches := linux.Arches(); r.IntN(2) == 0 {
				d.Arch = arches[r.IntN(len(arches))].Audit()
			}
			for i := range d.Args {
				d.Args[i] = uint64(k())<<32 | uint64(k())
			}
			a, _ := got.Eval(&d)
			if want := m.Run(&d).Effect(); a != want {
				t.Fatalf("%s: policy says %v, emulator %v\n%v", prove.CallString(&d), a, want, p)
			}
		}
	}
	if proved < programs/2 {
		t.Errorf("only %d of %d programs were proved equal to their policy", proved, programs)
	}
}

func TestReturnA(t *testing.T) {
	word := bpf.Instruction{Op: bpf.LdW, K: linux.ArgLow(0).Offset(false)}
	for name, p := range map[string]bpf.Program{
		"any value":      {word, {Op: bpf.RetA}},
		"any errno":      {word, {Op: bpf.AndK, K: 0xffff}, {Op: bpf.OrK, K: uint32(linux.Errno)}, {Op: bpf.RetA}},
		"any action":     {word, {Op: bpf.LshK, K: 16}, {Op: bpf.RetA}},
		"constant":       {{Op: bpf.LdImm, K: uint32(linux.Allow) | 77}, {Op: bpf.RetA}},
		"a few":          {word, {Op: bpf.AndK, K: 3}, {Op: bpf.AddK, K: uint32(linux.Errno)}, {Op: bpf.RetA}},
		"quotient":       {word, {Op: bpf.Tax}, {Op: bpf.LdImm, K: uint32(linux.Allow)}, {Op: bpf.DivX}, {Op: bpf.AndK, K: uint32(linux.Allow)}, {Op: bpf.RetA}},
		"unused divisor": {word, {Op: bpf.Tax}, {Op: bpf.DivX}, {Op: bpf.RetK, K: uint32(linux.Allow)}},
	} {
		got, err := Program(p, Options{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		size := 0
		policy.Walk(func(*policy.Node) { size++ }, got.BadArch)
		if size < 5_000 {
			if !mustBeSame(t, p, got, diagram.Limits{Nodes: 200_000}) && name != "quotient" {
				t.Errorf("%s: not decided", name)
			}
			continue
		}
		// Proving a graph of that size takes too long for a test: sample it.
		m, err := emulator.New(p)
		if err != nil {
			t.Fatal(err)
		}
		r := rand.New(rand.NewPCG(3, 4))
		kinds := []linux.Action{linux.Allow, linux.Errno, linux.Trap, linux.Trace, linux.Log, linux.KillProcess, 0x12340000}
		for range 100_000 {
			d := linux.SeccompData{Arch: linux.X86_64.Audit(), NR: r.Uint32N(500)}
			d.Args[0] = uint64(r.Uint32())
			if r.IntN(2) == 0 {
				d.Args[0] = uint64(kinds[r.IntN(len(kinds))]) + uint64(r.Uint32N(1<<16))
			}
			if a, _ := got.Eval(&d); a != m.Run(&d).Effect() {
				t.Fatalf("%s: policy says %v, emulator %v", prove.CallString(&d), a, m.Run(&d).Effect())
			}
		}
	}
}

// A program that has many states ends with an error.
func TestStates(t *testing.T) {
	p := bpf.Program{{Op: bpf.LdImm}, {Op: bpf.St}}
	for i := range uint32(24) { // 2^24 sums
		p = append(p, bpf.Instruction{Op: bpf.LdW, K: 16}, bpf.Instruction{Op: bpf.JsetK, K: 1 << i, Jf: 3},
			bpf.Instruction{Op: bpf.LdMem}, bpf.Instruction{Op: bpf.AddK, K: 1 << i}, bpf.Instruction{Op: bpf.St})
	}
	p = append(p, bpf.Instruction{Op: bpf.LdMem}, bpf.Instruction{Op: bpf.RetA})
	_, err := Program(p, Options{States: 10_000})
	var limit *LimitError
	if !errors.As(err, &limit) {
		t.Errorf("%v; want a limit", err)
	}
	squares := bpf.Program{{Op: bpf.LdW, K: 16}} // arg0^(2^100)
	for range 100 {
		squares = append(squares, bpf.Instruction{Op: bpf.Tax}, bpf.Instruction{Op: bpf.MulX})
	}
	squares = append(squares, bpf.Instruction{Op: bpf.JeqK, K: 1, Jf: 1}, bpf.Instruction{Op: bpf.RetK}, bpf.Instruction{Op: bpf.RetK, K: uint32(linux.Allow)})
	if _, err = Program(squares, Options{}); !errors.As(err, &limit) {
		t.Errorf("%v; want a limit", err)
	}
	if _, err := Program(p[:len(p)-1], Options{}); err == nil {
		t.Error("an invalid program was decompiled")
	}
}

func BenchmarkDocker(b *testing.B) {
	p := read(b, "docker-linear.bpf")
	for b.Loop() {
		if _, err := Program(p, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

// Whatever bytes are a valid program, its policy runs alike.
func FuzzProgram(f *testing.F) {
	r := rand.New(rand.NewPCG(7, 8))
	for range 20 {
		f.Add(bpf.Encode(random.Program(r, random.Options{Max: 12, Junk: true}), binary.LittleEndian), r.Uint32N(400), r.Uint64())
	}
	f.Fuzz(func(t *testing.T, data []byte, nr uint32, arg uint64) {
		p, err := bpf.Decode(data, binary.LittleEndian)
		if err != nil {
			return
		}
		m, err := emulator.New(p)
		if err != nil {
			return
		}
		got, err := Program(p, Options{States: 20_000})
		if err != nil {
			return
		}
		for _, arch := range append(linux.Arches(), 0) {
			d := linux.SeccompData{NR: nr, Arch: arch.Audit(), IP: arg, Args: [6]uint64{arg, arg >> 32, 0, arg + 1}}
			if a, _ := got.Eval(&d); a != m.Run(&d).Effect() {
				t.Fatalf("%s: policy says %v, emulator %v", prove.CallString(&d), a, m.Run(&d).Effect())
			}
		}
	})
}
