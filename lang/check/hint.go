package check

import (
	"fmt"
	"regexp"
	"slices"
	"sort"
	"strings"

	"secco/lang/lower"
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

// syscallHint finds what is meant by a name that is no syscall's.
func (c *collector) syscallHint(name string) string {
	if slices.Contains(syntax.SettingNames(), name) {
		return fmt.Sprintf("a setting is written with \"=\": %s = …", name)
	}
	small := strings.ToLower(name)
	switch small {
	case "default":
		return "what happens to syscalls without a rule is DEFAULT_POLICY = ACTION"
	case "arch", "arches":
		return archHint
	}
	for _, prefix := range []string{"__x64_sys_", "__arm64_sys_", "__nr_", "__nr3264_", "nr_", "sys_", "scmp_sys_"} {
		if rest, ok := strings.CutPrefix(small, prefix); ok && linux.NumberKnown(rest) {
			return fmt.Sprintf("did you mean %q?", rest)
		}
	}
	return didYouMean(name, c.syscallNames())
}

const archHint = "targets are named by ARCHES = …, and a block is for some: arch x86_64 { … }"

// actionHint finds the action that another kind of policy calls so.
func actionHint(name string) string {
	switch action, ok := lower.ForeignAction(name); {
	case ok:
		return fmt.Sprintf("did you mean %q?", action)
	case strings.ToLower(name) == "errno":
		return "which one? errno(EPERM), or EPERM alone"
	}
	return ""
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
	switch action, ok := lower.ForeignAction(n.Text); {
	case ok:
		return fmt.Sprintf("did you mean %q?", action)
	case n.Text == "errno" || n.Text == "trap" || n.Text == "trace":
		return fmt.Sprintf("did you mean \"return %s(…)\"?", n.Text)
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

// otherArgument matches what other languages call an argument.
var otherArgument = regexp.MustCompile(`(?i)^(?:a|args?_?|param)([0-5])$`)

// returnHint says how a rule takes an action.
func returnHint(action string) string {
	if action == "allow" {
		return `did you mean "return allow", or "1" for always?`
	}
	return fmt.Sprintf("did you mean \"return %s\"?", action)
}

// actionMeant says how an action is written that stands where an expression does.
func (c *collector) actionMeant(action string) string {
	switch d := c.defining; {
	case d == nil:
	case strings.HasPrefix(strings.ToUpper(d.Name.Text), "DEFAULT"):
		return "" // the name is warned of
	case d.Name.Text == "NO_NEW_PRIVS":
		return "it is 0 or 1"
	case linux.NumberKnown(d.Name.Text):
		return fmt.Sprintf("did you mean a rule, \"%s: return %s\"?", d.Name.Text, action)
	}
	return returnHint(action)
}

// placeHint says what a name may stand for where it is.
func (c *collector) placeHint(name string) string {
	if _, ok := linux.ParseArch(name); ok {
		return archHint
	}
	r := c.ruling
	if r == nil {
		return ""
	}
	if r.Arms != nil && (name == "default" || name == "_" || name == "otherwise") {
		return `did you mean "else"?`
	}
	if len(r.Names) == 1 && r.Params == nil {
		params, _ := linux.Prototype(r.Names[0].Text)
		for i, p := range params {
			if p.Name == name {
				return fmt.Sprintf("it is arg%d; or name the arguments, as in %s(%s)", i, r.Names[0].Text, joined(params))
			}
		}
	}
	return ""
}

// joined lists the names of a syscall's arguments.
func joined(params []linux.Param) string {
	var names []string
	for _, p := range params {
		names = append(names, p.Name)
	}
	return strings.Join(names, ", ")
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
	if m := otherArgument.FindStringSubmatch(n.Text); m != nil {
		return fmt.Sprintf("did you mean \"arg%s\"?", m[1])
	}
	if action, ok := lower.ForeignAction(n.Text); ok {
		return c.actionMeant(action)
	}
	if slices.Contains(actionNames, strings.ToLower(n.Text)) {
		return c.actionMeant(strings.ToLower(n.Text))
	}
	if hint := c.placeHint(n.Text); hint != "" {
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
	if action, ok := linux.Closest(n.Text, actionNames); ok && n.Text == strings.ToLower(n.Text) {
		return returnHint(action)
	}
	names = nil
	for _, t := range c.unit.Targets {
		names = append(names, t.Arch.Constants()...)
	}
	return didYouMean(n.Text, names)
}
