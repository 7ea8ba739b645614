// Package check finds out what a unit of sources says as a whole: its targets,
// which rules hold where, what each name refers to. It checks everything that
// can be checked before macros are expanded.
package check

import (
	"secco/lang/syntax"
	"secco/linux"
	"secco/source"
)

// Unit is what several sources say together.
type Unit struct {
	Targets []*Target
	// Global are the statements about default actions outside blocks.
	Global []*syntax.Default
	// Defs holds the definition that a use of a name refers to. Names of
	// parameters, arguments and constants are not in it.
	Defs map[*syntax.Name]*syntax.Define
	// Unknown holds the names that mean nothing, which is reported.
	Unknown map[*syntax.Name]bool
	// Start is where the first source starts, for errors about what is missing.
	Start source.Span
}

// Target is what holds on one architecture.
type Target struct {
	Arch linux.Arch
	// Defaults are the statements about default actions in blocks for it.
	Defaults []*syntax.Default
	// Rules are the rules by syscall number, those outside blocks only where no
	// block has one. More than one is a duplicate.
	Rules map[uint32]Uses
	// Order holds the numbers in the order of their first rules.
	Order []uint32
}

// Uses are the rules of one syscall on one architecture.
type Uses struct {
	First Use
	More  []Use // duplicates
}

// Use is a rule as the rule of one syscall.
type Use struct {
	Name    *syntax.Name
	Rule    *syntax.Rule
	inBlock bool
}

// Options says what is known beside the sources.
type Options struct {
	// Targets are the architectures; where there are none the sources name
	// them, or it is x86_64 alone.
	Targets []linux.Arch
	// Defaults are default actions that the caller states.
	Defaults []*syntax.Default
	// Definitions are sources that may only hold definitions; they come first.
	Definitions []*syntax.File
}

// Collect checks the sources as one unit.
func Collect(files []*syntax.File, opts Options) (*Unit, source.Diagnostics) {
	c := &collector{
		unit:  &Unit{Defs: map[*syntax.Name]*syntax.Define{}, Unknown: map[*syntax.Name]bool{}},
		scope: map[string]*syntax.Define{},
		files: files,
	}
	if len(files) > 0 {
		c.unit.Start = files[0].Source.Span(0, 0)
	}
	c.targets(files, opts.Targets)
	for _, d := range opts.Defaults {
		c.action(d.Action, nil)
	}
	for _, f := range opts.Definitions {
		for _, s := range f.Stmts {
			if d, ok := s.(*syntax.Define); ok {
				c.define(d)
			} else {
				c.diags.Errorf(s.Span(), "definitions-only", "a file of definitions holds something else")
			}
		}
	}
	for _, f := range files {
		c.stmts(f.Stmts)
	}
	return c.unit, c.diags
}

type collector struct {
	unit    *Unit
	scope   map[string]*syntax.Define
	block   []linux.Arch // the architectures of the block around, nil outside
	files   []*syntax.File
	stopped bool // after too many errors
	diags   source.Diagnostics
}

// targets finds the architectures.
func (c *collector) targets(files []*syntax.File, given []linux.Arch) {
	var stated *syntax.Arches
	var list []linux.Arch
	for _, f := range files {
		for _, s := range f.Stmts {
			a, ok := s.(*syntax.Arches)
			if !ok {
				continue
			}
			arches := c.arches(a.Names)
			switch {
			case stated == nil:
				stated, list = a, arches
			case !sameSet(list, arches):
				c.diags.Errorf(a.At, "conflicting-setting", "ARCHES is set to something else before").
					Related = []source.Related{{Span: stated.At, Message: "set here"}}
			}
		}
	}
	if len(given) > 0 {
		list = given
	}
	if len(list) == 0 {
		list = []linux.Arch{linux.X86_64}
	}
	size := 0
	for _, f := range files {
		size += len(f.Stmts)
	}
	for _, a := range list {
		if c.target(a) == nil {
			c.unit.Targets = append(c.unit.Targets, &Target{Arch: a, Rules: make(map[uint32]Uses, size)})
		}
	}
}

func sameSet(a, b []linux.Arch) bool {
	var x, y [256]bool
	for _, arch := range a {
		x[arch] = true
	}
	for _, arch := range b {
		y[arch] = true
	}
	return x == y
}

// arches reads names of architectures.
func (c *collector) arches(names []*syntax.Name) []linux.Arch {
	var list []linux.Arch
	for _, n := range names {
		a, ok := linux.ParseArch(n.Text)
		if !ok {
			c.diags.Errorf(n.At, "unknown-arch", "no architecture named %q", n.Text).Hint = didYouMean(n.Text, archNames())
			continue
		}
		list = append(list, a)
	}
	return list
}

func archNames() []string {
	var names []string
	for _, a := range linux.Arches() {
		names = append(names, a.String())
	}
	return names
}

func (c *collector) target(a linux.Arch) *Target {
	for _, t := range c.unit.Targets {
		if t.Arch == a {
			return t
		}
	}
	return nil
}

func (c *collector) stmts(list []syntax.Stmt) {
	for _, s := range list {
		if len(c.diags) >= syntax.MaxErrors && c.diags.HasErrors() {
			if !c.stopped {
				c.diags.Errorf(s.Span(), "too-many-errors", "%d findings: the rest of the unit is not looked at", len(c.diags))
				c.stopped = true
			}
			return
		}
		switch s := s.(type) {
		case *syntax.Arches:
			if c.block != nil {
				c.diags.Errorf(s.At, "misplaced", "ARCHES stands in a block")
			}
		case *syntax.Default:
			c.setDefault(s)
		case *syntax.Define:
			c.define(s)
		case *syntax.Rule:
			c.rule(s)
		case *syntax.ArchBlock:
			c.archBlock(s)
		}
	}
}

// setDefault notes a default action.
func (c *collector) setDefault(s *syntax.Default) {
	c.action(s.Action, nil)
	switch {
	case c.block == nil:
		c.unit.Global = append(c.unit.Global, s)
		return
	case s.Which == syntax.DefaultBadArch || s.Which == syntax.DefaultX32:
		c.diags.Errorf(s.At, "misplaced", "%s stands in a block, but is about calls of other architectures", s.Which)
	}
	for _, a := range c.block {
		if t := c.target(a); t != nil {
			t.Defaults = append(t.Defaults, s)
		}
	}
}

// archBlock checks a block. What it defines ends with it.
func (c *collector) archBlock(b *syntax.ArchBlock) {
	if c.block != nil {
		c.diags.Errorf(b.At, "misplaced", "a block for architectures stands in another one")
		return
	}
	c.block = c.arches(b.Arches)
	if c.block == nil {
		return // reported
	}
	outer := c.scope
	c.scope = make(map[string]*syntax.Define, len(outer))
	for name, d := range outer {
		c.scope[name] = d
	}
	c.stmts(b.Stmts)
	c.block, c.scope = nil, outer
}

// rule hands a rule to the targets that it holds on.
func (c *collector) rule(r *syntax.Rule) {
	c.action(r.Positive, nil)
	c.action(r.Negative, nil)
	if r.Body != nil {
		c.body(r.Body, r.Params)
	}
	for _, a := range r.Arms {
		if a.Cond != nil {
			c.names(a.Cond, r.Params)
		}
		c.action(a.Action, nil)
	}
	if r.Arms != nil && r.Positive != nil {
		c.diags.Errorf(r.Positive.At, "unused-action", "every arm has its own action: there is no positive one")
	}
	for _, n := range r.Names {
		c.syscall(n, r)
	}
}

// syscall hands a rule to the targets that have the syscall.
func (c *collector) syscall(n *syntax.Name, r *syntax.Rule) {
	for _, a := range c.block {
		if _, ok := a.Syscall(n.Text); !ok {
			if !linux.SyscallKnown(n.Text) {
				break // reported below
			}
			c.diags.Errorf(n.At, "unknown-syscall", "no syscall named %q on %s", n.Text, a).Hint =
				"in a block every syscall has to exist on all of its architectures"
		}
	}
	found := false
	for _, t := range c.unit.Targets {
		nr, ok := t.Arch.Syscall(n.Text)
		if !ok {
			continue
		}
		found = true
		if c.block == nil || contains(c.block, t.Arch) {
			t.add(nr, Use{n, r, c.block != nil})
		}
	}
	switch {
	case found:
	case !linux.SyscallKnown(n.Text):
		c.diags.Errorf(n.At, "unknown-syscall", "no syscall named %q", n.Text).Hint = didYouMean(n.Text, c.syscallNames())
	case c.block == nil:
		c.diags.Warnf(n.At, "skipped-syscall", "no target has a syscall named %q: there is no rule for it", n.Text)
	}
}

func contains(list []linux.Arch, a linux.Arch) bool {
	for _, x := range list {
		if x == a {
			return true
		}
	}
	return false
}

// add adds a rule; those of blocks replace the others.
func (t *Target) add(nr uint32, u Use) {
	have, ok := t.Rules[nr]
	switch {
	case !ok:
		t.Order = append(t.Order, nr)
		have.First = u
	case have.First.inBlock && !u.inBlock:
		return
	case !have.First.inBlock && u.inBlock:
		have = Uses{First: u}
	default:
		have.More = append(have.More, u)
	}
	t.Rules[nr] = have
}
