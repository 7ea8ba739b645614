package policy

import (
	"slices"

	"secco/linux"
)

// Join is a way to make one policy of two.
type Join uint8

// The joins. Actions are ordered by the kernel's precedence, from kill_process to
// allow.
const (
	// Union takes the laxer of both actions: a call is allowed where either policy
	// allows it.
	Union Join = iota
	// Intersection takes the stricter of both, as the kernel does where both are
	// installed: a call is allowed where both policies allow it.
	Intersection
)

// String returns "union" or "intersection".
func (j Join) String() string { return [...]string{"union", "intersection"}[j] }

// Pick returns which of two actions the join takes. Of two that differ in nothing
// but their data, errnos say, it is the first.
func (j Join) Pick(a, b linux.Action) linux.Action {
	if j.takesSecond(a, b) {
		return b
	}
	return a
}

func (j Join) takesSecond(a, b linux.Action) bool {
	if j == Union {
		return b.Rank() > a.Rank()
	}
	return b.Rank() < a.Rank()
}

// decided reports whether no other action would be taken in place of a.
func (j Join) decided(a linux.Action) bool {
	if j == Union {
		return a.Rank() == linux.Allow.Rank()
	}
	return a.Rank() == linux.KillProcess.Rank()
}

// Merge returns the policy that takes for every call one of the actions that a and
// b have for it, with the rule that it comes from. Its targets are those of both.
// Settings are kept where both agree; dropped names the others.
func Merge(a, b *Policy, j Join) (merged *Policy, dropped []string) {
	m := &merger{copier: newCopier(), join: j, a: a, b: b, done: map[[2]*Node]*Node{}}
	out := &Policy{BadArch: m.node(a.BadArch, b.BadArch)}
	for _, t := range slices.Concat(a.Targets, b.Targets) {
		if out.Target(t.Arch) == nil {
			out.Targets = append(out.Targets, m.target(t.Arch))
		}
	}
	if out.Target(linux.X86_64) != nil && out.Target(linux.X32) == nil {
		out.X32 = m.node(a.other(linux.X32), b.other(linux.X32))
	}
	out.Settings, dropped = mergeSettings(a.Settings, b.Settings)
	return out, dropped
}

// merger makes one policy of two.
type merger struct {
	copier
	join Join
	a, b *Policy
	done map[[2]*Node]*Node
}

func (m *merger) target(arch linux.Arch) *Target {
	t := &Target{Arch: arch, Rules: map[uint32]*Node{}, Default: m.node(m.a.other(arch), m.b.other(arch))}
	for _, p := range []*Policy{m.a, m.b} {
		from := p.Target(arch)
		if from == nil {
			continue
		}
		for nr := range from.Rules {
			if t.Rules[nr] == nil {
				t.Rules[nr] = m.node(m.a.Root(arch.Audit(), nr), m.b.Root(arch.Audit(), nr))
			}
		}
	}
	return t
}

// other returns the graph that decides the calls of an architecture that have no
// rule of their own.
func (p *Policy) other(arch linux.Arch) *Node {
	switch t := p.Target(arch); {
	case t != nil:
		return t.Default
	case arch == linux.X32 && p.Target(linux.X86_64) != nil:
		return p.X32
	}
	return p.BadArch
}

// node returns the graph that makes the decisions of both: those of a, and where
// these leave it open those of b.
func (m *merger) node(a, b *Node) *Node {
	key := [2]*Node{a, b}
	if n, ok := m.done[key]; ok {
		return n
	}
	var n *Node
	switch {
	case !a.IsLeaf():
		n = m.Test(a.Cmp, m.expr(a.X), m.expr(a.Y), m.node(a.Yes, b), m.node(a.No, b), a.Span)
	case m.join.decided(a.Action):
		n = m.Leaf(a.Action, a.Span)
	case !b.IsLeaf():
		n = m.Test(b.Cmp, m.expr(b.X), m.expr(b.Y), m.node(a, b.Yes), m.node(a, b.No), b.Span)
	case m.join.takesSecond(a.Action, b.Action):
		n = m.Leaf(b.Action, b.Span)
	default:
		n = m.Leaf(a.Action, a.Span)
	}
	m.done[key] = n
	return n
}

// mergeSettings keeps the settings that both have.
func mergeSettings(a, b Settings) (both Settings, dropped []string) {
	if slices.Equal(a.Flags, b.Flags) {
		both.Flags = a.Flags
	} else {
		dropped = append(dropped, "FLAGS")
	}
	switch x, y := a.NoNewPrivs, b.NoNewPrivs; {
	case x == nil && y == nil:
	case x != nil && y != nil && *x == *y:
		both.NoNewPrivs = x
	default:
		dropped = append(dropped, "NO_NEW_PRIVS")
	}
	if a.ListenerPath == b.ListenerPath && a.ListenerMetadata == b.ListenerMetadata {
		both.ListenerPath, both.ListenerMetadata = a.ListenerPath, a.ListenerMetadata
	} else {
		dropped = append(dropped, "LISTENER")
	}
	return both, dropped
}
