package compiler

import (
	"secco/linux"
)

// eval returns what an interval graph decides.
func (n *node) eval(d *linux.SeccompData) linux.Action {
	for n.t != nil {
		n = n.at(n.t.eval(d))
	}
	return n.action
}

// eval returns the value of the term.
func (t *term) eval(d *linux.SeccompData) uint32 {
	if t.expr == nil {
		w, _ := linux.WordAt(t.offset, bigEndian(d.Arch))
		return d.Word(w) & t.mask
	}
	x := t.expr.Eval(d)
	if t.y == nil {
		return x & t.mask
	}
	if t.cmp.Holds(x, t.y.Eval(d)) {
		return 1
	}
	return 0
}
