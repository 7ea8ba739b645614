package convert

import (
	"fmt"

	"secco/linux"
	"secco/policy"
	"secco/policy/diagram"
)

// specialise returns a graph in which some words are known.
func specialise(root *policy.Node, known map[linux.Word]uint32) *policy.Node {
	var b policy.Builder
	expr := rebuild(&b, known)
	done := map[*policy.Node]*policy.Node{}
	policy.Walk(func(n *policy.Node) {
		if n.IsLeaf() {
			done[n] = b.Leaf(n.Action, n.Span)
			return
		}
		done[n] = b.Test(n.Cmp, expr(n.X), expr(n.Y), done[n.Yes], done[n.No], n.Span)
	}, root)
	return done[root]
}

// rebuild returns what makes expressions of another Builder's, with some words
// known.
func rebuild(b *policy.Builder, known map[linux.Word]uint32) func(*policy.Expr) *policy.Expr {
	done := map[*policy.Expr]*policy.Expr{}
	var expr func(e *policy.Expr) *policy.Expr
	expr = func(e *policy.Expr) *policy.Expr {
		if done[e] != nil {
			return done[e]
		}
		var made *policy.Expr
		switch e.Op {
		case policy.OpConst:
			made = b.Const(e.K)
		case policy.OpWord:
			made = b.Word(e.W)
			if k, ok := known[e.W]; ok {
				made = b.Const(k)
			}
		default:
			made = b.Binary(e.Op, expr(e.X), expr(e.Y))
		}
		done[e] = made
		return made
	}
	return expr
}

// gaps returns the ranges of numbers that are no syscall of an architecture.
func gaps(a linux.Arch) []diagram.Range {
	lo, hi := uint64(0), uint64(0xffffffff)
	switch a {
	case linux.X86_64:
		hi = linux.X32Bit - 1
	case linux.X32:
		lo, hi = linux.X32Bit, 0xfffffffe
	}
	var out []diagram.Range
	for _, s := range a.Syscalls() {
		if nr := uint64(s.NR); nr >= lo {
			if nr > lo {
				out = append(out, diagram.Range{Lo: uint32(lo), Hi: uint32(nr - 1)})
			}
			lo = nr + 1
		}
	}
	out = append(out, diagram.Range{Lo: uint32(lo), Hi: uint32(hi)})
	if a == linux.X86_64 { // a tracer's number for a call to be skipped
		out = append(out, diagram.One(0xffffffff))
	}
	return out
}

// constant returns the one action that a graph has for a range of numbers.
func constant(root *policy.Node, a linux.Arch, r diagram.Range) (linux.Action, error) {
	f, err := diagram.OfGraph(root, diagram.Calls{Arch: diagram.One(a.Audit()), NR: r}, limits)
	if err != nil {
		return 0, err
	}
	actions := f.Actions()
	if len(actions) > 1 {
		return 0, fmt.Errorf("among the numbers from %#x to %#x, which have no name, some get %s and others %s", r.Lo, r.Hi, actions[0], actions[1])
	}
	return actions[0], nil
}
