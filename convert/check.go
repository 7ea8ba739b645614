package convert

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"secco/convert/libseccomp"
	"secco/linux"
	"secco/oci"
	"secco/policy"
	"secco/policy/diagram"
	"secco/source"
)

// difference returns a call that two graphs treat differently.
func difference(f, g *policy.Node, calls diagram.Calls) (call linux.SeccompData, differ bool, err error) {
	call = linux.SeccompData{Arch: calls.Arch.Lo, NR: calls.NR.Lo}
	if f.IsLeaf() && g.IsLeaf() {
		return call, f.Action.Effect() != g.Action.Effect(), nil
	}
	var m diagram.Meetings
	m.Graph(f, calls)
	m.Graph(g, calls)
	s := diagram.NewSpace(calls, m.Order(), limits)
	err = s.Do(func() {
		where := s.And(s.Domain(), s.Differ(s.Graph(f), s.Graph(g)))
		call, differ = s.Member(where, call)
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
	for _, d := range append(im.diags, im.unsafe...) {
		if d.Severity == source.Error {
			return root, errors.New(d.Message)
		}
	}
	return root, nil
}

// same reports whether entries without names say what b does.
func (b *behaviour) same(entries []specs.LinuxSyscall, fallback linux.Action) bool {
	name, _ := b.arch.SyscallName(b.nr)
	root, err := graphOf(named(name, entries), fallback, b.arch, b.nr)
	if err != nil {
		return false
	}
	_, differ, err := difference(b.root, root, diagram.CallsOf(b.arch, b.nr))
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
			reason := strings.TrimPrefix(err.Error(), fmt.Sprintf("%s on %s: ", name, b.arch))
			return &Loss{Span: b.span(), Arch: b.arch, Syscall: name, Reason: reason, Help: b.help(name, entries)}
		}
		if loss := b.compare(name, root, entries); loss != nil {
			return loss
		}
	}
	return nil
}

// help returns what would make the rules that there are for all architectures do for
// this one, too.
func (b *behaviour) help(name string, entries []specs.LinuxSyscall) string {
	if !multiplexes(b.arch) || name != "socketcall" && name != "ipc" {
		return helpPerArch
	}
	var asked []string // in the order of their numbers
	for k := uint64(1); k <= maxMultiplexed; k++ {
		for _, s := range entries {
			for _, n := range s.Names {
				text := fmt.Sprintf("%d (%s)", k, n)
				if m := multiplexed[n]; m.by == name && m.k == k && !slices.Contains(asked, text) {
					asked = append(asked, text)
				}
			}
		}
	}
	what := name
	if asked != nil {
		what += " with the first argument " + strings.Join(asked, ", ")
	}
	return fmt.Sprintf("state the same for %s in the policy, or leave %s out of the targets", what, b.arch)
}

// compare returns the loss where a profile with these entries would do something else
// than b.
func (b *behaviour) compare(name string, root *policy.Node, entries []specs.LinuxSyscall) *Loss {
	call, differ, err := difference(b.root, root, diagram.CallsOf(b.arch, b.nr))
	if err != nil {
		return b.tooComplex(err, name)
	}
	if !differ {
		return nil
	}
	leaf := b.root.Leaf(&call)
	l := &Loss{Span: leaf.Span, Arch: b.arch, Syscall: name, Help: b.help(name, entries)}
	verdicts := fmt.Sprintf("%s, not %s, to %s", root.Leaf(&call).Action.Effect(), leaf.Action.Effect(), callText(&call))
	if multiplexes(b.arch) && (name == "socketcall" || name == "ipc") {
		l.Reason = "libseccomp extends rules for socket and System V IPC calls to the multiplexer, which gives " + verdicts
	} else {
		l.Reason = "the same rules hold for every architecture of a profile, and those for the others give " + verdicts
	}
	return l
}

// check reads the finished profile back and compares all of it; then it has
// libseccomp, if it may be asked, build its programs, and compares those.
func (e *exporter) check(out *specs.LinuxSeccomp) {
	host := oci.Host{Arch: e.native, Runtime: e.opts.Host.Runtime}
	back, diags := FromOCI(oci.FromSpec(out), Options{Host: host, WithoutLibseccomp: e.opts.WithoutLibseccomp})
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
			if err := b.compare(s.Name, other.Root(s.NR), out.Syscalls); err != nil {
				if e.answered(other.Root(s.NR).Leaf(&linux.SeccompData{Arch: t.Arch.Audit(), NR: s.NR})) {
					e.loseNewest(t.Arch, s.NR, b.root)
					break
				}
				e.lose(*err)
			}
		}
		for _, r := range nameless(t) {
			e.compareNumbers(t.Arch, r, t.Root(r.Lo), other.Default)
		}
	}
	if e.policy.X32 != nil && back.X32 != nil {
		e.compareNumbers(linux.X32, diagram.Range{Lo: linux.X32Bit, Hi: 0xfffffffe}, e.policy.X32, back.X32)
	}
	if len(e.losses) == 0 && e.opts.ask() {
		e.confirm(out)
	}
}

// compareNumbers compares what is done with numbers that have no name.
func (e *exporter) compareNumbers(a linux.Arch, r diagram.Range, ours, theirs *policy.Node) {
	call, differ, err := difference(ours, theirs, diagram.Calls{Arch: diagram.One(a.Audit()), NR: r})
	switch {
	case err != nil:
		e.lose(Loss{Span: ours.Span, Arch: a, Reason: fmt.Sprintf("the default is too complex to be analysed: %v", err), Help: helpTooMany, Undecided: true})
	case differ && e.answered(theirs.Leaf(&call)):
		e.loseNewest(a, call.NR, ours.Leaf(&call))
	case differ:
		l := Loss{Span: ours.Leaf(&call).Span, Arch: a}
		l.Reason = fmt.Sprintf("number %#x gets %s, not %s", call.NR, theirs.Leaf(&call).Action.Effect(), ours.Leaf(&call).Action.Effect())
		e.lose(l)
	}
}

// answered reports whether a leaf is what the runtime answers itself.
func (e *exporter) answered(leaf *policy.Node) bool {
	return e.stubs() && isENOSYS(e.native, leaf.Action)
}

// loseNewest adds the loss of numbers, from this one on, that the runtime answers
// itself and the policy does not leave to it: once for an architecture.
func (e *exporter) loseNewest(a linux.Arch, nr uint32, ours *policy.Node) {
	if slices.ContainsFunc(e.losses, func(l Loss) bool { return l.Arch == a }) {
		return
	}
	name := fmt.Sprintf("%#x", nr)
	if known, ok := a.SyscallName(nr); ok {
		name = fmt.Sprintf("%d (%s)", nr, known)
	}
	e.lose(Loss{
		Span: ours.Span, Arch: a,
		Reason: fmt.Sprintf("%s answers numbers above all that the profile names itself, with ENOSYS: from %s on the policy says something else", e.opts.Host.Runtime, name),
		Help:   "without --runtime the profile is made for libseccomp's program alone",
	})
}

// confirm has libseccomp build its programs of the finished profile. The policy
// that is read back is the same but for what the runtime answers, which is no
// part of them.
func (e *exporter) confirm(out *specs.LinuxSeccomp) {
	back, diags := FromOCI(oci.FromSpec(out), Options{Host: oci.Host{Arch: e.native}})
	if back == nil {
		e.lose(Loss{Reason: "the profile can't be read back: " + diags.Error()})
		return
	}
	version, unknown, err := confirm(back, out, e.native)
	var noArch *libseccomp.ArchError
	if errors.As(err, &noArch) {
		return // a runtime with it takes the profile no more than it does
	}
	if err != nil {
		var unproved *UndecidedError
		e.lose(Loss{Reason: err.Error(), Help: helpTooMany, Undecided: errors.As(err, &unproved)})
		return
	}
	for _, u := range unknown {
		if u.Opened {
			e.lose(Loss{
				Arch: u.Arch, Syscall: u.Name, Span: e.span(u.Name),
				Reason: fmt.Sprintf("libseccomp %s does not know it, and leaves it at the default action, which is laxer", version),
				Help:   "use the program itself, or a newer libseccomp, here and under the runtime",
			})
		}
	}
}
