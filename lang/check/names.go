package check

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"secco/lang/lower"
	"secco/lang/simplify"
	"secco/lang/syntax"
	"secco/linux"
	"secco/source"
)

// Constant looks up the names in an expression that stands by itself.
func Constant(e syntax.Expr, arch linux.Arch) (*Unit, source.Diagnostics) {
	c := newCollector(nil, Options{Targets: []linux.Arch{arch}})
	c.targets(nil)
	c.names(e, nil)
	return c.unit, c.diags
}

// define checks a definition and lets the lines after it see it.
func (c *collector) define(d *syntax.Define) {
	c.defining = d
	c.body(d.Body, d.Params)
	c.defining = nil
	if d.Body.Cond != nil {
		Types{Diags: &c.diags}.Any(simplify.Expr(d.Body.Cond, &c.diags))
	}
	c.suspicious(d)
	set(c, c.scope, d.Name.Text, d)
}

// suspicious warns of a definition that looks like a setting and is none.
func (c *collector) suspicious(d *syntax.Define) {
	hint := ""
	switch name := strings.ToUpper(d.Name.Text); {
	case strings.HasPrefix(name, "DEFAULT_"):
		if hint = didYouMean(d.Name.Text, defaultNames()); hint != "" {
			break
		}
		fallthrough
	case strings.HasPrefix(name, "DEFAULT"):
		n, ok := d.Body.Cond.(*syntax.Name)
		if ok && (isAction(n.Text) || errnoKnown(n.Text) && slices.Contains([]string{"DEFAULT", "DEFAULT_ACTION", "DEFAULTACTION"}, name)) {
			hint = "there is " + strings.Join(defaultNames(), ", ")
		}
	case settingsLike[name] != "":
		c.idleSettings = append(c.idleSettings, d)
	case name == "BASELINE":
		if _, ok := d.Body.Cond.(*syntax.Number); ok {
			c.diags.Warnf(d.Name.At, "suspicious-name", "%q is a name like any other and sets no baseline", d.Name.Text).Hint =
				"a version has two numbers or three, such as 5.15"
		}
	}
	if hint != "" {
		c.diags.Warnf(d.Name.At, "suspicious-name", "%q is a name like any other and sets no default action", d.Name.Text).Hint = hint
	}
}

// settingsLike are settings whose names are not reserved, and what each may be.
var settingsLike = map[string]string{
	"ARCHES":            "such as: ARCHES = x86_64, i386",
	"FLAGS":             "such as: FLAGS = tsync, log",
	"NO_NEW_PRIVS":      "it is set to 0 or 1",
	"LISTENER":          `such as: LISTENER = "/run/agent.sock"`,
	"LISTENER_METADATA": `such as: LISTENER_METADATA = "text"`,
}

// unsettled warns of definitions with a setting's name that nothing uses, where
// nothing else is wrong.
func (c *collector) unsettled() {
	if c.diags.HasErrors() {
		return
	}
	used := map[*syntax.Define]bool{}
	for _, d := range c.unit.Defs {
		used[d] = true
	}
	for _, d := range c.idleSettings {
		if !used[d] {
			c.diags.Warnf(d.Name.At, "suspicious-name", "%q is a name like any other and sets nothing", d.Name.Text).Hint = settingsLike[strings.ToUpper(d.Name.Text)]
		}
	}
}

// isAction reports whether a word is an action, in any case, or that of another kind of
// policy.
func isAction(word string) bool {
	_, foreign := lower.ForeignAction(word)
	return foreign || slices.Contains(actionNames, strings.ToLower(word))
}

func defaultNames() []string {
	var names []string
	for w := syntax.Which(0); w < syntax.NumDefaults; w++ {
		names = append(names, w.String())
	}
	return names
}

// body looks up the names in the body of a rule or definition.
func (c *collector) body(b *syntax.Body, params []*syntax.Name) {
	if b.Cond != nil {
		c.names(b.Cond, params)
	}
	c.action(b.Return, params)
}

// action looks up the names in an action.
func (c *collector) action(a *syntax.Action, params []*syntax.Name) {
	if a == nil || a.Data == nil {
		return
	}
	if n, ok := a.Data.(*syntax.Name); ok && a.Kind == syntax.Errno {
		if isParam(n, params) || c.scope[n.Text] != nil {
			c.names(n, params)
		} else if !errnoKnown(n.Text) && !constantKnown(n.Text) {
			c.unit.Unknown[n] = true
			c.diags.Errorf(n.At, "bad-action", "no action or errno named %q", n.Text).Hint =
				cmp.Or(actionHint(n.Text), didYouMean(n.Text, actionNames), didYouMean(n.Text, errnoNames()))
		}
		return
	}
	c.names(a.Data, params)
}

var actionNames = []string{"allow", "log", "notify", "kill", "kill_thread", "kill_process", "trap", "trace"}

func errnoNames() []string {
	var names []string
	for n := range uint16(linux.MaxErrno) {
		if name, ok := linux.X86_64.ErrnoName(n); ok {
			names = append(names, name)
		}
	}
	return names
}

func isParam(n *syntax.Name, params []*syntax.Name) bool {
	for _, p := range params {
		if p.Text == n.Text {
			return true
		}
	}
	return false
}

// names looks up the names in an expression.
func (c *collector) names(e syntax.Expr, params []*syntax.Name) {
	syntax.Walk(e, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.Name:
			switch d := c.scope[n.Text]; {
			case isParam(n, params):
			case d != nil:
				c.unit.Defs[n] = d
				if len(d.Params) > 0 {
					c.arity(n, d, 0)
				}
			case !constantKnown(n.Text):
				c.unknown(n, params)
			}
		case *syntax.Call:
			switch d := c.scope[n.Fun.Text]; {
			case isParam(n.Fun, params):
				c.diags.Errorf(n.Fun.At, "not-macro", "%q is a value and takes no arguments", n.Fun.Text)
			case d == nil && isHalf(n):
				if len(n.Args) != 1 {
					c.diags.Errorf(n.Fun.At, "arity", "%q takes 1 argument, not %d", n.Fun.Text, len(n.Args))
				}
			case d == nil:
				c.diags.Errorf(n.Fun.At, "unknown-name", "no macro named %q", n.Fun.Text).Hint = c.callHint(n.Fun)
			default:
				c.unit.Defs[n.Fun] = d
				if len(d.Params) != len(n.Args) {
					c.arity(n.Fun, d, len(n.Args))
				}
			}
			for _, a := range n.Args {
				c.names(a, params)
			}
			return false
		}
		return true
	})
}

func isHalf(n *syntax.Call) bool {
	_, ok := syntax.HalfCall(n)
	return ok
}

func (c *collector) arity(n *syntax.Name, d *syntax.Define, got int) {
	c.diags.Errorf(n.At, "arity", "%q takes %s, not %d", n.Text, arguments(len(d.Params)), got).
		Related = []source.Related{{Span: d.Name.At, Message: "defined here"}}
}

func arguments(n int) string {
	if n == 1 {
		return "1 argument"
	}
	return fmt.Sprintf("%d arguments", n)
}

func (c *collector) unknown(n *syntax.Name, params []*syntax.Name) {
	c.unit.Unknown[n] = true
	c.diags.Errorf(n.At, "unknown-name", "no binding or constant named %q", n.Text).Hint = c.nameHint(n, params)
}

// constantKnown reports whether any architecture has the constant.
func constantKnown(name string) bool {
	for _, a := range linux.Arches() {
		if _, ok := a.Constant(name); ok {
			return true
		}
	}
	return false
}

// errnoKnown reports whether any architecture has the errno, in any case.
func errnoKnown(name string) bool {
	for _, a := range linux.Arches() {
		if _, ok := a.Errno(strings.ToUpper(name)); ok {
			return true
		}
	}
	return false
}
