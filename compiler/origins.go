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
	o := &originator{u: u, spans: make([][]source.Span, len(u.lower.code)), done: map[rooted]bool{}}
	arch := u.graph
	if arch.t == nil || !arch.t.isWord(offsetArch) {
		arch = &node{from: []uint32{0}, to: []*node{u.graph}}
	}
	audits := u.audits()
	for i, v := range arch.from {
		if _, target := slices.BinarySearch(audits, v); !target {
			o.root(u.policy.BadArch, nil, arch.to[i])
		}
	}
	for _, audit := range audits {
		o.audit(audit, arch.at(audit))
	}
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
	done  map[rooted]bool
}

// rooted is a root and the interval graph that decides for it.
type rooted struct {
	root *policy.Node
	n    *node
}

// settle returns the node that n comes to by the architecture alone.
func settle(n *node, audit uint32) *node {
	for n.t != nil && n.t.expr == nil && n.t.y == nil && n.t.offset == offsetArch {
		n = n.at(audit & n.t.mask)
	}
	return n
}

// audit notes the rules of one AUDIT_ARCH value, whose interval graph is n.
func (o *originator) audit(audit uint32, n *node) {
	// Some number of every kind: what a rule names, and what the graph tells apart.
	var numbers []uint32
	for _, t := range o.u.policy.Targets {
		if t.Arch.Audit() == audit {
			for _, nr := range o.u.rules(t) {
				numbers = append(numbers, nr, nr+1)
			}
		}
	}
	numbers = append(numbers, 0, linux.X32Bit)
	if n := settle(n, audit); n.t != nil && n.t.isWord(offsetNR) {
		numbers = append(numbers, n.from...)
		if x32 := n.at(linux.X32Bit); x32.t != nil && x32.t.isNumber() {
			for _, v := range x32.from {
				numbers = append(numbers, v|linux.X32Bit)
			}
		}
	}
	for _, nr := range numbers {
		to := settle(n, audit)
		for to.t != nil && to.t.isNumber() && (to.t.mask == allOnes || to.t.mask == noX32Bit) {
			to = settle(to.at(nr&to.t.mask), audit)
		}
		root, other := o.u.policy.Root(audit, nr), (*policy.Node)(nil)
		if arch, _ := linux.ArchOf(audit, nr); o.u.policy.Target(arch) != nil {
			other = o.u.policy.Target(arch).Default
		}
		if key := (rooted{root, to}); !o.done[key] {
			o.done[key] = true
			if root == other {
				other = nil
			}
			o.root(root, other, to)
		}
	}
	o.numbers(audit, n)
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
	walk(o.u.lower.made[lowered{n, nil}])
	if n.t == nil {
		walk(o.u.lower.code[instructionKey{op: bpf.RetK, k: uint32(n.action)}])
	}
}

// numbers notes the rules at the code that compares the number.
func (o *originator) numbers(audit uint32, n *node) {
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
