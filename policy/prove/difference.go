package prove

import (
	"errors"

	"secco/linux"
	"secco/policy/diagram"
)

// Difference is calls of one range of numbers for which a does one thing and b
// another.
type Difference struct {
	Calls diagram.Calls
	A, B  linux.Action // effects
	// When says which of the calls; a single term without factors is all of them.
	When []diagram.Term
	// Vague says why When is empty: the condition could not be put into few words.
	// The difference itself is proved.
	Vague   string
	Witness Witness
}

// Condition returns When in words of the policy language, or "" for all calls.
func (d *Difference) Condition() string {
	switch {
	case d.Vague != "":
		return "a condition that is too long: " + d.Vague
	case len(d.When) == 1 && len(d.When[0]) == 0:
		return ""
	}
	if arch, ok := linux.ArchOf(d.Calls.Arch.Lo, d.Calls.NR.Lo); ok && d.Calls.Arch.Lo == d.Calls.Arch.Hi && d.Calls.NR.Lo == d.Calls.NR.Hi {
		return diagram.TermsText(d.When, diagram.NamesOf(arch, d.Calls.NR.Lo))
	}
	return diagram.TermsString(d.When)
}

// Report lists all differences between two filters.
type Report struct {
	Differences []Difference
	// Undecided are the slices about which nothing is known, with the reasons.
	Undecided []UndecidedCalls
}

// UndecidedCalls are calls about which nothing could be proved.
type UndecidedCalls struct {
	Calls  diagram.Calls
	Reason string
}

// maxConditions is how many conditions When may have.
const maxConditions = 64

// Differences returns every difference between a and b: without one, and without
// undecided calls, they are proved equal. Neighbouring numbers that differ in the
// same way are one Difference. Every one has a witness.
func Differences(a, b Filter, o Options) (*Report, error) {
	c := newComparison(a, b, o)
	report := &Report{}
	for _, calls := range c.slices(o.Arches, true) {
		found, err := c.differences(calls, len(report.Undecided) > 0)
		switch {
		case isLimit(err):
			report.Undecided = append(report.Undecided, UndecidedCalls{calls, err.Error()})
		case err != nil:
			return nil, err
		}
		report.add(found)
	}
	return report, nil
}

// differences returns those of a slice. Beside an error that something could not be
// decided, what it returns is true, but not all.
func (c *comparison) differences(calls diagram.Calls, brief bool) ([]Difference, error) {
	f, g, ok := c.constants(calls)
	if ok {
		return c.list(f, g)
	}
	w, err := c.settle(calls, different, brief)
	if w == nil || err != nil {
		return nil, err
	}
	if f, g, err = c.diagrams(calls, exact); err == nil {
		return c.list(f, g)
	}
	return []Difference{{Calls: calls, A: w.A, B: w.B, Vague: err.Error(), Witness: *w}}, err
}

// list returns the differences between two diagrams.
func (c *comparison) list(f, g diagram.Ref) ([]Difference, error) {
	if w, err := c.judge(f, g, different); w == nil || err != nil {
		return nil, err
	}
	var list []Difference
	var failed error
	err := c.space.Do(func() {
		for _, x := range c.space.Actions(f) {
			inF := c.space.Where(f, x)
			for _, y := range c.space.Actions(g) {
				if x == y {
					continue
				}
				where := c.space.And(inF, c.space.Where(g, y))
				call, ok := c.space.Member(where, c.first())
				if !ok {
					continue
				}
				w, err := c.check(f, g, call)
				if err != nil {
					failed = err
					return
				}
				d := Difference{Calls: c.space.Calls(), A: x, B: y, Witness: *w}
				if d.When, err = diagram.SetOf(c.space, where).Terms(maxConditions); err != nil {
					d.When, d.Vague = nil, err.Error()
				}
				list = append(list, d)
			}
		}
	})
	return list, errors.Join(err, failed)
}

// add appends the differences of a slice, or widens those of the slice before.
func (r *Report) add(found []Difference) {
	n := len(r.Differences)
	if n < len(found) || len(found) == 0 {
		r.Differences = append(r.Differences, found...)
		return
	}
	before := r.Differences[n-len(found):]
	for i := range found {
		x, y := &before[i], &found[i]
		if x.Calls.Arch != y.Calls.Arch || x.Calls.NR.Hi+1 != y.Calls.NR.Lo || archString(x.Calls) != archString(y.Calls) || x.A != y.A || x.B != y.B ||
			x.Vague != "" || y.Vague != "" || x.Condition() != y.Condition() {
			r.Differences = append(r.Differences, found...)
			return
		}
	}
	for i := range found {
		before[i].Calls.NR.Hi = found[i].Calls.NR.Hi
	}
}
