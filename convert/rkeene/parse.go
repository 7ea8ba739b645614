package rkeene

import (
	"fmt"

	"secco/linux"
	"secco/source"
)

// Bounds on what is read.
const (
	maxSize   = 1 << 20
	maxDepth  = 64
	maxErrors = 100
)

// block is an architecture's statements.
type block struct {
	arch linux.Arch
	body []statement
	span source.Span // the architecture's name
	end  source.Span // the closing brace
}

// statement is a return, or an if where arms is not empty.
type statement struct {
	span   source.Span
	action linux.Action
	arms   []arm
}

// arm is one branch of an if; cond is nil for else.
type arm struct {
	cond *expr
	body []statement
	end  source.Span
}

// expr is a condition. op is "&&", "||" or "!", of which the last has only x, or
// a comparison: "eq", "ne", "==" and so on, of an operand with value.
type expr struct {
	op    string
	x, y  *expr
	arg   int    // compared argument; -1 is the number
	mask  uint32 // what is looked at of the argument
	value uint32
	known bool // of a number: whether the architecture has it (always, unless an error was told)
	span  source.Span
}

type parser struct {
	tokens []token
	at     int
	arch   linux.Arch
	depth  int
	diags  source.Diagnostics
}

// stop is what parsing a block panics with to end at a syntax error; it is
// recovered in parse.
type stop struct{}

func (p *parser) peek() token { return p.tokens[p.at] }

func (p *parser) next() token {
	t := p.tokens[p.at]
	if t.kind != end {
		p.at++
	}
	return t
}

func (p *parser) is(sym string) bool { t := p.peek(); return t.kind == symbol && t.text == sym }

// skip passes newlines.
func (p *parser) skip() {
	for p.peek().kind == newline {
		p.at++
	}
}

func (p *parser) fail(t token, format string, args ...any) {
	p.diags.Errorf(t.span, "syntax", "%s", fmt.Sprintf(format, args...))
	panic(stop{})
}

func (p *parser) expect(sym, where string) token {
	t := p.peek()
	if !p.is(sym) {
		p.fail(t, "expected %q %s, found %s", sym, where, t)
	}
	return p.next()
}

func (t token) String() string {
	switch t.kind {
	case end:
		return "the end of the file"
	case newline:
		return "the end of the line"
	}
	return fmt.Sprintf("%q", t.span.Text())
}

func (p *parser) enter(t token) {
	if p.depth++; p.depth > maxDepth {
		p.fail(t, "this is nested more than %d deep", maxDepth)
	}
}

// parse reads the blocks up to the first syntax error.
func (p *parser) parse() (blocks []*block) {
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(stop); !ok {
				panic(r)
			}
		}
	}()
	for p.skip(); p.peek().kind != end; p.skip() {
		name := p.next()
		a, ok := linux.ParseArch(name.text)
		if name.kind != word || !ok {
			p.fail(name, "expected an architecture, found %s", name)
		}
		for _, b := range blocks {
			if b.arch == a {
				d := p.diags.Errorf(name.span, "duplicate-arch", "there are two blocks for %s", a)
				d.Related = append(d.Related, source.Related{Span: b.span, Message: "the first is here"})
			}
		}
		p.arch = a
		b := &block{arch: a, span: name.span}
		b.body, b.end = p.body("after the architecture")
		blocks = append(blocks, b)
	}
	return blocks
}

// body reads statements in braces.
func (p *parser) body(where string) (list []statement, closed source.Span) {
	p.enter(p.expect("{", where))
	defer func() { p.depth-- }()
	for p.skip(); !p.is("}"); p.skip() {
		list = append(list, p.statement())
		if t := p.peek(); t.kind != newline && !p.is("}") {
			p.fail(t, "expected the end of the line, found %s", t)
		}
	}
	return list, p.next().span
}

func (p *parser) statement() statement {
	t := p.next()
	switch {
	case t.kind == word && t.text == "return":
		return p.returned(t)
	case t.kind == word && t.text == "if":
		s := statement{span: t.span, arms: []arm{p.arm()}}
		for {
			t := p.peek()
			if t.kind == word && t.text == "elseif" {
				p.next()
				s.arms = append(s.arms, p.arm())
				continue
			}
			if t.kind == word && t.text == "else" {
				p.next()
				body, closed := p.body("after else")
				s.arms = append(s.arms, arm{body: body, end: closed})
			}
			return s
		}
	}
	p.fail(t, "expected if or return, found %s", t)
	panic(stop{})
}

func (p *parser) arm() arm {
	p.expect("{", "before the condition")
	cond := p.expr(0)
	p.skip()
	p.expect("}", "after the condition")
	if t := p.peek(); t.kind == word && t.text == "then" { // as Tcl has it
		p.next()
	}
	body, closed := p.body("after the condition")
	return arm{cond, body, closed}
}

// returned reads what follows "return".
func (p *parser) returned(from token) statement {
	t := p.next()
	s := statement{span: from.span.To(t.span)}
	if t.kind != word {
		p.fail(t, "expected an action, found %s", t)
	}
	switch t.text {
	case "allow":
		s.action = linux.Allow
	case "kill", "kill_thread":
		s.action = linux.KillThread
	case "kill_process":
		s.action = linux.KillProcess
	case "trap":
		s.action = linux.Trap
	case "log":
		s.action = linux.Log
	case "errno":
		e := p.next()
		s.span = from.span.To(e.span)
		n, ok := p.arch.Errno(e.text)
		if !ok {
			v, err := number(e.text)
			if e.kind != word || err != nil {
				p.fail(e, "expected an errno, found %s", e)
			}
			if v > linux.MaxErrno {
				p.diags.Errorf(e.span, "out-of-range", "an errno is at most %d", linux.MaxErrno)
				v = 0
			}
			n = uint16(v)
		}
		s.action = linux.Errno.With(n)
	default:
		p.diags.Errorf(t.span, "unknown-action", "no action %q: there is allow, errno, kill, kill_thread, kill_process, trap and log", t.text)
	}
	return s
}
