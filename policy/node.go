package policy

import (
	"fmt"

	"secco/linux"
	"secco/source"
)

// Cmp is how a test compares its operands, unsigned.
type Cmp uint8

// The comparisons; the others are these with the successors exchanged.
const (
	CmpEq  Cmp = iota // X == Y
	CmpGt             // X > Y
	CmpGe             // X >= Y
	CmpSet            // X & Y != 0
)

// Holds reports whether x compares so with y.
func (c Cmp) Holds(x, y uint32) bool {
	switch c {
	case CmpEq:
		return x == y
	case CmpGt:
		return x > y
	case CmpGe:
		return x >= y
	case CmpSet:
		return x&y != 0
	}
	panic(fmt.Sprintf("policy: no comparison %d", c))
}

// Node is one node of a decision graph: a leaf, which is an action, or a test
// with two successors. Nodes are immutable, made by a [Builder] alone and
// shared: two of one Builder are equal exactly where their pointers are. A graph
// has no cycles.
//
// A leaf is shared among those with the same action and span: the span is the
// rule that decides there. The span of a test is where the first like it was
// written.
type Node struct {
	Action  linux.Action // of a leaf
	Cmp     Cmp          // of a test, like the rest
	X, Y    *Expr        // X is never a constant
	Yes, No *Node        // both nil in a leaf
	Span    source.Span
	id      int32
}

// IsLeaf reports whether n is a leaf.
func (n *Node) IsLeaf() bool { return n.Yes == nil }

// ID returns a number that is unique among the nodes of one Builder; that of a
// node is larger than those of its successors.
func (n *Node) ID() int { return int(n.id) }

// Leaf returns the leaf that decides one call.
func (n *Node) Leaf(d *linux.SeccompData) *Node {
	for !n.IsLeaf() {
		if n.Cmp.Holds(n.X.Eval(d), n.Y.Eval(d)) {
			n = n.Yes
		} else {
			n = n.No
		}
	}
	return n
}

// String returns the comparison as text, or the action of a leaf.
func (n *Node) String() string {
	if n.IsLeaf() {
		return n.Action.String()
	}
	return fmt.Sprintf("%s %s %s", n.X, [...]string{"==", ">", ">=", "&"}[n.Cmp], n.Y)
}

// Walk calls f once for every node reachable from the roots, successors before
// the nodes that lead to them, in a fixed order.
func Walk(f func(*Node), roots ...*Node) {
	seen := map[*Node]bool{}
	var walk func(*Node)
	walk = func(n *Node) {
		if n == nil || seen[n] {
			return
		}
		seen[n] = true
		walk(n.Yes)
		walk(n.No)
		f(n)
	}
	for _, r := range roots {
		walk(r)
	}
}
