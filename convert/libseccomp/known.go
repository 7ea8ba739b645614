package libseccomp

import (
	"fmt"
	"maps"
	"slices"

	"secco/linux"
	"secco/policy"
	"secco/source"
)

// Unknown is a syscall that this libseccomp is too old to know. Runtimes skip
// its name, and the call gets the default action.
type Unknown struct {
	Arch linux.Arch
	Name string
	Span source.Span // the rule
	// Opened is set where the rule is stricter than the default that the call
	// gets: it is not enforced.
	Opened bool
}

// Known returns what is left of a policy where its syscalls that this libseccomp
// doesn't know get the default action, and lists those.
func Known(p *policy.Policy) (*policy.Policy, []Unknown, error) {
	out := *p
	out.Targets = nil
	var unknown []Unknown
	for _, t := range p.Targets {
		left := &policy.Target{Arch: t.Arch, Rules: maps.Clone(t.Rules), Default: t.Default}
		out.Targets = append(out.Targets, left)
		for _, nr := range slices.Sorted(maps.Keys(t.Rules)) {
			name, ok := t.Arch.SyscallName(nr)
			if !ok {
				continue
			}
			number, direct, known, err := Syscall(t.Arch, name)
			if err != nil {
				return nil, nil, err
			}
			if direct && number != nr {
				return nil, nil, fmt.Errorf("libseccomp knows %s on %s as number %d, secco as %d", name, t.Arch, number, nr)
			}
			if known || t.Rules[nr] == t.Default {
				continue
			}
			left.Rules[nr] = t.Default
			unknown = append(unknown, Unknown{t.Arch, name, t.Rules[nr].Span, opened(t.Rules[nr], t.Default)})
		}
	}
	return &out, unknown, nil
}

// opened reports whether the default lets a call do more than one of the rule's
// actions.
func opened(rule, fallback *policy.Node) (yes bool) {
	lax := 0
	policy.Walk(func(n *policy.Node) {
		if n.IsLeaf() {
			lax = max(lax, n.Action.Rank())
		}
	}, fallback)
	policy.Walk(func(n *policy.Node) {
		if n.IsLeaf() && n.Action.Rank() < lax {
			yes = true
		}
	}, rule)
	return yes
}
