package decompile

import (
	"secco/bpf"
	"secco/linux"
	"secco/policy"
	"secco/policy/diagram"
)

// executor runs the program for some calls with expressions in place of numbers.
// What a program does from an instruction on is a graph that depends on the
// registers which are still read: equal states are one node. So the graph has at
// most as many tests as the program has ways to get to a jump with different
// values, which for programs that people and compilers write is once.
type executor struct {
	*unit
	calls     diagram.Calls
	bigEndian bool
	elsewhere map[uint32]bool // architectures that the calls are none of
	done      map[state]*policy.Node
}

type state struct {
	pc   int
	regs diagram.Registers[*policy.Expr] // 0 where it is not read any more
}

// graph returns what the program does with these calls.
func (u *unit) graph(calls diagram.Calls) *policy.Node {
	return u.execute(calls, calls.BigEndian(), nil)
}

func (u *unit) execute(calls diagram.Calls, bigEndian bool, elsewhere map[uint32]bool) *policy.Node {
	x := &executor{u, calls, bigEndian, elsewhere, map[state]*policy.Node{}}
	var start state
	for r := range start.regs {
		start.regs[r] = u.Const(0)
	}
	return x.from(start)
}

// Load is part of diagram.Machine.
func (x *executor) Load(w linux.Word) *policy.Expr {
	switch {
	case w == linux.WordNR && x.calls.NR.Lo == x.calls.NR.Hi:
		return x.Const(x.calls.NR.Lo)
	case w == linux.WordArch && x.calls.Arch.Lo == x.calls.Arch.Hi:
		return x.Const(x.calls.Arch.Lo)
	}
	return x.Word(w)
}

// from returns what the program does from a state on.
func (x *executor) from(at state) *policy.Node {
	x.advance(&at)
	for r := range at.regs {
		if !x.program.Live(at.pc, r) {
			at.regs[r] = x.Const(0)
		}
	}
	if n, ok := x.done[at]; ok {
		return n
	}
	x.spend(1)
	n := x.decide(at)
	x.done[at] = n
	return n
}

// advance goes on as long as there is only one way.
func (x *executor) advance(at *state) {
	for {
		in := x.program.At(at.pc)
		if cmp, withX, ok := diagram.Comparison(in.Op); ok {
			holds, known := x.outcome(cmp, &at.regs, in, withX)
			if !known {
				return
			}
			if at.pc++; holds {
				at.pc += int(in.Jt)
			} else {
				at.pc += int(in.Jf)
			}
			continue
		}
		switch in.Op {
		case bpf.RetK, bpf.RetA:
			return
		case bpf.Ja:
			at.pc += 1 + int(in.K)
			continue
		case bpf.DivX:
			if x := at.regs[diagram.RegX]; !x.IsConst() || x.K == 0 {
				return
			}
		}
		at.regs.Step(in, x, x.bigEndian)
		at.pc++
	}
}

// outcome returns how a jump goes where that is the same for all calls.
func (x *executor) outcome(cmp policy.Cmp, regs *diagram.Registers[*policy.Expr], in bpf.Instruction, withX bool) (holds, known bool) {
	a, k := regs[diagram.RegA], in.K
	if withX {
		if !regs[diagram.RegX].IsConst() {
			return false, false
		}
		k = regs[diagram.RegX].K
	}
	switch a.Op {
	case policy.OpConst:
		return cmp.Holds(a.K, k), true
	case policy.OpWord:
		if cmp == policy.CmpEq && a.W == linux.WordArch && x.elsewhere[k] {
			return false, true
		}
		return x.calls.Decide(cmp, a.W, k)
	case policy.OpAnd:
		if a.X.Op == policy.OpWord && a.Y.IsConst() {
			return x.calls.DecideMasked(cmp, a.X.W, a.Y.K, k)
		}
	}
	return false, false
}

// decide returns the node of a state that does not have only one way on.
func (x *executor) decide(at state) *policy.Node {
	in := x.program.At(at.pc)
	span := x.Span(min(at.pc, x.program.Len()-1))
	if cmp, withX, ok := diagram.Comparison(in.Op); ok {
		yes, no := at, at
		yes.pc += 1 + int(in.Jt)
		no.pc += 1 + int(in.Jf)
		a, operand := at.regs[diagram.RegA], at.regs.Operand(in, withX, x)
		return x.Test(cmp, a, operand, x.from(yes), x.from(no), span)
	}
	switch in.Op {
	case bpf.RetK:
		return x.Leaf(linux.Action(in.K).Effect(), span)
	case bpf.RetA:
		return x.returned(at.regs[diagram.RegA], span)
	}
	// A division, which ends the program where X is 0.
	divisor := at.regs[diagram.RegX]
	after := at
	after.pc++
	after.regs[diagram.RegA] = x.Binary(policy.OpDiv, at.regs[diagram.RegA], divisor)
	stop := x.Leaf(linux.KillThread, span)
	if divisor.IsConst() {
		return stop
	}
	return x.Test(policy.CmpEq, divisor, x.Const(0), stop, x.from(after), span)
}
