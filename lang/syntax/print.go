package syntax

import (
	"strings"

	"secco/source"
)

// Print returns the canonical text of a file that was parsed without errors: one
// form for each statement, lines of up to 100 columns where they can be broken,
// blocks indented, arms aligned, comments kept where they were. What is printed
// means the same, and printing it once more changes nothing.
//
// A statement with comments in the middle keeps the text that it has.
func Print(f *File) string {
	p := &printer{file: f.Source, comments: f.Comments}
	p.stmts(f.Stmts)
	p.commentsBefore(len(f.Source.Text()))
	return p.out.String()
}

const (
	maxColumn  = 100
	indentStep = "    "
)

type printer struct {
	file     *source.File
	out      strings.Builder
	comments []Comment // not yet printed
	indent   string
	last     int  // offset behind what was printed last
	opened   bool // nothing was printed in this block yet
}

// line prints a whole line that stands for the text at a span, and what follows
// it on its last line.
func (p *printer) line(text string, at source.Span) {
	p.separate(at.Start())
	p.out.WriteString(p.indent)
	p.out.WriteString(text)
	p.last = at.End()
	p.endLine()
}

// separate keeps one empty line where there are some before an offset.
func (p *printer) separate(offset int) {
	if !p.opened && p.out.Len() > 0 && strings.Count(p.file.Text()[p.last:offset], "\n") > 1 {
		p.out.WriteByte('\n')
	}
	p.opened = false
}

// endLine prints the comment on the line that p.last is on, and ends it.
func (p *printer) endLine() {
	if len(p.comments) > 0 {
		c := p.comments[0].At
		if c.Start() >= p.last && !strings.Contains(p.file.Text()[p.last:c.Start()], "\n") {
			p.out.WriteString("  " + trimRight(c.Text()))
			p.last = c.End()
			p.comments = p.comments[1:]
		}
	}
	p.out.WriteByte('\n')
}

// commentsBefore prints the comments before an offset, each on a line.
func (p *printer) commentsBefore(offset int) {
	for len(p.comments) > 0 && p.comments[0].At.Start() < offset {
		c := p.comments[0].At
		p.comments = p.comments[1:]
		p.separate(c.Start())
		p.out.WriteString(p.indent + trimRight(c.Text()) + "\n")
		p.last = c.End()
	}
}

func trimRight(s string) string { return strings.TrimRight(s, " \t\r") }

func (p *printer) stmts(list []Stmt) {
	for _, s := range list {
		p.commentsBefore(s.Span().Start())
		switch s := s.(type) {
		case *ArchBlock:
			p.block("arch "+names(s.Arches), s.Arches[len(s.Arches)-1].At, s.Stmts, s.At)
		case *When:
			p.when(s)
		case *Rule:
			if s.Body == nil {
				p.arms(s)
			} else {
				p.simple(s)
			}
		default:
			p.simple(s)
		}
	}
}

// simple prints a statement without a block.
func (p *printer) simple(s Node) {
	at := s.Span()
	if len(p.comments) > 0 && p.comments[0].At.Start() < at.End() {
		p.verbatim(at)
		return
	}
	p.line(fill(pieces(s), p.indent), at)
}

// verbatim prints the text that there is, and skips the comments in it.
func (p *printer) verbatim(at source.Span) {
	lines := strings.Split(at.Text(), "\n")
	for i := range lines {
		lines[i] = trimRight(lines[i])
	}
	for len(p.comments) > 0 && p.comments[0].At.Start() < at.End() {
		p.comments = p.comments[1:]
	}
	p.line(strings.Join(lines, "\n"), at)
}

// open prints the line that opens a block; head is the last thing on it.
func (p *printer) open(text string, head source.Span, start int) {
	p.separate(start)
	p.out.WriteString(p.indent + text + " {")
	p.last = head.End()
	p.endLine()
	p.indent += indentStep
	p.opened = true
}

// close prints what is left in a block up to its end, and the brace.
func (p *printer) close(end int, text string) {
	p.commentsBefore(end - 1)
	p.indent = strings.TrimSuffix(p.indent, indentStep)
	p.opened = false
	p.last = end
	p.out.WriteString(p.indent + text)
}

func (p *printer) block(text string, head source.Span, list []Stmt, at source.Span) {
	p.open(text, head, at.Start())
	p.stmts(list)
	p.close(at.End(), "}")
	p.endLine()
}

// when prints a guarded block. Comments between its two sides go into the first.
func (p *printer) when(w *When) {
	p.open("when "+flat(w.Cond), w.Cond.Span(), w.At.Start())
	p.stmts(w.Stmts)
	if w.Else != nil {
		p.close(w.ElseAt.Start(), "} else {")
		p.last = w.ElseAt.End()
		p.endLine()
		p.indent += indentStep
		p.opened = true
		p.stmts(w.Else)
	}
	p.close(w.At.End(), "}")
	p.endLine()
}

// arms prints a rule with arms, their arrows under each other unless that makes
// long lines.
func (p *printer) arms(r *Rule) {
	head := r.Names[len(r.Names)-1].At
	if len(r.Params) > 0 {
		head = r.Params[len(r.Params)-1].At
	}
	if !r.BracketAt.IsZero() {
		head = r.BracketAt
	}
	p.open(fill(ruleHead(r), p.indent), head, r.At.Start())
	width := 0
	for _, a := range r.Arms {
		if w := len(armCond(a)); w <= maxColumn/2 {
			width = max(width, w)
		}
	}
	for _, a := range r.Arms {
		p.commentsBefore(a.At.Start())
		if len(p.comments) > 0 && p.comments[0].At.Start() < a.At.End() {
			p.verbatim(a.At)
			continue
		}
		cond := armCond(a)
		text := cond + strings.Repeat(" ", max(0, width-len(cond))) + " -> " + actionText(a.Action)
		if len(p.indent)+len(text) > maxColumn {
			text = fill(pieces(a), p.indent)
		}
		p.line(text, a.At)
	}
	p.close(r.At.End(), "}")
	p.endLine()
}

func armCond(a *Arm) string {
	if a.Cond == nil {
		return "else"
	}
	return flat(a.Cond)
}
