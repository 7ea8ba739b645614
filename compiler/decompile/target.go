package decompile

import (
	"slices"

	"secco/linux"
	"secco/policy"
	"secco/policy/diagram"
)

// arches returns the architectures that become targets, without x32.
func (u *unit) arches() []linux.Arch {
	cuts := diagram.NewCuts()
	u.program.Analyse(diagram.AllCalls(), &diagram.Meetings{}, cuts)
	var list []linux.Arch
	for _, a := range linux.Arches() {
		compared := cuts.Arch[a.Audit()] && cuts.Arch[a.Audit()+1]
		if a != linux.X32 && (compared || slices.Contains(u.Arches, a)) {
			list = append(list, a)
		}
	}
	if len(list) == 0 {
		list = append(list, linux.X86_64)
	}
	return list
}

// otherArches returns the graph for the architectures that are no targets. The
// byte order is part of it where the program sees it.
func (u *unit) otherArches(targets map[uint32]bool) *policy.Node {
	little := u.execute(diagram.AllCalls(), false, targets)
	big := u.execute(diagram.AllCalls(), true, targets)
	const littleEndian = 0x40000000 // __AUDIT_ARCH_LE
	arch := u.Word(linux.WordArch)
	return u.Test(policy.CmpSet, arch, u.Const(littleEndian), little, big, u.Span(0))
}

// target returns the rules of an architecture, and of x32 beside x86_64.
func (u *unit) target(a linux.Arch) (t, x32 *policy.Target) {
	calls := diagram.Calls{Arch: diagram.One(a.Audit()), NR: diagram.All()}
	parts := diagram.Slices(calls, func(calls diagram.Calls, cuts *diagram.Cuts) {
		u.program.Analyse(calls, &diagram.Meetings{}, cuts)
		if a == linux.X86_64 {
			diagram.Range{Lo: linux.X32Bit, Hi: 0xfffffffe}.Cut(cuts.NR)
		}
	})
	var own, others []diagram.Range
	for _, part := range parts {
		if a == linux.X86_64 && linux.IsX32(part.NR.Lo) {
			others = append(others, part.NR)
		} else {
			own = append(own, part.NR)
		}
	}
	t = u.rules(a, own)
	if a == linux.X86_64 {
		x32 = u.rules(linux.X32, others)
	}
	return t, x32
}

// rules makes rules for the numbers that are syscalls, as far as they differ from
// what happens to the numbers that are none. Those are decided by the default,
// which tests the number where they are not all treated the same.
func (u *unit) rules(a linux.Arch, ranges []diagram.Range) *policy.Target {
	t := &policy.Target{Arch: a, Rules: map[uint32]*policy.Node{}}
	arch := diagram.One(a.Audit())
	var nameless []part
	for _, r := range ranges {
		if from, ok := firstNameless(a, r); ok {
			n := u.graph(diagram.Calls{Arch: arch, NR: r})
			if last := len(nameless) - 1; last < 0 || nameless[last].node != n {
				nameless = append(nameless, part{from, n})
			}
		}
	}
	nameless = single(t, nameless)
	t.Default = u.search(nameless)
	for _, s := range a.Syscalls() {
		i := slices.IndexFunc(ranges, func(r diagram.Range) bool { return r.Has(s.NR) })
		if i < 0 {
			continue
		}
		if n := u.graph(diagram.CallsOf(a, s.NR)); n != otherwise(nameless, s.NR) {
			t.Rules[s.NR] = n
		}
	}
	return t
}

// fewNumbers is up to how many numbers in a row without a name are rules of their
// own.
const fewNumbers = 16

// single makes rules of the numbers without a name that stand alone, so that the
// default does not have to tell them apart.
func single(t *policy.Target, parts []part) (left []part) {
	for i, p := range parts {
		next := uint64(1) << 32
		if i+1 < len(parts) {
			next = uint64(parts[i+1].from)
		}
		switch {
		case len(parts) > 1 && next-uint64(p.from) <= fewNumbers:
			for nr := uint64(p.from); nr < next; nr++ {
				_, named := t.Arch.SyscallName(uint32(nr))
				if _, own := t.Arch.Number(t.Arch.NumberName(uint32(nr))); own && !named {
					t.Rules[uint32(nr)] = p.node
				}
			}
		case len(left) == 0 || left[len(left)-1].node != p.node:
			left = append(left, p)
		}
	}
	if len(left) == 0 { // they are all few, so that one is as good as another
		left = parts[:1]
	}
	return left
}

// part is the graph of numbers from some number on.
type part struct {
	from uint32
	node *policy.Node
}

// firstNameless returns the first number of a range that is no syscall.
func firstNameless(a linux.Arch, r diagram.Range) (uint32, bool) {
	for nr := r.Lo; ; nr++ {
		if _, ok := a.SyscallName(nr); !ok {
			return nr, true
		}
		if nr == r.Hi {
			return 0, false
		}
	}
}

// otherwise returns the graph of a number, as the default has it.
func otherwise(parts []part, nr uint32) *policy.Node {
	if len(parts) == 0 {
		return nil
	}
	n := parts[0].node
	for _, p := range parts[1:] {
		if p.from <= nr {
			n = p.node
		}
	}
	return n
}

// search returns the graph that finds the part of a number.
func (u *unit) search(parts []part) *policy.Node {
	if len(parts) == 1 {
		return parts[0].node
	}
	half := len(parts) / 2
	nr := u.Word(linux.WordNR)
	high, low := u.search(parts[half:]), u.search(parts[:half])
	return u.Test(policy.CmpGe, nr, u.Const(parts[half].from), high, low, u.Span(0))
}
