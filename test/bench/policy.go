package bench

import (
	"math"
	"strings"

	"secco/linux"
	"secco/policy"
	"secco/source"
)

// Policy returns the specification as a policy, made without the policy language.
// The spans of its nodes are the syscalls' names in a list of them.
func (w *Workload) Policy() *policy.Policy {
	var names []string
	rules := map[string][]Rule{}
	for _, r := range w.Rules {
		if rules[r.Syscall] == nil {
			names = append(names, r.Syscall)
		}
		rules[r.Syscall] = append(rules[r.Syscall], r)
	}
	list := source.NewFile(w.Name, strings.Join(names, "\n"))
	var b policy.Builder
	p := &policy.Policy{BadArch: b.Leaf(w.Missing, source.Span{}), X32: b.Leaf(w.X32, source.Span{})}
	for _, a := range w.Arches {
		t := &policy.Target{Arch: a, Rules: map[uint32]*policy.Node{}, Default: b.Leaf(w.Default, source.Span{})}
		at := 0
		for _, name := range names {
			span := list.Span(at, at+len(name))
			at += len(name) + 1
			nr, ok := a.Syscall(name)
			if !ok {
				continue
			}
			n := b.Leaf(w.Default, span)
			for i := len(rules[name]) - 1; i >= 0; i-- {
				r := rules[name][i]
				yes := b.Leaf(r.Action, span)
				for j := len(r.Conds) - 1; j >= 0; j-- {
					yes = r.Conds[j].node(&b, a.Bits() == 32, yes, n, span)
				}
				n = yes
			}
			t.Rules[nr] = n
		}
		if a == linux.X86_64 && w.Skipped != w.Default {
			t.Rules[math.MaxUint32] = b.Leaf(w.Skipped, source.Span{})
		}
		p.Targets = append(p.Targets, t)
	}
	return p
}

// node returns the condition as a graph. The upper halves of narrow arguments
// are 0.
func (c Condition) node(b *policy.Builder, narrow bool, yes, no *policy.Node, span source.Span) *policy.Node {
	low, high := b.Word(linux.ArgLow(c.Arg)), b.Word(linux.ArgHigh(c.Arg))
	lowK, highK := b.Const(uint32(c.Value)), b.Const(uint32(c.Value>>32))
	if narrow {
		high = b.Const(0)
	}
	order := func(cmp policy.Cmp, yes, no *policy.Node) *policy.Node {
		same := b.Test(policy.CmpEq, high, highK, b.Test(cmp, low, lowK, yes, no, span), no, span)
		return b.Test(policy.CmpGt, high, highK, yes, same, span)
	}
	switch c.Op {
	case "eq":
		return b.Test(policy.CmpEq, high, highK, b.Test(policy.CmpEq, low, lowK, yes, no, span), no, span)
	case "ne":
		return b.Test(policy.CmpEq, high, highK, b.Test(policy.CmpEq, low, lowK, no, yes, span), yes, span)
	case "lt":
		return order(policy.CmpGe, no, yes)
	case "le":
		return order(policy.CmpGt, no, yes)
	case "gt":
		return order(policy.CmpGt, yes, no)
	case "ge":
		return order(policy.CmpGe, yes, no)
	}
	low, high = b.Binary(policy.OpAnd, low, lowK), b.Binary(policy.OpAnd, high, highK)
	return b.Test(policy.CmpEq, high, b.Const(uint32(c.Value2>>32)),
		b.Test(policy.CmpEq, low, b.Const(uint32(c.Value2)), yes, no, span), no, span)
}
