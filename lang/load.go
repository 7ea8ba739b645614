package lang

import (
	"math"

	"secco/lang/check"
	"secco/lang/lint"
	"secco/lang/lower"
	"secco/lang/syntax"
	"secco/lang/unify"
	"secco/linux"
	"secco/policy"
	"secco/source"
)

// loader makes the policy of a unit.
type loader struct {
	unit    *check.Unit
	builder *policy.Builder
	diags   source.Diagnostics
	lint    *lint.Linter // nil where nobody asked
	steps   int          // of expansion
	proofs  int          // of duplicates
	// unparsed and broken say that there were errors before the rules are
	// looked at: what follows from them is not reported, no graphs are made.
	unparsed, broken bool
}

// target is one architecture in the making.
type target struct {
	*loader
	*check.Target
	unify    unify.Unifier
	types    check.Types
	defaults [syntax.NumDefaults]setting
	asked    [syntax.NumDefaults]bool // for those that are unset, or wrong
}

// setting is a default action; unset where known is false.
type setting struct {
	action linux.Action
	span   source.Span
	known  bool
}

// unset is the action of leaves that a default action is missing for. No program
// returns it: finding one is an error.
const unset linux.Action = 0x00010000

// policy makes the policy.
func (l *loader) policy() *policy.Policy {
	p := &policy.Policy{Settings: l.settings()}
	badArch := setting{action: linux.KillThread, known: true}
	for i, ct := range l.unit.Targets {
		t := l.target(ct)
		t.findDefaults()
		if s := t.defaults[syntax.DefaultBadArch]; i == 0 && s.known {
			badArch = s
		}
		p.Targets = append(p.Targets, t.rules())
		if ct.Arch == linux.X86_64 {
			x32 := t.defaults[syntax.DefaultX32]
			if !x32.known {
				x32 = badArch
			}
			p.X32 = l.builder.Leaf(x32.action, x32.span)
		}
	}
	if p.Target(linux.X32) != nil {
		p.X32 = nil
	}
	p.BadArch = l.builder.Leaf(badArch.action, badArch.span)
	return p
}

func (l *loader) target(ct *check.Target) *target {
	t := &target{loader: l, Target: ct, types: check.Types{Diags: &l.diags}}
	t.unify = unify.Unifier{Arch: ct.Arch, Defs: l.unit.Defs, Unknown: l.unit.Unknown, Diags: &l.diags, Steps: &l.steps}
	if ct.Arch.Bits() == 32 {
		t.types.Narrow = ct.Arch.String()
	}
	return t
}

// findDefaults finds the default actions of an architecture.
func (t *target) findDefaults() {
	var from [syntax.NumDefaults]*check.Default
	for i := range t.unit.Defaults {
		d := &t.unit.Defaults[i]
		if !d.On(t.Arch) {
			continue
		}
		s, ok := t.setting(d.Default)
		before := from[d.Which]
		switch {
		case !ok:
			t.asked[d.Which] = true // what is wrong with it is said
		case before == nil || d.Rank.Above(before.Rank):
			t.defaults[d.Which], from[d.Which] = s, d
		case !before.Rank.Above(d.Rank) && s.action != t.defaults[d.Which].action:
			t.diags.Errorf(d.At, "conflicting-setting", "%s is set to another action before", d.Which).
				Related = []source.Related{{Span: before.At, Message: "set here"}}
		}
	}
}

// setting works out a default action.
func (t *target) setting(d *syntax.Default) (setting, bool) {
	a, ok := t.unify.Action(d.Action)
	if !ok {
		return setting{}, false
	}
	action, ok := lower.Action(a, &t.diags)
	return setting{action, d.At, ok}, ok
}

// rules makes the graphs of an architecture.
func (t *target) rules() *policy.Target {
	out := &policy.Target{Arch: t.Arch, Rules: make(map[uint32]*policy.Node, len(t.Rules))}
	s := t.defaults[syntax.DefaultPolicy]
	if !s.known && !t.unparsed {
		t.missing(syntax.DefaultPolicy, t.unit.Start, "for the syscalls without a rule")
	}
	out.Default = t.builder.Leaf(s.action, s.span)
	graphs := map[*syntax.Rule]*policy.Node{}
	var enough check.Enough
	for _, nr := range t.Order {
		if enough.Of(t.diags) {
			break
		}
		uses, ok := t.Rules[nr]
		if !ok || out.Rules[nr] != nil {
			continue // removed, and maybe put in once more
		}
		out.Rules[nr] = t.uses(uses, graphs, &enough)
	}
	ranges := make([]*policy.Node, len(t.Ranges))
	for i, r := range t.Ranges {
		if enough.Of(t.diags) {
			break
		}
		ranges[i] = t.uses(r.Uses, graphs, &enough)
	}
	t.baseline(out)
	if len(ranges) > 0 && !t.diags.HasErrors() {
		out.Default = t.byNumber(ranges, out.Default)
	}
	return out
}

// byNumber returns the graph of the numbers that have no rule of their own: those of
// the ranges, and another.
func (t *target) byNumber(ranges []*policy.Node, otherwise *policy.Node) *policy.Node {
	var parts []policy.Part
	next := uint64(0)
	for i, r := range t.Ranges {
		if next < uint64(r.Lo) {
			parts = append(parts, policy.Part{From: uint32(next), Node: otherwise})
		}
		parts = append(parts, policy.Part{From: r.Lo, Node: ranges[i]})
		next = uint64(r.Hi) + 1
	}
	if next <= math.MaxUint32 {
		parts = append(parts, policy.Part{From: uint32(next), Node: otherwise})
	}
	return t.builder.ByNumber(parts)
}

// uses makes the graph of the rule that counts, and reports the others.
func (t *target) uses(u check.Uses, graphs map[*syntax.Rule]*policy.Node, enough *check.Enough) *policy.Node {
	n := t.graph(u.First.Rule, graphs)
	if t.lint != nil {
		t.lint.Decides(u.First.Rule, t.Arch, u.First.Name.Text)
	}
	for _, use := range u.More {
		if enough.Of(t.diags) {
			break
		}
		if m := t.graph(use.Rule, graphs); n != nil && m != nil {
			t.duplicate(u.First, use, t.same(n, m))
		}
	}
	return n
}

// graph makes the graph of a rule, once for all of its syscalls.
func (t *target) graph(r *syntax.Rule, graphs map[*syntax.Rule]*policy.Node) *policy.Node {
	n, done := graphs[r]
	if !done {
		n = t.rule(r)
		graphs[r] = n
	}
	return n
}

// duplicate reports a second rule for a syscall.
func (t *target) duplicate(first, second check.Use, same bool) {
	var d *source.Diagnostic
	if same {
		d = t.diags.Warnf(second.Name.At, "repeated-rule", "a second rule for %q with the same meaning", second.Name.Text)
	} else {
		d = t.diags.Errorf(second.Name.At, "duplicate-rule", "a second rule for %q", second.Name.Text)
	}
	d.Related = []source.Related{{Span: first.Name.At, Message: "the first one"}}
}

// missing reports a default action that is needed and unset, once.
func (t *target) missing(w syntax.Which, at source.Span, why string) {
	if t.asked[w] {
		return
	}
	t.asked[w] = true
	t.diags.Errorf(at, "missing-default", "%s is needed %s and not set", w, why)
}

// rule makes the graph of a rule, nil where there are errors.
func (t *target) rule(r *syntax.Rule) *policy.Node {
	before := len(t.diags)
	closed, ok := t.unify.Rule(r)
	if !ok {
		return nil
	}
	conds := make([]syntax.Expr, len(closed.Branches))
	for i, b := range closed.Branches {
		conds[i] = b.Cond
	}
	if len(conds) > 0 {
		types := t.types
		types.Int, types.Signed = t.params(r)
		types.Reported = &[6]bool{}
		types.Names = r.Params
		types.Conditions(conds)
	}
	var uses [syntax.NumDefaults]bool // of defaults that are unset
	n := t.outcome(closed.Else, &uses)
	leaves := make([]*policy.Node, len(closed.Branches))
	for i, b := range closed.Branches {
		leaves[i] = t.outcome(b.Then, &uses)
	}
	if t.relate(r, before) || t.broken {
		return nil
	}
	l := lower.Lowerer{Builder: t.builder, Arch: t.Arch}
	for i := len(closed.Branches) - 1; i >= 0; i-- {
		b := closed.Branches[i]
		l.Span = b.Then.Span
		n = l.Cond(b.Cond, leaves[i], n)
	}
	if t.lint != nil {
		t.lint.Rule(r, t.Arch, closed, n)
	}
	if uses != [syntax.NumDefaults]bool{} && t.reachesUnset(r, n) {
		return nil
	}
	return n
}

// params returns which arguments the kernel reads 32 bits of or less, and of how many
// bits those are that it takes as signed numbers, in all of the syscalls of a rule
// that it has a prototype of.
func (t *target) params(r *syntax.Rule) (ints [6]bool, signed [6]int) {
	found := false
	for _, n := range r.Names {
		params, ok := t.Arch.Prototype(n.Text)
		if !ok {
			continue
		}
		for i := range ints {
			isInt, bits := false, 0
			if i < len(params) && params[i].Name != "" {
				isInt = params[i].Bits <= 32
				if params[i].Signed {
					bits = min(max(params[i].Bits, 32), t.Arch.Bits())
				}
			}
			ints[i] = isInt && (ints[i] || !found)
			if !found {
				signed[i] = bits
			} else if signed[i] != bits {
				signed[i] = 0
			}
		}
		found = true
	}
	return ints, signed
}

// relate adds the rule to errors about text elsewhere, in the macros that it
// uses. It reports whether there are errors.
func (t *target) relate(r *syntax.Rule, before int) bool {
	for i := before; i < len(t.diags); i++ {
		d := &t.diags[i]
		if d.Related == nil && !(d.Span.File() == r.At.File() && d.Span.Start() >= r.At.Start() && d.Span.End() <= r.At.End()) {
			d.Related = []source.Related{{Span: r.Names[0].At, Message: "used in this rule"}}
		}
	}
	return t.diags[before:].HasErrors()
}

// outcome returns the leaf of an outcome.
func (t *target) outcome(o unify.Outcome, uses *[syntax.NumDefaults]bool) *policy.Node {
	if o.Action != nil {
		action, _ := lower.Action(o.Action, &t.diags)
		return t.builder.Leaf(action, o.Span)
	}
	s := t.defaults[o.Which]
	if !s.known {
		uses[o.Which] = true
		return t.builder.Leaf(unset.With(uint16(o.Which)), o.Span)
	}
	return t.builder.Leaf(s.action, o.Span)
}

// reachesUnset reports the default actions that a graph needs and that are not
// set, and whether there are any.
func (t *target) reachesUnset(r *syntax.Rule, n *policy.Node) bool {
	found := false
	policy.Walk(func(n *policy.Node) {
		if n.IsLeaf() && n.Action.Kind() == unset {
			found = true
			why := "where the rule's condition is true"
			if syntax.Which(n.Action.Data()) == syntax.DefaultNegative {
				why = "where the rule's condition is false"
			}
			t.missing(syntax.Which(n.Action.Data()), r.Names[0].At, why)
		}
	}, n)
	return found
}
