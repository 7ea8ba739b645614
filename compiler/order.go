package compiler

import (
	"cmp"
	"math"
)

// An order of terms in interval graphs: arch comes first, then the number, then
// the 64-bit fields of the call in the order given, each with its upper half
// before the lower, or after it where the order says so, and whole words before
// masked ones; expressions come after words and comparisons last. Whatever else,
// terms come in the order of their depths.
type order struct {
	place [numFields]uint8 // by field
	lower [numFields]bool  // by field: whether its lower half comes first
}

// The fields are the instruction pointer and the arguments.
const numFields = 7

var naturalOrder = order{place: [numFields]uint8{0, 1, 2, 3, 4, 5, 6}}

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
	case t.isUpper() == o.lower[f]: // the half that comes second
		return 3 + 2*int(o.place[f])
	}
	return 2 + 2*int(o.place[f])
}

// isUpper reports whether a term is of the upper half of a field, perhaps masked.
func (t *term) isUpper() bool {
	_, ok := t.field()
	return ok && t.y == nil && t.offset%8 == 0 == t.big
}

// manySteps is after how many steps no other order is tried.
const manySteps = 100_000

// search follows a plan in the natural order of the fields and in others, and
// shows what comes out to better. Upper halves first saves asking for lower ones;
// lower halves first leaves the upper ones to the end, where the same is left to ask
// in many rules, that they are 0. So it tries all lower halves first; then it moves
// one field after the other to the front, the one with which the graph is best,
// while that helps; and at last it turns round the halves of one field after the
// other.
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
	fields, halves := usedFields(made)
	halves = halves && b.without != featureHalves
	best := naturalOrder
	if halves {
		o := naturalOrder
		for f := range o.lower {
			o.lower[f] = true
		}
		if better(try(o)) {
			best = o
		}
	}
	for front := 0; front+1 < len(fields); front++ {
		chosen := -1
		for i := front; i < len(fields); i++ {
			if i == front && front > 0 { // as it was
				continue
			}
			if left < 0 {
				return
			}
			o := order{orderOf(moveToFront(fields, front, i)), best.lower}
			if o.place != naturalOrder.place && better(try(o)) {
				chosen = i
			}
		}
		if chosen < 0 {
			break
		}
		fields = moveToFront(fields, front, chosen)
		best.place = orderOf(fields)
	}
	if halves && len(fields) > 1 {
		for _, f := range fields {
			if left < 0 {
				return
			}
			o := best
			o.lower[f] = !o.lower[f]
			if better(try(o)) {
				best = o
			}
		}
	}
}

// usedFields returns the fields whose words n tests, in natural order, and whether
// upper halves are among these.
func usedFields(n *node) (list []uint8, upper bool) {
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
			upper = upper || n.t.isUpper()
		}
		for _, to := range n.to {
			walk(to)
		}
	}
	walk(n)
	for f, yes := range used {
		if yes {
			list = append(list, uint8(f))
		}
	}
	return list, upper
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

// orderOf returns the places of the fields where the listed ones come first.
func orderOf(fields []uint8) (o [numFields]uint8) {
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

// objective estimates what a graph adds to the cost of the whole: the instructions
// executed in the mean, all intervals equally likely but for upper halves, which
// are 0, and those in the program that other roots don't need anyway.
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
		if !b.used[n] {
			size += own + len(n.to) - 1
		}
		zero, m := 0.0, 0.0
		for i, to := range n.to {
			way := walk(to)
			if i == 0 {
				zero = way
			}
			m += way
		}
		m /= float64(len(n.to))
		if n.t.isUpper() {
			m = zero
		}
		m += float64(own) + math.Log2(float64(len(n.to)))
		mean[n] = m
		return m
	}
	return shareArguments*walk(n) + b.size*float64(size)
}
