package asm

import (
	"errors"
	"math"
	"strconv"
	"strings"

	"secco/bpf"
	"secco/linux"
	"secco/source"
)

// maxErrors is how many errors Parse reports before it gives up.
const maxErrors = 100

// Parse returns the program that a text states. It is one that the kernel
// accepts; otherwise the error is [source.Diagnostics], with places. A text that
// does not state a byte order is for little-endian machines.
func Parse(file *source.File) (bpf.Program, error) { return parse(file, 0) }

// ParseFor is Parse for a text that is meant for an architecture: a text that
// states no byte order has that one's, another one is an error.
func ParseFor(a linux.Arch, file *source.File) (bpf.Program, error) { return parse(file, a) }

func parse(file *source.File, arch linux.Arch) (bpf.Program, error) {
	var diags source.Diagnostics
	p := &parser{lexer: lexer{file: file, text: file.Text(), diags: &diags}, arch: arch, big: arch.BigEndian(), labels: map[string]label{}}
	if isGosecco(file.Text()) {
		p.gosecco()
	} else {
		p.statements()
		p.resolve()
	}
	if len(diags) == 0 {
		p.validate()
	}
	if len(diags) > 0 {
		diags.Sort()
		return nil, diags
	}
	return p.program, nil
}

type parser struct {
	lexer
	token   token
	arch    linux.Arch // that the text is meant for; may be 0
	big     bool       // loads are for a big-endian machine
	program bpf.Program
	spans   []source.Span // of each instruction
	jumps   []jump
	labels  map[string]label
}

type label struct {
	index int
	span  source.Span
}

// jump is a target that is filled in when all labels are known.
type jump struct {
	index  int
	target token
	negate bool // the target is for a condition that does not hold
}

// instructions maps each name to its opcode by form of operand.
var instructions = func() map[string]map[form]uint16 {
	m := map[string]map[form]uint16{}
	for op, n := range mnemonics {
		if m[n.name] == nil {
			m[n.name] = map[form]uint16{}
		}
		m[n.name][n.form] = op
	}
	for of, name := range negations {
		m[name] = m[of]
	}
	m["jneq"], m["jmp"], m["ldi"], m["ldxi"] = m["jne"], m["ja"], m["ld"], m["ldx"]
	return m
}()

// errReported says that there is a diagnostic, and that the rest of the line is
// to be skipped.
var errReported = errors.New("reported")

// errorf reports an error and returns errReported.
func (p *parser) errorf(span source.Span, code, format string, args ...any) error {
	p.report(span, code, format, args...)
	return errReported
}

func (p *parser) advance() { p.token = p.next() }

// full reports whether reading on makes no sense, and says so.
func (p *parser) full() bool {
	if len(*p.diags) >= maxErrors {
		p.report(p.token.span, "too-many-errors", "too many errors, the rest is not read")
		return true
	}
	return len(p.program) > bpf.MaxInstructions
}

func (p *parser) statements() {
	p.advance()
	for p.token.kind != tokenEnd && !p.full() {
		if err := p.statement(); err != nil {
			for p.token.kind != tokenNewline && p.token.kind != tokenEnd {
				p.advance()
			}
		}
		if p.token.kind == tokenNewline {
			p.advance()
		}
	}
}

// statement reads labels and an instruction, each of which may be missing, up to
// the end of the line.
func (p *parser) statement() error {
	if p.token.is(".") {
		return p.directive()
	}
	for p.token.kind == tokenName {
		name := p.token
		p.advance()
		if !p.token.is(":") {
			if err := p.instruction(name); err != nil {
				return err
			}
			break
		}
		p.advance()
		if old, ok := p.labels[name.text]; ok {
			d := p.diags.Errorf(name.span, "duplicate-label", "label %q is defined twice", shorten(name.text))
			d.Related = []source.Related{{Span: old.span, Message: "defined here before"}}
			return errReported
		}
		p.labels[name.text] = label{len(p.program), name.span}
	}
	if p.token.kind != tokenNewline && p.token.kind != tokenEnd {
		return p.unexpected("the end of the line")
	}
	return nil
}

func (p *parser) unexpected(wanted string) error {
	found := "end of the text"
	switch p.token.kind {
	case tokenNewline:
		found = "end of the line"
	case tokenName, tokenNumber, tokenMark, tokenBad:
		found = strconv.Quote(shorten(p.token.text))
	}
	return p.errorf(p.token.span, "unexpected-text", "unexpected %s, %s belongs here", found, wanted)
}

// shorten bounds how much of a text an error repeats.
func shorten(s string) string {
	const most = 40
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}

func (p *parser) expect(mark string) error {
	if !p.token.is(mark) {
		return p.unexpected(strconv.Quote(mark))
	}
	p.advance()
	return nil
}

func (p *parser) directive() error {
	start := p.token
	p.advance()
	name := p.token
	p.advance()
	order := p.token
	if name.text != "endian" || order.text != "big" && order.text != "little" {
		return p.errorf(start.span.To(name.span), "unknown-directive", "the only directives are .endian big and .endian little")
	}
	if len(p.program) > 0 {
		return p.errorf(start.span.To(order.span), "late-directive", "the byte order belongs in front of the first instruction")
	}
	p.big = order.text == "big"
	if p.arch.Valid() && p.big != p.arch.BigEndian() {
		return p.errorf(start.span.To(order.span), "other-byte-order", "the text is not for the byte order of %v", p.arch)
	}
	p.advance()
	return nil
}

// instruction reads one behind its name.
func (p *parser) instruction(name token) error {
	var (
		in  bpf.Instruction
		err error
	)
	if name.text == "raw" {
		in, err = p.raw()
	} else {
		forms, ok := instructions[strings.ToLower(name.text)]
		if !ok {
			return p.errorf(name.span, "unknown-instruction", "no instruction is called %q", shorten(name.text))
		}
		jumps := len(p.jumps)
		if in, err = p.operands(name, forms); err != nil {
			p.jumps = p.jumps[:jumps]
		}
	}
	if err != nil {
		return err
	}
	p.add(in, name.span)
	return nil
}

func (p *parser) add(in bpf.Instruction, span source.Span) {
	p.program = append(p.program, in)
	p.spans = append(p.spans, span)
	if len(p.program) == bpf.MaxInstructions+1 {
		p.report(span, "program-too-long", "a program has at most %d instructions", bpf.MaxInstructions)
	}
}

func (p *parser) raw() (in bpf.Instruction, err error) {
	fields := []struct {
		name string
		max  uint64
		set  func(uint32)
	}{
		{"opcode", math.MaxUint16, func(v uint32) { in.Op = uint16(v) }},
		{"jt", math.MaxUint8, func(v uint32) { in.Jt = uint8(v) }},
		{"jf", math.MaxUint8, func(v uint32) { in.Jf = uint8(v) }},
		{"k", math.MaxUint32, func(v uint32) { in.K = v }},
	}
	for i, field := range fields {
		if i > 0 {
			if err := p.expect(","); err != nil {
				return in, err
			}
		}
		at := p.token.span
		v, err := p.number("the " + field.name)
		if err != nil {
			return in, err
		}
		if uint64(v) > field.max {
			return in, p.errorf(at, "bad-number", "the %s is at most %d", field.name, field.max)
		}
		field.set(v)
	}
	return in, nil
}

// operands reads what stands behind an instruction's name.
func (p *parser) operands(name token, forms map[form]uint16) (in bpf.Instruction, err error) {
	mnemonic := strings.ToLower(name.text)
	if op, ok := forms[formNone]; ok {
		return bpf.Instruction{Op: op}, nil
	}
	if op, ok := forms[formGoto]; ok {
		return bpf.Instruction{Op: op}, p.target(false)
	}
	start := p.token.span
	found, err := p.operand(mnemonic, &in)
	if err != nil {
		return in, err
	}
	op, ok := forms[found]
	if !ok {
		return in, p.errorf(start, "bad-operand", "%s does not take this operand", mnemonic)
	}
	in.Op = op
	if !isConditional(op) {
		return in, nil
	}
	negate := false
	switch mnemonic {
	case "jne", "jneq", "jle", "jlt":
		negate = true
	}
	if err := p.expect(","); err != nil {
		return in, err
	}
	if err := p.target(negate); err != nil {
		return in, err
	}
	if p.token.is(",") {
		p.advance()
		return in, p.target(!negate)
	}
	return in, nil
}

// target reads the label of a jump.
func (p *parser) target(negate bool) error {
	if p.token.kind != tokenName {
		return p.unexpected("a label")
	}
	p.jumps = append(p.jumps, jump{len(p.program), p.token, negate})
	p.advance()
	return nil
}

// operand reads one and sets in.K by it.
func (p *parser) operand(mnemonic string, in *bpf.Instruction) (form, error) {
	if p.token.is("%") { // %x, as bpf_asm also has it
		p.advance()
	}
	if p.token.kind == tokenName {
		name := p.token
		switch lower := strings.ToLower(name.text); {
		case lower == "x":
			p.advance()
			return formX, nil
		case lower == "a":
			p.advance()
			return formA, nil
		case lower == "len":
			p.advance()
			return formLen, nil
		case lower == "m":
			p.advance()
			if err := p.expect("["); err != nil {
				return 0, err
			}
			k, err := p.number("a scratch word")
			in.K = k
			return formMem, p.closing(err)
		case mnemonic == "ret":
			action, err := p.action()
			in.K = uint32(action)
			return formImm, err
		}
		return 0, p.errorf(name.span, "bad-operand", "%s does not take %q", mnemonic, shorten(name.text))
	}
	if p.token.is("[") {
		p.advance()
		return formAbs, p.offset(in)
	}
	if p.token.is("#") {
		p.advance()
		if strings.EqualFold(p.token.text, "len") {
			p.advance()
			return formLen, nil
		}
	}
	k, err := p.number("an operand")
	in.K = k
	return formImm, err
}

// closing reads ], unless there was an error before it.
func (p *parser) closing(err error) error {
	if err != nil {
		return err
	}
	return p.expect("]")
}

// words maps the names of the words of struct seccomp_data.
var words = func() map[string]linux.Word {
	m := map[string]linux.Word{}
	for w := linux.Word(0); w < linux.NumWords; w++ {
		m[w.String()] = w
	}
	return m
}()

// offset reads what stands behind the [ of a load.
func (p *parser) offset(in *bpf.Instruction) error {
	if p.token.kind == tokenName {
		w, ok := words[p.token.text]
		if !ok {
			return p.errorf(p.token.span, "unknown-word", "%q is no word of the data: nr, arch, ipL, ipH, argL0, argH0 and so on are", shorten(p.token.text))
		}
		in.K = w.Offset(p.big)
		p.advance()
		return p.expect("]")
	}
	k, err := p.number("a word or an offset")
	in.K = k
	return p.closing(err)
}

// number reads a number of 32 bits, negative ones in two's complement.
func (p *parser) number(wanted string) (uint32, error) {
	start := p.token.span
	negative := p.token.is("-")
	if negative {
		p.advance()
	}
	if p.token.kind != tokenNumber {
		return 0, p.unexpected(wanted)
	}
	span := start.To(p.token.span)
	v, err := strconv.ParseUint(p.token.text, 0, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) || strings.Contains(p.token.text, "_") {
		return 0, p.errorf(span, "bad-number", "%q is not a number", shorten(p.token.text))
	}
	if err != nil || v > math.MaxUint32 || negative && v > 1<<31 {
		return 0, p.errorf(span, "bad-number", "%s does not fit 32 bits", shorten(span.Text()))
	}
	p.advance()
	if negative {
		return -uint32(v), nil
	}
	return uint32(v), nil
}

var actions = map[string]linux.Action{
	"allow": linux.Allow, "log": linux.Log, "notify": linux.Notify, "trace": linux.Trace, "errno": linux.Errno,
	"trap": linux.Trap, "kill": linux.KillThread, "kill_thread": linux.KillThread, "kill_process": linux.KillProcess,
}

// action reads an action by its name, with data in parentheses.
func (p *parser) action() (linux.Action, error) {
	action, ok := actions[strings.ToLower(p.token.text)]
	if !ok {
		return 0, p.errorf(p.token.span, "unknown-action", "no action is called %q", shorten(p.token.text))
	}
	p.advance()
	if !p.token.is("(") {
		return action, nil
	}
	p.advance()
	if p.token.kind == tokenName && action == linux.Errno {
		n, ok := linux.X86_64.Errno(p.token.text)
		if !ok {
			return 0, p.errorf(p.token.span, "unknown-errno", "no errno is called %q", shorten(p.token.text))
		}
		p.advance()
		return action.With(n), p.expect(")")
	}
	start := p.token.span
	data, err := p.number("data")
	if err != nil {
		return 0, err
	}
	if data > math.MaxUint16 {
		return 0, p.errorf(start, "bad-number", "the data of an action is at most %d", math.MaxUint16)
	}
	return action.With(uint16(data)), p.expect(")")
}

// resolve fills in the targets of jumps.
func (p *parser) resolve() {
	for _, j := range p.jumps {
		if len(*p.diags) >= maxErrors {
			return
		}
		name := shorten(j.target.text)
		to, ok := p.labels[j.target.text]
		if !ok {
			p.report(j.target.span, "unknown-label", "no label is called %q", name)
			continue
		}
		in := &p.program[j.index]
		distance := to.index - j.index - 1
		switch {
		case distance < 0:
			p.report(j.target.span, "jump-back", "%q lies behind: jumps only go forward", name)
		case in.Op == bpf.Ja:
			in.K = uint32(distance)
		case distance > math.MaxUint8:
			p.report(j.target.span, "jump-too-far", "%q is %d instructions away, a conditional jump reaches %d", name, distance, math.MaxUint8)
		case j.negate:
			in.Jf = uint8(distance)
		default:
			in.Jt = uint8(distance)
		}
	}
}

// validate reports the kernel's rule that the program breaks.
func (p *parser) validate() {
	err := bpf.Validate(p.program)
	if err == nil {
		return
	}
	var invalid *bpf.InvalidError
	if !errors.As(err, &invalid) || invalid.Index < 0 || invalid.Index >= len(p.spans) {
		p.report(p.file.Span(0, 0), "invalid-program", "%v", err)
		return
	}
	p.report(p.spans[invalid.Index], "invalid-program", "instruction %d: %s", invalid.Index, invalid.Reason)
}
