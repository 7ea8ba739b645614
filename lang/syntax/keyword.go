package syntax

import (
	"slices"

	"secco/source"
)

var keywords = []string{"arch", "group", "include", "base", "remove", "test", "when", "else"}

// keyword parses a statement that begins with a keyword. The words are keywords
// only before what no rule or definition goes on with; elsewhere they are names
// like any other, and nil is returned.
func (p *parser) keyword() Stmt {
	if p.tok != tokName {
		return nil
	}
	start, head, lastEnd := p.start, p.scanner, p.lastEnd
	word := p.text[p.start:p.end]
	if !slices.Contains(keywords, word) {
		return nil
	}
	p.next()
	switch {
	case word == "arch" && p.tok == tokName:
		arches := p.names("the name of an architecture")
		stmts := p.block()
		return &ArchBlock{arches, stmts, p.since(start)}
	case word == "group" && p.tok == tokGroup:
		name := p.syscall("")
		p.expect(tokAssign)
		members := p.syscalls()
		return &Group{name, members, p.since(start)}
	case word == "include" && p.tok == tokString:
		path, at := unquote(p.text[p.start:p.end]), p.at()
		p.next()
		return &Include{Path: path, PathAt: at, At: p.since(start)}
	case word == "base" && (p.tok == tokString || p.tok == tokName):
		return p.base(start)
	case word == "remove" && (p.tok == tokName || p.tok == tokGroup || p.tok == tokRange):
		names := p.syscalls()
		return &Remove{names, p.since(start)}
	case word == "test" && (p.tok == tokName || p.tok == tokRange):
		return p.test(start)
	case word == "when" && (p.tok == tokName || p.tok == tokOp && p.op == OpNot):
		return p.when(start)
	case word == "else" && p.tok == tokLBrace:
		p.fail(p.file.Span(start, p.lastEnd), "", "syntax", `"else" follows no block of "when"`)
	}
	p.scanner, p.lastEnd = head, lastEnd
	return nil
}

// syscalls takes names of syscalls and groups.
func (p *parser) syscalls() []*Name {
	list := []*Name{p.syscall("the name of a syscall")}
	for p.took(tokComma) {
		list = append(list, p.syscall("the name of a syscall"))
	}
	return list
}

// base parses what a policy builds on: a path, or a name with hyphens.
func (p *parser) base(start int) Stmt {
	b := &Base{Quoted: p.tok == tokString, Path: p.text[p.start:p.end], PathAt: p.at()}
	p.next()
	if b.Quoted {
		b.Path = unquote(b.Path)
	}
	for !b.Quoted && p.tok == tokOp && p.op == OpSub {
		p.next()
		b.PathAt = b.PathAt.To(p.name("the rest of the name").At)
		b.Path = b.PathAt.Text()
	}
	b.At = p.since(start)
	return b
}

// when parses a guarded block behind its keyword. Its else may stand on a line
// of its own.
func (p *parser) when(start int) Stmt {
	p.guarding = true
	w := &When{Cond: p.expr()}
	p.guarding = false
	w.Stmts = p.block()
	w.At = p.since(start)
	head, lastEnd := p.scanner, p.lastEnd
	for p.tok == tokNewline {
		p.next()
	}
	if p.isWord("else") {
		at := p.at()
		p.next()
		if p.tok == tokLBrace {
			w.ElseAt = at.To(p.at())
			w.Else = append([]Stmt{}, p.block()...)
			w.At = p.since(start)
			return w
		}
	}
	p.scanner, p.lastEnd = head, lastEnd
	return w
}

// test parses a test behind its keyword.
func (p *parser) test(start int) Stmt {
	named := p.tok == tokName
	t := &Test{Syscall: p.syscall("")}
	if named && (p.tok == tokName || p.tok == tokRange) {
		t.Arch, t.Syscall = t.Syscall, p.syscall("")
	}
	if p.took(tokLParen) && !p.took(tokRParen) {
		for {
			if p.isWord("_") {
				p.next()
				t.Args = append(t.Args, nil)
			} else {
				t.Args = append(t.Args, p.expr())
			}
			if !p.took(tokComma) {
				break
			}
		}
		p.expect(tokRParen)
		if len(t.Args) > 6 {
			p.diags.Errorf(t.Syscall.At, "arity", "a syscall has at most six arguments")
		}
	}
	p.expect(tokExpect)
	t.Action = p.action()
	t.At = p.since(start)
	return t
}

// block parses statements in braces.
func (p *parser) block() []Stmt {
	open := p.expect(tokLBrace)
	p.deeper()
	p.blocks++
	list := p.stmts(true)
	if p.tok == tokEOF {
		p.unclosed(open)
	}
	p.next()
	p.depth--
	p.blocks--
	return list
}

// unclosed reports a block without an end.
func (p *parser) unclosed(open source.Span) {
	if p.aborted {
		panic(bail{})
	}
	p.diags.Errorf(p.at(), "syntax", `expected "}", found the end of the file`).
		Related = []source.Related{{Span: open, Message: "the block starts here"}}
	panic(bail{})
}
