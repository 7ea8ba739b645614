package compiler

import (
	"secco/linux"
	"secco/policy"
)

// The objective is the same for every policy: the instructions executed for a
// call, in the mean, plus sizeWeight for each in the program; which has no more
// tests of the number than a plain list of the policy's numbers, as far as that
// costs no more than steepest for each: see within.
//
// The mean is over the syscalls of an architecture, each as often as the caller
// says, all equally often where the caller does not say. Nothing is known about
// arguments, and most of their tests belong to one syscall of hundreds; so that
// these don't degenerate, they are weighed as if one call of 64 came to them,
// all intervals equally likely.
var sizeWeight = [...]float64{Speed: 0.02, Size: 100}

// list returns how many comparisons of the number a plain list makes for one
// AUDIT_ARCH value: one for each number that does not get the default, and before
// these, x32's numbers are told apart from x86_64's.
func (u *unit) list(audit uint32) int {
	n := 0
	for _, t := range u.policy.Targets {
		if t.Arch.Audit() != audit {
			continue
		}
		for _, nr := range u.rules(t) {
			if nr != allOnes && differ(t.Rules[nr], t.Default) {
				n++
			}
		}
	}
	if audit == linux.X86_64.Audit() {
		n++
		if differ(u.policy.Root(audit, allOnes-1), u.policy.Root(audit, allOnes)) {
			n++
		}
	}
	return n
}

// differ reports whether two roots may decide a call differently.
func differ(a, b *policy.Node) bool {
	if a == nil || b == nil || !a.IsLeaf() || !b.IsLeaf() {
		return a != b
	}
	return a.Action != b.Action
}

// most returns how many tests each node that decides by the number may have, for
// the program to be no larger than one with a list. What others need to ask for
// arguments anew in each rule is theirs to spend.
func (u *unit) most() map[*node]int {
	most, saved := map[*node]int{}, u.b.saved()
	for _, graph := range []*node{u.graph, u.joined} {
		if graph == nil {
			continue
		}
		for _, audit := range u.audits() {
			n := graph
			if n.t != nil && n.t.isWord(offsetArch) {
				n = n.at(audit)
			}
			most[n] = max(most[n], u.list(audit)+saved)
		}
	}
	return most
}
