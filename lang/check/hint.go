package check

import (
	"fmt"
	"sort"

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
	names := []string{"in", "notIn"}
	for name, d := range c.scope {
		if d.Params != nil {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	return didYouMean(n.Text, names)
}

// nameHint finds a name that can stand in an expression.
func (c *collector) nameHint(n *syntax.Name, params []*syntax.Name) string {
	if len(c.diags) > syntax.MaxErrors {
		return ""
	}
	if hint := c.laterHint(n); hint != "" {
		return hint
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
	names = nil
	for _, t := range c.unit.Targets {
		names = append(names, t.Arch.Constants()...)
	}
	return didYouMean(n.Text, names)
}
