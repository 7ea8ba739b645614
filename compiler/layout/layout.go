// Package layout puts a graph of instructions into a line.
//
// Jumps reach at most 255 instructions forward, so the line is built back to
// front: when a node is placed, everything that it leads to has its place
// already, and whether a jump reaches is known, not guessed. Where it does not,
// a stepping stone goes in front of what is there so far, which moves nothing
// that counts from the end: a copy where the target is a return, or a
// conditional jump that reaches its own targets from here; else an unconditional
// jump, which reaches everywhere. Nothing is ever inserted between
// placed instructions, so no offset ever changes.
package layout

import "secco/bpf"

// Node is an instruction with its successors in place of offsets. A return has
// none, a conditional jump Yes and No, every other instruction Next.
type Node struct {
	Op      uint16
	K       uint32
	Next    *Node
	Yes, No *Node
	ID      int32 // set by whoever makes the nodes: 0, 1, 2 …
	weight  int32
	height  int32 // of Height
}

// IsReturn reports whether n ends the program.
func (n *Node) IsReturn() bool { return n.Next == nil && n.Yes == nil }

// Height returns how many instructions the longest way from n to a return has,
// the return not counted.
func (n *Node) Height() int {
	if n.height == 0 && !n.IsReturn() {
		if n.Next != nil {
			n.height = int32(n.Next.Height() + 1)
		} else {
			n.height = int32(max(n.Yes.Height(), n.No.Height()) + 1)
		}
	}
	return int(n.height)
}

// Reachable returns how many nodes n leads to, n included.
func (n *Node) Reachable() int {
	seen := map[*Node]bool{}
	var walk func(n *Node)
	walk = func(n *Node) {
		if n != nil && !seen[n] {
			seen[n] = true
			walk(n.Next)
			walk(n.Yes)
			walk(n.No)
		}
	}
	walk(n)
	return len(seen)
}

// maxJump is how many instructions a conditional jump can skip.
const maxJump = 255

// Place returns the instructions of everything reachable from entry, which comes
// first, and for each the node that it stands for: for a stepping stone the one
// that it leads to. The IDs of the nodes are below count.
func Place(entry *Node, count int) (bpf.Program, []*Node) {
	p := placer{at: make([]int32, count), stone: make([]int32, count), before: make([][]*Node, count)}
	for i := range p.at {
		p.at[i], p.stone[i] = -1, -1
	}
	p.measure(entry)
	p.place(entry)
	if p.at[entry.ID] != int32(len(p.code)-1) {
		p.jump(entry)
	}
	n := len(p.code)
	prog, nodes := make(bpf.Program, n), make([]*Node, n)
	for i, in := range p.code {
		prog[n-1-i], nodes[n-1-i] = in, p.nodes[i]
	}
	return prog, nodes
}

// placer holds the line so far, last instruction first.
type placer struct {
	code   bpf.Program
	nodes  []*Node
	at     []int32   // by ID: index in code, -1 while not placed
	stone  []int32   // by ID: index of the latest stepping stone
	before [][]*Node // by ID: the nodes whose Next this is
}

// measure counts the instructions that each node leads to, as if nothing were
// shared, and finds the straight predecessors.
func (p *placer) measure(n *Node) {
	if n.weight > 0 {
		return
	}
	total := int64(1)
	switch {
	case n.Next != nil:
		p.measure(n.Next)
		total += int64(n.Next.weight)
		p.before[n.Next.ID] = append(p.before[n.Next.ID], n)
	case n.Yes != nil:
		p.measure(n.Yes)
		p.measure(n.No)
		total += int64(n.Yes.weight) + int64(n.No.weight)
	}
	n.weight = int32(min(total, 1<<30))
}

// place puts n and everything behind it into the line. The larger successor of
// a jump goes to the back, so that the jump over the smaller one is short.
func (p *placer) place(n *Node) {
	if p.at[n.ID] >= 0 {
		return
	}
	switch {
	case n.Next != nil:
		p.place(n.Next)
		if p.at[n.ID] >= 0 { // it was put right before
			return
		}
		if p.at[n.Next.ID] != int32(len(p.code)-1) {
			p.repeat(n.Next)
		}
		p.put(bpf.Instruction{Op: n.Op, K: n.K}, n)
	case n.Yes != nil:
		first, second := n.Yes, n.No
		if first.weight < second.weight {
			first, second = second, first
		}
		p.place(first)
		p.place(second)
		p.reach(n.No, 1)
		p.reach(n.Yes, 1)
		p.put(bpf.Instruction{Op: n.Op, K: n.K, Jt: p.offset(n.Yes), Jf: p.offset(n.No)}, n)
	default:
		p.put(bpf.Instruction{Op: n.Op, K: n.K}, n)
	}
	// What falls through into n goes right before it, while nothing else is.
	for _, b := range p.before[n.ID] {
		if p.at[b.ID] < 0 {
			p.place(b)
			break
		}
	}
}

func (p *placer) put(in bpf.Instruction, n *Node) {
	p.at[n.ID] = int32(len(p.code))
	p.code, p.nodes = append(p.code, in), append(p.nodes, n)
}

// jump puts an unconditional jump to n, which is placed.
func (p *placer) jump(n *Node) {
	p.code = append(p.code, bpf.Instruction{Op: bpf.Ja, K: uint32(int32(len(p.code)) - p.at[n.ID] - 1)})
	p.nodes = append(p.nodes, n)
}

// repeat puts a copy of n, which is placed, or a jump there where that is
// shorter: a copied return or conditional jump takes no more room than a jump to
// it, and no time.
func (p *placer) repeat(n *Node) {
	switch {
	case n.IsReturn():
		p.code, p.nodes = append(p.code, bpf.Instruction{Op: n.Op, K: n.K}), append(p.nodes, n)
	case n.Yes != nil && p.reaches(n.Yes) && p.reaches(n.No):
		p.code = append(p.code, bpf.Instruction{Op: n.Op, K: n.K, Jt: p.offset(n.Yes), Jf: p.offset(n.No)})
		p.nodes = append(p.nodes, n)
	default:
		p.jump(n)
	}
}

// reaches reports whether a conditional jump placed next reaches n.
func (p *placer) reaches(n *Node) bool {
	return p.within(p.at[n.ID], 0) || p.within(p.stone[n.ID], 0)
}

// within reports whether a conditional jump placed next, or up to slack later,
// reaches index at.
func (p *placer) within(at int32, slack int) bool {
	return at >= 0 && len(p.code)-int(at)-1 <= maxJump-slack
}

// reach makes sure that a conditional jump placed next, or up to slack later,
// reaches n.
func (p *placer) reach(n *Node, slack int) {
	if p.within(p.at[n.ID], slack) || p.within(p.stone[n.ID], slack) {
		return
	}
	p.stone[n.ID] = int32(len(p.code))
	p.repeat(n)
}

// offset returns how many instructions a conditional jump placed next skips to
// get to n.
func (p *placer) offset(n *Node) uint8 {
	at := p.at[n.ID]
	if !p.within(at, 0) {
		at = p.stone[n.ID]
	}
	return uint8(len(p.code) - int(at) - 1)
}
