package decompile

import (
	"maps"
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
	for _, s := range a.Syscalls() {
		if slices.ContainsFunc(ranges, func(r diagram.Range) bool { return r.Has(s.NR) }) {
			t.Rules[s.NR] = u.graph(diagram.CallsOf(a, s.NR))
		}
	}
	var nameless []policy.Part
	for _, r := range ranges {
		for _, run := range namelessRuns(a, r) {
			for _, part := range u.parts(diagram.Calls{Arch: arch, NR: run}, nil) {
				from, n := part.From, part.Node
				last := len(nameless) - 1
				if last >= 0 && nameless[last].Node == n {
					continue
				}
				for last >= 0 && t.Rules[from-1] == n { // what has a name and is treated the same
					from--
				}
				nameless = append(nameless, policy.Part{From: from, Node: n})
			}
		}
	}
	t.Default = u.ByNumber(nameless)
	maps.DeleteFunc(t.Rules, func(nr uint32, n *policy.Node) bool { return n == otherwise(nameless, nr) })
	return t
}

// namelessRuns returns the numbers of a range that are no syscalls, in rows.
func namelessRuns(a linux.Arch, r diagram.Range) (runs []diagram.Range) {
	cuts := map[uint32]bool{}
	for _, s := range a.Syscalls() {
		diagram.One(s.NR).Cut(cuts)
	}
	return slices.DeleteFunc(diagram.Ranges(r, cuts), func(run diagram.Range) bool {
		_, named := a.SyscallName(run.Lo)
		return named
	})
}

// maxParts bounds how many parts of a row of numbers are looked at.
const maxParts = 256

// parts appends what happens to numbers in a row, split until no part of it looks at
// the number any more: programs test bits of numbers which then make no difference
// to those that are no syscalls.
func (u *unit) parts(calls diagram.Calls, list []policy.Part) []policy.Part {
	n := u.graph(calls)
	if seesNumber(n) {
		switch leaf := oneLeaf(n, calls); {
		case leaf != nil:
			n = leaf
		case calls.NR.Lo < calls.NR.Hi && len(list) < maxParts:
			middle := calls.NR.Lo + (calls.NR.Hi-calls.NR.Lo)/2
			lower, upper := calls, calls
			lower.NR.Hi, upper.NR.Lo = middle, middle+1
			return u.parts(upper, u.parts(lower, list))
		}
	}
	return append(list, policy.Part{From: calls.NR.Lo, Node: n})
}

// seesNumber reports whether a graph tests the number.
func seesNumber(root *policy.Node) (sees bool) {
	seen := map[*policy.Expr]bool{}
	var look func(e *policy.Expr)
	look = func(e *policy.Expr) {
		if e == nil || seen[e] {
			return
		}
		seen[e] = true
		sees = sees || e.Op == policy.OpWord && e.W == linux.WordNR
		look(e.X)
		look(e.Y)
	}
	policy.Walk(func(n *policy.Node) {
		look(n.X)
		look(n.Y)
	}, root)
	return sees
}

// oneLeaf returns the leaf that all of some calls come to; nil where they don't come to
// the same action.
func oneLeaf(root *policy.Node, calls diagram.Calls) (leaf *policy.Node) {
	f, err := diagram.OfGraph(root, calls, limits)
	if err != nil || len(f.Actions()) > 1 {
		return nil
	}
	policy.Walk(func(n *policy.Node) {
		if leaf == nil && n.IsLeaf() && n.Action.Effect() == f.Actions()[0] {
			leaf = n
		}
	}, root)
	return leaf
}

// otherwise returns the graph of a number, as the default has it.
func otherwise(parts []policy.Part, nr uint32) *policy.Node {
	if len(parts) == 0 {
		return nil
	}
	n := parts[0].Node
	for _, p := range parts[1:] {
		if p.From <= nr {
			n = p.Node
		}
	}
	return n
}
