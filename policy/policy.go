// Package policy is what a filter means: for each architecture and syscall a
// graph of decisions that ends in an action. Everything that secco reads
// becomes a [Policy], and everything that it writes is made from one.
package policy

import (
	"slices"

	"secco/linux"
	"secco/source"
)

// Policy says what happens to every possible call. All its nodes are of one
// [Builder].
type Policy struct {
	// Targets are the architectures with rules, no two the same.
	Targets []*Target
	// BadArch decides calls of every other architecture.
	BadArch *Node
	// X32 decides the numbers that are x32's (linux.IsX32) where x86_64 is a
	// target and x32 is none; nil elsewhere.
	X32 *Node
	// Settings are carried along to where a form has room for them.
	Settings Settings
}

// Target is one architecture's rules.
type Target struct {
	Arch linux.Arch
	// Rules holds a graph for each syscall number that has a rule; x32's numbers
	// carry linux.X32Bit.
	Rules map[uint32]*Node
	// Default decides every other number.
	Default *Node
}

// Settings is what a policy says beside its meaning: how the filter is to be
// installed.
type Settings struct {
	// Flags are those of seccomp(2), in lower case without SECCOMP_FILTER_FLAG_:
	// tsync, log, spec_allow, wait_killable_recv.
	Flags []string
	// NoNewPrivs is whether to set no_new_privs before; nil leaves it open.
	NoNewPrivs *bool
	// ListenerPath and ListenerMetadata say who answers user notifications.
	ListenerPath, ListenerMetadata string
}

// Target returns the rules of an architecture, nil where it is none of the
// targets.
func (p *Policy) Target(a linux.Arch) *Target {
	for _, t := range p.Targets {
		if t.Arch == a {
			return t
		}
	}
	return nil
}

// SplitX32 returns the policy, but with x32 as a target where X32 is more than one
// action for all of its numbers. It means the same.
func (p *Policy) SplitX32() *Policy {
	if p.Target(linux.X86_64) == nil || p.Target(linux.X32) != nil || p.X32.IsLeaf() {
		return p
	}
	split := *p
	split.Targets = append(slices.Clip(p.Targets), &Target{Arch: linux.X32, Default: p.X32})
	split.X32 = nil
	return &split
}

// Root returns the graph that decides calls with this AUDIT_ARCH value and
// number.
func (p *Policy) Root(audit, nr uint32) *Node {
	arch, ok := linux.ArchOf(audit, nr)
	if !ok {
		return p.BadArch
	}
	if t := p.Target(arch); t != nil {
		return t.Root(nr)
	}
	if arch == linux.X32 && p.Target(linux.X86_64) != nil {
		return p.X32
	}
	return p.BadArch
}

// Root returns the graph that decides calls with this number.
func (t *Target) Root(nr uint32) *Node {
	if n, ok := t.Rules[nr]; ok {
		return n
	}
	return t.Default
}

// Eval returns what happens to one call, and the rule that decides it.
func (p *Policy) Eval(d *linux.SeccompData) (linux.Action, source.Span) {
	leaf := p.Root(d.Arch, d.NR).Leaf(d)
	return leaf.Action, leaf.Span
}
