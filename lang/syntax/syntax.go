// Package syntax is what was written: the syntax tree of a policy, its parser
// and its printer. The grammar is in grammar.txt.
package syntax

import (
	"strings"

	"secco/source"
)

// File is one parsed source.
type File struct {
	Source   *source.File
	Stmts    []Stmt
	Comments []Comment // in order; statements do not hold theirs
}

// Comment is a comment from its # to the end of its line.
type Comment struct{ At source.Span }

// Node is any part of the tree.
type Node interface {
	// Span returns the text that the node was read from.
	Span() source.Span
}

// Stmt is a statement. The kinds are in this file and in stmt.go.
type Stmt interface {
	Node
	stmt()
}

// Default sets a default action: DEFAULT_POLICY = kill.
type Default struct {
	Which  Which
	Name   *Name
	Action *Action
	At     source.Span
}

// Which tells the default actions apart.
type Which uint8

// The default actions.
const (
	DefaultPositive Which = iota
	DefaultNegative
	DefaultPolicy
	DefaultBadArch
	DefaultX32
	DefaultNewer

	NumDefaults = iota
)

var defaultNames = [NumDefaults]string{"DEFAULT_POSITIVE", "DEFAULT_NEGATIVE", "DEFAULT_POLICY", "DEFAULT_BADARCH", "DEFAULT_X32", "DEFAULT_NEWER"}

// String returns the name as the language writes it.
func (w Which) String() string { return defaultNames[w] }

// Arches names the targets: ARCHES = x86_64, i386.
type Arches struct {
	Names []*Name
	At    source.Span
}

// Define defines a binding, name = body, or a macro, name(params) = body.
type Define struct {
	Name   *Name
	Params []*Name
	Body   *Body
	At     source.Span
}

// Rule is the rule for one or several syscalls, for groups of them, whose names
// start with @, or for ranges of numbers, which have ".." in their names. It has a
// Body or Arms.
type Rule struct {
	Names     []*Name
	Params    []*Name // names of the arguments
	Positive  *Action // nil where not given
	Negative  *Action
	Body      *Body
	Arms      []*Arm
	At        source.Span
	BracketAt source.Span
}

// ArchBlock holds statements for some architectures only.
type ArchBlock struct {
	Arches []*Name
	Stmts  []Stmt
	At     source.Span
}

func (*Default) stmt()   {}
func (*Arches) stmt()    {}
func (*Define) stmt()    {}
func (*Rule) stmt()      {}
func (*ArchBlock) stmt() {}

// Body is what a rule or definition says: a condition, "return action", or
// both. At least one of them is there.
type Body struct {
	Cond   Expr
	Return *Action
	At     source.Span
}

// Arm is one arm of a rule. Cond is nil in the else arm.
type Arm struct {
	Cond   Expr
	Action *Action
	At     source.Span
}

// Action is an action as it was written.
type Action struct {
	Kind ActionKind
	Data Expr // nil where none is given; an errno's number or name
	At   source.Span
}

// ActionKind tells the actions apart.
type ActionKind uint8

// The kinds of action.
const (
	Errno ActionKind = iota
	Allow
	Log
	Notify
	Trace
	Trap
	KillThread
	KillProcess
)

var actionWords = map[string]ActionKind{
	"errno": Errno, "allow": Allow, "log": Log, "notify": Notify, "trace": Trace, "trap": Trap,
	"kill": KillThread, "kill_thread": KillThread, "kill_process": KillProcess,
}

// Expr is an expression: *Number, *Bool, *Name, *Arg, *Unary, *Binary, *Call,
// *In or *Paren, and *Version in guards.
type Expr interface {
	Node
	expr()
}

// Number is a number.
type Number struct {
	Value uint64
	At    source.Span
}

// Bool is true or false.
type Bool struct {
	Value bool
	At    source.Span
}

// Name is a name, in an expression or where something is named.
type Name struct {
	Text string
	At   source.Span
}

// Arg is an argument of the call, or a half of it.
type Arg struct {
	Index int // 0 to 5
	Half  Half
	At    source.Span
}

// Half says how much of an argument is meant.
type Half uint8

// The parts of an argument.
const (
	Full Half = iota
	Low
	High
)

// HalfCall reports which half of an argument a call asks for, as low(domain) does,
// where nothing else is defined under that name.
func HalfCall(c *Call) (half Half, ok bool) {
	switch c.Fun.Text {
	case "low":
		return Low, true
	case "high":
		return High, true
	}
	return Full, false
}

// Unary is an operation with one operand.
type Unary struct {
	Op Op
	X  Expr
	At source.Span
}

// Binary is an operation with two operands.
type Binary struct {
	Op   Op
	X, Y Expr
	OpAt source.Span
	At   source.Span
}

// Call is the use of a macro with arguments.
type Call struct {
	Fun  *Name
	Args []Expr
	At   source.Span
}

// In is in(x, set...) or, where Not holds, notIn.
type In struct {
	Not bool
	X   Expr
	Set []Expr
	At  source.Span
}

// Paren is an expression in parentheses.
type Paren struct {
	X  Expr
	At source.Span
}

// Version is a version of the kernel.
type Version struct {
	Text string
	At   source.Span
}

func (*Version) expr() {}
func (*Number) expr()  {}
func (*Bool) expr()    {}
func (*Name) expr()    {}
func (*Arg) expr()     {}
func (*Unary) expr()   {}
func (*Binary) expr()  {}
func (*Call) expr()    {}
func (*In) expr()      {}
func (*Paren) expr()   {}

// Span returns where it stands.
func (n *Default) Span() source.Span { return n.At }

// Span returns where it stands.
func (n *Arches) Span() source.Span { return n.At }

// Span returns where it stands.
func (n *Define) Span() source.Span { return n.At }

// Span returns where it stands.
func (n *Rule) Span() source.Span { return n.At }

// Span returns where it stands.
func (n *ArchBlock) Span() source.Span { return n.At }

// Span returns where it stands.
func (n *Body) Span() source.Span { return n.At }

// Span returns where it stands.
func (n *Arm) Span() source.Span { return n.At }

// Span returns where it stands.
func (n *Action) Span() source.Span { return n.At }

// Span returns where it stands.
func (n *Version) Span() source.Span { return n.At }

// Span returns where it stands.
func (n *Number) Span() source.Span { return n.At }

// Span returns where it stands.
func (n *Bool) Span() source.Span { return n.At }

// Span returns where it stands.
func (n *Name) Span() source.Span { return n.At }

// Span returns where it stands.
func (n *Arg) Span() source.Span { return n.At }

// Span returns where it stands.
func (n *Unary) Span() source.Span { return n.At }

// Span returns where it stands.
func (n *Binary) Span() source.Span { return n.At }

// Span returns where it stands.
func (n *Call) Span() source.Span { return n.At }

// Span returns where it stands.
func (n *In) Span() source.Span { return n.At }

// Span returns where it stands.
func (n *Paren) Span() source.Span { return n.At }

// Unparen returns x without parentheses around it.
func Unparen(x Expr) Expr {
	for {
		p, ok := x.(*Paren)
		if !ok {
			return x
		}
		x = p.X
	}
}

// parseArg reads the name of an argument.
func parseArg(name string) (index int, half Half, ok bool) {
	rest, found := strings.CutPrefix(name, "arg")
	if !found || rest == "" {
		return 0, 0, false
	}
	switch rest[0] {
	case 'L':
		half, rest = Low, rest[1:]
	case 'H':
		half, rest = High, rest[1:]
	}
	if len(rest) != 1 || rest[0] < '0' || rest[0] > '5' {
		return 0, 0, false
	}
	return int(rest[0] - '0'), half, true
}

// Reserved reports whether a name means something everywhere, so that nothing
// else can be given it.
func Reserved(name string) bool {
	if _, _, ok := parseArg(name); ok {
		return true
	}
	switch strings.ToLower(name) {
	case "true", "false", "in", "notin":
		return true
	}
	return name == "return"
}
