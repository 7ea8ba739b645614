package syntax

import (
	"strings"
)

// piece is a stretch of text that is not broken. A line can be broken behind it;
// inside parentheses without a backslash.
type piece struct {
	text   string
	nested bool // inside parentheses at its end
}

// fill joins pieces to lines.
func fill(list []piece, indent string) string {
	var b strings.Builder
	column, nested := len(indent), false
	for i, p := range list {
		width := len(p.text)
		switch {
		case i == 0:
		case column+1+width+len(` \`) > maxColumn:
			if !nested {
				b.WriteString(` \`)
			}
			b.WriteString("\n" + indent + indentStep)
			column = len(indent) + len(indentStep)
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(p.text)
		column += width
		nested = p.nested
	}
	return b.String()
}

// cutter makes pieces out of text.
type cutter struct {
	list  []piece
	text  strings.Builder
	depth int // of parentheses
}

func (c *cutter) write(s string) { c.text.WriteString(s) }

// space ends a piece.
func (c *cutter) space() {
	c.list = append(c.list, piece{c.text.String(), c.depth > 0})
	c.text.Reset()
}

// pieces returns the text of a statement without a block, or of an arm.
func pieces(n Node) []piece {
	c := &cutter{}
	switch n := n.(type) {
	case *Default:
		c.write(n.Which.String() + " = ")
		c.action(n.Action)
	case *Arches:
		c.write("ARCHES = ")
		c.names(n.Names)
	case *Flags:
		c.write("FLAGS = ")
		c.names(n.Names)
	case *NoNewPrivs:
		c.write("NO_NEW_PRIVS = 0")
		if n.Value {
			c.text.Reset()
			c.write("NO_NEW_PRIVS = 1")
		}
	case *Listener:
		name := "LISTENER"
		if n.Metadata {
			name = "LISTENER_METADATA"
		}
		c.write(name + " = " + quote(n.Text))
	case *Baseline:
		c.write("BASELINE = " + n.Version.Text)
	case *Group:
		c.write("group " + n.Name.Text + " = ")
		c.names(n.Members)
	case *Remove:
		c.write("remove ")
		c.names(n.Names)
	case *Include:
		c.write("include " + quote(n.Path))
	case *Base:
		if n.Quoted {
			c.write("base " + quote(n.Path))
		} else {
			c.write("base " + n.Path)
		}
	case *Define:
		c.write(n.Name.Text)
		if n.Params != nil {
			c.write("(" + names(n.Params) + ")")
		}
		c.write(" = ")
		c.body(n.Body)
	case *Rule:
		c.rule(n)
		c.write(": ")
		c.body(n.Body)
	case *Test:
		c.test(n)
	case *Arm:
		if n.Cond == nil {
			c.write("else")
		} else {
			c.expr(n.Cond)
		}
		c.space()
		c.write("-> ")
		c.action(n.Action)
	}
	c.space()
	return c.list
}

// ruleHead returns the text of a rule before its body or arms.
func ruleHead(r *Rule) []piece {
	c := &cutter{}
	c.rule(r)
	c.space()
	return c.list
}

func (c *cutter) rule(r *Rule) {
	c.names(r.Names)
	if r.Params != nil {
		c.write("(" + names(r.Params) + ")")
	}
	var actions []string
	if r.Positive != nil {
		actions = append(actions, "+"+actionText(r.Positive))
	}
	if r.Negative != nil {
		actions = append(actions, "-"+actionText(r.Negative))
	}
	if actions != nil {
		c.write("[" + strings.Join(actions, ", ") + "]")
	}
}

func (c *cutter) test(t *Test) {
	c.write("test ")
	if t.Arch != nil {
		c.write(t.Arch.Text + " ")
	}
	c.write(t.Syscall.Text)
	if len(t.Args) > 0 {
		c.write("(")
		for i, a := range t.Args {
			if i > 0 {
				c.write(", ")
			}
			if a == nil {
				c.write("_")
			} else {
				c.write(flat(a))
			}
		}
		c.write(")")
	}
	c.write(" => ")
	c.action(t.Action)
}

func (c *cutter) names(list []*Name) {
	for i, n := range list {
		if i > 0 {
			c.write(",")
			c.space()
		}
		c.write(n.Text)
	}
}

func names(list []*Name) string {
	texts := make([]string, len(list))
	for i, n := range list {
		texts[i] = n.Text
	}
	return strings.Join(texts, ", ")
}

func (c *cutter) body(b *Body) {
	if b.Cond != nil {
		c.expr(b.Cond)
	}
	if b.Return != nil {
		if b.Cond != nil {
			c.write(";")
			c.space()
		}
		c.write("return ")
		c.action(b.Return)
	}
}

func (c *cutter) action(a *Action) { c.write(actionText(a)) }

var actionNames = [...]string{
	Errno: "errno", Allow: "allow", Log: "log", Notify: "notify", Trace: "trace", Trap: "trap",
	KillThread: "kill_thread", KillProcess: "kill_process",
}

// actionText returns an action as it is written: words in lower case.
func actionText(a *Action) string {
	switch {
	case a.Data == nil:
		return actionNames[a.Kind]
	case a.Kind != Errno:
		return actionNames[a.Kind] + "(" + flat(a.Data) + ")"
	}
	if a.At != a.Data.Span() { // errno(…), or more than a name
		if word, _, ok := strings.Cut(a.At.Text(), "("); ok && strings.EqualFold(strings.TrimSpace(word), "errno") {
			return "errno(" + flat(a.Data) + ")"
		}
	}
	return flat(a.Data)
}

// flat returns an expression on one line.
func flat(e Expr) string {
	c := &cutter{}
	c.expr(e)
	c.space()
	texts := make([]string, len(c.list))
	for i, p := range c.list {
		texts[i] = p.text
	}
	return strings.Join(texts, " ")
}

func (c *cutter) expr(e Expr) {
	switch e := e.(type) {
	case *Unary:
		c.write(e.Op.String())
		c.expr(e.X)
	case *Binary:
		c.expr(e.X)
		if e.Op.IsLogical() {
			c.space()
			c.write(e.Op.String() + " ")
		} else {
			c.write(" " + e.Op.String() + " ")
		}
		c.expr(e.Y)
	case *Paren:
		c.group("(", []Expr{e.X})
	case *Call:
		c.group(e.Fun.Text+"(", e.Args)
	case *In:
		name := "in("
		if e.Not {
			name = "notIn("
		}
		c.group(name, append([]Expr{e.X}, e.Set...))
	case *Bool:
		c.write(strings.ToLower(e.At.Text()))
	default:
		c.write(e.Span().Text())
	}
}

// group writes expressions in parentheses.
func (c *cutter) group(open string, list []Expr) {
	c.write(open)
	c.depth++
	for i, x := range list {
		if i > 0 {
			c.write(",")
			c.space()
		}
		c.expr(x)
	}
	c.depth--
	c.write(")")
}
