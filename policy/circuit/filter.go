package circuit

import (
	"errors"
	"slices"

	"github.com/go-air/gini/z"

	"secco/bpf"
	"secco/linux"
	"secco/policy"
	"secco/policy/diagram"
)

// ErrComputed says that a program returns what it computes.
var ErrComputed = errors.New("an action is computed from the call")

// entered is when an instruction is reached, and what the registers hold then.
type entered struct {
	when z.Lit
	regs diagram.Registers[Value]
}

// Program returns what a program does. Its jumps lead forward, so that all ways to
// an instruction are known when it is come to.
func (c *Circuit) Program(p *diagram.Program) (out Outcome, err error) {
	defer bounded(&err)
	out = Outcome{}
	at := make([]*entered, p.Len()+1)
	first := &entered{when: c.gates.T}
	for r := range first.regs {
		first.regs[r] = c.Const(0)
	}
	at[0] = first
	enter := func(pc int, when z.Lit, regs *diagram.Registers[Value]) {
		switch have := at[pc]; {
		case when == c.gates.F:
		case have == nil:
			at[pc] = &entered{when, *regs}
		default:
			for r := range regs {
				if p.Live(pc, r) {
					have.regs[r] = c.choose(when, regs[r], have.regs[r])
				}
			}
			have.when = c.gates.Or(have.when, when)
		}
	}
	bigEndian := c.calls.BigEndian()
	for pc := range at {
		if at[pc] == nil {
			continue
		}
		c.check()
		in, when, regs := p.At(pc), at[pc].when, &at[pc].regs
		at[pc] = nil
		if cmp, withX, ok := diagram.Comparison(in.Op); ok {
			holds := c.Compare(cmp, regs[diagram.RegA], regs.Operand(in, withX, c))
			enter(pc+1+int(in.Jt), c.gates.And(when, holds), regs)
			enter(pc+1+int(in.Jf), c.gates.And(when, holds.Not()), regs)
			continue
		}
		switch in.Op {
		case bpf.RetK:
			action := linux.Action(in.K).Effect()
			out[action] = c.or(out[action], when)
			continue
		case bpf.RetA:
			k, ok := c.constant(regs[diagram.RegA])
			if !ok {
				return nil, ErrComputed
			}
			action := linux.Action(k).Effect()
			out[action] = c.or(out[action], when)
			continue
		case bpf.Ja:
			enter(pc+1+int(in.K), when, regs)
			continue
		case bpf.DivX: // by 0 ends the program
			zero := c.isZero(regs[diagram.RegX])
			enter(p.Len(), c.gates.And(when, zero), regs)
			when = c.gates.And(when, zero.Not())
		}
		regs.Step(in, c, bigEndian)
		enter(pc+1, when, regs)
	}
	return out, nil
}

// constant returns the number that a value is, where it is one.
func (c *Circuit) constant(v Value) (k uint32, ok bool) {
	for i, bit := range v {
		switch bit {
		case c.gates.T:
			k |= 1 << i
		case c.gates.F:
		default:
			return 0, false
		}
	}
	return k, true
}

// Graph returns what a graph does.
func (c *Circuit) Graph(root *policy.Node) (out Outcome, err error) {
	defer bounded(&err)
	var nodes []*policy.Node // each after those that lead to it
	policy.Walk(func(n *policy.Node) { nodes = append(nodes, n) }, root)
	slices.Reverse(nodes)
	out = Outcome{}
	reached := map[*policy.Node]z.Lit{root: c.gates.T}
	values := map[*policy.Expr]Value{}
	for _, n := range nodes {
		when := reached[n]
		if n.IsLeaf() {
			action := n.Action.Effect()
			out[action] = c.or(out[action], when)
			continue
		}
		c.check()
		holds := c.Compare(n.Cmp, c.expr(n.X, values), c.expr(n.Y, values))
		reached[n.Yes] = c.or(reached[n.Yes], c.gates.And(when, holds))
		reached[n.No] = c.or(reached[n.No], c.gates.And(when, holds.Not()))
	}
	return out, nil
}

func (c *Circuit) expr(e *policy.Expr, known map[*policy.Expr]Value) Value {
	if v, ok := known[e]; ok {
		return v
	}
	c.check()
	var v Value
	switch e.Op {
	case policy.OpConst:
		v = c.Const(e.K)
	case policy.OpWord:
		v = c.Load(e.W)
	default:
		v = c.Binary(e.Op, c.expr(e.X, known), c.expr(e.Y, known))
	}
	known[e] = v
	return v
}
