// Package prove decides, for all of the 2^512 possible calls, whether two
// filters do the same, or whether one is at least as strict as the other. An
// answer other than Undecided holds for every call: a proof or a call that shows
// the difference, which has been run through both filters.
//
// # How
//
// The architectures and numbers that a filter compares with cut the calls into
// slices, within which both filters look at the arguments only. Most slices end
// in one action on both sides, which no diagram is needed for. For the others
// both filters become diagrams (package diagram) in one space, with an order of
// variables made for what this slice looks at: they do the same exactly where the
// diagrams are one, and any path to a leaf of the diagram of where they differ is
// a call that shows it.
//
// Products and the like have no small diagrams. That both filters compute the same
// ones is shown without them, in an abstract space (see diagram.Space.Abstract).
// Nor have long lists of conditions on several arguments. A slice with such
// goes to a SAT solver as a circuit (package circuit).
//
// Nothing is assumed about architectures or numbers: a slice may be a range of
// them, whose bits are variables as those of arguments are. All values of both are
// covered, those that no kernel knows included.
//
// # What it trusts
//
// That the diagram, or the circuit, of a program is what the program does. It is
// checked all the time against the emulator (policies: against policy.Eval), which knows nothing
// of either: on calls of every slice, and on every witness. A disagreement is an
// [InternalError], never an answer.
package prove

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"secco/linux"
	"secco/policy/circuit"
	"secco/policy/diagram"
)

// Verdict is the answer of a proof.
type Verdict uint8

// The verdicts. The zero Verdict claims nothing.
const (
	Undecided Verdict = iota // the budget did not suffice
	Equal                    // both do the same with every call
	Stricter                 // what a does never comes behind what b does, and they are not known to be equal
	Different                // there is a call that shows otherwise
)

// String returns the verdict as one word.
func (v Verdict) String() string {
	return [...]string{"undecided", "equal", "stricter", "different"}[v]
}

// Witness is a call with which two filters do different things.
type Witness struct {
	Call linux.SeccompData
	A, B linux.Action // effects
}

// String returns the call and both actions on one line.
func (w Witness) String() string {
	return fmt.Sprintf("%s: %v against %v", CallString(&w.Call), w.A, w.B)
}

// Result is a verdict and what stands behind it.
type Result struct {
	Verdict Verdict
	Witness *Witness // of Different; of Stricter: where they differ, nil if that is not decided
	Reason  string   // what could not be decided, and why
}

// Options are limits and the question's scope. The zero Options is ready for use.
type Options struct {
	// Limits bounds the diagrams. Steps and States are for the whole proof, Nodes
	// for what is alive at once. A solver takes ten seconds at most, and less in the
	// proportion in which Steps are fewer than [diagram.DefaultSteps].
	Limits diagram.Limits
	// Arches, where not empty, are the architectures that the question is about;
	// else it is about all, those unknown to this package included.
	Arches []linux.Arch
}

// InternalError says that a proof and the machine that it is checked against
// disagree: secco is wrong.
type InternalError struct{ What string }

func (e *InternalError) Error() string { return "internal error in the proof: " + e.What }

// Equivalent proves that a and b do the same with every call: the verdict is
// Equal, Different or Undecided. What an action's data does not change (see
// linux.Action.Effect) is no difference.
func Equivalent(a, b Filter, o Options) (Result, error) {
	return compare(a, b, o, different)
}

// AtLeastAsStrict proves that what a does with a call never comes behind what b
// does with it in the kernel's precedence, kill_process … allow; errnos are not
// ranked. The verdict is Equal, Stricter, Different or Undecided. Different comes
// with a call for which a is laxer.
func AtLeastAsStrict(a, b Filter, o Options) (Result, error) {
	r, err := compare(a, b, o, laxer)
	if err != nil || r.Verdict != Equal {
		return r, err
	}
	same, err := Equivalent(a, b, o)
	switch {
	case err != nil:
		return Result{}, err
	case same.Verdict == Equal:
		return same, nil
	}
	return Result{Verdict: Stricter, Witness: same.Witness, Reason: same.Reason}, nil
}

// identical reports whether two filters are one, or the same program: whatever that
// computes, no relation that is asked about holds between an action and itself.
func identical(a, b Filter) bool {
	p, ok := a.(*program)
	q, same := b.(*program)
	return a == b || ok && same && slices.Equal(p.code, q.code)
}

// settle returns a call of a slice for which what is to be proved is violated, nil
// where there is none. It tries what is quick first: diagrams within a small part
// of the limits, and the solver for a moment. Where others were given up already it
// leaves it at that.
func (c *comparison) settle(calls diagram.Calls, violates relation, brief bool) (*Witness, error) {
	var question *circuit.Question
	diagrams := func() (*Witness, error) {
		if c.space.Exhausted() {
			return nil, errExhausted
		}
		return c.decide(calls, violates)
	}
	solver := func(patience time.Duration) (*Witness, error) {
		if question == nil {
			return nil, errUnsolved
		}
		return c.answer(question, calls, violates, patience)
	}
	c.space.Frugal, c.hard = true, false
	w, limit := diagrams()
	if !isLimit(limit) {
		return w, limit
	}
	question, err := c.ask(calls, violates)
	if err != nil && !isLimit(err) {
		return nil, err
	}
	if w, err = solver(shortLook); !isLimit(err) {
		return w, err
	}
	if brief {
		return nil, limit
	}
	c.space.Frugal = false
	if c.hard { // larger diagrams will hardly do
		if w, err = solver(longLook); !isLimit(err) {
			return w, err
		}
	}
	if w, err = diagrams(); !isLimit(err) || c.hard {
		return w, err
	}
	if w, err = solver(longLook); !isLimit(err) {
		return w, err
	}
	return nil, limit
}

var errExhausted = errors.New("the steps are used up")

// isLimit reports whether an error says that something was not decided within
// bounds.
func isLimit(err error) bool {
	var limit *diagram.LimitError
	return errors.As(err, &limit) || errors.Is(err, errExhausted) || errors.Is(err, errUnsolved) || errors.Is(err, circuit.ErrComputed)
}

// relation returns where two diagrams violate what is to be proved.
type relation func(s *diagram.Space, f, g diagram.Ref) diagram.Ref

func different(s *diagram.Space, f, g diagram.Ref) diagram.Ref { return s.Differ(f, g) }

func laxer(s *diagram.Space, f, g diagram.Ref) diagram.Ref { return s.Laxer(f, g) }

// comparison is one proof.
type comparison struct {
	a, b  Filter
	space *diagram.Space
	rand  *rand.Rand // for checks; always the same

	patience time.Duration // with solvers
	hard     bool          // whether something computed in the slice has no small diagram
}

func newComparison(a, b Filter, o Options) *comparison {
	space := diagram.NewSpace(diagram.AllCalls(), diagram.Plain, o.Limits)
	c := &comparison{a: a, b: b, space: space, rand: rand.New(rand.NewPCG(1, 2)), patience: longLook}
	if steps := o.Limits.Steps; 0 < steps && steps < diagram.DefaultSteps {
		c.patience = c.patience * time.Duration(steps) / diagram.DefaultSteps
	}
	return c
}

func compare(a, b Filter, o Options, violates relation) (Result, error) {
	if identical(a, b) {
		return Result{Verdict: Equal}, nil
	}
	c := newComparison(a, b, o)
	var hard []diagram.Calls
	for _, calls := range c.slices(o.Arches, false) {
		f, g, ok := c.constants(calls)
		if !ok {
			hard = append(hard, calls)
			continue
		}
		w, err := c.judge(f, g, violates)
		if err != nil {
			return Result{}, err
		}
		if w != nil {
			return Result{Verdict: Different, Witness: w}, nil
		}
	}
	var undecided []diagram.Calls
	var reason error
	for _, calls := range hard {
		w, err := c.settle(calls, violates, reason != nil)
		switch {
		case isLimit(err):
			if undecided = append(undecided, calls); reason == nil {
				reason = err
			}
		case err != nil:
			return Result{}, err
		case w != nil:
			return Result{Verdict: Different, Witness: w}, nil
		}
	}
	if len(undecided) == 0 {
		return Result{Verdict: Equal}, nil
	}
	if w := c.search(undecided, violates); w != nil {
		return Result{Verdict: Different, Witness: w}, nil
	}
	more := ""
	if n := len(undecided) - 1; n > 0 {
		more = fmt.Sprintf(" (and %d more)", n)
	}
	return Result{Reason: fmt.Sprintf("%s%s: %v", CallsString(undecided[0]), more, reason)}, nil
}

// slices returns the slices of the calls that the question is about, those of
// known architectures first. Where all is false, one of several architectures that
// neither filter tells apart stands for all of them.
func (c *comparison) slices(arches []linux.Arch, all bool) []diagram.Calls {
	seesArch := false
	cut := func(calls diagram.Calls, cuts *diagram.Cuts) {
		c.a.cut(calls, cuts)
		c.b.cut(calls, cuts)
		if all && calls.Arch == diagram.One(linux.X86_64.Audit()) {
			numbersOfX32.Cut(cuts.NR)
		}
		seesArch = seesArch || cuts.SeesArch
	}
	var scope []diagram.Calls
	if len(arches) > 0 {
		for _, a := range arches {
			scope = append(scope, callsOf(a)...)
		}
	} else {
		cuts := diagram.NewCuts()
		cut(diagram.AllCalls(), cuts)
		known := map[uint32]bool{}
		for _, a := range linux.Arches() {
			audit := a.Audit()
			if all {
				diagram.One(audit).Cut(cuts.Arch)
			}
			if !known[audit] && cuts.Arch[audit] && cuts.Arch[audit+1] {
				known[audit] = true
				scope = append(scope, diagram.Calls{Arch: diagram.One(audit), NR: diagram.All()})
			}
		}
		for _, r := range diagram.Ranges(diagram.All(), cuts.Arch) {
			if !known[r.Lo] {
				scope = append(scope, diagram.Calls{Arch: r, NR: diagram.All()})
			}
		}
	}
	var list []diagram.Calls
	// What does not look at arch is the same for all; one range stands for the others
	// of its byte order, or for those of the other, too.
	blind := map[bool]bool{}
	mirrored := c.a.mirrored() && c.b.mirrored()
	for _, calls := range scope {
		seesArch = false
		parts := diagram.Slices(calls, cut)
		if len(arches) == 0 && !all && !seesArch {
			big := calls.BigEndian() && !mirrored
			if blind[big] {
				continue
			}
			blind[big] = true
		}
		list = append(list, parts...)
	}
	return list
}

// numbersOfX32 are those of x86_64's numbers that are x32's.
var numbersOfX32 = diagram.Range{Lo: linux.X32Bit, Hi: 0xfffffffe}

// callsOf returns the calls of an architecture.
func callsOf(a linux.Arch) []diagram.Calls {
	arch := diagram.One(a.Audit())
	switch a {
	case linux.X32:
		return []diagram.Calls{{Arch: arch, NR: numbersOfX32}}
	case linux.X86_64:
		return []diagram.Calls{{Arch: arch, NR: diagram.Range{Hi: numbersOfX32.Lo - 1}}, {Arch: arch, NR: diagram.One(numbersOfX32.Hi + 1)}}
	}
	return []diagram.Calls{{Arch: arch, NR: diagram.All()}}
}

// constants makes the space that of a slice and returns both filters' constant
// actions, where both are easily seen to have one.
func (c *comparison) constants(calls diagram.Calls) (f, g diagram.Ref, ok bool) {
	c.space.Reset(calls, diagram.Plain)
	err := c.space.Do(func() {
		var x, y linux.Action
		if x, ok = c.a.constant(c.space); !ok {
			return
		}
		if y, ok = c.b.constant(c.space); !ok {
			return
		}
		f, g = c.space.Leaf(x), c.space.Leaf(y)
	})
	return f, g, ok && err == nil
}

// decide returns a call of a slice for which what is to be proved is violated, nil
// where there is none.
func (c *comparison) decide(calls diagram.Calls, violates relation) (*Witness, error) {
	for _, how := range [...]space{abstract, abstractTests} {
		f, g, err := c.diagrams(calls, how)
		if err != nil {
			continue
		}
		if c.space.Exact() {
			return c.judge(f, g, violates)
		}
		holds := false
		err = c.space.Do(func() { holds = c.space.And(c.space.Domain(), violates(c.space, f, g)) == diagram.False })
		if err == nil && holds {
			return nil, c.tryOut(violates)
		}
	}
	f, g, err := c.diagrams(calls, exact)
	if err != nil {
		return nil, err
	}
	return c.judge(f, g, violates)
}

// space is how much of what filters compute is abstracted.
type space uint8

const (
	exact         space = iota
	abstract            // what has no small diagram in general
	abstractTests       // tests of two arguments, too
)

// diagrams makes the space that of a slice, and both filters' diagrams in it.
func (c *comparison) diagrams(calls diagram.Calls, how space) (f, g diagram.Ref, err error) {
	var m diagram.Meetings
	c.a.meet(calls, &m)
	c.b.meet(calls, &m)
	c.space.Reset(calls, m.Order())
	if how != exact {
		c.space.Abstract(how == abstractTests)
	}
	err = c.space.Do(func() { f, g = c.a.build(c.space), c.b.build(c.space) })
	c.hard = c.hard || how == abstract && !c.space.Exact()
	return f, g, err
}

// tryOut runs calls of the slice, for which what is to be proved must hold.
func (c *comparison) tryOut(violates relation) error {
	for _, d := range [...]linux.SeccompData{c.first(), c.any(), c.any()} {
		if w := c.run(d, violates); w != nil {
			return &InternalError{fmt.Sprintf("%s, but the diagrams say otherwise", w)}
		}
	}
	return nil
}

// run returns a witness where a call violates what is to be proved.
func (c *comparison) run(d linux.SeccompData, violates relation) *Witness {
	w := &Witness{d, c.a.Run(&d), c.b.Run(&d)}
	if violates(c.space, c.space.Leaf(w.A), c.space.Leaf(w.B)) == diagram.True {
		return w
	}
	return nil
}

// judge returns a call of the slice for which what is to be proved is violated,
// nil where there is none.
func (c *comparison) judge(f, g diagram.Ref, violates relation) (*Witness, error) {
	var call linux.SeccompData
	found := false
	err := c.space.Do(func() {
		if f != g {
			call, found = c.space.Member(violates(c.space, f, g), c.first())
		}
	})
	if err != nil {
		return nil, err
	}
	if !found {
		// The first call of the slice, and any other.
		for _, d := range [...]linux.SeccompData{c.first(), c.any()} {
			if _, err := c.check(f, g, d); err != nil {
				return nil, err
			}
		}
		return nil, nil
	}
	return c.check(f, g, call)
}

// first returns the slice's call with the smallest values.
func (c *comparison) first() linux.SeccompData {
	calls := c.space.Calls()
	return linux.SeccompData{NR: calls.NR.Lo, Arch: calls.Arch.Lo}
}

// any returns some call of the slice.
func (c *comparison) any() linux.SeccompData {
	calls := c.space.Calls()
	pick := func(r diagram.Range) uint32 { return r.Lo + uint32(c.rand.Uint64N(uint64(r.Hi-r.Lo)+1)) }
	d := linux.SeccompData{NR: pick(calls.NR), Arch: pick(calls.Arch), IP: c.rand.Uint64()}
	for i := range d.Args {
		d.Args[i] = c.rand.Uint64() >> (8 * c.rand.IntN(8))
	}
	return d
}

// check runs a call through both filters and returns what they do with it, which
// must be what the diagrams say.
func (c *comparison) check(f, g diagram.Ref, d linux.SeccompData) (*Witness, error) {
	w := &Witness{d, c.a.Run(&d), c.b.Run(&d)}
	if x, y := c.space.Eval(f, &d), c.space.Eval(g, &d); x != w.A || y != w.B || !c.space.Calls().Has(&d) {
		return nil, &InternalError{fmt.Sprintf("%s, but the diagrams say %v and %v", w, x, y)}
	}
	return w, nil
}
