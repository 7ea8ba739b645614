package prove

import (
	"errors"
	"fmt"
	"slices"
	"strings"

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
	for _, calls := range c.slices(o.Arches) {
		if c.space.Exhausted() {
			report.Undecided = append(report.Undecided, UndecidedCalls{calls, errExhausted.Error()})
			continue
		}
		found, err := c.differences(calls)
		var limit *diagram.LimitError
		switch {
		case errors.As(err, &limit):
			report.Undecided = append(report.Undecided, UndecidedCalls{calls, limit.Error()})
		case err != nil:
			return nil, err
		}
		report.add(found)
	}
	return report, nil
}

// differences returns those of a slice.
func (c *comparison) differences(calls diagram.Calls) ([]Difference, error) {
	f, g, ok := c.constants(calls)
	if ok {
		return c.list(f, g)
	}
	if w, err := c.decide(calls, different); w == nil || err != nil {
		return nil, err
	}
	f, g, err := c.diagrams(calls, exact)
	if err != nil {
		return nil, err
	}
	return c.list(f, g)
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
		if x.Calls.Arch != y.Calls.Arch || x.Calls.NR.Hi+1 != y.Calls.NR.Lo || x.A != y.A || x.B != y.B ||
			x.Vague != "" || y.Vague != "" || x.Condition() != y.Condition() {
			r.Differences = append(r.Differences, found...)
			return
		}
	}
	for i := range found {
		before[i].Calls.NR.Hi = found[i].Calls.NR.Hi
	}
}

// String returns the report for people: per architecture the syscalls, what
// changes, and under which condition.
func (r *Report) String() string {
	var b strings.Builder
	texts := r.texts()
	for i, t := range texts {
		if i == 0 || !slices.Equal(t.arches, texts[i-1].arches) {
			fmt.Fprintf(&b, "%s:\n", strings.Join(t.arches, ", "))
		}
		fmt.Fprintf(&b, "    %s: %s\n", strings.Join(t.syscalls, ", "), t.change)
	}
	for _, u := range r.Undecided {
		fmt.Fprintf(&b, "undecided: %s: %s\n", CallsString(u.Calls), u.Reason)
	}
	return b.String()
}

// text is syscalls with the same change.
type text struct {
	arches, syscalls []string
	change           string
}

// texts returns what is to be said: the syscalls of an architecture that change
// alike once, and architectures of which the same is to be said together.
func (r *Report) texts() []text {
	var list []text
	for i := range r.Differences {
		d := &r.Differences[i]
		change := fmt.Sprintf("%v -> %v", d.A, d.B)
		if condition := d.Condition(); condition != "" {
			change += " where " + condition
		}
		for _, calls := range byArch(d.Calls) {
			arch := archString(calls)
			i := slices.IndexFunc(list, func(t text) bool { return t.arches[0] == arch && t.change == change })
			if i < 0 {
				i = len(list)
				list = append(list, text{arches: []string{arch}, change: change})
			}
			list[i].syscalls = append(list[i].syscalls, numbersString(calls)...)
		}
	}
	var merged []text
	for _, t := range list {
		slices.Sort(t.syscalls)
		i := slices.IndexFunc(merged, func(m text) bool {
			return m.change == t.change && slices.Equal(m.syscalls, t.syscalls) && !slices.Contains(m.arches, t.arches[0])
		})
		if i < 0 {
			merged = append(merged, t)
		} else {
			merged[i].arches = append(merged[i].arches, t.arches[0])
		}
	}
	first := map[string]int{}
	for i, t := range slices.Backward(merged) {
		first[strings.Join(t.arches, ",")] = i
	}
	slices.SortStableFunc(merged, func(a, b text) int {
		return first[strings.Join(a.arches, ",")] - first[strings.Join(b.arches, ",")]
	})
	return merged
}

// byArch splits calls where the numbers of x86_64 become x32's and back.
func byArch(c diagram.Calls) []diagram.Calls {
	if c.Arch != diagram.One(linux.X86_64.Audit()) {
		return []diagram.Calls{c}
	}
	cuts := map[uint32]bool{linux.X32Bit: true, 0xffffffff: true}
	var list []diagram.Calls
	for _, r := range diagram.Ranges(c.NR, cuts) {
		list = append(list, diagram.Calls{Arch: c.Arch, NR: r})
	}
	return list
}

// maxNames is up to how many numbers a range is listed by names.
const maxNames = 512

// numbersString returns the syscalls of a range of numbers: by name, as far as
// there are names, then those without as ranges.
func numbersString(c diagram.Calls) []string {
	span := func(lo, hi uint32) string {
		switch {
		case lo == 0 && hi == 0xffffffff:
			return "all syscalls"
		case lo == hi:
			return fmt.Sprintf("%d", lo)
		}
		return fmt.Sprintf("%d..%d", lo, hi)
	}
	arch, known := linux.ArchOf(c.Arch.Lo, c.NR.Lo)
	if !known || c.Arch.Lo != c.Arch.Hi || c.NR.Hi-c.NR.Lo >= maxNames {
		return []string{span(c.NR.Lo, c.NR.Hi)}
	}
	var list []string
	from, open := uint32(0), false
	flush := func(before uint32) {
		if open {
			list = append(list, span(from, before-1))
			open = false
		}
	}
	for nr := c.NR.Lo; ; nr++ {
		if name, ok := arch.SyscallName(nr); ok {
			flush(nr)
			list = append(list, name)
		} else if !open {
			from, open = nr, true
		}
		if nr == c.NR.Hi {
			flush(nr + 1)
			return list
		}
	}
}
