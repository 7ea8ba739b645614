package lint

import (
	"fmt"
	"slices"

	"secco/lang/lower"
	"secco/lang/simplify"
	"secco/lang/syntax"
	"secco/lang/unify"
	"secco/linux"
	"secco/policy/diagram"
	"secco/source"
)

// prover looks at one rule on one architecture. It goes through the conditions as they
// were written beside what they were expanded to: what is said is about the rule's own
// text, and the use of a macro is one condition, whatever is in it. What is constant
// because of a name's value, as a switch is that a definition turns off, is meant to be.
type prover struct {
	*Linter
	rule *rule
	arch linux.Arch
}

// outcome is for which calls a condition holds, and for which it fails. Where a divisor
// is zero it does neither, and ends the thread: that is an effect as well.
type outcome struct {
	holds, fails diagram.Ref
	// settled says that what is constant about the condition was told, or is meant.
	settled bool
	// meant says that a name's value decides it.
	meant bool
}

// look looks at the conditions of a rule.
func (p *prover) look(expanded unify.Rule) {
	if b := p.rule.Body; b != nil {
		if b.Cond == nil {
			return
		}
		var cond syntax.Expr = &syntax.Bool{Value: true}
		if len(expanded.Branches) > 0 {
			cond = expanded.Branches[0].Cond
		}
		p.condition(b.Cond, cond)
		return
	}
	p.arms(expanded)
}

// arms looks for arms that no call comes to: those before decide all calls that their
// conditions hold for.
func (p *prover) arms(expanded unify.Rule) {
	reach := diagram.True
	var before []outcome
	branches := expanded.Branches
	for _, arm := range p.rule.Arms {
		c := outcome{holds: diagram.True, fails: diagram.False}
		if arm.Cond != nil {
			c = p.condition(arm.Cond, branches[0].Cond)
			branches = branches[1:]
		}
		if !c.settled && p.space.And(reach, p.space.Not(c.fails)) == diagram.False {
			p.deadArm(arm, c, before)
		}
		before = append(before, c)
		if reach == diagram.False {
			return // what follows goes without saying
		}
		reach = p.space.And(reach, c.fails)
		if reach == diagram.False && c.meant {
			return
		}
	}
}

// deadArm tells of an arm, and of the one before it, if it is one, that decides its
// calls.
func (p *prover) deadArm(arm *syntax.Arm, c outcome, before []outcome) {
	d := p.warning(arm.At, "dead-arm", "no call comes to this arm: those before it decide all that it is about")
	for i, b := range before {
		if p.space.And(c.holds, p.space.Not(b.holds)) == diagram.False {
			d.Related = []source.Related{{Span: p.rule.Arms[i].At, Message: "this one does"}}
			break
		}
	}
	p.rule.report(p.arch, d)
}

func (p *prover) warning(at source.Span, code, message string) source.Diagnostic {
	return source.Diagnostic{Severity: source.Warning, Code: code, Span: at, Message: message}
}

// constant tells of a condition that is the same for every call.
func (p *prover) constant(at source.Span, holds bool, hint string) {
	message := "this condition never holds"
	if holds {
		message = "this condition always holds"
	}
	d := p.warning(at, "constant-condition", message)
	d.Hint = hint
	p.rule.report(p.arch, d)
}

// condition looks at a condition as it was written and as it was expanded.
func (p *prover) condition(raw, expanded syntax.Expr) outcome {
	raw = syntax.Unparen(raw)
	switch e := raw.(type) {
	case *syntax.Unary:
		if not, ok := expanded.(*syntax.Unary); ok && e.Op == syntax.OpNot && not.Op == syntax.OpNot {
			c := p.condition(e.X, not.X)
			c.holds, c.fails = c.fails, c.holds
			return c
		}
	case *syntax.Binary:
		if joined, ok := expanded.(*syntax.Binary); ok && e.Op.IsLogical() && joined.Op == e.Op {
			return p.chain(e, joined)
		}
	}
	return p.single(raw, expanded)
}

// chain looks at conditions that are joined by && or by ||, from left to right: whether
// each makes a difference behind those before it.
func (p *prover) chain(raw, expanded *syntax.Binary) outcome {
	type link struct {
		raw, expanded syntax.Expr
		upTo          source.Span // from the first one
	}
	var links []link
	for {
		links = append(links, link{raw.Y, expanded.Y, raw.At})
		left, ok := raw.X.(*syntax.Binary)
		inner, same := expanded.X.(*syntax.Binary)
		if !ok || !same || left.Op != raw.Op || inner.Op != raw.Op {
			links = append(links, link{raw.X, expanded.X, raw.X.Span()})
			break
		}
		raw, expanded = left, inner
	}
	var all outcome
	for i := len(links) - 1; i >= 0; i-- {
		l := links[i]
		c := p.condition(l.raw, l.expanded)
		if i == len(links)-1 {
			all = c
			continue
		}
		before := all
		all = p.join(raw.Op, before, c)
		if all.settled {
			continue
		}
		switch {
		case raw.Op == syntax.OpAnd && all.fails == diagram.True:
			p.constant(l.upTo, false, otherJoint(raw.Op, links[i+1].expanded, l.expanded))
			all.settled = true
		case raw.Op == syntax.OpOr && all.holds == diagram.True:
			p.constant(l.upTo, true, otherJoint(raw.Op, links[i+1].expanded, l.expanded))
			all.settled = true
		case all.holds == before.holds && all.fails == before.fails:
			same := func(o link) bool { return o.raw.Span().Text() == l.raw.Span().Text() }
			if !namesConstant(l.raw) || slices.ContainsFunc(links[i+1:], same) {
				p.rule.report(p.arch, p.warning(l.raw.Span(), "needless-condition", "this condition makes no difference behind those before it"))
			}
		}
	}
	return all
}

// join returns the outcome of two conditions that are tried in turn.
func (p *prover) join(op syntax.Op, x, y outcome) outcome {
	s := p.space
	all := outcome{settled: x.settled || y.settled, meant: x.meant || y.meant}
	if op == syntax.OpAnd {
		all.holds, all.fails = s.And(x.holds, y.holds), s.Or(x.fails, s.And(x.holds, y.fails))
	} else {
		all.holds, all.fails = s.Or(x.holds, s.And(x.fails, y.holds)), s.And(x.fails, y.fails)
	}
	return all
}

// otherJoint proposes the other way to join two conditions: no number is two numbers, and
// every number differs from one of two.
func otherJoint(op syntax.Op, x, y syntax.Expr) string {
	comparison, hint := syntax.OpEq, `did you mean "||"?`
	if op == syntax.OpOr {
		comparison, hint = syntax.OpNe, `did you mean "&&"?`
	}
	for _, e := range []syntax.Expr{x, y} {
		if b, ok := e.(*syntax.Binary); !ok || b.Op != comparison {
			return ""
		}
	}
	return hint
}

// namesConstant reports whether names stand in a condition: of constants, which may have
// the same value under several.
func namesConstant(e syntax.Expr) bool {
	found := false
	syntax.Walk(e, func(n syntax.Node) bool {
		_, is := n.(*syntax.Name)
		found = found || is
		return !found
	})
	return found
}

// single looks at a condition that is no combination of others, as far as the rule's text
// says.
func (p *prover) single(raw, expanded syntax.Expr) outcome {
	if value, ok := expanded.(*syntax.Bool); ok {
		_, written := raw.(*syntax.Bool)
		c := outcome{holds: diagram.False, fails: diagram.True, settled: true, meant: !written}
		if value.Value {
			c.holds, c.fails = c.fails, c.holds
		}
		if literal(raw) {
			p.constant(raw.Span(), value.Value, "it compares constants")
		}
		return c
	}
	p.repeated(raw, expanded)
	lowerer := lower.Lowerer{Builder: &p.builder, Arch: p.arch}
	yes, no := p.builder.Leaf(linux.Allow, source.Span{}), p.builder.Leaf(linux.Log, source.Span{})
	f := p.space.Graph(lowerer.Cond(expanded, yes, no))
	c := outcome{holds: p.space.Where(f, linux.Allow), fails: p.space.Where(f, linux.Log)}
	switch {
	case switched(expanded):
		c.settled = true
		c.meant = c.holds == diagram.True || c.fails == diagram.True
	case c.fails == diagram.True, c.holds == diagram.True:
		p.constant(raw.Span(), c.holds == diagram.True, reason(expanded))
		c.settled = true
	}
	return c
}

// literal reports whether a condition compares numbers that stand there as such.
func literal(raw syntax.Expr) bool {
	var ignored source.Diagnostics
	switch raw.(type) {
	case *syntax.Binary, *syntax.In:
		_, folds := simplify.Expr(raw, &ignored).(*syntax.Bool)
		return folds
	}
	return false
}

// switched reports whether an expanded condition has a part that names' values decide.
func switched(e syntax.Expr) bool {
	found := false
	syntax.Walk(e, func(n syntax.Node) bool {
		_, is := n.(*syntax.Bool)
		found = found || is
		return !found
	})
	return found
}

// reason says why a comparison is constant, where that is plain.
func reason(e syntax.Expr) string {
	b, ok := e.(*syntax.Binary)
	if !ok {
		return ""
	}
	k, isNumber := b.Y.(*syntax.Number)
	masked, isMasked := b.X.(*syntax.Binary)
	switch {
	case !isNumber:
	case (b.Op == syntax.OpGe || b.Op == syntax.OpLt) && k.Value == 0:
		return "numbers have no sign: none is below 0"
	case isMasked && masked.Op == syntax.OpBitAnd && (b.Op == syntax.OpEq || b.Op == syntax.OpNe):
		if m, ok := masked.Y.(*syntax.Number); ok && k.Value&^m.Value != 0 {
			return fmt.Sprintf("%#x has bits that the mask %#x clears", k.Value, m.Value)
		}
	}
	return ""
}

// repeated tells of values that stand twice in a list. Two names for a value are meant.
func (p *prover) repeated(raw, expanded syntax.Expr) {
	written, ok := raw.(*syntax.In)
	in, same := expanded.(*syntax.In)
	if !ok || !same {
		return
	}
	first := map[uint64]syntax.Expr{}
	for i, x := range in.Set {
		n, ok := x.(*syntax.Number)
		if !ok {
			continue
		}
		here := written.Set[i]
		there, again := first[n.Value]
		if !again {
			first[n.Value] = here
			continue
		}
		if namesConstant(here) && namesConstant(there) && here.Span().Text() != there.Span().Text() {
			continue
		}
		d := p.warning(here.Span(), "repeated-value", "this value stands in the list before")
		d.Related = []source.Related{{Span: there.Span(), Message: "here"}}
		p.rule.report(p.arch, d)
	}
}
