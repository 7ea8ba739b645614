package asm_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"secco/bpf"
	"secco/bpf/asm"
	"secco/emulator"
	"secco/linux"
)

// A program that refuses socket(AF_PACKET) on x86_64, with labels.
func ExampleBuilder() {
	var b asm.Builder
	good, bad := b.NewLabel(), b.NewLabel()
	b.Load(linux.WordArch)
	x86 := b.NewLabel()
	b.JumpIf(bpf.JeqK, linux.X86_64.Audit(), x86, bad)
	b.SetLabel(x86)
	b.Load(linux.WordNR)
	other := b.NewLabel()
	b.JumpIfTrue(bpf.JgeK, linux.X32Bit, bad)
	b.JumpIf(bpf.JeqK, 41, other, good)
	b.SetLabel(other)
	b.Load(linux.ArgLow(0))
	b.JumpIf(bpf.JeqK, 17, bad, good)
	b.SetLabel(bad)
	b.Return(linux.Errno.With(1))
	b.SetLabel(good)
	b.Return(linux.Allow)
	program, err := b.Program()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(asm.Print(program, asm.Options{}))
	// Output:
	// ld [arch]
	//         jne #0xc000003e, L7                  ; x86_64
	//         ld [nr]
	//         jge #0x40000000, L7                  ; x32
	//         jne #41, L8                          ; socket
	//         ld [argL0]
	//         jne #17, L8
	// L7:     ret #0x50001                         ; errno(EPERM)
	// L8:     ret #0x7fff0000                      ; allow
}

func TestBuilderWrong(t *testing.T) {
	ret := func(b *asm.Builder) { b.Return(linux.Allow) }
	for name, c := range map[string]struct {
		build func(b *asm.Builder)
		want  string
	}{
		"nothing":         {func(b *asm.Builder) {}, "at least one instruction"},
		"no return":       {func(b *asm.Builder) { b.Load(linux.WordNR) }, ""},
		"label not set":   {func(b *asm.Builder) { b.Jump(b.NewLabel()); ret(b) }, "label 0 stands before no instruction"},
		"label at end":    {func(b *asm.Builder) { l := b.NewLabel(); b.Jump(l); ret(b); b.SetLabel(l) }, "label 0 stands before no instruction"},
		"label twice":     {func(b *asm.Builder) { l := b.NewLabel(); b.Jump(l); b.SetLabel(l); b.SetLabel(l); ret(b) }, "label 0 is set twice"},
		"other's label":   {func(b *asm.Builder) { b.SetLabel(3); ret(b) }, "label 3 is not this builder's"},
		"to another's":    {func(b *asm.Builder) { b.Jump(3); ret(b) }, "instruction 0 jumps to label 3"},
		"negative label":  {func(b *asm.Builder) { b.Jump(-2); ret(b) }, "instruction 0 jumps to label -2"},
		"backward":        {func(b *asm.Builder) { l := b.NewLabel(); b.SetLabel(l); b.Load(0); b.Jump(l); ret(b) }, "instruction 1 jumps to label 0, which is not behind it"},
		"added jump":      {func(b *asm.Builder) { b.Add(bpf.Instruction{Op: bpf.JeqK}); ret(b) }, "instruction 0 is a jump"},
		"no conditional":  {func(b *asm.Builder) { l := b.NewLabel(); b.JumpIfTrue(bpf.Ja, 0, l); b.SetLabel(l); ret(b) }, "0x5 is no conditional jump"},
		"falls off":       {func(b *asm.Builder) { l := b.NewLabel(); b.JumpIfTrue(bpf.JeqK, 0, l) }, "label 0 stands before no instruction"},
		"bad instruction": {func(b *asm.Builder) { b.Add(bpf.Instruction{Op: 0xffff}); ret(b) }, ""},
	} {
		var b asm.Builder
		c.build(&b)
		if _, err := b.Program(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// TestBuilderJumps makes random programs with jumps of all lengths, and compares what
// they do with a walk through what was added.
func TestBuilderJumps(t *testing.T) {
	type jump struct {
		bit     uint32
		yes, no int // index of a step; no of -1 is the next
	}
	r := rand.New(rand.NewPCG(5, 6))
	long := 0
	for range 60 {
		n := 2 + r.IntN(900)
		var b asm.Builder
		labels := make([]asm.Label, n)
		for i := range labels {
			labels[i] = b.NewLabel()
		}
		steps := make([]any, n) // a jump, an unconditional jump's target, or an action
		b.Load(linux.ArgLow(0))
		for i := range n {
			b.SetLabel(labels[i])
			behind := func() int {
				if far := i + 1 + r.IntN(n-i-1); r.IntN(3) == 0 {
					return far
				}
				return min(n-1, i+1+r.IntN(260))
			}
			switch k := r.IntN(8); {
			case i == n-1 || k == 0:
				a := linux.Errno.With(uint16(i))
				steps[i] = a
				b.Return(a)
			case k == 1:
				to := behind()
				steps[i] = to
				b.Jump(labels[to])
			case k == 2:
				j := jump{1 << r.IntN(32), behind(), -1}
				steps[i] = j
				b.JumpIfTrue(bpf.JsetK, j.bit, labels[j.yes])
			default:
				j := jump{1 << r.IntN(32), behind(), behind()}
				steps[i] = j
				b.JumpIf(bpf.JsetK, j.bit, labels[j.yes], labels[j.no])
			}
		}
		p, err := b.Program()
		if err != nil {
			t.Fatal(err)
		}
		long += len(p) - n - 1
		m, err := emulator.New(p)
		if err != nil {
			t.Fatal(err)
		}
		for range 300 {
			d := linux.SeccompData{Arch: linux.X86_64.Audit(), Args: [6]uint64{r.Uint64()}}
			at := 0
			var want linux.Action
			for done := false; !done; {
				switch s := steps[at].(type) {
				case linux.Action:
					want, done = s, true
				case int:
					at = s
				case jump:
					switch {
					case uint32(d.Args[0])&s.bit != 0:
						at = s.yes
					case s.no < 0:
						at++
					default:
						at = s.no
					}
				}
			}
			if got := m.Run(&d); got != want {
				t.Fatalf("%#x gives %v, want %v", d.Args[0], got, want)
			}
		}
	}
	if long < 1000 {
		t.Errorf("only %d jumps did not reach", long)
	}
}
