package policy

import "secco/linux"

// copier copies graphs into a Builder of its own. Make one by newCopier.
type copier struct {
	Builder
	exprs  map[*Expr]*Expr
	nodes  map[*Node]*Node
	values map[linux.Word]uint32 // that take the places of words
	decide func(n *Node) (holds, known bool)
}

func newCopier() copier {
	return copier{exprs: map[*Expr]*Expr{}, nodes: map[*Node]*Node{nil: nil}}
}

func (c *copier) node(n *Node) *Node {
	if have, ok := c.nodes[n]; ok {
		return have
	}
	Walk(func(n *Node) { // successors come first
		if n.IsLeaf() {
			c.nodes[n] = c.Leaf(n.Action, n.Span)
			return
		}
		if c.decide != nil {
			if holds, known := c.decide(n); known {
				c.nodes[n] = c.nodes[choose(holds, n.Yes, n.No)]
				return
			}
		}
		c.nodes[n] = c.Test(n.Cmp, c.expr(n.X), c.expr(n.Y), c.nodes[n.Yes], c.nodes[n.No], n.Span)
	}, n)
	return c.nodes[n]
}

func (c *copier) expr(e *Expr) *Expr {
	if have, ok := c.exprs[e]; ok {
		return have
	}
	var made *Expr
	switch e.Op {
	case OpConst:
		made = c.Const(e.K)
	case OpWord:
		made = c.Word(e.W)
		if k, ok := c.values[e.W]; ok {
			made = c.Const(k)
		}
	default:
		made = c.Binary(e.Op, c.expr(e.X), c.expr(e.Y))
	}
	c.exprs[e] = made
	return made
}

// Restrict returns what a graph does with the calls whose words have these values, as
// a graph of b that does not look at them.
func (b *Builder) Restrict(n *Node, values map[linux.Word]uint32) *Node {
	c := newCopier()
	c.Builder, c.values = *b, values
	restricted := c.node(n)
	*b = c.Builder
	return restricted
}

// Decided returns what a graph does with calls for which the outcome of some of its
// tests is known, as a graph of b without these tests.
func (b *Builder) Decided(n *Node, decide func(test *Node) (holds, known bool)) *Node {
	for !n.IsLeaf() {
		holds, known := decide(n)
		if !known {
			break
		}
		n = choose(holds, n.Yes, n.No)
	}
	c := newCopier()
	c.Builder, c.decide = *b, decide
	left := c.node(n)
	*b = c.Builder
	return left
}
