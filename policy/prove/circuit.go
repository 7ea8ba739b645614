package prove

import (
	"errors"
	"fmt"
	"time"

	"secco/linux"
	"secco/policy/circuit"
	"secco/policy/diagram"
	"secco/policy/worktime"
)

// How long a solver may look for a call: between attempts with diagrams, and in all
// of a proof that has diagram.DefaultSteps; with fewer it is less.
const (
	shortLook = time.Second
	longLook  = 10 * time.Second
	look      = 200 * time.Millisecond // at once
)

// ask puts what is to be decided about a slice to a solver: what has no small
// diagram may still have a simple reason to hold.
func (c *comparison) ask(calls diagram.Calls, violates relation) (*circuit.Question, error) {
	gates := circuit.New(calls)
	a, err := c.a.circuit(gates)
	if err != nil {
		return nil, err
	}
	b, err := c.b.circuit(gates)
	if err != nil {
		return nil, err
	}
	return gates.Ask(a, b, func(x, y linux.Action) bool {
		return violates(c.space, c.space.Leaf(x), c.space.Leaf(y)) == diagram.True
	}), nil
}

// answer is decide by a solver, which may take so long, and no longer than there is
// left of the proof's time.
func (c *comparison) answer(q *circuit.Question, calls diagram.Calls, violates relation, most time.Duration) (*Witness, error) {
	call, known := q.Try(0)
	for most = min(most, c.patience); !known && most > 0; {
		start := worktime.Now()
		call, known = q.Try(min(look, most))
		took := worktime.Since(start)
		most -= took
		c.patience -= took
	}
	c.space.Reset(calls, diagram.Plain)
	switch {
	case !known:
		return nil, errUnsolved
	case call == nil:
		return nil, c.tryOut(violates)
	}
	w := c.run(*call, violates)
	if w == nil || !calls.Has(call) {
		return nil, &InternalError{fmt.Sprintf("the circuits differ for %s, the filters don't", CallString(call))}
	}
	return w, nil
}

var errUnsolved = errors.New("the solver's time is used up")
