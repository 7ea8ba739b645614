package asm

import (
	"errors"
	"fmt"

	"secco/bpf"
	"secco/linux"
)

// Builder makes a program in code, with labels in place of offsets: jumps go as far
// as they have to. The zero Builder is empty and ready for use.
//
// What is wrong is told by [Builder.Program], all at once.
type Builder struct {
	// BigEndian is the byte order of the machine, for Load.
	BigEndian bool

	items  []item
	labels []int // the item that each stands before, -1 while it is not set
	errs   []error
}

// Label is a place in a program, of the Builder that made it.
type Label int

// next is the label of the instruction behind a jump.
const next Label = -1

// item is an instruction; a jump has labels in place of its offsets.
type item struct {
	bpf.Instruction
	isJump  bool
	yes, no Label // the same for an unconditional one
}

// NewLabel returns a label, for jumps. It has to be set once, behind all of them.
func (b *Builder) NewLabel() Label {
	b.labels = append(b.labels, -1)
	return Label(len(b.labels) - 1)
}

// SetLabel puts a label before the instruction that is added next.
func (b *Builder) SetLabel(l Label) {
	switch {
	case l < 0 || int(l) >= len(b.labels):
		b.errorf("label %d is not this builder's", l)
	case b.labels[l] >= 0:
		b.errorf("label %d is set twice", l)
	default:
		b.labels[l] = len(b.items)
	}
}

// Add adds instructions that are no jumps.
func (b *Builder) Add(list ...bpf.Instruction) {
	for _, in := range list {
		if in.Op&7 == bpf.Ja&7 {
			b.errorf("instruction %d is a jump: Jump and JumpIf take labels", len(b.items))
		}
		b.items = append(b.items, item{Instruction: in})
	}
}

// Load adds the instruction that puts a word of the call into the accumulator.
func (b *Builder) Load(w linux.Word) {
	b.Add(bpf.Instruction{Op: bpf.LdW, K: w.Offset(b.BigEndian)})
}

// Return adds the instruction that ends the program with an action.
func (b *Builder) Return(a linux.Action) { b.Add(bpf.Instruction{Op: bpf.RetK, K: uint32(a)}) }

// Jump adds a jump to a label.
func (b *Builder) Jump(to Label) { b.jump(bpf.Ja, 0, to, to) }

// JumpIf adds a conditional jump (bpf.JeqK and the like; k is ignored by those that
// compare with X) to one of two labels.
func (b *Builder) JumpIf(op uint16, k uint32, yes, no Label) {
	b.checkConditional(op)
	b.jump(op, k, yes, no)
}

// JumpIfTrue adds a conditional jump to a label; where the condition does not hold,
// the next instruction follows.
func (b *Builder) JumpIfTrue(op uint16, k uint32, yes Label) {
	b.checkConditional(op)
	b.jump(op, k, yes, next)
}

func (b *Builder) checkConditional(op uint16) {
	switch op {
	case bpf.JeqK, bpf.JeqX, bpf.JgtK, bpf.JgtX, bpf.JgeK, bpf.JgeX, bpf.JsetK, bpf.JsetX:
	default:
		b.errorf("%#x is no conditional jump", op)
	}
}

func (b *Builder) jump(op uint16, k uint32, yes, no Label) {
	b.items = append(b.items, item{bpf.Instruction{Op: op, K: k}, true, yes, no})
}

func (b *Builder) errorf(format string, args ...any) {
	b.errs = append(b.errs, fmt.Errorf(format, args...))
}

// maxOffset is how many instructions a conditional jump can skip.
const maxOffset = 255

// Program returns the program. Where a conditional jump does not reach its label, an
// unconditional one behind it does.
//
// It is made back to front: what a jump leads to has its place already, and nothing
// is put between what was placed.
func (b *Builder) Program() (bpf.Program, error) {
	errs := b.errs
	for l, at := range b.labels {
		if at < 0 || at == len(b.items) {
			errs = append(errs, fmt.Errorf("label %d stands before no instruction", l))
		}
	}
	for i, it := range b.items {
		for _, l := range []Label{it.yes, it.no} {
			if it.isJump && l != next && (l < 0 || int(l) >= len(b.labels) || b.labels[l] >= 0 && b.labels[l] <= i) {
				errs = append(errs, fmt.Errorf("instruction %d jumps to label %d, which is not behind it", i, l))
				break
			}
		}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	var code bpf.Program            // the last instruction first
	at := make([]int, len(b.items)) // of each item in code
	for i := len(b.items) - 1; i >= 0; i-- {
		it := b.items[i]
		if it.isJump {
			code = b.place(code, at, i)
		} else {
			code = append(code, it.Instruction)
		}
		at[i] = len(code) - 1
	}
	for i, j := 0, len(code)-1; i < j; i, j = i+1, j-1 {
		code[i], code[j] = code[j], code[i]
	}
	return code, bpf.Validate(code)
}

// place puts a jump before what is there.
func (b *Builder) place(code bpf.Program, at []int, i int) bpf.Program {
	it := b.items[i]
	target := func(l Label) int {
		if l == next {
			return at[i+1]
		}
		return at[b.labels[l]]
	}
	if it.Op == bpf.Ja {
		it.K = uint32(len(code) - 1 - target(it.yes))
		return append(code, it.Instruction)
	}
	if it.no == next && i == len(b.items)-1 { // the kernel's rules say what is wrong
		return append(code, it.Instruction)
	}
	yes, no := target(it.yes), target(it.no)
	for _, to := range []*int{&no, &yes} {
		if len(code)-1-*to > maxOffset-1 { // the other may put a jump between
			code = append(code, bpf.Instruction{Op: bpf.Ja, K: uint32(len(code) - 1 - *to)})
			*to = len(code) - 1
		}
	}
	it.Jt, it.Jf = uint8(len(code)-1-yes), uint8(len(code)-1-no)
	return append(code, it.Instruction)
}
