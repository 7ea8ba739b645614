package lang

import "secco/policy"

// same reports whether two graphs of one Builder decide in the same way. Leaves
// of different rules are different nodes, so it compares them by their actions.
// Graphs that test in another order are not the same to it.
func same(a, b *policy.Node) bool {
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
