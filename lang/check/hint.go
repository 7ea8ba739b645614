package check

import (
	"fmt"
	"sort"
	"strings"

	"secco/lang/syntax"
)

// didYouMean returns a hint that shows the name most like the wrong one, empty
// where none is much like it.
func didYouMean(wrong string, names []string) string {
	best, least := "", len(wrong)/3+1
	if len(wrong) > 64 {
		return ""
	}
	for _, n := range names {
		if len(n) > len(wrong)+least || len(wrong) > len(n)+least {
			continue
		}
		if d := distance(strings.ToLower(wrong), strings.ToLower(n)); d < least || d == least && best == "" {
			best, least = n, d
		}
	}
	if best == "" || best == wrong {
		return ""
	}
	return fmt.Sprintf("did you mean %q?", best)
}

// distance counts the characters to change, add, drop or swap with their
// neighbour to come from a to b.
func distance(a, b string) int {
	before, row := make([]int, len(b)+1), make([]int, len(b)+1)
	var before2 []int
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		before2, before, row = before, row, make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			differ := 1
			if a[i-1] == b[j-1] {
				differ = 0
			}
			row[j] = min(before[j]+1, row[j-1]+1, before[j-1]+differ)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before2[j-2]+1)
			}
		}
	}
	return row[len(b)]
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
