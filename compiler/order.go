package compiler

import (
	"cmp"
	"math"
)

// An order of terms in interval graphs: arch comes first, then the number, then
// the 64-bit fields of the call in the order given, each with its upper half
// before the lower and whole words before masked ones; expressions come after
// words and comparisons last. Whatever else, terms come in the order of their
// depths.
type order [numFields]uint8 // by field: its place

// The fields are the instruction pointer and the arguments.
const numFields = 7

var naturalOrder = order{0, 1, 2, 3, 4, 5, 6}

// field returns which field a term is a word of, perhaps masked.
func (t *term) field() (int, bool) {
	if t.expr != nil || t.offset < offsetIP {
		return 0, false
	}
	return int(t.offset-offsetIP) / 8, true
}

func (o *order) before(t, u *term) bool {
	return cmp.Or(
		cmp.Compare(t.depth, u.depth),
		cmp.Compare(o.rank(t), o.rank(u)),
		cmp.Compare(u.mask, t.mask),
		cmp.Compare(t.id, u.id),
	) < 0
}

func (o *order) rank(t *term) int {
	f, ok := t.field()
	switch {
	case t.y != nil:
		return 4 + 2*numFields
	case t.expr != nil:
		return 3 + 2*numFields
	case t.offset == offsetArch:
		return 0
	case !ok:
		return 1
	case t.offset%8 == 0 != t.big: // the lower half
		return 3 + 2*int(o[f])
	}
	return 2 + 2*int(o[f])
}

// manySteps is after how many steps no other order is tried.
const manySteps = 100_000

// search follows a plan in the natural order of the fields and in others, and
// shows what comes out to better. It moves one field after the other to the
// front, the one with which the graph is best, while that helps.
func (b *builder) search(plan []step, allowed int, better func(*node) bool) {
	left := manySteps
	try := func(o order) *node {
		b.order, b.steps = o, allowed
		made := b.follow(plan)
		b.order, left = naturalOrder, left-(allowed-b.steps)
		return made
	}
	made := try(naturalOrder)
	better(made)
	if made == nil || b.without == featureOrder {
		return
	}
	fields := usedFields(made)
	for front := 0; front+1 < len(fields); front++ {
		chosen := -1
		for i := front; i < len(fields); i++ {
			if i == front && front > 0 { // as it was
				continue
			}
			if left < 0 {
				return
			}
			if o := orderOf(moveToFront(fields, front, i)); o != naturalOrder && better(try(o)) {
				chosen = i
			}
		}
		if chosen < 0 {
			break
		}
		fields = moveToFront(fields, front, chosen)
	}
}

// usedFields returns the fields whose words n tests, in natural order.
func usedFields(n *node) []uint8 {
	var used [numFields]bool
	seen := map[*node]bool{}
	var walk func(n *node)
	walk = func(n *node) {
		if n.t == nil || seen[n] {
			return
		}
		seen[n] = true
		if f, ok := n.t.field(); ok {
			used[f] = true
		}
		for _, to := range n.to {
			walk(to)
		}
	}
	walk(n)
	var list []uint8
	for f, yes := range used {
		if yes {
			list = append(list, uint8(f))
		}
	}
	return list
}

// moveToFront returns the list with element i moved to place front.
func moveToFront(list []uint8, front, i int) []uint8 {
	out := append([]uint8{}, list[:front]...)
	out = append(out, list[i])
	for j := front; j < len(list); j++ {
		if j != i {
			out = append(out, list[j])
		}
	}
	return out
}

// orderOf returns the order in which the listed fields come first.
func orderOf(fields []uint8) order {
	var o order
	var listed [numFields]bool
	place := uint8(0)
	for _, f := range fields {
		o[f], listed[f] = place, true
		place++
	}
	for f := range o {
		if !listed[f] {
			o[f] = place
			place++
		}
	}
	return o
}

// objective estimates what a graph costs: the instructions executed in the mean,
// all intervals equally likely, and those in the program.
func (b *builder) objective(n *node) float64 {
	size := 0
	mean := map[*node]float64{}
	var walk func(n *node) float64
	walk = func(n *node) float64 {
		if n.t == nil {
			return 0
		}
		if m, ok := mean[n]; ok {
			return m
		}
		own := instructions(n.t.expr) + instructions(n.t.y) + 1
		size += own + len(n.to) - 1
		m := 0.0
		for _, to := range n.to {
			m += walk(to)
		}
		m = m/float64(len(n.to)) + float64(own) + math.Log2(float64(len(n.to)))
		mean[n] = m
		return m
	}
	return walk(n) + b.size*float64(size)
}
