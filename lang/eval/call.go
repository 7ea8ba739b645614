package eval

import (
	"errors"
	"fmt"
	"strings"

	"secco/lang/syntax"
	"secco/linux"
)

// errDivision is panicked with where the kernel would kill the thread.
var errDivision = errors.New("division by zero")

// call is one call that is looked at.
type call struct {
	*Evaluator
	arch linux.Arch
	data *linux.SeccompData
}

// env is what the names in an expression mean: those of parameters, then what is
// defined.
type env struct {
	params map[string]argument
	scope  *scope
}

// argument is an expression with the meaning that its names have where it was
// written.
type argument struct {
	expr syntax.Expr
	env  env
}

// rule decides by a rule.
func (c *call) rule(r *rule) linux.Action {
	named := env{map[string]argument{}, r.scope}
	for i, p := range r.Params {
		named.params[p.Text] = argument{expr: &syntax.Arg{Index: i}}
	}
	plain := env{scope: r.scope}
	for _, arm := range r.Arms {
		if arm.Cond == nil || c.eval(arm.Cond, named).truth() {
			return c.action(arm.Action, plain)
		}
	}
	if r.Body == nil {
		return c.negative(r)
	}
	holds, returned := c.body(r.Body, named)
	switch {
	case holds && r.Positive != nil:
		return c.action(r.Positive, plain)
	case holds:
		return c.byDefault(syntax.DefaultPositive)
	case returned != nil:
		return *returned
	}
	return c.negative(r)
}

func (c *call) negative(r *rule) linux.Action {
	if r.Negative != nil {
		return c.action(r.Negative, env{scope: r.scope})
	}
	return c.byDefault(syntax.DefaultNegative)
}

func (c *call) byDefault(which syntax.Which) linux.Action {
	d := c.defaultFor(which, c.arch)
	if d == nil {
		panic(fmt.Sprintf("eval: %s is not set", which))
	}
	return c.action(d.Action, env{scope: d.scope})
}

// body evaluates a body: whether its condition holds, and the action that it
// returns where not.
func (c *call) body(b *syntax.Body, in env) (holds bool, returned *linux.Action) {
	if b.Cond != nil {
		if d, inner := c.macro(b.Cond, in); d != nil && b.Return == nil {
			return c.body(d.Body, inner)
		}
		v := c.eval(b.Cond, in)
		holds = v.kind == constant && v.n == 1 || v.truth()
	}
	if b.Return != nil {
		a := c.action(b.Return, in)
		returned = &a
	}
	return holds, returned
}

// macro finds the definition that an expression is a use of, and what the names
// in its body mean.
func (c *call) macro(e syntax.Expr, in env) (*scope, env) {
	switch e := e.(type) {
	case *syntax.Paren:
		return c.macro(e.X, in)
	case *syntax.Name:
		if _, ok := in.params[e.Text]; !ok {
			if d := in.scope.find(e.Text); d != nil {
				return d, env{scope: d.before}
			}
		}
	case *syntax.Call:
		if d := in.scope.find(e.Fun.Text); d != nil {
			inner := env{map[string]argument{}, d.before}
			for i, p := range d.Params {
				inner.params[p.Text] = argument{e.Args[i], in}
			}
			return d, inner
		}
	}
	return nil, env{}
}

// action evaluates an action.
func (c *call) action(a *syntax.Action, in env) linux.Action {
	var data uint64
	if a.Data != nil {
		data = c.actionData(a, in)
	}
	switch a.Kind {
	case syntax.Allow:
		return linux.Allow
	case syntax.Log:
		return linux.Log
	case syntax.Notify:
		return linux.Notify
	case syntax.Trace:
		return linux.Trace | linux.Action(data)
	case syntax.Trap:
		return linux.Trap | linux.Action(data)
	case syntax.KillThread:
		return linux.KillThread
	case syntax.KillProcess:
		return linux.KillProcess
	}
	return linux.Errno | linux.Action(data)
}

// actionData evaluates the number or errno in an action.
func (c *call) actionData(a *syntax.Action, in env) uint64 {
	if n, ok := a.Data.(*syntax.Name); ok && a.Kind == syntax.Errno {
		_, param := in.params[n.Text]
		if !param && in.scope.find(n.Text) == nil {
			if errno, ok := c.arch.Errno(strings.ToUpper(n.Text)); ok {
				return uint64(errno)
			}
		}
	}
	return c.eval(a.Data, in).n
}

// eval evaluates an expression.
func (c *call) eval(e syntax.Expr, in env) value {
	switch e := e.(type) {
	case *syntax.Number:
		return value{kind: constant, n: e.Value}
	case *syntax.Bool:
		return truth(e.Value)
	case *syntax.Paren:
		return c.eval(e.X, in)
	case *syntax.Arg:
		return c.argument(e)
	case *syntax.Name, *syntax.Call:
		return c.use(e, in)
	case *syntax.Unary:
		return unary(e.Op, c.eval(e.X, in))
	case *syntax.Binary:
		x := c.eval(e.X, in)
		switch {
		case e.Op == syntax.OpAnd && !x.truth(), e.Op == syntax.OpOr && x.truth():
			return x
		}
		return binary(e.Op, x, c.eval(e.Y, in))
	case *syntax.In:
		for _, s := range e.Set {
			if binary(syntax.OpEq, c.eval(e.X, in), c.eval(s, in)).b {
				return truth(!e.Not)
			}
		}
		return truth(e.Not)
	}
	panic(fmt.Sprintf("eval: no meaning for %T", e))
}

// argument returns an argument of the call, as the kernel sees it.
func (c *call) argument(a *syntax.Arg) value {
	v := c.data.Args[a.Index]
	if c.arch.Bits() == 32 {
		v &= 0xffffffff
	}
	switch a.Half {
	case syntax.Low:
		return value{kind: word, n: v & 0xffffffff}
	case syntax.High:
		return value{kind: word, n: v >> 32}
	}
	return value{kind: full, n: v}
}

// use evaluates the use of a name: a parameter, something defined, or a constant
// of the kernel.
func (c *call) use(e syntax.Expr, in env) value {
	name, isName := e.(*syntax.Name)
	if isName {
		if a, ok := in.params[name.Text]; ok {
			return c.eval(a.expr, a.env)
		}
	}
	if d, inner := c.macro(e, in); d != nil {
		return c.eval(d.Body.Cond, inner)
	}
	if use, ok := e.(*syntax.Call); ok && len(use.Args) == 1 {
		if x := c.eval(use.Args[0], in); x.kind == full {
			switch use.Fun.Text {
			case "low":
				return value{kind: word, n: x.n & 0xffffffff}
			case "high":
				return value{kind: word, n: x.n >> 32}
			}
		}
	}
	if isName {
		if v, ok := c.arch.Constant(name.Text); ok {
			return value{kind: constant, n: v}
		}
	}
	panic(fmt.Sprintf("eval: %q means nothing", e.Span().Text()))
}
