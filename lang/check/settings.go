package check

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"secco/lang/syntax"
	"secco/linux"
	"secco/source"
)

// Settings are what a unit says once; nil where it does not.
type Settings struct {
	Flags      *syntax.Flags
	NoNewPrivs *syntax.NoNewPrivs
	Listener   *syntax.Listener
	Metadata   *syntax.Listener
	Baseline   *syntax.Baseline
}

// stated is a setting as it was stated.
type stated struct {
	rank  Rank
	value string
	at    source.Span
}

// state notes the value of a setting and reports whether it counts.
func (c *collector) state(name, value string, at source.Span) bool {
	if c.arches != nil {
		c.diags.Errorf(at, "misplaced", "%s stands in a block for architectures", name)
		return false
	}
	if c.skipped {
		return false
	}
	before, ok := c.stated[name]
	switch {
	case !ok || c.rank.Above(before.rank):
		c.stated[name] = stated{c.rank, value, at}
		return true
	case !before.rank.Above(c.rank) && before.value != value:
		c.diags.Errorf(at, "conflicting-setting", "%s is set to something else before", name).
			Related = []source.Related{{Span: before.at, Message: "set here"}}
	}
	return false
}

// setting takes in a statement that sets something for the whole unit.
func (c *collector) setting(s syntax.Stmt) {
	to := &c.unit.Settings
	switch s := s.(type) {
	case *syntax.Flags:
		var names []string
		for _, n := range s.Names {
			if !slices.Contains(syntax.FlagNames, n.Text) {
				c.diags.Errorf(n.At, "unknown-flag", "no flag named %q", n.Text).Hint = didYouMean(n.Text, syntax.FlagNames)
			}
			names = append(names, n.Text)
		}
		slices.Sort(names)
		if c.state("FLAGS", strings.Join(slices.Compact(names), " "), s.At) {
			to.Flags = s
		}
	case *syntax.NoNewPrivs:
		if c.state("NO_NEW_PRIVS", strconv.FormatBool(s.Value), s.At) {
			to.NoNewPrivs = s
		}
	case *syntax.Listener:
		switch {
		case s.Metadata:
			if c.state("LISTENER_METADATA", s.Text, s.At) {
				to.Metadata = s
			}
		case c.state("LISTENER", s.Text, s.At):
			to.Listener = s
		}
	case *syntax.Baseline:
		if _, ok := parseVersion(s.Version.Text); !ok {
			c.diags.Errorf(s.Version.At, "bad-version", "a kernel's version has two or three numbers, such as 5.15")
		} else if c.state("BASELINE", s.Version.Text, s.At) {
			to.Baseline = s
		}
	}
}

// targets finds the architectures: the caller's, else those of ARCHES, else the
// machine's.
func (c *collector) targets(files []*syntax.File) {
	list := c.opts.Targets
	size := 0
	for _, f := range files {
		if stated := c.statedArches(f.Stmts); stated != nil {
			c.named = stated
		}
		size += len(f.Stmts)
	}
	if len(list) == 0 {
		list = c.named
	}
	if len(list) == 0 {
		list = []linux.Arch{cmp.Or(c.opts.Machine, linux.X86_64)}
	}
	for _, a := range list {
		if !a.Valid() {
			c.diags.Errorf(c.unit.Start, "unknown-arch", "the caller names a target that is no architecture")
		} else if c.target(a) == nil {
			c.unit.Targets = append(c.unit.Targets, &Target{Arch: a, Rules: make(map[uint32]Uses, size)})
		}
	}
}

// statedArches finds the ARCHES that counts among statements outside of blocks;
// nil where these state none that does.
func (c *collector) statedArches(list []syntax.Stmt) []linux.Arch {
	var found []linux.Arch
	keep := func(more []linux.Arch) {
		if more != nil {
			found = more
		}
	}
	for _, s := range list {
		switch s := s.(type) {
		case *syntax.Arches:
			arches := c.parseArches(s.Names)
			var names []string
			for _, a := range arches {
				names = append(names, a.String())
			}
			slices.Sort(names)
			if c.state("ARCHES", strings.Join(slices.Compact(names), " "), s.At) {
				keep(arches)
			}
		case *syntax.Include:
			if s.File != nil {
				keep(c.statedArches(s.File.Stmts))
			}
		case *syntax.Base:
			if s.File != nil {
				c.rank.level--
				keep(c.statedArches(s.File.Stmts))
				c.rank.level++
			}
		}
	}
	return found
}

// parseArches reads names of architectures.
func (c *collector) parseArches(names []*syntax.Name) []linux.Arch {
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

// guard evaluates the condition of a guarded block. Where a part of it decides, and
// where a guard around does not hold, the rest is only checked.
func (c *collector) guard(e syntax.Expr) bool {
	switch e := e.(type) {
	case *syntax.Paren:
		return c.guard(e.X)
	case *syntax.Unary:
		if e.Op == syntax.OpNot {
			return !c.guard(e.X)
		}
	case *syntax.Call:
		if e.Fun.Text == "cap" && len(e.Args) == 1 {
			if n, ok := e.Args[0].(*syntax.Name); ok {
				return c.capability(n)
			}
		}
	case *syntax.Binary:
		switch {
		case e.Op.IsLogical():
			x, outer := c.guard(e.X), c.skipped
			c.skipped = outer || x == (e.Op == syntax.OpOr)
			y := c.guard(e.Y)
			c.skipped = outer
			return e.Op == syntax.OpAnd && x && y || e.Op == syntax.OpOr && (x || y)
		case e.Op.IsComparison() && e.Op != syntax.OpSet:
			if n, ok := e.X.(*syntax.Name); ok && n.Text == "kernel" {
				return c.kernel(e)
			}
		}
	}
	c.diags.Errorf(e.Span(), "bad-guard", "a guard asks for cap(NAME) and for the kernel's version, joined by && || !").Hint =
		"such as: when cap(CAP_SYS_ADMIN) && kernel >= 4.8"
	return false
}

// capability reports whether the process has a capability.
func (c *collector) capability(n *syntax.Name) bool {
	if _, ok := linux.Capability(n.Text); !ok {
		d := c.diags.Errorf(n.At, "bad-guard", "no capability named %q", n.Text)
		if near, ok := linux.ClosestCapability(n.Text); ok {
			d.Hint = fmt.Sprintf("did you mean %q?", near)
		}
		return false
	}
	return slices.Contains(c.opts.Capabilities, n.Text)
}

// kernel compares the kernel's version with one that is written.
func (c *collector) kernel(e *syntax.Binary) bool {
	var text string
	switch y := e.Y.(type) {
	case *syntax.Version:
		text = y.Text
	case *syntax.Number:
		text = strconv.FormatUint(y.Value, 10) + ".0"
	}
	want, ok := parseVersion(text)
	if !ok {
		c.diags.Errorf(e.Y.Span(), "bad-version", "a kernel's version has two or three numbers, such as 5.15")
		return false
	}
	have, ok := parseVersion(c.opts.Kernel)
	if !ok && c.skipped {
		return false // the answer makes no difference
	}
	if !ok {
		c.diags.Errorf(e.At, "unknown-kernel", "the policy depends on the kernel's version, and the caller does not state it")
		return false
	}
	order := slices.Compare(have[:], want[:])
	switch e.Op {
	case syntax.OpEq:
		return order == 0
	case syntax.OpNe:
		return order != 0
	case syntax.OpLt:
		return order < 0
	case syntax.OpLe:
		return order <= 0
	case syntax.OpGt:
		return order > 0
	}
	return order >= 0
}

// parseVersion reads a version of the kernel; what follows the numbers is left
// out, as in 6.1.0-13-amd64.
func parseVersion(text string) (v [2]int, ok bool) {
	text, _, _ = strings.Cut(text, "-")
	parts := strings.Split(text, ".")
	if len(parts) < 2 || len(parts) > 3 {
		return v, false
	}
	for i, p := range parts {
		n, err := strconv.Atoi(p)
		if err != nil || n < 0 {
			return v, false
		}
		if i < len(v) {
			v[i] = n
		}
	}
	return v, true
}
