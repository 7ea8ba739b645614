package minijail

import (
	"fmt"
	"strconv"
	"strings"

	"secco/linux"
	"secco/source"
)

// Bounds on what is read.
const (
	maxSize    = 1 << 20 // of all files together
	maxFiles   = 100
	maxInclude = 10 // files deep
	maxDepth   = 64 // of parentheses
	maxErrors  = 100
	maxWork    = 1 << 18 // filters, each for each of its syscalls
)

// rule is a statement about syscalls.
type rule struct {
	names   []name
	filters []filter
	braced  bool // the filters stand in braces
	span    source.Span
}

// name is a syscall, and where it is given for which architectures.
type name struct {
	text    string
	span    source.Span
	limited bool
	arches  []linux.Arch
}

// filter is an action, and where any is not empty the condition for it: all
// tests of one of the lists hold.
type filter struct {
	any    [][]test
	action action
	span   source.Span
}

// action is a word, or an errno where code is set.
type action struct {
	action linux.Action
	code   *term
	given  bool // it was written, not implied
	span   source.Span
}

type test struct {
	arg   int
	op    string
	value []term
	span  source.Span
}

// term is one constant of a value, or where sub is not nil a value in
// parentheses.
type term struct {
	inverted bool
	text     string
	sub      []term
	span     source.Span
}

// frequency is how often a syscall is called.
type frequency struct {
	name name
	n    uint64
}

// unit is all that a file and those that it includes say.
type unit struct {
	rules       []rule
	frequencies []frequency
	fallback    *action     // of @default
	denylist    source.Span // of @denylist
	modern      source.Span // something that minijail0 itself does not understand
}

type parser struct {
	unit
	find  func(from *source.File, path string) (*source.File, error)
	files int
	size  int
	diags source.Diagnostics

	tokens  []token
	at      int
	depth   int
	skipped map[string]bool // architectures that were told of
}

// stop is what parsing a statement panics with to end it at a syntax error; it is
// recovered in line.
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

func (p *parser) take(sym string) bool {
	if p.is(sym) {
		p.at++
		return true
	}
	return false
}

func (p *parser) expect(sym, where string) {
	if t := p.peek(); !p.is(sym) {
		p.fail(t, "expected %q %s, found %s", sym, where, t)
	}
	p.next()
}

func (p *parser) fail(t token, format string, args ...any) {
	p.diags.Errorf(t.span, "syntax", "%s", fmt.Sprintf(format, args...))
	panic(stop{})
}

// file reads a file, the last of a chain of includes, as policy or frequencies.
func (p *parser) file(chain []*source.File, line func(*parser, []*source.File)) {
	f := chain[len(chain)-1]
	p.files++
	p.size += len(f.Text())
	if p.size > maxSize {
		p.diags.Errorf(f.Span(0, 0), "too-large", "a policy of this kind has at most %d bytes, those that it includes with it", maxSize)
		return
	}
	outer, at := p.tokens, p.at
	defer func() { p.tokens, p.at = outer, at }()
	p.tokens, p.at = lex(f, &p.diags), 0
	for p.peek().kind != end && len(p.diags) < maxErrors {
		if p.peek().kind == newline {
			p.at++
			continue
		}
		p.line(chain, line)
	}
}

// line reads one statement and goes on behind its line where it has an error.
func (p *parser) line(chain []*source.File, read func(*parser, []*source.File)) {
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(stop); !ok {
				panic(r)
			}
			for p.peek().kind != newline && p.peek().kind != end {
				p.at++
			}
		}
	}()
	p.depth = 0
	read(p, chain)
	if t := p.peek(); t.kind != newline {
		p.fail(t, "expected the end of the line, found %s", t)
	}
}

// statement reads a policy's statement.
func (p *parser) statement(chain []*source.File) {
	t := p.peek()
	switch t.text {
	case "@include":
		p.next()
		p.other(chain, (*parser).statement)
	case "@frequency":
		p.next()
		p.isModern(t)
		p.other(chain, (*parser).frequency)
	case "@default":
		p.next()
		p.isModern(t)
		a := p.action()
		switch {
		case a.code != nil || a.action == linux.Allow || a.action == linux.Log || a.action == linux.Trace:
			p.diags.Errorf(a.span, "invalid-default", "@default takes kill, kill-process, kill-thread, trap or user-notify")
		case p.fallback != nil && p.fallback.action != a.action:
			d := p.diags.Errorf(a.span, "duplicate-default", "there is another @default")
			d.Related = append(d.Related, source.Related{Span: p.fallback.span, Message: "it is here"})
		default:
			p.fallback = &a
		}
	case "@denylist":
		p.isModern(p.next())
		p.denylist = t.span
	default:
		p.rule()
	}
}

func (p *parser) isModern(t token) {
	if p.modern.IsZero() {
		p.modern = t.span
	}
}

// other reads the file that a statement names.
func (p *parser) other(chain []*source.File, line func(*parser, []*source.File)) {
	t := p.next()
	switch {
	case t.kind != path:
		p.fail(t, "expected a path that begins with / or ./, found %s", t)
	case p.find == nil:
		p.diags.Errorf(t.span, "include", "nothing can be included here")
		return
	case len(chain) >= maxInclude:
		p.diags.Errorf(t.span, "include", "this is included more than %d deep", maxInclude)
		return
	case p.files >= maxFiles || p.size > maxSize:
		p.diags.Errorf(t.span, "too-large", "a policy of this kind has at most %d files with %d bytes together", maxFiles, maxSize)
		return
	}
	from := chain[len(chain)-1]
	f, err := p.find(from, t.text)
	if err != nil {
		d := p.diags.Errorf(t.span, "include", "%s", err)
		if h, ok := err.(interface{ Hint() string }); ok {
			d.Hint = h.Hint()
		}
		return
	}
	for _, open := range chain {
		if open.Name() == f.Name() {
			p.diags.Errorf(t.span, "include", "%s includes itself", f.Name())
			return
		}
	}
	p.file(append(chain[:len(chain):len(chain)], f), line)
}

// frequency reads a line of a frequency file.
func (p *parser) frequency([]*source.File) {
	n := p.name()
	p.expect(":", "after the syscall")
	t := p.next()
	v, err := number(t.text)
	if t.kind != word || err != nil {
		p.fail(t, "expected how often it is called, found %s", t)
	}
	p.frequencies = append(p.frequencies, frequency{n, v})
}

// rule reads what is said about syscalls.
func (p *parser) rule() {
	from := p.peek()
	var r rule
	if p.take("{") {
		p.isModern(from)
		for {
			r.names = append(r.names, p.name())
			if !p.take(",") {
				break
			}
		}
		p.expect("}", "after the syscalls")
	} else {
		r.names = append(r.names, p.name())
	}
	p.expect(":", "after the syscall")
	if open := p.peek(); p.take("{") {
		p.isModern(open)
		r.braced = true
		for {
			r.filters = append(r.filters, p.filter())
			if !p.take(",") {
				break
			}
		}
		p.expect("}", "after the filters")
	} else {
		r.filters = append(r.filters, p.filter())
	}
	r.span = from.span.To(p.tokens[p.at-1].span)
	p.rules = append(p.rules, r)
}

func (p *parser) name() name {
	t := p.next()
	if t.kind != word || t.text[0] == '@' || t.text[0] == '-' {
		p.fail(t, "expected a syscall, found %s", t)
	}
	n := name{text: t.text, span: t.span}
	if strings.Contains(t.text, "@") {
		p.diags.Errorf(t.span, "unknown-group", "which syscalls %s has is said outside the policy", t.text)
	}
	open := p.peek()
	if !p.take("[") {
		return n
	}
	p.isModern(open)
	for {
		key := p.next()
		if key.kind != word || key.text != "arch" || n.limited {
			p.fail(key, "expected arch=NAMES once, found %s", key)
		}
		n.limited = true
		p.expect("=", "after arch")
		for {
			value := p.next()
			if value.kind != word {
				p.fail(value, "expected an architecture, found %s", value)
			}
			if a, ok := arches[value.text]; ok {
				n.arches = append(n.arches, a)
			} else if !p.skipped[value.text] && len(p.skipped) < maxErrors {
				p.isSkipped(value)
			}
			if !p.take(",") {
				break
			}
		}
		if !p.take(";") {
			break
		}
	}
	p.expect("]", "after the architectures")
	return n
}

// arches are the names that minijail has for architectures.
var arches = map[string]linux.Arch{
	"x86_64": linux.X86_64, "x86": linux.I386, "arm64": linux.ARM64, "arm": linux.ARM, "riscv64": linux.RISCV64,
	"loong64": linux.LOONG64, "ppc64": linux.PPC64, "s390x": linux.S390X, "mipsel64": linux.MIPS64LE,
}

// isSkipped tells once of an architecture that minijail has no name like that for:
// what is for it alone is for none.
func (p *parser) isSkipped(t token) {
	if p.skipped == nil {
		p.skipped = map[string]bool{}
	}
	p.skipped[t.text] = true
	d := p.diags.Warnf(t.span, "unknown-arch", "minijail has no architecture %q: what is for no other one is skipped", t.text)
	meant, ok := linux.ParseArch(t.text)
	for name, a := range arches {
		if ok && a == meant {
			d.Hint = "to minijail it is " + name
		}
	}
}

func (p *parser) filter() filter {
	from := p.peek()
	f := filter{action: action{action: linux.Allow}}
	if _, ok := argument(from.text); from.kind == word && ok {
		f.any = p.any()
		if p.take(";") {
			f.action = p.action()
		}
	} else {
		f.action = p.action()
	}
	f.span = from.span.To(p.tokens[p.at-1].span)
	if f.action.span.IsZero() {
		f.action.span = f.span
	}
	return f
}

// words are the actions that are one word, and whether minijail0 knows them.
var words = map[string]linux.Action{
	"allow": linux.Allow, "kill": linux.KillThread, "kill-thread": linux.KillThread, "kill-process": linux.KillProcess,
	"trap": linux.Trap, "trace": linux.Trace, "log": linux.Log, "user-notify": linux.Notify,
}

func (p *parser) action() action {
	t := p.next()
	a := action{given: true, span: t.span}
	known := false
	if t.kind == word {
		a.action, known = words[t.text]
		if n, err := number(t.text); err == nil && n == 1 {
			a.action = linux.Allow
			return a
		}
	}
	switch {
	case known:
		p.isModern(t)
	case t.kind == word && t.text == "return":
		if t := p.peek(); t.kind != word {
			p.fail(t, "expected an errno, found %s", t)
		}
		c := p.next()
		a.code = &term{text: c.text, span: c.span}
		a.span = t.span.To(c.span)
	default:
		p.fail(t, "expected an action or a test of an argument, found %s", t)
	}
	return a
}

// any reads conditions joined by ||, each of tests joined by &&.
func (p *parser) any() (list [][]test) {
	for {
		all := []test{p.test()}
		for p.take("&&") {
			all = append(all, p.test())
		}
		list = append(list, all)
		if !p.take("||") {
			return list
		}
	}
}

// argument returns which argument a word names; the index is negative for one
// that there is not.
func argument(s string) (int, bool) {
	digits, ok := strings.CutPrefix(s, "arg")
	if !ok || digits == "" || strings.Trim(digits, "0123456789") != "" {
		return 0, false
	}
	if n, err := strconv.Atoi(digits); err == nil && n < 6 {
		return n, true
	}
	return -1, true
}

func (p *parser) test() test {
	t := p.next()
	i, ok := argument(t.text)
	if t.kind != word || !ok {
		p.fail(t, "expected a test of an argument, found %s", t)
	}
	if i < 0 {
		p.fail(t, "arguments are arg0 to arg5, found %s", t)
	}
	op := p.next()
	switch op.text {
	case "==", "!=", "<", "<=", ">", ">=", "&", "in":
	default:
		p.fail(op, "expected a comparison, found %s", op)
	}
	v := test{arg: i, op: op.text, value: p.value()}
	v.span = t.span.To(p.tokens[p.at-1].span)
	return v
}

// value reads constants joined by |.
func (p *parser) value() (list []term) {
	for {
		from := p.peek()
		c := term{inverted: p.take("~")}
		if open := p.peek(); p.take("(") {
			if p.depth++; p.depth > maxDepth {
				p.fail(open, "this is nested more than %d deep", maxDepth)
			}
			c.sub = p.value()
			p.expect(")", "after the value")
			p.depth--
		} else {
			t := p.next()
			if t.kind != word {
				p.fail(t, "expected a constant, found %s", t)
			}
			c.text = t.text
		}
		c.span = from.span.To(p.tokens[p.at-1].span)
		list = append(list, c)
		if !p.take("|") {
			return list
		}
	}
}

// number reads a number as strtol does.
func number(s string) (uint64, error) {
	lower := strings.ToLower(s)
	if strings.ContainsRune(s, '_') || strings.HasPrefix(lower, "0b") || strings.HasPrefix(lower, "0o") {
		return 0, strconv.ErrSyntax
	}
	return strconv.ParseUint(s, 0, 64)
}
