package convert

import (
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"

	"secco/linux"
	"secco/oci"
	"secco/policy"
	"secco/policy/diagram"
)

// Profiles for a runtime that answers the newest calls itself (see stub.go) leave
// these to it: what a policy refuses with ENOSYS, from some number on, must not be
// named, and something must be that has the number before it, though it got the
// default action.

// cut is where an architecture's calls begin that are left to the runtime.
type cut struct {
	own    uint32 // the largest number of a call that is not
	last   uint32 // the largest that the profile may name
	anchor string // the call with the first number from own on
}

// says reports whether a number is not left to the runtime.
func (e *exporter) says(a linux.Arch, nr uint32) bool {
	c, ok := e.left[a]
	return !ok || nr <= c.last
}

// leave finds out which calls can be left to the runtime, and returns the
// architectures that the profile is to list. It need not list the native one, and
// some versions of runc answer nothing there then.
func (e *exporter) leave() (listed []linux.Arch) {
	e.left = map[linux.Arch]cut{}
	for _, t := range e.targets {
		listed = append(listed, t.Arch)
	}
	runtime := e.opts.Host.Runtime
	for i, a := range slices.Clone(listed) {
		if !slices.Contains(runtime.Stubs(e.fallback, listed, e.native), a) {
			continue
		}
		if c, ok := e.cut(e.targets[i]); ok && !e.sparesX32(a) {
			e.left[a] = c
			continue
		}
		others := slices.DeleteFunc(slices.Clone(listed), func(b linux.Arch) bool { return b == e.native })
		if a == e.native && !slices.Contains(runtime.Stubs(e.fallback, others, e.native), a) {
			listed = others
		}
	}
	return listed
}

// sparesX32 reports whether x32's numbers get nothing of what the runtime answers for
// x86_64's.
func (e *exporter) sparesX32(a linux.Arch) bool {
	if a != linux.X86_64 || e.policy.X32 == nil {
		return false
	}
	_, killed := onlyKills(e.policy.X32)
	return killed
}

// cut returns where the numbers begin that all get ENOSYS, if any call has one
// behind which they do.
func (e *exporter) cut(t *policy.Target) (cut, bool) {
	c := cut{own: 1} // nothing is answered where no number but 0 is named
	refused := func(root *policy.Node, r diagram.Range) bool {
		if root.IsLeaf() {
			return isENOSYS(e.native, root.Action)
		}
		action, err := constant(root, t.Arch, r)
		return err == nil && isENOSYS(e.native, action)
	}
	for _, s := range t.Arch.Syscalls() {
		if s.NR > c.own && !refused(t.Root(s.NR), diagram.One(s.NR)) {
			c.own = s.NR
		}
	}
	for _, r := range nameless(t) {
		if r.Hi > c.own && hasBit(r.Lo, t.Arch) && !refused(t.Root(r.Lo), r) {
			c.own = r.Hi
		}
	}
	for _, s := range t.Arch.Syscalls() {
		if _, behind := multiplexed[s.Name]; s.NR >= c.own && !(behind && multiplexes(t.Arch)) {
			c.last, c.anchor = s.NR, s.Name
			return c, true
		}
	}
	return cut{}, false
}

// cutEntries returns the profile's rules, among which there are some that are for
// nothing but to name the calls before those that are left to the runtime.
func (e *exporter) cutEntries() []specs.LinuxSyscall {
	for {
		entries := e.entries()
		if len(e.losses) > 0 || len(e.left) == 0 {
			return entries
		}
		var anchors []string
		reached := e.reached(entries)
		for _, t := range e.targets {
			if c, ok := e.left[t.Arch]; ok && reached[t.Arch] < c.own && !slices.Contains(anchors, c.anchor) {
				anchors = append(anchors, c.anchor)
			}
		}
		if len(anchors) > 0 {
			slices.Sort(anchors)
			vain := entry(e.fallback)
			vain.Names = anchors
			entries = append(entries, vain)
		}
		// A call that is named for one architecture is named for all.
		grown := false
		for a, nr := range e.reached(entries) {
			if c, ok := e.left[a]; ok && nr > c.last {
				c.last, grown = nr, true
				e.left[a] = c
			}
		}
		if !grown {
			return entries
		}
	}
}

// reached returns the largest number that entries name on each architecture.
func (e *exporter) reached(entries []specs.LinuxSyscall) map[linux.Arch]uint32 {
	var arches []linux.Arch
	for _, t := range e.targets {
		arches = append(arches, t.Arch)
	}
	return newModel(oci.FromSpec(&specs.LinuxSeccomp{Syscalls: entries}), e.fallback, arches).largest
}

// unlistX32 takes x32 out of the targets where its calls get what they get if it is
// not listed.
func (e *exporter) unlistX32() {
	t := e.policy.Target(linux.X32)
	if t == nil || len(t.Rules) > 0 || e.policy.Target(linux.X86_64) == nil || e.opts.Arch == linux.X32 {
		return
	}
	for leaf := range leaves(t.Default) {
		if a := leaf.Action.Effect(); a != linux.KillThread && !(e.stubs() && isENOSYS(linux.X86_64, a)) {
			return
		}
	}
	p := *e.policy
	p.Targets = slices.DeleteFunc(slices.Clone(p.Targets), func(t *policy.Target) bool { return t.Arch == linux.X32 })
	p.X32 = t.Default
	e.policy = &p
}

// leaves yields the leaves of a graph.
func leaves(root *policy.Node) func(func(*policy.Node) bool) {
	return func(yield func(*policy.Node) bool) {
		more := true
		policy.Walk(func(n *policy.Node) {
			if more && n.IsLeaf() {
				more = yield(n)
			}
		}, root)
	}
}
