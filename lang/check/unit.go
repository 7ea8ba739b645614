// Package check finds out what a unit of sources says as a whole: its targets,
// which rules hold where, what each name refers to. It checks everything that
// can be checked before macros are expanded.
package check

import (
	"slices"

	"secco/lang/syntax"
	"secco/linux"
	"secco/source"
)

// Unit is what several sources say together.
type Unit struct {
	Targets  []*Target
	Defaults []Default
	Settings Settings
	Tests    []Test
	// Defs holds the definition that a use of a name refers to. Names of
	// parameters, arguments and constants are not in it.
	Defs map[*syntax.Name]*syntax.Define
	// Unknown holds the names that mean nothing, which is reported.
	Unknown map[*syntax.Name]bool
	// Dormant are the rules that hold on no target.
	Dormant []Dormant
	// Idle are the architectures of blocks that decide nothing, as the unit's targets
	// are.
	Idle []*syntax.Name
	// Start is where the first source starts, for errors about what is missing.
	Start source.Span
}

// Target is what holds on one architecture.
type Target struct {
	Arch linux.Arch
	// Rules are the rules by syscall number.
	Rules map[uint32]Uses
	// Order holds the numbers in the order of their first rules; some may have
	// lost theirs.
	Order []uint32
	// Ranges are the numbers that rules for ranges are about, in order.
	Ranges []Range
}

// Uses are the rules of one syscall on one architecture.
type Uses struct {
	First Use
	More  []Use // duplicates
}

// add adds a rule: the one with the highest rank counts. At most so many more of
// that rank are kept.
func (uses *Uses) add(u Use, most int) {
	switch {
	case uses.First.Rule == nil || u.rank.Above(uses.First.rank):
		*uses = Uses{First: u}
	case !uses.First.rank.Above(u.rank) && len(uses.More) < most:
		uses.More = append(uses.More, u)
	}
}

// mark notes the rules as used.
func (uses Uses) mark(used map[*syntax.Rule]bool) {
	used[uses.First.Rule] = true
	for _, u := range uses.More {
		used[u.Rule] = true
	}
}

// Use is a rule as the rule of one syscall, or of a range of numbers.
type Use struct {
	Name *syntax.Name
	Rule *syntax.Rule
	rank Rank
}

// Dormant is a rule that holds on no target: a guard keeps it out, it is for other
// architectures, or other rules replace it.
type Dormant struct {
	*syntax.Rule
	Syscalls []string     // those of groups among them
	Arches   []linux.Arch // of the block around, nil outside
	Guarded  bool         // by a guard that does not hold
}

// Default is a statement about a default action.
type Default struct {
	*syntax.Default
	Rank    Rank
	Arches  []linux.Arch // nil for all
	Guarded bool         // by a guard that does not hold
}

// On reports whether the statement holds on an architecture.
func (d Default) On(a linux.Arch) bool {
	return !d.Guarded && (d.Arches == nil || slices.Contains(d.Arches, a))
}

// Test is a test and the architectures that it is for.
type Test struct {
	*syntax.Test
	Arches []linux.Arch
	Idle   bool // a guard keeps it out, or it is for no target
}

// Rank orders what is said about the same thing; the higher wins, and at the
// same rank there is only one. What the unit says ranks above what its base
// says, and then what stands in blocks above what does not.
type Rank struct {
	level int // 0 for the unit, -1 for its base and so on
	depth int // of blocks
}

// Above reports whether r wins over s.
func (r Rank) Above(s Rank) bool {
	return r.level > s.level || r.level == s.level && r.depth > s.depth
}

// Options says what is known beside the sources.
type Options struct {
	// Targets are the architectures; where there are none the sources name
	// them, or it is Machine alone, of which zero is x86_64.
	Targets []linux.Arch
	Machine linux.Arch
	// Defaults are default actions that the caller states.
	Defaults []*syntax.Default
	// Definitions are sources that may only hold definitions; they come first.
	Definitions []*syntax.File
	// Capabilities and Kernel are what guards ask for.
	Capabilities []string
	Kernel       string
}

// Collect checks the sources as one unit.
func Collect(files []*syntax.File, opts Options) (*Unit, source.Diagnostics) {
	c := newCollector(files, opts)
	if len(files) > 0 {
		c.unit.Start = files[0].Source.Span(0, 0)
	}
	c.targets(files)
	for _, d := range opts.Defaults {
		c.action(d.Action, nil)
		c.unit.Defaults = append(c.unit.Defaults, Default{Default: d, Rank: Rank{level: -1 << 30}})
	}
	for _, f := range opts.Definitions {
		c.definitions(f)
	}
	for _, f := range files {
		c.stmts(f.Stmts)
	}
	for _, t := range c.unit.Targets {
		t.settle()
	}
	c.unsettled()
	c.dormant()
	return c.unit, c.diags
}

// collector goes through the statements in order. Its fields say what holds at
// the one it is at.
type collector struct {
	unit         *Unit
	opts         Options
	files        []*syntax.File
	scope        map[string]*syntax.Define
	groups       map[string][]string // syscalls by the name of a group, with @
	stated       map[string]stated   // settings
	rules        []Dormant           // all, in force or not
	undo         []func()            // what brings back the scope around the block
	rank         Rank
	named        []linux.Arch     // by ARCHES
	arches       []linux.Arch     // of the block around, nil outside
	skipped      bool             // by a guard
	guarded      map[string]int   // syscalls with rules that were, and of which base, as in Rank
	idleSettings []*syntax.Define // definitions with a setting's name
	enough       Enough

	included   int  // sources around, that the caller did not name
	stopped    bool // after too many findings
	rangeWork  int  // that was done
	overworked bool // which is reported
	diags      source.Diagnostics

	// What names are looked up in, for hints.
	defining *syntax.Define
	ruling   *syntax.Rule
}

func newCollector(files []*syntax.File, opts Options) *collector {
	return &collector{
		unit:    &Unit{Defs: map[*syntax.Name]*syntax.Define{}, Unknown: map[*syntax.Name]bool{}},
		opts:    opts,
		files:   files,
		scope:   map[string]*syntax.Define{},
		groups:  map[string][]string{},
		guarded: map[string]int{},
		stated:  map[string]stated{},
	}
}

// definitions takes in a source of definitions.
func (c *collector) definitions(f *syntax.File) {
	for _, s := range f.Stmts {
		switch s := s.(type) {
		case *syntax.Define:
			c.define(s)
		case *syntax.Group:
			c.group(s)
		default:
			c.diags.Errorf(s.Span(), "definitions-only", "a file of definitions holds something else")
		}
	}
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
		if c.enough.Of(c.diags) {
			if !c.stopped {
				c.diags.Errorf(s.Span(), "too-many-errors", "%d findings: the rest of the unit is not looked at", len(c.diags))
				c.stopped = true
			}
			return
		}
		c.stmt(s)
	}
}

func (c *collector) stmt(s syntax.Stmt) {
	switch s := s.(type) {
	case *syntax.Default:
		c.setDefault(s)
	case *syntax.Define:
		c.define(s)
	case *syntax.Group:
		c.group(s)
	case *syntax.Rule:
		c.rule(s)
	case *syntax.Remove:
		c.remove(s)
	case *syntax.Test:
		c.test(s)
	case *syntax.ArchBlock:
		c.archBlock(s)
	case *syntax.When:
		c.when(s)
	case *syntax.Include:
		if s.File != nil {
			c.included++
			c.stmts(s.File.Stmts)
			c.included--
		}
	case *syntax.Base:
		if c.rank.depth > 0 {
			c.diags.Errorf(s.At, "misplaced", "a base stands in a block")
		} else if s.File != nil {
			c.rank.level--
			c.stmts(s.File.Stmts)
			c.rank.level++
		}
	case *syntax.Arches:
		if c.rank.depth > 0 {
			c.diags.Errorf(s.At, "misplaced", "ARCHES stands in a block")
		}
	default:
		c.setting(s)
	}
}

// block takes in the statements of a block. What they define ends with it.
func (c *collector) block(list []syntax.Stmt) {
	outer := len(c.undo)
	c.rank.depth++
	c.stmts(list)
	c.rank.depth--
	for len(c.undo) > outer {
		c.undo[len(c.undo)-1]()
		c.undo = c.undo[:len(c.undo)-1]
	}
}

// set puts a name into a scope, until the end of the block around.
func set[T any](c *collector, scope map[string]T, name string, value T) {
	if before, had := scope[name]; c.rank.depth > 0 {
		c.undo = append(c.undo, func() {
			if had {
				scope[name] = before
			} else {
				delete(scope, name)
			}
		})
	}
	scope[name] = value
}

// archBlock checks a block for architectures.
func (c *collector) archBlock(b *syntax.ArchBlock) {
	if c.arches != nil {
		c.diags.Errorf(b.At, "misplaced", "a block for architectures stands in another one")
		return
	}
	c.arches = c.parseArches(b.Arches)
	if c.arches != nil { // else reported
		c.idleArch(b)
		c.block(b.Stmts)
	}
	c.arches = nil
}

// when checks a guarded block: both sides, of which one counts.
func (c *collector) when(w *syntax.When) {
	holds := c.guard(w.Cond)
	outer := c.skipped
	c.skipped = outer || !holds
	c.block(w.Stmts)
	c.skipped = outer || holds
	c.block(w.Else)
	c.skipped = outer
}

// setDefault notes a default action.
func (c *collector) setDefault(s *syntax.Default) {
	c.action(s.Action, nil)
	if c.arches != nil && (s.Which == syntax.DefaultBadArch || s.Which == syntax.DefaultX32) {
		c.diags.Errorf(s.At, "misplaced", "%s stands in a block, but is about calls of other architectures", s.Which)
	}
	c.unit.Defaults = append(c.unit.Defaults, Default{s, c.rank, c.arches, c.skipped})
}

// test notes a test. Those of a base stay behind.
func (c *collector) test(s *syntax.Test) {
	for _, a := range s.Args {
		if a != nil {
			c.names(a, nil)
		}
	}
	c.action(s.Action, nil)
	var arches []linux.Arch
	idle := c.skipped
	if s.Arch != nil {
		if arches = c.parseArches([]*syntax.Name{s.Arch}); arches == nil {
			return // reported
		}
		if _, _, ok := arches[0].Numbers(s.Syscall.Text); !ok {
			c.diags.Errorf(s.Syscall.At, "unknown-syscall", "no syscall named %q on %s", s.Syscall.Text, arches[0])
			return
		}
	} else {
		for _, t := range c.unit.Targets {
			if c.arches == nil || slices.Contains(c.arches, t.Arch) {
				arches = append(arches, t.Arch)
			}
		}
		where := "target"
		if arches == nil {
			arches, idle, where = slices.Clone(c.arches), true, "architecture of the block"
		}
		arches = slices.DeleteFunc(arches, func(a linux.Arch) bool {
			_, _, ok := a.Numbers(s.Syscall.Text)
			return !ok
		})
		if len(arches) == 0 {
			c.diags.Errorf(s.Syscall.At, "unknown-syscall", "no %s has a syscall named %q", where, s.Syscall.Text).Hint = c.syscallHint(s.Syscall.Text)
			return
		}
	}
	if c.rank.level == 0 {
		c.unit.Tests = append(c.unit.Tests, Test{s, arches, idle})
	}
}
