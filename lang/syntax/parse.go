package syntax

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"secco/source"
)

// The limits of what is parsed. They are far beyond what people write, and keep
// time, memory and recursion bounded for texts from anyone.
const (
	maxSize   = 4 << 20 // bytes of a source
	maxDepth  = 500     // nested parentheses, operators and blocks
	maxNodes  = 1 << 16 // expressions in one statement
	maxParams = 100

	// MaxErrors is the number of errors after which no more are looked for.
	MaxErrors = 200
)

// Parse parses a policy. Where there are errors the file holds the statements
// that have none.
func Parse(f *source.File) (*File, source.Diagnostics) {
	p := newParser(f)
	file := &File{Source: f}
	if p.readable() {
		p.next()
		file.Stmts = p.stmts(false)
	}
	file.Comments = p.comments
	return file, p.diags
}

// ParseAction parses an action that stands alone.
func ParseAction(f *source.File) (*Action, source.Diagnostics) {
	p := newParser(f)
	var action *Action
	if p.readable() {
		p.next()
		p.guard(func() {
			action = p.action()
			if p.tok != tokEOF {
				p.unexpected("the end of the action")
			}
		})
	}
	if p.diags.HasErrors() {
		return nil, p.diags
	}
	return action, nil
}

// ParseExpr parses an expression that stands alone.
func ParseExpr(f *source.File) (Expr, source.Diagnostics) {
	p := newParser(f)
	var e Expr
	if p.readable() {
		p.next()
		p.guard(func() {
			e = p.expr()
			if p.tok != tokEOF {
				p.unexpected("the end of the expression")
			}
		})
	}
	if p.diags.HasErrors() {
		return nil, p.diags
	}
	return e, nil
}

type parser struct {
	scanner
	comments []Comment
	diags    source.Diagnostics
	depth    int
	blocks   int // that are open around
	nodes    int // in this statement
	lastEnd  int // of the token before the current one
	aborted  bool
	guarding bool // in the condition of when
	head     int  // where the statement or arm starts, for hints
	inArms   bool
}

func newParser(f *source.File) *parser {
	return &parser{scanner: scanner{file: f, text: f.Text()}}
}

// readable reports whether the text can be read at all, and says why not.
func (p *parser) readable() bool {
	if len(p.text) > maxSize {
		p.diags.Errorf(p.file.Span(maxSize, maxSize), "too-large", "the source has %d bytes; at most %d are read", len(p.text), maxSize)
		return false
	}
	for i, r := range p.text {
		if r == 0 {
			p.diags.Errorf(p.file.Span(i, i+1), "bad-encoding", "a NUL byte: this is no text")
			return false
		}
		if r == utf8.RuneError && !strings.HasPrefix(p.text[i:], "\uFFFD") {
			p.diags.Errorf(p.file.Span(i, i+1), "bad-encoding", "the byte 0x%02x is not UTF-8", p.text[i])
			return false
		}
	}
	return true
}

// bail is panicked with to leave a line whose error was reported.
type bail struct{}

// guard calls f and, where that bails out, moves on to the next line.
func (p *parser) guard(f func()) {
	start, depth, blocks := p.start, p.depth, p.blocks
	head, inArms := p.head, p.inArms
	p.head = start
	defer func() {
		p.head, p.inArms = head, inArms
		if r := recover(); r != nil {
			if _, ok := r.(bail); !ok {
				panic(r)
			}
			p.depth, p.blocks, p.guarding = depth, blocks, false
			if len(p.diags) >= MaxErrors && !p.aborted {
				p.diags.Errorf(p.at(), "too-many-errors", "%d errors: the rest of the source is not read", len(p.diags))
				p.abort()
			}
			p.resync(start)
		}
	}()
	f()
}

// resync skips the rest of a line with an error, and the braces opened there. A
// token that starts a line stays where parentheses before it were never closed.
func (p *parser) resync(start int) {
	if p.nesting > 0 && p.firstOnRow && p.start > start {
		p.nesting = 0
		return
	}
	for braces := 0; ; p.next() {
		switch p.tok {
		case tokLBrace:
			braces++
		case tokRBrace:
			if braces == 0 && p.blocks > 0 {
				p.nesting = 0
				return
			}
			braces = max(0, braces-1)
		case tokNewline:
			if braces == 0 {
				return
			}
		case tokEOF:
			return
		}
		p.nesting = 0
	}
}

func (p *parser) next() {
	p.lastEnd = p.end
	p.scanner.next(&p.comments)
}

// at returns the span of the current token.
func (p *parser) at() source.Span { return p.file.Span(p.start, p.end) }

// since returns the span from an offset to the token before the current one.
func (p *parser) since(start int) source.Span { return p.file.Span(start, max(start, p.lastEnd)) }

// fail reports an error and leaves the line.
func (p *parser) fail(span source.Span, hint, code, format string, args ...any) {
	p.diags.Errorf(span, code, format, args...).Hint = hint
	panic(bail{})
}

// unexpected reports that the current token is not what it should be.
func (p *parser) unexpected(want string) {
	p.failBad(want)
	p.fail(p.at(), p.slip(want), "syntax", "expected %s, found %s", want, p.found())
}

// failBad reports a bad token, where something else is expected.
func (p *parser) failBad(want string) {
	if p.tok == tokBad {
		p.fail(p.at(), p.slip(want), p.code, "%s", p.message)
	}
}

// found describes the current token.
func (p *parser) found() string {
	switch p.tok {
	case tokEOF, tokNewline:
		return tokenText[p.tok]
	}
	text := p.text[p.start:p.end]
	if len(text) > 40 {
		text = strings.ToValidUTF8(text[:40], "") + "…"
	}
	return `"` + text + `"`
}

// expect takes a token of this kind and returns its span.
func (p *parser) expect(t token) source.Span {
	if p.tok != t {
		p.unexpected(tokenText[t])
	}
	at := p.at()
	p.next()
	return at
}

// took takes a token of this kind if there is one.
func (p *parser) took(t token) bool {
	if p.tok != t {
		return false
	}
	p.next()
	return true
}

// deeper counts one level of nesting; the caller takes it back.
func (p *parser) deeper() {
	p.depth++
	if p.depth > maxDepth {
		defer p.abort()
		p.fail(p.at(), "", "too-deep", "nested more than %d levels deep", maxDepth)
	}
}

// abort moves to the end of the file, to read nothing more of it.
func (p *parser) abort() {
	p.pos, p.aborted = len(p.text), true
	p.next()
}

// isWord reports whether the current token is this word.
func (p *parser) isWord(word string) bool {
	return p.tok == tokName && p.text[p.start:p.end] == word
}

// stmts parses statements up to the end of the file or block.
func (p *parser) stmts(inBlock bool) []Stmt {
	var list []Stmt
	for {
		for p.tok == tokNewline {
			p.next()
		}
		if p.tok == tokEOF || p.tok == tokRBrace && inBlock {
			return list
		}
		p.guard(func() {
			p.nodes = 0
			if p.tok == tokRBrace {
				at := p.at()
				p.next()
				p.fail(at, "", "syntax", `"}" closes no block`)
			}
			s := p.stmt()
			p.endOfLine(inBlock)
			list = append(list, s)
		})
	}
}

// endOfLine checks that nothing follows on the line but a closing brace.
func (p *parser) endOfLine(inBlock bool) {
	if p.tok != tokNewline && p.tok != tokEOF && !(inBlock && p.tok == tokRBrace) {
		p.unexpected(tokenText[tokNewline])
	}
}

// stmt parses one statement.
func (p *parser) stmt() Stmt {
	start := p.start
	if s := p.keyword(); s != nil {
		return s
	}
	name := p.syscall("a rule or a definition")
	switch p.tok {
	case tokAssign:
		p.next()
		if s := p.setting(name, start); s != nil {
			return s
		}
		return p.define(name, nil, start)
	case tokLParen:
		p.next()
		params := p.params()
		if p.took(tokAssign) {
			return p.define(name, params, start)
		}
		return p.rule([]*Name{name}, params, start)
	case tokComma, tokLBracket, tokColon, tokLBrace:
		names := []*Name{name}
		for p.took(tokComma) {
			names = append(names, p.syscall("the name of a syscall"))
		}
		var params []*Name
		if p.took(tokLParen) {
			params = p.params()
		}
		return p.rule(names, params, start)
	}
	p.unexpected(wantStatement)
	return nil
}

// name takes a name.
func (p *parser) name(want string) *Name {
	if p.tok != tokName {
		p.unexpected(want)
	}
	n := &Name{p.text[p.start:p.end], p.at()}
	p.next()
	return n
}

// syscall takes the name of a syscall or group, or a range of numbers.
func (p *parser) syscall(want string) *Name {
	if p.tok != tokGroup && p.tok != tokRange {
		return p.name(want)
	}
	n := &Name{p.text[p.start:p.end], p.at()}
	p.next()
	return n
}

// names takes names with commas between them.
func (p *parser) names(want string) []*Name {
	list := []*Name{p.name(want)}
	for p.took(tokComma) {
		list = append(list, p.name(want))
	}
	return list
}

// params parses the names of parameters, behind their opening parenthesis. The
// list is empty, not nil, where there are none.
func (p *parser) params() []*Name {
	list := []*Name{}
	if p.tok != tokRParen {
		list = p.names(wantParameter)
	}
	if p.tok != tokRParen {
		p.failBad(wantParameter)
		p.fail(p.at(), p.slip(wantParameter), "syntax", `expected ")", found %s`, p.found())
	}
	p.next()
	if len(list) > maxParams {
		p.fail(list[maxParams].At, "", "too-large", "more than %d parameters", maxParams)
	}
	for i, n := range list {
		p.definable(n)
		for _, m := range list[:i] {
			if m.Text == n.Text {
				p.diags.Errorf(n.At, "duplicate-parameter", "two parameters are named %q", n.Text).
					Related = []source.Related{{Span: m.At, Message: "the other one"}}
			}
		}
	}
	return list
}

// definable checks that a name can be given a meaning.
func (p *parser) definable(n *Name) {
	if Reserved(n.Text) {
		p.diags.Errorf(n.At, "reserved-name", "%q has a meaning of its own and cannot be defined", n.Text)
	}
}

// define parses a definition behind its equals sign.
func (p *parser) define(name *Name, params []*Name, start int) Stmt {
	switch {
	case name.Text[0] == '@':
		p.fail(name.At, `write "group `+name.Text+` = …"`, "syntax", "a group is defined with the word group")
	case strings.Contains(name.Text, rangeMark):
		p.fail(name.At, "", "syntax", "a range of numbers cannot be defined")
	}
	p.definable(name)
	body := p.body()
	return &Define{name, params, body, p.since(start)}
}

// rule parses a rule behind the names of its syscalls and arguments.
func (p *parser) rule(names, params []*Name, start int) Stmt {
	r := &Rule{Names: names, Params: params}
	if len(params) > 6 {
		p.diags.Errorf(params[6].At, "arity", "a syscall has at most six arguments")
	}
	if p.tok == tokLBracket {
		from := p.start
		p.next()
		for p.tok != tokRBracket {
			p.bracket(r)
			if p.tok != tokRBracket {
				p.expect(tokComma)
			}
		}
		p.next()
		r.BracketAt = p.since(from)
	}
	switch p.tok {
	case tokColon:
		p.next()
		r.Body = p.body()
	case tokLBrace:
		p.next()
		p.arms(r)
	default:
		p.unexpected(`":" or "{"`)
	}
	r.At = p.since(start)
	return r
}

// bracket parses one action of a rule: +action or -action.
func (p *parser) bracket(r *Rule) {
	to, sign := &r.Positive, "+"
	switch {
	case p.tok == tokOp && p.op == OpAdd:
	case p.tok == tokOp && p.op == OpSub:
		to, sign = &r.Negative, "-"
	default:
		p.unexpected(`"+" or "-" and an action`)
	}
	at := p.at()
	p.next()
	if *to != nil {
		p.fail(at, "", "duplicate-action", "a second %q action", sign)
	}
	*to = p.action()
}

// arms parses the arms of a rule and its closing brace.
func (p *parser) arms(r *Rule) {
	open := p.file.Span(p.lastEnd-1, p.lastEnd)
	p.deeper()
	p.blocks++
	var otherwise *Arm
	for {
		for p.tok == tokNewline {
			p.next()
		}
		if p.tok == tokRBrace {
			break
		}
		if p.tok == tokEOF {
			p.unclosed(open)
		}
		p.guard(func() {
			start := p.start
			p.inArms = true
			arm := &Arm{}
			if p.isWord("else") {
				p.next()
			} else {
				arm.Cond = p.expr()
			}
			p.expect(tokArrow)
			arm.Action = p.action()
			arm.At = p.since(start)
			p.endOfLine(true)
			if otherwise != nil {
				p.diags.Errorf(arm.At, "arm-order", "no call comes to an arm behind else").
					Related = []source.Related{{Span: otherwise.At, Message: "else stands here"}}
			}
			if arm.Cond == nil {
				otherwise = arm
			}
			r.Arms = append(r.Arms, arm)
		})
	}
	p.next()
	p.depth--
	p.blocks--
	if len(r.Arms) == 0 && !p.diags.HasErrors() {
		p.fail(open, "", "syntax", "the rule has no arms")
	}
}

// body parses what a rule or definition says.
func (p *parser) body() *Body {
	start := p.start
	b := &Body{}
	if p.isWord("return") {
		p.next()
		b.Return = p.action()
	} else {
		b.Cond = p.expr()
		if p.took(tokSemicolon) {
			if !p.isWord("return") {
				p.unexpected(`"return"`)
			}
			p.next()
			b.Return = p.action()
		}
	}
	b.At = p.since(start)
	return b
}

// action parses an action.
func (p *parser) action() *Action {
	start := p.start
	if p.tok == tokName {
		kind, known := actionWords[strings.ToLower(p.text[p.start:p.end])]
		head := p.scanner
		if known {
			p.next()
			switch {
			case p.tok == tokLParen && (kind == Trap || kind == Trace || kind == Errno):
				p.next()
				data := p.expr()
				p.expect(tokRParen)
				return &Action{kind, data, p.since(start)}
			case kind != Errno:
				if p.tok == tokLParen {
					p.fail(p.at(), "", "bad-action", "%s carries no data", fmt.Sprintf("%q", p.text[start:p.lastEnd]))
				}
				return &Action{kind, nil, p.since(start)}
			}
			p.scanner = head // a name like any other
		}
	}
	switch p.tok {
	case tokEOF, tokNewline, tokRBracket, tokRParen, tokRBrace, tokComma, tokSemicolon:
		p.unexpected("an action")
	}
	data := p.expr()
	return &Action{Errno, data, p.since(start)}
}
