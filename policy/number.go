package policy

import (
	"secco/linux"
	"secco/source"
)

// Part is the graph of the numbers from one on, up to where the next part begins.
type Part struct {
	From uint32
	Node *Node
}

// ByNumber returns the graph that decides each number as its part does. The parts
// are in order, and the first is that of all numbers below the second.
func (b *Builder) ByNumber(parts []Part) *Node {
	if len(parts) == 1 {
		return parts[0].Node
	}
	half := len(parts) / 2
	high, low := b.ByNumber(parts[half:]), b.ByNumber(parts[:half])
	return b.Test(CmpGe, b.Word(linux.WordNR), b.Const(parts[half].From), high, low, source.Span{})
}
