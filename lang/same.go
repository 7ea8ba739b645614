package lang

import (
	"secco/linux"
	"secco/policy"
	"secco/policy/diagram"
	"secco/policy/prove"
	"secco/source"
)

// maxProofs bounds how many duplicates of a unit are compared by proof; those
// beyond count as different.
const maxProofs = 16

// same reports whether two graphs decide every call alike.
func (t *target) same(a, b *policy.Node) bool {
	if alike(a, b) {
		return true
	}
	if t.proofs++; t.proofs > maxProofs {
		return false
	}
	limits := diagram.Limits{Nodes: 1 << 14, Steps: 1 << 18}
	r, err := prove.Equivalent(t.only(a), t.only(b), prove.Options{Limits: limits, Arches: []linux.Arch{t.Arch}})
	return err == nil && r.Verdict == prove.Equal
}

// only returns the filter in which a graph decides everything.
func (t *target) only(n *policy.Node) prove.Filter {
	other := t.builder.Leaf(linux.KillThread, source.Span{})
	return prove.Policy(&policy.Policy{Targets: []*policy.Target{{Arch: t.Arch, Default: n}}, BadArch: other, X32: other})
}

// alike reports whether two graphs make the same tests and end in the same
// actions. Leaves of different rules are different nodes, so it compares them by
// their actions.
func alike(a, b *policy.Node) bool {
	type pair struct{ a, b *policy.Node }
	seen := map[pair]bool{}
	var walk func(a, b *policy.Node) bool
	walk = func(a, b *policy.Node) bool {
		if a == b || seen[pair{a, b}] {
			return true
		}
		if a.IsLeaf() || b.IsLeaf() {
			return a.IsLeaf() && b.IsLeaf() && a.Action == b.Action
		}
		seen[pair{a, b}] = true
		return a.Cmp == b.Cmp && a.X == b.X && a.Y == b.Y && walk(a.Yes, b.Yes) && walk(a.No, b.No)
	}
	return walk(a, b)
}
