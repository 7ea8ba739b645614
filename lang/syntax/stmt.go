package syntax

import "secco/source"

// Group names several syscalls: group @io = read, write.
type Group struct {
	Name    *Name // with its @
	Members []*Name
	At      source.Span
}

// Flags states flags for the filter: FLAGS = tsync, log.
type Flags struct {
	Names []*Name
	At    source.Span
}

// NoNewPrivs states whether no_new_privs is set: NO_NEW_PRIVS = 1.
type NoNewPrivs struct {
	Value bool
	At    source.Span
}

// Listener states who answers user notifications: LISTENER = "path", or with
// Metadata LISTENER_METADATA = "text".
type Listener struct {
	Metadata bool
	Text     string
	At       source.Span
}

// Baseline states the kernel whose syscalls are known: BASELINE = 5.15.
type Baseline struct {
	Version *Version
	At      source.Span
}

// Include puts in another source: include "file". Resolve finds the file.
type Include struct {
	Path   string
	PathAt source.Span
	File   *File // nil before Resolve, and where it failed
	At     source.Span
}

// Base builds on another policy: base docker-default, base "file". Resolve
// finds it.
type Base struct {
	Path   string
	Quoted bool // a path; else the name of a shipped policy
	PathAt source.Span
	File   *File // nil before Resolve, and where it failed
	At     source.Span
}

// Remove takes rules of the base away.
type Remove struct {
	Names []*Name
	At    source.Span
}

// When holds statements for some processes or kernels only: when cap(NAME) { }
// else { }.
type When struct {
	Cond  Expr
	Stmts []Stmt
	// Else is what holds where the condition does not; nil without an else.
	Else   []Stmt
	ElseAt source.Span // from the word to the brace behind it
	At     source.Span
}

// Test states what is expected of a call: test socket(AF_INET) => EPERM.
type Test struct {
	Arch    *Name  // nil for all that have the syscall
	Syscall *Name  // or a range of numbers
	Args    []Expr // nil where any value is meant
	Action  *Action
	At      source.Span
}

func (*Group) stmt()      {}
func (*Flags) stmt()      {}
func (*NoNewPrivs) stmt() {}
func (*Listener) stmt()   {}
func (*Baseline) stmt()   {}
func (*Include) stmt()    {}
func (*Base) stmt()       {}
func (*Remove) stmt()     {}
func (*When) stmt()       {}
func (*Test) stmt()       {}

// Span returns where it stands.
func (n *Group) Span() source.Span { return n.At }

// Span returns where it stands.
func (n *Flags) Span() source.Span { return n.At }

// Span returns where it stands.
func (n *NoNewPrivs) Span() source.Span { return n.At }

// Span returns where it stands.
func (n *Listener) Span() source.Span { return n.At }

// Span returns where it stands.
func (n *Baseline) Span() source.Span { return n.At }

// Span returns where it stands.
func (n *Include) Span() source.Span { return n.At }

// Span returns where it stands.
func (n *Base) Span() source.Span { return n.At }

// Span returns where it stands.
func (n *Remove) Span() source.Span { return n.At }

// Span returns where it stands.
func (n *When) Span() source.Span { return n.At }

// Span returns where it stands.
func (n *Test) Span() source.Span { return n.At }
