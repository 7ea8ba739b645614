package check

import (
	"slices"

	"secco/lang/lower"
	"secco/lang/simplify"
	"secco/lang/syntax"
	"secco/linux"
	"secco/source"
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
			c.diags.Errorf(n.At, "unknown-group", "no group named %q", n.Text).Hint = didYouMean(n.Text, names)
		}
		return list
	}
	if !linux.NumberKnown(n.Text) {
		c.diags.Errorf(n.At, "unknown-syscall", "no syscall named %q", n.Text).Hint = didYouMean(n.Text, c.syscallNames())
		return nil
	}
	return []string{n.Text}
}

// rule hands a rule to the targets that it holds on.
func (c *collector) rule(r *syntax.Rule) {
	c.rules = append(c.rules, r)
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
		if n.Text[0] != '@' {
			c.syscall(n, r)
			continue
		}
		for _, name := range c.members(n) {
			c.syscall(&syntax.Name{Text: name, At: n.At}, r)
		}
	}
}

// idle checks the rules that hold on no target: those that others replace, that
// a guard leaves out, or that are for other architectures. The rest is checked
// with macros and constants put in; here, as in definitions, what depends on a
// name is left open.
func (c *collector) idle() {
	used := map[*syntax.Rule]bool{}
	for _, t := range c.unit.Targets {
		for _, uses := range t.Rules {
			used[uses.First.Rule] = true
			for _, u := range uses.More {
				used[u.Rule] = true
			}
		}
	}
	var found source.Diagnostics
	for _, r := range c.rules {
		if used[r] {
			continue
		}
		types := Types{Diags: &found}
		actions := []*syntax.Action{r.Positive, r.Negative}
		if r.Body != nil {
			actions = append(actions, r.Body.Return)
			if r.Body.Cond != nil {
				types.Any(simplify.Expr(r.Body.Cond, &found))
			}
		}
		for _, a := range r.Arms {
			actions = append(actions, a.Action)
			if a.Cond != nil {
				types.Condition(simplify.Expr(a.Cond, &found))
			}
		}
		for _, a := range actions {
			idleAction(a, &found)
		}
	}
	for _, d := range found {
		if d.Severity == source.Error {
			c.diags = append(c.diags, d)
		}
	}
}

// idleAction checks the data of an action that stands in no rule that counts, where
// it is a constant already.
func idleAction(a *syntax.Action, found *source.Diagnostics) {
	if a == nil || a.Data == nil {
		return
	}
	if n, ok := simplify.Expr(a.Data, found).(*syntax.Number); ok {
		lower.Action(&syntax.Action{Kind: a.Kind, Data: n, At: a.At}, found)
	}
}

// syscall hands a rule to the targets that have the syscall.
func (c *collector) syscall(n *syntax.Name, r *syntax.Rule) {
	for _, a := range c.arches {
		if _, ok := a.Number(n.Text); !ok {
			if !linux.NumberKnown(n.Text) {
				break // reported below
			}
			c.diags.Errorf(n.At, "unknown-syscall", "no syscall named %q on %s", n.Text, a).Hint =
				"in a block every syscall has to exist on all of its architectures"
		}
	}
	found := false
	for _, t := range c.unit.Targets {
		nr, ok := t.Arch.Number(n.Text)
		if !ok {
			continue
		}
		found = true
		if !c.skipped && (c.arches == nil || slices.Contains(c.arches, t.Arch)) {
			t.add(nr, Use{n, r, c.rank})
		}
	}
	switch {
	case found:
	case !linux.NumberKnown(n.Text):
		c.diags.Errorf(n.At, "unknown-syscall", "no syscall named %q", n.Text).Hint = didYouMean(n.Text, c.syscallNames())
	case !linux.SyscallKnown(n.Text):
		c.diags.Errorf(n.At, "unknown-syscall", "%s is no number without a name on any target", n.Text).Hint =
			"what has a name is called by it, and x32's numbers are for x32"
	case c.arches == nil:
		c.diags.Warnf(n.At, "skipped-syscall", "no target has a syscall named %q: there is no rule for it", n.Text)
	}
}

// add adds a rule. The one with the highest rank counts.
func (t *Target) add(nr uint32, u Use) {
	have, ok := t.Rules[nr]
	switch {
	case !ok:
		t.Order = append(t.Order, nr)
		have.First = u
	case u.rank.Above(have.First.rank):
		have = Uses{First: u}
	case have.First.rank.Above(u.rank):
		return
	default:
		have.More = append(have.More, u)
	}
	t.Rules[nr] = have
}

// remove takes rules of the base away.
func (c *collector) remove(r *syntax.Remove) {
	for _, n := range r.Names {
		names, removed := c.members(n), false
		for _, name := range names {
			for _, t := range c.unit.Targets {
				nr, ok := t.Arch.Number(name)
				have, has := t.Rules[nr]
				if ok && has && have.First.rank.level < c.rank.level && (c.arches == nil || slices.Contains(c.arches, t.Arch)) {
					removed = true
					if !c.skipped {
						delete(t.Rules, nr)
					}
				}
			}
		}
		if !removed && names != nil {
			c.diags.Errorf(n.At, "nothing-to-remove", "no base has a rule for %q", n.Text)
		}
	}
}
