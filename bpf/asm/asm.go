// Package asm is the text form of programs.
//
// The syntax is the one of the kernel's bpf_asm, a line for an instruction:
//
//	        ld [arch]
//	        jne #0xc000003e, bad  ; x86_64
//	        ld [nr]
//	        jeq #39, good         // getpid
//	bad:    ret #0x80000000       /* kill_process */
//	good:   ret #0x7fff0000
//
//	ld [WORD] | [OFFSET] | #K | M[K] | len     ldx #K | M[K] | len
//	st M[K]   stx M[K]   tax   txa   neg
//	add sub mul div and or xor lsh rsh         #K | x
//	jeq jgt jge jset jne jlt jle               #K | x, TRUE[, FALSE]
//	ja LABEL                                   ret #K | a | ACTION
//
// A WORD is one of struct seccomp_data as the policy language names it: nr, arch,
// ipL, ipH, argL0, argH0 and so on. Where its halves lie depends on the machine:
// ".endian big" in front of the first instruction is for big-endian ones. jne, jlt,
// jle are jeq, jge, jgt with their targets exchanged; a target left out is the next
// instruction. An ACTION is allow, log, notify, kill_process, kill_thread, trap,
// trace or errno, with data in parentheses, a number or an errno's name. The # may
// be left out; numbers are decimal, 0x…, 0b… or octal 0…, and may be negative.
//
//	raw OP, JT, JF, K
//
// states an instruction by its fields, whatever they hold.
//
// [Parse] reads gosecco's assembler as well: a text with one of its instructions
// that have an underscore, of which every program has at least one, is in it.
package asm

import (
	"fmt"
	"strings"

	"secco/bpf"
	"secco/linux"
)

// Options says how programs are shown. The zero value is for little-endian
// machines, and names syscalls only where the program has tested arch before.
type Options struct {
	Arch      linux.Arch         // the machine; where the program has not tested arch, calls are named as on it
	BigEndian bool               // the machine is big-endian; implied by Arch
	Comment   func(i int) string // what else there is to say about instruction i; may be nil
	Name      string             // what PrintC and PrintGo call the filter; "filter" if empty
	Package   string             // the package of PrintGo; "filter" if empty
}

func (o *Options) bigEndian() bool { return o.BigEndian || o.Arch.BigEndian() }

// form is what an instruction's operand looks like.
type form uint8

const (
	formNone form = iota // tax
	formImm              // add #k
	formX                // add x
	formA                // ret a
	formLen              // ld len
	formAbs              // ld [k]
	formMem              // ld M[k]
	formGoto             // ja label
)

type mnemonic struct {
	name string
	form form
}

// mnemonics has every opcode that seccomp accepts.
var mnemonics = map[uint16]mnemonic{
	bpf.LdW: {"ld", formAbs}, bpf.LdLen: {"ld", formLen}, bpf.LdxLen: {"ldx", formLen},
	bpf.LdImm: {"ld", formImm}, bpf.LdxImm: {"ldx", formImm}, bpf.LdMem: {"ld", formMem}, bpf.LdxMem: {"ldx", formMem},
	bpf.St: {"st", formMem}, bpf.Stx: {"stx", formMem},
	bpf.AddK: {"add", formImm}, bpf.AddX: {"add", formX}, bpf.SubK: {"sub", formImm}, bpf.SubX: {"sub", formX},
	bpf.MulK: {"mul", formImm}, bpf.MulX: {"mul", formX}, bpf.DivK: {"div", formImm}, bpf.DivX: {"div", formX},
	bpf.OrK: {"or", formImm}, bpf.OrX: {"or", formX}, bpf.AndK: {"and", formImm}, bpf.AndX: {"and", formX},
	bpf.LshK: {"lsh", formImm}, bpf.LshX: {"lsh", formX}, bpf.RshK: {"rsh", formImm}, bpf.RshX: {"rsh", formX},
	bpf.XorK: {"xor", formImm}, bpf.XorX: {"xor", formX}, bpf.Neg: {"neg", formNone},
	bpf.Ja:   {"ja", formGoto},
	bpf.JeqK: {"jeq", formImm}, bpf.JeqX: {"jeq", formX}, bpf.JgtK: {"jgt", formImm}, bpf.JgtX: {"jgt", formX},
	bpf.JgeK: {"jge", formImm}, bpf.JgeX: {"jge", formX}, bpf.JsetK: {"jset", formImm}, bpf.JsetX: {"jset", formX},
	bpf.RetK: {"ret", formImm}, bpf.RetA: {"ret", formA},
	bpf.Tax: {"tax", formNone}, bpf.Txa: {"txa", formNone},
}

// negations are the conditional jumps with exchanged targets.
var negations = map[string]string{"jeq": "jne", "jgt": "jle", "jge": "jlt"}

// isConditional reports whether op is a jump with two targets.
func isConditional(op uint16) bool { return op&7 == bpf.Ja&7 && op != bpf.Ja }

// plain reports whether an instruction has nothing in fields that it doesn't use,
// and jumps within a program that goes on for rest instructions.
func plain(in bpf.Instruction, rest int) bool {
	m, ok := mnemonics[in.Op]
	if !ok {
		return false
	}
	switch {
	case isConditional(in.Op):
		return int(max(in.Jt, in.Jf)) < rest && (m.form == formImm || in.K == 0)
	case in.Jt != 0 || in.Jf != 0:
		return false
	case m.form == formGoto:
		return uint64(in.K) < uint64(rest)
	case m.form == formImm || m.form == formAbs || m.form == formMem:
		return true
	}
	return in.K == 0
}

// Print returns the program as text, which [Parse] turns back into the same
// program if it is valid. Comments name calls, architectures and actions.
func Print(p bpf.Program, o Options) string {
	var b strings.Builder
	if o.bigEndian() {
		b.WriteString(".endian big\n")
	}
	targets := targets(p)
	for i, line := range lines(p, &o) {
		label := ""
		if targets[i] {
			label = labelOf(i) + ":"
		}
		text := fmt.Sprintf("%-7s %s", label, line.text)
		if comment := line.comment(); comment != "" {
			text = fmt.Sprintf("%-44s ; %s", text, comment)
		}
		b.WriteString(text + "\n")
	}
	return b.String()
}

func labelOf(i int) string { return fmt.Sprintf("L%d", i) }

// targets tells which instructions are shown with a label.
func targets(p bpf.Program) []bool {
	is := make([]bool, len(p))
	for i, in := range p {
		if !plain(in, len(p)-i-1) {
			continue
		}
		switch {
		case in.Op == bpf.Ja:
			is[i+1+int(in.K)] = true
		case isConditional(in.Op):
			_, labels := condition(i, in)
			for _, at := range labels {
				is[at] = true
			}
		}
	}
	return is
}

// condition returns the name of a conditional jump and the targets that are
// written out: the next instruction is left out where that can be read back.
func condition(i int, in bpf.Instruction) (name string, labels []int) {
	name = mnemonics[in.Op].name
	jt, jf := i+1+int(in.Jt), i+1+int(in.Jf)
	switch {
	case in.Jf == 0 && in.Jt != 0:
		return name, []int{jt}
	case in.Jt == 0 && in.Jf != 0 && negations[name] != "":
		return negations[name], []int{jf}
	}
	return name, []int{jt, jf}
}

type line struct {
	text string // without label
	note string // what the constant is called
	more string // the caller's comment
}

func (l line) comment() string {
	if l.note == "" || l.more == "" {
		return l.note + l.more
	}
	return l.note + "; " + l.more
}

// lines returns what every printer shows of the instructions.
func lines(p bpf.Program, o *Options) []line {
	all := make([]line, len(p))
	notes := notes(p, o)
	for i, in := range p {
		text := show(i, in, o)
		if !plain(in, len(p)-i-1) {
			if m, ok := mnemonics[in.Op]; ok && notes[i] == "" {
				notes[i] = m.name
			}
			text = fmt.Sprintf("raw %#02x, %d, %d, %#x", in.Op, in.Jt, in.Jf, in.K)
		}
		all[i] = line{text: text, note: notes[i]}
		if o.Comment != nil {
			all[i].more = oneLine(o.Comment(i))
		}
	}
	return all
}

func show(i int, in bpf.Instruction, o *Options) string {
	m := mnemonics[in.Op]
	operand := ""
	switch m.form {
	case formNone:
		return m.name
	case formImm:
		operand = fmt.Sprintf("#%#x", in.K)
		if in.K < 0x1000 && in.Op != bpf.RetK {
			operand = fmt.Sprintf("#%d", in.K)
		}
	case formX:
		operand = "x"
	case formA:
		operand = "a"
	case formLen:
		operand = "len"
	case formAbs:
		operand = fmt.Sprintf("[%d]", in.K)
		if w, ok := linux.WordAt(in.K, o.bigEndian()); ok {
			operand = fmt.Sprintf("[%v]", w)
		}
	case formMem:
		operand = fmt.Sprintf("M[%d]", in.K)
	case formGoto:
		operand = labelOf(i + 1 + int(in.K))
	}
	if !isConditional(in.Op) {
		return m.name + " " + operand
	}
	name, labels := condition(i, in)
	for _, at := range labels {
		operand += ", " + labelOf(at)
	}
	return name + " " + operand
}

// oneLine makes any text fit a comment that ends with its line.
func oneLine(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == 0x85 || r == 0x2028 || r == 0x2029 {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD")))
}
