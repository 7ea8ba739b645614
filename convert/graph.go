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
	done := map[*policy.Node]*policy.Node{}
	policy.Walk(func(n *policy.Node) {
		if n.IsLeaf() {
			done[n] = b.Leaf(n.Action, n.Span)
			return
		}
		done[n] = b.Test(n.Cmp, rebuild(&b, n.X, known), rebuild(&b, n.Y, known), done[n.Yes], done[n.No], n.Span)
	}, root)
	return done[root]
}

// rebuild returns an expression of another Builder, with some words known.
func rebuild(b *policy.Builder, e *policy.Expr, known map[linux.Word]uint32) *policy.Expr {
	switch e.Op {
	case policy.OpConst:
		return b.Const(e.K)
	case policy.OpWord:
		if k, ok := known[e.W]; ok {
			return b.Const(k)
		}
		return b.Word(e.W)
	}
	return b.Binary(e.Op, rebuild(b, e.X, known), rebuild(b, e.Y, known))
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
