package policy

import "secco/linux"

// copier copies graphs into a Builder of its own. Make one by newCopier.
type copier struct {
	Builder
	exprs map[*Expr]*Expr
	nodes map[*Node]*Node
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
		} else {
			c.nodes[n] = c.Test(n.Cmp, c.expr(n.X), c.expr(n.Y), c.nodes[n.Yes], c.nodes[n.No], n.Span)
		}
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
	default:
		made = c.Binary(e.Op, c.expr(e.X), c.expr(e.Y))
	}
	c.exprs[e] = made
	return made
}

// With returns a copy of p in which another graph decides the calls of one syscall:
// the one that change makes, with the copy's Builder, of what p has for them.
func (p *Policy) With(arch linux.Arch, nr uint32, change func(b *Builder, root *Node) *Node) *Policy {
	c := newCopier()
	out := &Policy{BadArch: c.node(p.BadArch), X32: c.node(p.X32), Settings: p.Settings}
	for _, t := range p.Targets {
		copied := &Target{Arch: t.Arch, Rules: map[uint32]*Node{}, Default: c.node(t.Default)}
		for nr, n := range t.Rules {
			copied.Rules[nr] = c.node(n)
		}
		out.Targets = append(out.Targets, copied)
	}
	root := c.node(p.Root(arch.Audit(), nr))
	t := out.Target(arch)
	if t == nil { // all its calls are decided alike
		t = &Target{Arch: arch, Rules: map[uint32]*Node{}, Default: root}
		out.Targets = append(out.Targets, t)
		switch {
		case arch == linux.X32:
			out.X32 = nil
		case arch == linux.X86_64 && out.Target(linux.X32) == nil:
			out.X32 = out.BadArch
		}
	}
	t.Rules[nr] = change(&c.Builder, root)
	return out
}
