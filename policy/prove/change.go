package prove

import (
	"fmt"
	"slices"
	"strings"

	"secco/linux"
	"secco/policy/diagram"
)

// Change is what is to be said of two filters at once: the same syscalls of some
// architectures, for which one filter does one thing and the other another under
// the same condition.
type Change struct {
	Arches   []string // as "x86_64", then others, as "other architectures" where it is all of them
	Syscalls []string // names, then numbers that have none, as "336 to 423"; or "all syscalls but read" and more names
	A, B     linux.Action
	When     string // as Difference.Condition
	// Differences are what it is made of.
	Differences []*Difference
}

// Changes returns the differences, put together for people to read: the syscalls
// of an architecture that change alike, and then the architectures of which the
// same is to be said.
func (r *Report) Changes() []Change {
	var list []Change
	var parts [][]diagram.Calls // of each change
	for i := range r.Differences {
		d := &r.Differences[i]
		when := d.Condition()
		arch := archString(d.Calls)
		at := slices.IndexFunc(list, func(c Change) bool {
			return c.Arches[0] == arch && c.A == d.A && c.B == d.B && c.When == when
		})
		if at < 0 {
			at = len(list)
			list = append(list, Change{Arches: []string{arch}, A: d.A, B: d.B, When: when})
			parts = append(parts, nil)
		}
		parts[at] = append(parts[at], d.Calls)
		list[at].Differences = append(list[at].Differences, d)
	}
	var merged []Change
	for i, c := range list {
		c.Syscalls = syscallsOf(parts[i])
		i := slices.IndexFunc(merged, func(m Change) bool {
			return m.A == c.A && m.B == c.B && m.When == c.When && slices.Equal(m.Syscalls, c.Syscalls) && !slices.Contains(m.Arches, c.Arches[0])
		})
		if i < 0 {
			merged = append(merged, c)
			continue
		}
		merged[i].Arches = append(merged[i].Arches, c.Arches[0])
		merged[i].Differences = append(merged[i].Differences, c.Differences...)
	}
	for i := range merged {
		merged[i].nameOthers()
	}
	return merged
}

// nameOthers says it shortly where the architectures that have no name are all
// among those of the change.
func (c *Change) nameOthers() {
	others := uint64(1) << 32
	known := map[uint32]bool{}
	for _, a := range linux.Arches() {
		if audit := a.Audit(); !known[audit] {
			known[audit] = true
			others--
		}
	}
	unnamed := map[string]bool{}
	counted := map[diagram.Range]bool{}
	for _, d := range c.Differences {
		if r := d.Calls.Arch; !known[r.Lo] {
			unnamed[archString(d.Calls)] = true
			if !counted[r] {
				counted[r] = true
				others -= uint64(r.Hi-r.Lo) + 1
			}
		}
	}
	if others == 0 {
		c.Arches = append(slices.DeleteFunc(c.Arches, func(name string) bool { return unnamed[name] }), "other architectures")
	}
}

// String returns the changes for people.
func (r *Report) String() string {
	var b strings.Builder
	for _, c := range r.Changes() {
		fmt.Fprintf(&b, "%s: %s: %v -> %v", strings.Join(c.Arches, ", "), strings.Join(c.Syscalls, ", "), c.A, c.B)
		if c.When != "" {
			b.WriteString(" where " + c.When)
		}
		b.WriteByte('\n')
	}
	for _, u := range r.Undecided {
		fmt.Fprintf(&b, "undecided: %s: %s\n", CallsString(u.Calls), u.Reason)
	}
	return b.String()
}

// syscallsOf returns the syscalls of an architecture's calls: the names in order,
// then the numbers that have none.
func syscallsOf(parts []diagram.Calls) []string {
	first := parts[0]
	arch, known := linux.ArchOf(first.Arch.Lo, first.NR.Lo)
	if !known || first.Arch.Lo != first.Arch.Hi {
		var list []string
		for _, c := range parts {
			list = append(list, rangeString(c.NR))
		}
		return list
	}
	in := func(nr uint32) bool {
		return slices.ContainsFunc(parts, func(c diagram.Calls) bool { return c.NR.Has(nr) })
	}
	var names, missing, numbers []string
	allNumbers := true
	for _, s := range arch.Syscalls() {
		if in(s.NR) {
			names = append(names, s.Name)
		} else {
			missing = append(missing, s.Name)
		}
	}
	for _, gap := range gaps(arch) {
		covered := uint64(0)
		for _, c := range parts {
			if lo, hi := max(gap.Lo, c.NR.Lo), min(gap.Hi, c.NR.Hi); lo <= hi {
				numbers = append(numbers, rangeString(diagram.Range{Lo: lo, Hi: hi}))
				covered += uint64(hi-lo) + 1
			}
		}
		allNumbers = allNumbers && covered == uint64(gap.Hi-gap.Lo)+1
	}
	slices.Sort(names)
	slices.Sort(missing)
	switch {
	case len(missing) == 0 && allNumbers:
		return []string{"all syscalls"}
	case len(missing) < len(names) && allNumbers:
		missing[0] = "all syscalls but " + missing[0]
		return missing
	case allNumbers:
		return append(names, "all numbers without a name")
	}
	return append(names, numbers...)
}

// gaps returns the numbers of an architecture that are no syscalls.
func gaps(a linux.Arch) []diagram.Range {
	all := diagram.All()
	switch a {
	case linux.X86_64:
		all.Hi = linux.X32Bit - 1
	case linux.X32:
		all = numbersOfX32
	}
	cuts := map[uint32]bool{}
	for _, s := range a.Syscalls() {
		diagram.One(s.NR).Cut(cuts)
	}
	list := slices.DeleteFunc(diagram.Ranges(all, cuts), func(r diagram.Range) bool {
		_, named := a.SyscallName(r.Lo)
		return named
	})
	if a == linux.X86_64 { // a tracer's number for a call to be skipped
		list = append(list, diagram.One(0xffffffff))
	}
	return list
}

func rangeString(r diagram.Range) string {
	switch {
	case r == diagram.All():
		return "all numbers"
	case r.Lo == r.Hi:
		return numberText(r.Lo)
	}
	return numberText(r.Lo) + " to " + numberText(r.Hi)
}

// numberText returns a syscall's number; large ones are easier to tell in hex.
func numberText(nr uint32) string {
	if nr > 0xffff {
		return fmt.Sprintf("%#x", nr)
	}
	return fmt.Sprint(nr)
}
