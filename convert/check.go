package convert

import (
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"

	"secco/linux"
	"secco/oci"
	"secco/policy"
	"secco/policy/diagram"
	"secco/source"
)

// difference returns a call that two graphs treat differently.
func difference(f, g *policy.Node, a linux.Arch, nr uint32) (call linux.SeccompData, differ bool, err error) {
	if f.IsLeaf() && g.IsLeaf() {
		call = linux.SeccompData{Arch: a.Audit(), NR: nr}
		return call, f.Action.Effect() != g.Action.Effect(), nil
	}
	calls := diagram.CallsOf(a, nr)
	var m diagram.Meetings
	m.Graph(f, calls)
	m.Graph(g, calls)
	s := diagram.NewSpace(calls, m.Order(), limits)
	err = s.Do(func() {
		where := s.And(s.Domain(), s.Differ(s.Graph(f), s.Graph(g)))
		call, differ = s.Member(where, linux.SeccompData{Arch: a.Audit(), NR: nr})
	})
	return call, differ, err
}

// member returns a call that gets an action.
func (b *behaviour) member(action linux.Action) (linux.SeccompData, bool) {
	calls := diagram.CallsOf(b.arch, b.nr)
	var m diagram.Meetings
	m.Graph(b.root, calls)
	s := diagram.NewSpace(calls, m.Order(), limits)
	var call linux.SeccompData
	var ok bool
	err := s.Do(func() {
		where := s.And(s.Domain(), s.Where(s.Graph(b.root), action))
		call, ok = s.Member(where, linux.SeccompData{Arch: b.arch.Audit(), NR: b.nr})
	})
	return call, ok && err == nil
}

// graphOf returns what entries, whose names are all known, mean for one syscall;
// the error says what libseccomp is not known to get right.
func graphOf(entries []specs.LinuxSyscall, fallback linux.Action, a linux.Arch, nr uint32) (*policy.Node, error) {
	profile := oci.FromSpec(&specs.LinuxSeccomp{Syscalls: entries})
	im := newImporter(profile)
	m := newModel(profile, fallback, []linux.Arch{a})
	root := im.graph(a, nr, m.rules[a][nr], im.b.Leaf(fallback, source.Span{}))
	return root, append(im.diags, im.unsafe...).Err()
}

// same reports whether entries without names say what b does.
func (b *behaviour) same(entries []specs.LinuxSyscall, fallback linux.Action) bool {
	name, _ := b.arch.SyscallName(b.nr)
	root, err := graphOf(named(name, entries), fallback, b.arch, b.nr)
	if err != nil {
		return false
	}
	_, differ, err := difference(b.root, root, b.arch, b.nr)
	return err == nil && !differ
}

// named returns entries for one name where they have none.
func named(name string, entries []specs.LinuxSyscall) []specs.LinuxSyscall {
	out := make([]specs.LinuxSyscall, len(entries))
	for i, s := range entries {
		if s.Names == nil {
			s.Names = []string{name}
		}
		out[i] = s
	}
	return out
}

// differs returns the loss of rules that don't say on every architecture what
// the policy does with a syscall.
func (e *exporter) differs(name string, entries []specs.LinuxSyscall, behaviours []*behaviour) *Loss {
	for _, b := range behaviours {
		root, err := graphOf(named(name, entries), e.fallback, b.arch, b.nr)
		if err != nil {
			return &Loss{Span: b.span(), Arch: b.arch, Syscall: name, Reason: err.Error(), Help: helpPerArch}
		}
		if loss := b.compare(name, root); loss != nil {
			return loss
		}
	}
	return nil
}

// compare returns the loss where a profile would do something else than b.
func (b *behaviour) compare(name string, root *policy.Node) *Loss {
	call, differ, err := difference(b.root, root, b.arch, b.nr)
	if err != nil {
		return &Loss{Span: b.span(), Arch: b.arch, Syscall: name, Reason: fmt.Sprintf("the rule is too complex to be analysed: %v", err), Help: helpTooMany}
	}
	if !differ {
		return nil
	}
	leaf := b.root.Leaf(&call)
	l := &Loss{Span: leaf.Span, Arch: b.arch, Syscall: name, Help: helpPerArch}
	verdicts := fmt.Sprintf("%s, not %s, to %s", root.Leaf(&call).Action.Effect(), leaf.Action.Effect(), callText(&call))
	if multiplexes(b.arch) && (name == "socketcall" || name == "ipc") {
		l.Reason = "libseccomp extends rules for socket and System V IPC calls to the multiplexer, which gives " + verdicts
		l.Help = fmt.Sprintf("state the same for %s in the policy, or leave %s out of the targets", name, b.arch)
	} else {
		l.Reason = "the same rules hold for every architecture of a profile, and those for the others give " + verdicts
	}
	return l
}

// check reads the finished profile back and compares all of it.
func (e *exporter) check(out *specs.LinuxSeccomp) {
	back, diags := FromOCI(oci.FromSpec(out), Options{Host: oci.Host{Arch: e.native}, WithoutLibseccomp: e.opts.WithoutLibseccomp})
	if back == nil {
		if e.together(out.Syscalls); len(e.losses) == 0 {
			e.lose(Loss{Reason: "the profile can't be read back: " + diags.Error()})
		}
		return
	}
	for _, t := range e.targets {
		other := back.Target(t.Arch)
		for _, s := range t.Arch.Syscalls() {
			b := &behaviour{arch: t.Arch, nr: s.NR, root: t.Root(s.NR)}
			if err := b.compare(s.Name, other.Root(s.NR)); err != nil {
				e.lose(*err)
			}
		}
	}
}
