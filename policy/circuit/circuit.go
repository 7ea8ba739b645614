// Package circuit answers questions about filters whose diagrams are too large.
//
// A decision diagram has a node for every state between the bits of a call that a
// filter can tell apart; where rules test many pairs of arguments, these are the
// products of what each argument can be. A circuit only computes: every instruction,
// and every node of a graph, is a few gates, so that it is never larger than the
// filter by more than a factor. What it takes longer is the answer: a SAT
// solver looks for a call, and finds that there is none by learning why.
package circuit

import (
	"maps"
	"slices"
	"time"

	"github.com/go-air/gini"
	"github.com/go-air/gini/logic"
	"github.com/go-air/gini/z"

	"secco/linux"
	"secco/policy/diagram"
)

// MaxGates bounds a circuit.
const MaxGates = 1 << 20

// Circuit holds what filters do with a slice of the calls. It is not safe for
// concurrent use.
type Circuit struct {
	gates *logic.C
	calls diagram.Calls
	words [linux.NumWords]Value
	among z.Lit // whether the inputs are a call of the slice
}

// Value is a 32-bit number, the lowest bit first.
type Value [32]z.Lit

// Outcome says for each action that a filter has for the slice when it takes it.
// Exactly one holds for each call.
type Outcome map[linux.Action]z.Lit

// New returns an empty circuit for functions on the given calls.
func New(calls diagram.Calls) *Circuit {
	c := &Circuit{gates: logic.NewC(), calls: calls}
	c.among = c.gates.T
	for w := range linux.Word(linux.NumWords) {
		r := diagram.All()
		switch w {
		case linux.WordArch:
			r = calls.Arch
		case linux.WordNR:
			r = calls.NR
		}
		if r.Lo == r.Hi {
			c.words[w] = c.Const(r.Lo)
			continue
		}
		for i := range c.words[w] {
			c.words[w][i] = c.gates.Lit()
		}
		if r != diagram.All() {
			c.among = c.gates.Ands(c.among, c.atLeast(c.words[w], c.Const(r.Lo)), c.atLeast(c.Const(r.Hi), c.words[w]))
		}
	}
	return c
}

// Calls returns the calls that the circuit is about.
func (c *Circuit) Calls() diagram.Calls { return c.calls }

// check panics where the circuit has grown too large; bounded turns that into an
// error.
func (c *Circuit) check() {
	if c.gates.Len() > MaxGates {
		panic(&diagram.LimitError{What: "gates", Max: MaxGates})
	}
}

func bounded(err *error) {
	r := recover()
	limit, ok := r.(*diagram.LimitError)
	switch {
	case r == nil:
	case ok:
		*err = limit
	default:
		panic(r)
	}
}

// Join returns what a filter does that picks one of two others' actions.
func (c *Circuit) Join(a, b Outcome, pick func(a, b linux.Action) linux.Action) Outcome {
	joined := Outcome{}
	c.pairs(a, b, func(x, y linux.Action, both z.Lit) {
		action := pick(x, y)
		joined[action] = c.or(joined[action], both)
	})
	return joined
}

// A Question is whether there is a call of the slice with whose actions a relation
// holds.
type Question struct {
	circuit *Circuit
	solver  *gini.Gini
	never   bool // it holds by the form of the circuit
}

// Ask returns the question about what two filters do.
func (c *Circuit) Ask(a, b Outcome, holds func(a, b linux.Action) bool) *Question {
	where := c.gates.F
	c.pairs(a, b, func(x, y linux.Action, both z.Lit) {
		if holds(x, y) {
			where = c.gates.Or(where, both)
		}
	})
	where = c.gates.And(where, c.among)
	q := &Question{circuit: c, solver: gini.New(), never: where == c.gates.F}
	if !q.never {
		c.gates.ToCnfFrom(q.solver, where)
		q.solver.Add(where)
		q.solver.Add(z.LitNull)
	}
	return q
}

// Try looks for such a call, nil where there is none. known is false where that was
// not found out within the time; another Try goes on from there.
func (q *Question) Try(patience time.Duration) (call *linux.SeccompData, known bool) {
	if q.never {
		return nil, true
	}
	switch q.solver.Try(patience) {
	case 0:
		return nil, false
	case -1:
		return nil, true
	}
	call = &linux.SeccompData{}
	for w, bits := range q.circuit.words {
		var k uint32
		for i, bit := range bits {
			if q.value(bit) {
				k |= 1 << i
			}
		}
		diagram.SetWord(call, linux.Word(w), k)
	}
	return call, true
}

// value returns what the solver gave a bit of the call. One that the question does
// not depend on is none of the solver's.
func (q *Question) value(bit z.Lit) bool {
	switch bit {
	case q.circuit.gates.T:
		return true
	case q.circuit.gates.F:
		return false
	}
	return bit.Var() <= q.solver.MaxVar() && q.solver.Value(bit)
}

// pairs calls f for each pair of actions that two filters can have for one call, in
// a fixed order.
func (c *Circuit) pairs(a, b Outcome, f func(x, y linux.Action, both z.Lit)) {
	for _, x := range slices.Sorted(maps.Keys(a)) {
		for _, y := range slices.Sorted(maps.Keys(b)) {
			if both := c.gates.And(a[x], b[y]); both != c.gates.F {
				f(x, y, both)
			}
		}
	}
}

// or is Or that takes a missing literal for false.
func (c *Circuit) or(a, b z.Lit) z.Lit {
	if a == z.LitNull {
		return b
	}
	return c.gates.Or(a, b)
}
