package check

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"secco/lang/syntax"
	"secco/linux"
)

// group checks a group and keeps its syscalls, each once.
func (c *collector) group(g *syntax.Group) {
	var list []string
	for _, n := range g.Members {
		for _, name := range c.members(n) {
			if !slices.Contains(list, name) {
				list = append(list, name)
			}
		}
	}
	set(c, c.groups, g.Name.Text, list)
}

// members returns the syscalls that a name stands for: those of a group, or
// itself. What does not exist is reported.
func (c *collector) members(n *syntax.Name) []string {
	if n.Text[0] == '@' {
		list, ok := c.groups[n.Text]
		if !ok {
			var names []string
			for g := range c.groups {
				names = append(names, g)
			}
			slices.Sort(names)
			d := c.diags.Errorf(n.At, "unknown-group", "no group named %q", n.Text)
			if d.Hint = didYouMean(n.Text, names); names == nil {
				d.Hint = fmt.Sprintf("none is defined before; such as: group %s = read, write", n.Text)
			}
		}
		return list
	}
	if !linux.NumberKnown(n.Text) {
		c.noSyscall(n)
		return nil
	}
	return []string{n.Text}
}

// noSyscall reports a name that no architecture knows.
func (c *collector) noSyscall(n *syntax.Name) {
	if isRange(n) {
		c.diags.Errorf(n.At, "unknown-syscall", "%s is no range of numbers", n.Text).Hint =
			"ranges are like syscall_470..511, or syscall_470.. for all further numbers; both ends are below 2^32"
		return
	}
	c.diags.Errorf(n.At, "unknown-syscall", "no syscall named %q", n.Text).Hint = c.syscallHint(n.Text)
}

// isRange reports whether a name stands for a range of numbers.
func isRange(n *syntax.Name) bool { return strings.Contains(n.Text, "..") }

// maxRangeWork is how many rules may be looked at for the ranges of numbers that are
// in them, or removed: enough for thousands of ranges on all architectures.
const maxRangeWork = 1 << 24

// affords reports whether so many more rules may be looked at.
func (c *collector) affords(n *syntax.Name, work int) bool {
	c.rangeWork += work
	if c.rangeWork <= maxRangeWork {
		return true
	}
	if !c.overworked {
		c.overworked = true
		c.diags.Errorf(n.At, "too-large", "the unit has more rules for ranges of numbers than are looked at")
	}
	return false
}

// rule hands a rule to the targets that it holds on.
func (c *collector) rule(r *syntax.Rule) {
	c.ruling = r
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
	c.ruling = nil
	if r.Arms != nil && r.Positive != nil {
		c.diags.Errorf(r.Positive.At, "unused-action", "every arm has its own action: there is no positive one")
	}
	dormant := Dormant{Rule: r, Arches: c.arches, Guarded: c.skipped}
	for _, n := range r.Names {
		if n.Text[0] != '@' {
			dormant.Syscalls = append(dormant.Syscalls, n.Text)
			c.syscall(n, r)
			continue
		}
		for _, name := range c.members(n) {
			dormant.Syscalls = append(dormant.Syscalls, name)
			c.syscall(&syntax.Name{Text: name, At: n.At}, r)
		}
	}
	c.rules = append(c.rules, dormant)
}

// dormant finds the rules that hold on no target.
func (c *collector) dormant() {
	used := map[*syntax.Rule]bool{}
	for _, t := range c.unit.Targets {
		for _, uses := range t.Rules {
			uses.mark(used)
		}
		for _, r := range t.Ranges {
			r.mark(used)
		}
	}
	for _, d := range c.rules {
		if !used[d.Rule] {
			c.unit.Dormant = append(c.unit.Dormant, d)
		}
	}
}

// syscall hands a rule to the targets that have the syscall.
func (c *collector) syscall(n *syntax.Name, r *syntax.Rule) {
	for _, a := range c.arches {
		if _, _, ok := a.Numbers(n.Text); !ok {
			if !linux.NumberKnown(n.Text) {
				break // reported below
			}
			what := fmt.Sprintf("no syscall named %q", n.Text)
			if isRange(n) {
				what = n.Text + " is no range of numbers"
			}
			c.diags.Errorf(n.At, "unknown-syscall", "%s on %s", what, a).Hint =
				"in a block every syscall has to exist on all of its architectures"
		}
	}
	found := false
	for _, t := range c.unit.Targets {
		lo, hi, ok := t.Arch.Numbers(n.Text)
		if !ok {
			continue
		}
		found = true
		switch {
		case c.arches != nil && !slices.Contains(c.arches, t.Arch):
		case c.skipped:
			c.guarded[n.Text] = min(c.guarded[n.Text], c.rank.level)
		case !isRange(n):
			t.add(lo, Use{n, r, c.rank})
		case c.affords(n, len(t.Ranges)/16): // which are moved
			c.rangeWork += t.addRange(lo, hi, Use{n, r, c.rank})
		}
	}
	switch {
	case found:
	case !linux.NumberKnown(n.Text):
		c.noSyscall(n)
	case c.arches != nil: // they were looked at above
	case isRange(n):
		c.diags.Errorf(n.At, "unknown-syscall", "%s is no range of numbers on any target", n.Text).Hint =
			"both ends have to be numbers of a target; x32's go from 0x40000000 to 0xfffffffe, and are none of x86_64's"
	case !linux.SyscallKnown(n.Text):
		c.diags.Errorf(n.At, "unknown-syscall", "%s is no number without a name on any target", n.Text).Hint =
			"what has a name is called by it, and x32's numbers are for x32"
	default:
		c.diags.Warnf(n.At, "skipped-syscall", "no target has a syscall named %q: there is no rule for it", n.Text)
	}
}

// add adds a rule. The one with the highest rank counts.
func (t *Target) add(nr uint32, u Use) {
	have, ok := t.Rules[nr]
	if !ok {
		t.Order = append(t.Order, nr)
	}
	have.add(u, math.MaxInt)
	t.Rules[nr] = have
}

// remove takes rules of the base away.
func (c *collector) remove(r *syntax.Remove) {
	for _, n := range r.Names {
		names, removed := c.members(n), false
		for _, name := range names {
			// What a guard keeps out here may be there for other callers.
			removed = removed || c.guarded[name] < c.rank.level
			for _, t := range c.unit.Targets {
				lo, hi, ok := t.Arch.Numbers(name)
				if !ok || c.arches != nil && !slices.Contains(c.arches, t.Arch) {
					continue
				}
				work := len(t.Ranges) / 16
				if lo != hi {
					work += len(t.Rules)
				}
				if c.affords(n, work) && t.remove(lo, hi, c.rank.level, !c.skipped) {
					removed = true
				}
			}
		}
		if !removed && names != nil {
			c.diags.Errorf(n.At, "nothing-to-remove", "no base has a rule for %q", n.Text)
		}
	}
}
