// Package lint finds rules that cannot do what they say: conditions that hold for every
// call or for none, arms that no call comes to, arguments that the kernel does not read.
// All of it is proved, within bounds; what is not decided within them is not reported.
// A rule is often right on one architecture and idle on another, where arguments are
// narrower or constants have other values: findings are those that are true on all
// of the targets that the rule holds on.
package lint

import (
	"slices"

	"secco/lang/syntax"
	"secco/lang/unify"
	"secco/linux"
	"secco/policy"
	"secco/policy/diagram"
	"secco/source"
)

// The bounds of all proofs about a unit, of those about a rule, and of what is said of it.
const (
	maxSteps    = 1 << 23
	maxNodes    = 1 << 16
	maxFindings = 100
)

// Linter collects what there is to say of the rules of a unit. It is told of each of
// them once for every target ([Linter.Decides], [Linter.Rule]), and asked at the end.
type Linter struct {
	builder policy.Builder
	space   *diagram.Space
	rules   map[*syntax.Rule]*rule
	order   []*rule
}

// rule is what is known of a rule.
type rule struct {
	*syntax.Rule
	looked map[linux.Arch]bool
	calls  []call // that the rule decides
	reads  []read // of arguments
	found  []*finding
}

// call is a syscall on an architecture.
type call struct {
	arch linux.Arch
	name string
}

// read is where a rule looks at an argument for the first time.
type read struct {
	index int
	at    source.Span
}

// finding is a diagnostic and the architectures that it is true on.
type finding struct {
	source.Diagnostic
	arches map[linux.Arch]bool
}

// New returns a linter that knows no rules.
func New() *Linter { return &Linter{rules: map[*syntax.Rule]*rule{}} }

func (l *Linter) rule(r *syntax.Rule) *rule {
	known, ok := l.rules[r]
	if !ok {
		known = &rule{Rule: r, looked: map[linux.Arch]bool{}}
		l.rules[r] = known
		l.order = append(l.order, known)
	}
	return known
}

// Decides notes that a rule decides a syscall.
func (l *Linter) Decides(r *syntax.Rule, a linux.Arch, name string) {
	known := l.rule(r)
	known.calls = append(known.calls, call{a, name})
}

// Rule looks at a rule, as it was expanded for an architecture, and its graph.
func (l *Linter) Rule(r *syntax.Rule, a linux.Arch, expanded unify.Rule, graph *policy.Node) {
	known := l.rule(r)
	if known.looked[a] {
		return
	}
	known.looked[a] = true
	known.readBy(expanded)
	calls := diagram.CallsOf(a, 0)
	var m diagram.Meetings
	m.Graph(graph, calls)
	if l.space == nil {
		l.space = diagram.NewSpace(calls, m.Order(), diagram.Limits{Nodes: maxNodes, Steps: maxSteps})
	} else {
		l.space.Reset(calls, m.Order())
	}
	p := &prover{Linter: l, rule: known, arch: a}
	// What stops at a limit leaves out the rest of the rule on this architecture, so
	// that nothing about the rest is found on all of them.
	_ = l.space.Do(func() { p.look(expanded) })
}

// readBy notes the arguments that a rule looks at.
func (r *rule) readBy(expanded unify.Rule) {
	for _, b := range expanded.Branches {
		syntax.Walk(b.Cond, func(n syntax.Node) bool {
			a, ok := n.(*syntax.Arg)
			if ok && !slices.ContainsFunc(r.reads, func(known read) bool { return known.index == a.Index }) {
				r.reads = append(r.reads, read{a.Index, a.At})
			}
			return true
		})
	}
}

// report notes a finding on an architecture.
func (r *rule) report(a linux.Arch, d source.Diagnostic) {
	for _, f := range r.found {
		if f.Span == d.Span && f.Code == d.Code && f.Message == d.Message {
			f.arches[a] = true
			return
		}
	}
	if len(r.found) == maxFindings {
		return
	}
	r.found = append(r.found, &finding{d, map[linux.Arch]bool{a: true}})
}

// Findings returns what there is to say. What told of a place already, that a number is
// out of an argument's range say, leaves nothing to add.
func (l *Linter) Findings(told source.Diagnostics) source.Diagnostics {
	var list source.Diagnostics
	for _, r := range l.order {
		for _, f := range r.found {
			if len(f.arches) == len(r.looked) && !explained(f.Span, told) {
				list = append(list, r.relate(f.Diagnostic))
			}
		}
		for _, d := range r.unread() {
			list = append(list, r.relate(d))
		}
	}
	return list
}

// explained reports whether a warning says already why a condition is constant.
func explained(at source.Span, told source.Diagnostics) bool {
	return slices.ContainsFunc(told, func(d source.Diagnostic) bool {
		return (d.Code == "narrow-argument" || d.Code == "signed-comparison") && within(d.Span, at)
	})
}

// within reports whether a place is a part of another.
func within(inner, outer source.Span) bool {
	return inner.File() == outer.File() && outer.Start() <= inner.Start() && inner.End() <= outer.End()
}

// relate adds the rule to what is found in a macro that it uses.
func (r *rule) relate(d source.Diagnostic) source.Diagnostic {
	if !within(d.Span, r.At) {
		d.Related = append(d.Related, source.Related{Span: r.Names[0].At, Message: "used in this rule"})
	}
	return d
}
