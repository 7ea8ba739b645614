// Package unify puts macros, bindings and constants in the place of their names,
// for one architecture, and simplifies on the way. What comes out refers to
// nothing else.
//
// Arguments are put in as they are, so a parameter that is not used is not
// computed, and they mean what they meant at the call: each is kept with the
// scope that it was written in.
package unify

import (
	"strings"

	"secco/lang/simplify"
	"secco/lang/syntax"
	"secco/linux"
	"secco/source"
)

// Outcome is an action, or the default action of this kind where Action is nil.
type Outcome struct {
	Action *syntax.Action
	Which  syntax.Which
	Span   source.Span // of the rule or arm
}

// Branch is a condition and what comes of it.
type Branch struct {
	Cond syntax.Expr
	Then Outcome
}

// Rule is a rule with nothing left to look up: the first branch whose condition
// holds decides.
type Rule struct {
	Branches []Branch
	Else     Outcome
}

// maxSteps bounds the work on all rules of a unit: expansion can double the size
// of what is written with every line.
const maxSteps = 1 << 22

// maxRuleSteps bounds the work on one rule.
const maxRuleSteps = 1 << 17

// Unifier expands rules for one architecture.
type Unifier struct {
	Arch linux.Arch
	Defs map[*syntax.Name]*syntax.Define
	// Unknown holds names that mean nothing, which is reported already.
	Unknown map[*syntax.Name]bool
	Diags   *source.Diagnostics
	// Steps counts the work; it is shared by the architectures of a unit.
	Steps *int

	ruleSteps int
}

// frame holds what the parameters of a macro stand for. The frame of a rule
// holds its arguments.
type frame struct {
	params []*syntax.Name
	args   []syntax.Expr
	outer  *frame // the scope of the arguments
	rule   bool   // it names the arguments of a rule's syscalls
}

// tooLarge is panicked with to leave a rule that grows beyond the bounds.
type tooLarge struct{}

// Rule expands a rule. It returns false where that is not possible.
func (u *Unifier) Rule(r *syntax.Rule) (out Rule, ok bool) {
	ok = u.bounded(r.Names[0].At, "rule", func() { out = u.rule(r) })
	return out, ok
}

func (u *Unifier) rule(r *syntax.Rule) Rule {
	var out Rule
	scope := argumentFrame(r)
	positive := Outcome{u.action(r.Positive, nil), syntax.DefaultPositive, r.At}
	out.Else = Outcome{u.action(r.Negative, nil), syntax.DefaultNegative, r.At}
	for _, arm := range r.Arms {
		then := Outcome{u.action(arm.Action, nil), 0, arm.At}
		if arm.Cond == nil {
			out.Else = then
		} else {
			out.Branches = append(out.Branches, Branch{u.expr(arm.Cond, scope), then})
		}
	}
	if r.Body != nil {
		cond, returned := u.body(r.Body, scope)
		if returned != nil {
			out.Else.Action = returned
		}
		if b, ok := cond.(*syntax.Bool); ok && b.Value {
			out.Else = positive
		} else if cond != nil {
			out.Branches = []Branch{{cond, positive}}
		}
	}
	return out
}

// argumentFrame returns the scope of a rule that names its arguments.
func argumentFrame(r *syntax.Rule) *frame {
	if len(r.Params) == 0 {
		return nil
	}
	f := &frame{params: r.Params, rule: true}
	for i, p := range r.Params {
		f.args = append(f.args, &syntax.Arg{Index: i, At: p.At})
	}
	return f
}

// body expands a body. A macro that returns may be the whole of it, and so may
// the number 1 or a name for it, which is true.
func (u *Unifier) body(b *syntax.Body, scope *frame) (syntax.Expr, *syntax.Action) {
	if b.Cond == nil {
		return nil, u.action(b.Return, scope)
	}
	d, inner := u.definition(b.Cond, scope)
	switch n := syntax.Unparen(b.Cond).(type) {
	case *syntax.Number:
		if n.Value == 1 {
			return &syntax.Bool{Value: true, At: n.At}, u.action(b.Return, scope)
		}
	}
	if d == nil || b.Return != nil && d.Body.Return != nil {
		return u.expr(b.Cond, scope), u.action(b.Return, scope)
	}
	cond, returned := u.body(d.Body, inner)
	if b.Return != nil {
		if returned != nil {
			u.misplacedReturn(b.Cond.Span())
		}
		returned = u.action(b.Return, scope)
	}
	return cond, returned
}

// definition returns the definition that an expression is a use of, and the
// scope of its body; nil where it is something else.
func (u *Unifier) definition(e syntax.Expr, scope *frame) (*syntax.Define, *frame) {
	switch e := syntax.Unparen(e).(type) {
	case *syntax.Name:
		if d := u.Defs[e]; d != nil && len(d.Params) == 0 {
			u.step()
			return d, nil
		}
	case *syntax.Call:
		if d := u.Defs[e.Fun]; d != nil && len(d.Params) == len(e.Args) {
			u.step()
			return d, &frame{params: d.Params, args: e.Args, outer: scope}
		}
	}
	return nil, nil
}

// action expands the data of an action.
func (u *Unifier) action(a *syntax.Action, scope *frame) *syntax.Action {
	if a == nil || a.Data == nil {
		return a
	}
	out := &syntax.Action{Kind: a.Kind, At: a.At}
	if n, ok := a.Data.(*syntax.Name); ok && a.Kind == syntax.Errno && u.Defs[n] == nil && scope.find(n.Text) < 0 {
		if errno, ok := u.Arch.Errno(strings.ToUpper(n.Text)); ok {
			out.Data = &syntax.Number{Value: uint64(errno), At: n.At}
			return out
		}
	}
	out.Data = u.expr(a.Data, scope)
	return out
}

// Action expands an action that stands outside of rules.
func (u *Unifier) Action(a *syntax.Action) (out *syntax.Action, ok bool) {
	ok = u.bounded(a.At, "action", func() { out = u.action(a, nil) })
	return out, ok
}

// Expr expands an expression that stands outside of rules.
func (u *Unifier) Expr(e syntax.Expr) (out syntax.Expr, ok bool) {
	ok = u.bounded(e.Span(), "expression", func() { out = u.expr(e, nil) })
	return out, ok
}

// bounded calls f and reports whether it stayed within the bounds.
func (u *Unifier) bounded(at source.Span, what string, f func()) (ok bool) {
	u.ruleSteps = 0
	defer func() {
		if p := recover(); p != nil {
			if _, is := p.(tooLarge); !is {
				panic(p)
			}
			u.Diags.Errorf(at, "too-large", "the %s is too large with its macros expanded", what)
			ok = false
		}
	}()
	f()
	return true
}

// find returns the index of a parameter, -1 where there is none of this name.
func (f *frame) find(name string) int {
	if f != nil {
		for i, p := range f.params {
			if p.Text == name {
				return i
			}
		}
	}
	return -1
}

func (u *Unifier) step() {
	*u.Steps++
	u.ruleSteps++
	if *u.Steps > maxSteps || u.ruleSteps > maxRuleSteps {
		panic(tooLarge{})
	}
}

// expr expands an expression.
func (u *Unifier) expr(e syntax.Expr, scope *frame) syntax.Expr {
	u.step()
	switch e := e.(type) {
	case *syntax.Paren:
		return u.expr(e.X, scope)
	case *syntax.Name:
		if i := scope.find(e.Text); i >= 0 {
			x := u.expr(scope.args[i], scope.outer)
			if scope.rule {
				return relocate(x, e.At)
			}
			return x
		}
		return relocate(u.name(e), e.At)
	case *syntax.Call:
		d, inner := u.definition(e, scope)
		if d == nil {
			return u.half(e, scope)
		}
		return relocate(u.inner(d, inner, e.At), e.At)
	case *syntax.Unary:
		return simplify.Unary(&syntax.Unary{Op: e.Op, X: u.expr(e.X, scope), At: e.At})
	case *syntax.Binary:
		x, y := u.expr(e.X, scope), u.expr(e.Y, scope)
		return simplify.Binary(&syntax.Binary{Op: e.Op, X: x, Y: y, OpAt: e.OpAt, At: e.At}, u.Diags)
	case *syntax.In:
		in := &syntax.In{Not: e.Not, X: u.expr(e.X, scope), Set: make([]syntax.Expr, len(e.Set)), At: e.At}
		divisions := divisions(in.X)
		for i, x := range e.Set {
			in.Set[i] = u.expr(x, scope)
			for range divisions { // every comparison has tests for these
				u.step()
			}
		}
		return simplify.In(in)
	}
	return e
}

// half expands low(x) and high(x).
func (u *Unifier) half(e *syntax.Call, scope *frame) syntax.Expr {
	half, ok := syntax.HalfCall(e)
	if !ok || u.Defs[e.Fun] != nil || len(e.Args) != 1 {
		return unknown(e.At) // reported by package check
	}
	x := u.expr(e.Args[0], scope)
	switch a := x.(type) {
	case *syntax.Name:
		return unknown(e.At) // reported
	case *syntax.Arg:
		if a.Half == syntax.Full {
			return &syntax.Arg{Index: a.Index, Half: half, At: e.At}
		}
	}
	u.Diags.Errorf(e.Args[0].Span(), "type-mismatch", "%q takes a full argument of 64 bits, and this is none", e.Fun.Text)
	return unknown(e.At)
}

// divisions counts the divisions in an expanded expression.
func divisions(e syntax.Expr) int {
	n := 0
	syntax.Walk(e, func(e syntax.Node) bool {
		if b, ok := e.(*syntax.Binary); ok && (b.Op == syntax.OpDiv || b.Op == syntax.OpMod) {
			n++
		}
		return true
	})
	return n
}

// unknown stands for what has no meaning; an error about it was reported.
func unknown(at source.Span) syntax.Expr { return &syntax.Name{At: at} }

// relocate moves a value to where it is used, for the errors about it.
func relocate(e syntax.Expr, at source.Span) syntax.Expr {
	switch e := e.(type) {
	case *syntax.Number:
		return &syntax.Number{Value: e.Value, At: at}
	case *syntax.Bool:
		return &syntax.Bool{Value: e.Value, At: at}
	case *syntax.Arg:
		return &syntax.Arg{Index: e.Index, Half: e.Half, At: at}
	}
	return e
}

// name looks up a name that is no parameter's: a binding, or a constant.
func (u *Unifier) name(n *syntax.Name) syntax.Expr {
	if d := u.Defs[n]; d != nil {
		if len(d.Params) > 0 {
			return unknown(n.At)
		}
		return u.inner(d, nil, n.At)
	}
	if value, ok := u.Arch.Constant(n.Text); ok {
		return &syntax.Number{Value: value, At: n.At}
	}
	if !u.Unknown[n] {
		u.Diags.Errorf(n.At, "unknown-constant", "no constant named %q on %s", n.Text, u.Arch).Hint =
			"use it in a block for the architectures that have it"
	}
	return unknown(n.At)
}

// inner expands the body of a definition inside an expression.
func (u *Unifier) inner(d *syntax.Define, scope *frame, use source.Span) syntax.Expr {
	if d.Body.Return != nil {
		u.misplacedReturn(use)
		return unknown(use)
	}
	return u.expr(d.Body.Cond, scope)
}

func (u *Unifier) misplacedReturn(at source.Span) {
	u.Diags.Errorf(at, "misplaced-return", `a macro with "return" can only be the whole body of a rule`)
}
