package compiler

import (
	"cmp"
	"slices"

	"secco/bpf"
	"secco/compiler/layout"
	"secco/linux"
	"secco/policy"
	"secco/source"
)

// origins returns for each instruction the rules that need it: for a return
// those that end there, for what computes and compares arguments those that ask
// for it, for a comparison of the number the rule of that number.
func (u *unit) origins() [][]source.Span {
	o := &originator{u: u, spans: make([][]source.Span, len(u.lower.code))}
	for _, audit := range u.audits() {
		o.audit(audit)
	}
	o.root(u.policy.BadArch, nil, u.graphOf(u.audits()[0]^1, 0))
	for i := range o.spans {
		o.spans[i] = tidySpans(o.spans[i])
	}
	out := make([][]source.Span, len(u.nodes))
	for i, n := range u.nodes {
		out[i] = o.spans[n.ID]
	}
	return out
}

type originator struct {
	u     *unit
	spans [][]source.Span // by ID
}

// graphOf returns the interval graph for one number.
func (u *unit) graphOf(audit, nr uint32) *node {
	n := u.graph
	for n.t != nil && (n.t.isWord(offsetArch) || n.t.isNumber()) {
		v := audit
		if n.t.isNumber() {
			v = nr & n.t.mask
		}
		n = n.at(v)
	}
	return n
}

func (o *originator) audit(audit uint32) {
	u := o.u
	done := map[*policy.Node]bool{}
	for _, t := range u.policy.Targets {
		if t.Arch.Audit() != audit {
			continue
		}
		for _, nr := range u.rules(t) {
			if root := t.Rules[nr]; !done[root] {
				done[root] = true
				o.root(root, t.Default, u.graphOf(audit, nr))
			}
		}
		// A number that no rule names: there is one, numbers being so many.
		nr := uint32(0)
		if t.Arch == linux.X32 {
			nr = linux.X32Bit
		}
		for t.Rules[nr] != nil {
			nr++
		}
		o.root(t.Default, nil, u.graphOf(audit, nr))
	}
	if u.policy.X32 != nil && audit == linux.X86_64.Audit() && u.policy.Target(linux.X32) == nil {
		o.root(u.policy.X32, nil, u.graphOf(audit, linux.X32Bit))
	}
	o.numbers(audit)
}

// root notes the rules of one root at the code of its interval graph. The leaves
// of other, the default, are not the rule's own.
func (o *originator) root(root, other *policy.Node, n *node) {
	if root == nil {
		return
	}
	if root.IsLeaf() && n.t == nil {
		if c, ok := o.u.lower.code[instructionKey{op: bpf.RetK, k: uint32(root.Action)}]; ok && !root.Span.IsZero() {
			o.spans[c.ID] = append(o.spans[c.ID], root.Span)
		}
		return
	}
	ends := map[linux.Action][]source.Span{}
	var own, all []source.Span
	policy.Walk(func(n *policy.Node) {
		if n.IsLeaf() && !n.Span.IsZero() {
			ends[n.Action] = append(ends[n.Action], n.Span)
			all = append(all, n.Span)
			if other == nil || !other.IsLeaf() || n.Span != other.Span {
				own = append(own, n.Span)
			}
		}
	}, root)
	if own = tidySpans(own); len(own) == 0 {
		own = tidySpans(all)
	}
	seen := map[*layout.Node]bool{}
	var walk func(c *layout.Node)
	walk = func(c *layout.Node) {
		if c == nil || seen[c] {
			return
		}
		seen[c] = true
		if c.IsReturn() {
			o.spans[c.ID] = append(o.spans[c.ID], ends[linux.Action(c.K)]...)
		} else {
			o.spans[c.ID] = append(o.spans[c.ID], own...)
		}
		walk(c.Next)
		walk(c.Yes)
		walk(c.No)
	}
	for _, a := range []*term{nil, o.u.b.get(termKey{offset: offsetNR, mask: allOnes})} {
		walk(o.u.lower.made[lowered{n, a}])
	}
	if n.t == nil {
		walk(o.u.lower.code[instructionKey{op: bpf.RetK, k: uint32(n.action)}])
	}
}

// numbers notes the rules at the code that compares the number.
func (o *originator) numbers(audit uint32) {
	n := o.u.graph
	if n.t != nil && n.t.isWord(offsetArch) {
		n = n.at(audit)
	}
	seen := map[*layout.Node]bool{}
	var walk func(c *layout.Node)
	walk = func(c *layout.Node) {
		if c == nil || seen[c] || c.IsReturn() || len(o.spans[c.ID]) > 0 && c.Next != nil {
			return
		}
		seen[c] = true
		if c.Op == bpf.JeqK || c.Op == bpf.JgeK {
			for _, nr := range []uint32{c.K, c.K - 1} {
				if root := o.u.policy.Root(audit, nr); root != nil && root.IsLeaf() && !root.Span.IsZero() {
					o.spans[c.ID] = append(o.spans[c.ID], root.Span)
					break
				}
			}
		}
		walk(c.Next)
		walk(c.Yes)
		walk(c.No)
	}
	walk(o.u.lower.made[lowered{n, nil}])
}

// tidySpans sorts spans by file and place and drops doubles.
func tidySpans(spans []source.Span) []source.Span {
	slices.SortFunc(spans, compareSpans)
	return slices.Compact(spans)
}

func compareSpans(a, b source.Span) int {
	if a.File() != b.File() {
		return cmp.Compare(a.File().Name(), b.File().Name())
	}
	return cmp.Or(cmp.Compare(a.Start(), b.Start()), cmp.Compare(a.End(), b.End()))
}
