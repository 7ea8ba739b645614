//go:build linux && (amd64 || arm64)

package kernel

import (
	"math/rand/v2"
	"os"
	"testing"

	"secco/bpf"
	"secco/test/random"
)

// comparison counts programs on which bpf.Validate and the kernel agree.
type comparison struct {
	t                 *testing.T
	accepted, refused int
}

// compare fails the test where the two disagree.
func (c *comparison) compare(p bpf.Program) {
	c.t.Helper()
	accepted, err := Accepts(p)
	if err != nil {
		c.t.Fatal(err)
	}
	if ours := bpf.Validate(p); (ours == nil) != accepted {
		c.t.Fatalf("kernel accepts: %v; Validate: %v\n%#x", accepted, ours, p)
	}
	if accepted {
		c.accepted++
	} else {
		c.refused++
	}
}

func (c *comparison) require(accepted, refused int) {
	c.t.Helper()
	c.t.Logf("%d programs accepted, %d refused by both", c.accepted, c.refused)
	if c.accepted < accepted || c.refused < refused {
		c.t.Errorf("too few: at least %d and %d wanted", accepted, refused)
	}
}

var ret = bpf.Instruction{Op: bpf.RetK, K: 0x7fff0000}

// TestOpcodes tries all opcodes, and those up to 0xff with every operand at which
// a rule turns, at the start of a program and at its end.
func TestOpcodes(t *testing.T) {
	Require(t)
	c := comparison{t: t}
	operands := []uint32{0, 1, 2, 3, 4, 15, 16, 31, 32, 60, 61, 63, 64, 0x7fffffff, 0x80000000,
		0xfffff000, 0xfffff004, 0xffffffff}
	for op := range uint16(0x100) {
		for _, k := range operands {
			c.compare(bpf.Program{{Op: op, K: k}, {Op: bpf.Tax}, ret})
			c.compare(bpf.Program{{Op: bpf.St, K: k % 16}, {Op: bpf.Stx}, {Op: op, K: k}})
		}
	}
	step, refused := 1, 70000
	if testing.Short() {
		step, refused = 61, 8000
	}
	for op := 0; op < 0x10000; op += step {
		c.compare(bpf.Program{{Op: uint16(op), K: 4}, {Op: bpf.Tax}, ret})
	}
	c.require(600, refused)
}

// TestJumps tries every jump with distances around the end.
func TestJumps(t *testing.T) {
	Require(t)
	c := comparison{t: t}
	for _, op := range []uint16{bpf.Ja, bpf.JeqK, bpf.JeqX, bpf.JgtK, bpf.JgtX, bpf.JgeK, bpf.JgeX, bpf.JsetK, bpf.JsetX} {
		for _, behind := range []int{0, 1, 2, 254, 255, 256, 257, 4094} {
			p := make(bpf.Program, behind+1)
			for i := range p {
				p[i] = ret
			}
			for _, jt := range []uint8{0, 1, 2, 253, 254, 255} {
				for _, jf := range []uint8{0, 1, 2, 253, 254, 255} {
					p[0] = bpf.Instruction{Op: op, Jt: jt, Jf: jf, K: uint32(jt)}
					c.compare(p)
				}
			}
			for _, k := range []uint32{uint32(behind) - 2, uint32(behind) - 1, uint32(behind), uint32(behind) + 1, 0x80000000, 0xffffffff} {
				p[0] = bpf.Instruction{Op: op, K: k}
				c.compare(p)
			}
		}
	}
	c.require(1000, 1000)
}

func TestLengths(t *testing.T) {
	Require(t)
	c := comparison{t: t}
	for _, n := range []int{0, 1, 2, bpf.MaxInstructions - 1, bpf.MaxInstructions, bpf.MaxInstructions + 1, 0xffff} {
		p := make(bpf.Program, n)
		for i := range p {
			p[i] = ret
		}
		c.compare(p)
	}
	c.require(4, 3)
}

// TestScratch tries all short programs of stores, loads, jumps and returns that
// can tell one account of initialised words from another.
func TestScratch(t *testing.T) {
	Require(t)
	c := comparison{t: t}
	parts := []bpf.Instruction{
		{Op: bpf.St, K: 0}, {Op: bpf.LdMem, K: 0}, {Op: bpf.Stx, K: 15}, {Op: bpf.LdxMem, K: 15},
		{Op: bpf.Ja, K: 0}, {Op: bpf.Ja, K: 1}, {Op: bpf.JeqX, Jt: 1}, {Op: bpf.JgtK, Jf: 2}, ret,
	}
	const length = 4
	p := make(bpf.Program, length+1)
	p[length] = ret
	step, enough := 1, 1000
	if testing.Short() {
		step, enough = 7, 150
	}
	for choice := 0; choice < 9*9*9*9; choice += step {
		n := choice
		for i := range length {
			p[i] = parts[n%len(parts)]
			n /= len(parts)
		}
		c.compare(p)
	}
	c.require(enough, enough)
}

// TestMutants tries random programs, and what one to three changes make of them.
func TestMutants(t *testing.T) {
	Require(t)
	c := comparison{t: t}
	r := rand.New(rand.NewPCG(5, 6))
	programs := 6000
	if os.Getenv("SECCO_LONG") != "" {
		programs *= 50
	} else if testing.Short() {
		programs /= 10
	}
	for range programs {
		p := random.Program(r, random.Options{Max: 40, Junk: true})
		c.compare(p)
		for range 3 {
			mutant := append(bpf.Program(nil), p...)
			for range 1 + r.IntN(3) {
				mutant = mutate(r, mutant)
			}
			c.compare(mutant)
		}
	}
	c.require(programs*5/3, programs*5/3)
}

func mutate(r *rand.Rand, p bpf.Program) bpf.Program {
	if len(p) == 0 {
		return bpf.Program{ret}
	}
	i := r.IntN(len(p))
	switch r.IntN(8) {
	case 0:
		p[i].Op = uint16(r.IntN(0x100))
	case 1:
		p[i].Op ^= 1 << r.IntN(16)
	case 2:
		p[i].K = random.Value(r)
	case 3:
		p[i].K += uint32(r.IntN(3)) - 1
	case 4:
		p[i].Jt, p[i].Jf = uint8(r.IntN(len(p)+2)), uint8(r.IntN(len(p)+2))
	case 5:
		return append(p[:i], p[i+1:]...)
	case 6:
		j := r.IntN(len(p))
		p[i], p[j] = p[j], p[i]
	case 7:
		return p[:i]
	}
	return p
}

// TestAcceptsInstallsNothing would not live to see its end otherwise.
func TestAcceptsInstallsNothing(t *testing.T) {
	Require(t)
	kill := bpf.Program{{Op: bpf.RetK, K: 0x80000000}}
	for range 3 {
		if ok, err := Accepts(kill); !ok || err != nil {
			t.Fatal(ok, err)
		}
	}
}
