package asm

import (
	"strconv"
	"strings"

	"secco/bpf"
)

// gosecco's assembler has a line for an instruction: its name, the two distances
// of a conditional jump, and the operand where it takes one, all in hexadecimal
// without prefix, between blanks.

type goseccoInstruction struct {
	op    uint16
	jumps bool // has two distances
	k     bool // has an operand
}

// goseccoNames has all of gosecco's instructions, those too that seccomp refuses.
var goseccoNames = func() map[string]goseccoInstruction {
	m := map[string]goseccoInstruction{
		"ret_k":  {op: bpf.RetK, k: true},
		"ret_x":  {op: bpf.RetK | 0x08},                                 // refused
		"ld_abs": {op: bpf.LdW, k: true}, "ld_ind": {op: 0x40, k: true}, // refused
		"ld_len": {op: bpf.LdLen}, "ld_imm": {op: bpf.LdImm, k: true}, "ld_mem": {op: bpf.LdMem, k: true},
		"ldx_len": {op: bpf.LdxLen}, "ldx_imm": {op: bpf.LdxImm, k: true}, "ldx_mem": {op: bpf.LdxMem, k: true},
		"st": {op: bpf.St, k: true}, "stx": {op: bpf.Stx, k: true},
		"neg": {op: bpf.Neg}, "tax": {op: bpf.Tax}, "txa": {op: bpf.Txa},
		"jmp": {op: bpf.Ja, k: true},
	}
	for name, op := range map[string]uint16{
		"add": bpf.AddK, "sub": bpf.SubK, "mul": bpf.MulK, "div": bpf.DivK, "and": bpf.AndK, "or": bpf.OrK,
		"xor": bpf.XorK, "lsh": bpf.LshK, "rsh": bpf.RshK, "mod": 0x94, // refused
	} {
		m[name+"_k"] = goseccoInstruction{op: op, k: true}
		m[name+"_x"] = goseccoInstruction{op: op | bpf.AddX}
	}
	for name, op := range map[string]uint16{"jeq": bpf.JeqK, "jgt": bpf.JgtK, "jge": bpf.JgeK, "jset": bpf.JsetK} {
		m[name+"_k"] = goseccoInstruction{op: op, jumps: true, k: true}
		m[name+"_x"] = goseccoInstruction{op: op | 0x08, jumps: true}
	}
	return m
}()

// isGosecco reports whether a line begins with one of gosecco's names that have
// an underscore. In the other syntax such a name is a label, with a colon.
func isGosecco(text string) bool {
	for line := range strings.Lines(text) {
		line = strings.TrimLeft(line, " \t\r")
		end := strings.IndexAny(line, " \t\r\n")
		if end < 0 {
			end = len(line)
		}
		if name := line[:end]; strings.Contains(name, "_") {
			if _, ok := goseccoNames[name]; ok {
				return true
			}
		}
	}
	return false
}

// gosecco reads the whole text as gosecco's.
func (p *parser) gosecco() {
	start := 0
	for line := range strings.Lines(p.text) {
		p.goseccoLine(line, start)
		start += len(line)
		p.token.span = p.file.Span(start, start)
		if p.full() {
			return
		}
	}
}

// goseccoLine reads one line that begins at this offset.
func (p *parser) goseccoLine(line string, start int) {
	const blanks = " \t\r\n"
	// A word at a time, so that a long line of nonsense costs no memory.
	word := func() (string, int) {
		trimmed := strings.TrimLeft(line, blanks)
		start += len(line) - len(trimmed)
		end := strings.IndexAny(trimmed, blanks)
		if end < 0 {
			end = len(trimmed)
		}
		at := start
		line, start = trimmed[end:], start+end
		return trimmed[:end], at
	}
	name, at := word()
	if name == "" {
		return
	}
	span := p.file.Span(at, at+len(name))
	known, ok := goseccoNames[name]
	if !ok {
		p.report(span, "unknown-instruction", "gosecco's assembler has no instruction %q", shorten(name))
		return
	}
	number := func(what string, bits int) (uint64, bool) {
		text, at := word()
		if text == "" {
			p.report(span, "bad-operand", "%s lacks its %s", name, what)
			return 0, false
		}
		v, err := strconv.ParseUint(text, 16, bits)
		if err != nil {
			p.report(p.file.Span(at, at+len(text)), "bad-number", "%q is no hexadecimal number of %d bits", shorten(text), bits)
		}
		return v, err == nil
	}
	in := bpf.Instruction{Op: known.op}
	if known.jumps {
		jt, ok := number("first distance", 8)
		if !ok {
			return
		}
		jf, ok := number("second distance", 8)
		if !ok {
			return
		}
		in.Jt, in.Jf = uint8(jt), uint8(jf)
	}
	if known.k {
		k, ok := number("operand", 32)
		if !ok {
			return
		}
		in.K = uint32(k)
	}
	if extra, at := word(); extra != "" {
		p.report(p.file.Span(at, at+len(extra)), "unexpected-text", "unexpected %q behind %s", shorten(extra), name)
		return
	}
	p.add(in, span)
}
