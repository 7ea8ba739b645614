package check

import (
	"fmt"
	"regexp"
	"slices"
	"sort"
	"strings"

	"secco/lang/syntax"
	"secco/linux"
)

// didYouMean returns a hint that shows the name most like the wrong one, empty
// where none is much like it.
func didYouMean(wrong string, names []string) string {
	if best, ok := linux.Closest(wrong, names); ok {
		return fmt.Sprintf("did you mean %q?", best)
	}
	return ""
}

// syscallNames returns the names of all syscalls of the targets; none where
// there are so many findings that hints take too long.
func (c *collector) syscallNames() []string {
	if len(c.diags) > syntax.MaxErrors {
		return nil
	}
	var names []string
	for _, t := range c.unit.Targets {
		for _, s := range t.Arch.Syscalls() {
			names = append(names, s.Name)
		}
	}
	return names
}

// laterHint says where a name is defined too late.
func (c *collector) laterHint(n *syntax.Name) string {
	hint := ""
	for _, f := range c.files {
		for _, s := range f.Stmts {
			d, ok := s.(*syntax.Define)
			switch {
			case !ok || d.Name.Text != n.Text || hint != "":
			case d.At.File() == n.At.File() && d.At.Start() <= n.At.Start() && n.At.End() <= d.At.End():
				hint = "what is defined cannot use itself"
			default:
				hint = fmt.Sprintf("it is defined below, on line %d, and has to be defined before", d.Name.At.Position().Line)
			}
		}
	}
	return hint
}

// callHint finds a macro.
func (c *collector) callHint(n *syntax.Name) string {
	if len(c.diags) > syntax.MaxErrors {
		return ""
	}
	if hint := c.laterHint(n); hint != "" {
		return hint
	}
	names := []string{"in", "notIn", "low", "high"}
	for name, d := range c.scope {
		if d.Params != nil {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	return didYouMean(n.Text, names)
}

// argument matches what is meant to be an argument.
var argument = regexp.MustCompile(`^(arg[LH]?)[0-9]+$`)

// returnHint says how a rule takes an action.
func returnHint(action string) string {
	if action == "allow" {
		return `did you mean "return allow", or "1" for always?`
	}
	return fmt.Sprintf("did you mean \"return %s\"?", action)
}

// nameHint finds a name that can stand in an expression.
func (c *collector) nameHint(n *syntax.Name, params []*syntax.Name) string {
	if len(c.diags) > syntax.MaxErrors {
		return ""
	}
	if hint := c.laterHint(n); hint != "" {
		return hint
	}
	if m := argument.FindStringSubmatch(n.Text); m != nil {
		return fmt.Sprintf("a call has six arguments, %s0 to %s5", m[1], m[1])
	}
	if slices.Contains(actionNames, n.Text) {
		return returnHint(n.Text)
	}
	var names []string
	for _, p := range params {
		names = append(names, p.Text)
	}
	for name := range c.scope {
		names = append(names, name)
	}
	for i := range 6 {
		names = append(names, fmt.Sprintf("arg%d", i), fmt.Sprintf("argL%d", i), fmt.Sprintf("argH%d", i))
	}
	sort.Strings(names)
	if hint := didYouMean(n.Text, names); hint != "" {
		return hint
	}
	if action, ok := linux.Closest(n.Text, actionNames); ok && n.Text == strings.ToLower(n.Text) {
		return returnHint(action)
	}
	names = nil
	for _, t := range c.unit.Targets {
		names = append(names, t.Arch.Constants()...)
	}
	return didYouMean(n.Text, names)
}
