package decompile

import (
	"slices"
	"strings"

	"secco/linux"
	"secco/policy"
	"secco/policy/diagram"
)

// span is numbers in a row of one architecture that have no rule of their own, and
// the graph that decides them all. The numbers of x32 may lie between those of
// x86_64's last one.
type span struct {
	diagram.Range
	node *policy.Node
}

// spans returns what the numbers of an architecture that have no rule get, in order.
// Neighbours get different things.
func (w *writer) spans(t *policy.Target) (list []span) {
	if t.Default.IsLeaf() {
		return []span{{diagram.All(), t.Default}}
	}
	for _, own := range ownNumbers(t.Arch) {
		slice := diagram.Calls{Arch: diagram.One(t.Arch.Audit()), NR: own}
		for _, part := range diagram.Slices(slice, func(_ diagram.Calls, cuts *diagram.Cuts) { cuts.Graph(t.Default) }) {
			n := w.decided(t.Default, calls{t.Arch, part.NR})
			if last := len(list) - 1; last >= 0 && sameNode(list[last].node, n) {
				list[last].Hi = part.NR.Hi
			} else {
				list = append(list, span{part.NR, n})
			}
		}
	}
	return list
}

// ownNumbers returns the numbers of an architecture, without those of the one that
// it shares its AUDIT_ARCH value with.
func ownNumbers(a linux.Arch) []diagram.Range {
	switch a {
	case linux.X86_64:
		return []diagram.Range{{Lo: 0, Hi: linux.X32Bit - 1}, diagram.One(0xffffffff)}
	case linux.X32:
		return []diagram.Range{{Lo: linux.X32Bit, Hi: 0xfffffffe}}
	}
	return []diagram.Range{diagram.All()}
}

// decided returns what a graph does with some calls, without the tests that these
// decide.
func (w *writer) decided(n *policy.Node, of calls) *policy.Node {
	slice := of.slice()
	return w.Decided(n, func(n *policy.Node) (holds, known bool) {
		switch {
		case !n.Y.IsConst():
		case n.X.Op == policy.OpWord:
			return slice.Decide(n.Cmp, n.X.W, n.Y.K)
		case n.X.Op == policy.OpAnd && n.X.X.Op == policy.OpWord && n.X.Y.IsConst():
			return slice.DecideMasked(n.Cmp, n.X.X.W, n.X.Y.K, n.Y.K)
		}
		return false, false
	})
}

// sameNode reports whether two graphs are known to do the same.
func sameNode(a, b *policy.Node) bool {
	return a == b || a.IsLeaf() && b.IsLeaf() && a.Action.Effect() == b.Action.Effect()
}

// spanOf returns the span that has a number.
func spanOf(list []span, nr uint32) span {
	i := slices.IndexFunc(list, func(s span) bool { return s.Has(nr) })
	return list[i]
}

// usual returns the action that most syscalls without a rule get; what the others
// get takes rules for ranges.
func usual(t *policy.Target, list []span) linux.Action {
	count := map[linux.Action]int{}
	for _, s := range t.Arch.Syscalls() {
		if _, ok := t.Rules[s.NR]; !ok {
			if n := spanOf(list, s.NR).node; n.IsLeaf() {
				count[n.Action.Effect()]++
			}
		}
	}
	best, found := linux.KillProcess, false // where no number gets one action
	for _, s := range list {
		if a := s.node.Action.Effect(); s.node.IsLeaf() && (!found || count[a] > count[best]) {
			best, found = a, true
		}
	}
	return best
}

// isRange reports whether what rules name is a range of numbers.
func isRange(name string) bool { return strings.Contains(name, "..") }
