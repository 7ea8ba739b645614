package convert

import (
	"maps"
	"slices"

	"secco/linux"
	"secco/oci"
	"secco/policy"
	"secco/source"
)

// What runc puts before libseccomp's program
//
// New syscalls that a profile doesn't know would get its default action, which
// for many programs should be ENOSYS: they then do without. So runc lets its own
// code answer first. On each architecture it takes the largest number that the
// profile names, in whatever rule, one that is dropped for being the default's
// included, and answers ENOSYS to every number above. That is about numbers as
// libseccomp has them: calls that it has behind a multiplexer don't count, though
// they have a number of their own, and are cut off like any other.
//
// x86_64 and x32 share an AUDIT_ARCH value. Their stubs tell them apart by one
// bit, so that half of the numbers that everyone else takes for x32's are cut off
// by x86_64's stub.

// answerNewest puts what the runtime answers itself before a policy.
func (im *importer) answerNewest(p *policy.Policy, m *model) {
	runtime, native := im.host.Runtime, im.host.Native()
	enosys, _ := native.Constant("ENOSYS")
	refused := im.b.Leaf(linux.Errno.With(uint16(enosys)), source.Span{})
	for _, a := range stubs(im.profile, im.host, m.fallback) {
		largest := m.largest[a]
		if largest == 0 {
			continue
		}
		if runtime.StubsZero(a) {
			p.Target(a).Rules[0] = refused
		}
		for _, t := range p.Targets {
			if t.Arch.Audit() != a.Audit() {
				continue
			}
			for _, nr := range slices.Collect(maps.Keys(t.Rules)) {
				if nr > largest && hasBit(nr, a) {
					t.Rules[nr] = refused
				}
			}
			t.Default = im.above(a, largest, refused, t.Default)
		}
		if p.X32 != nil && a.Audit() == linux.X32.Audit() {
			p.X32 = im.above(a, largest, refused, p.X32)
		}
	}
}

// stubs returns the architectures on which the runtime answers the newest calls of
// a resolved profile itself, if it names any.
func stubs(resolved *oci.Profile, host oci.Host, fallback linux.Action) []linux.Arch {
	listed := make([]linux.Arch, 0, len(resolved.Architectures))
	for _, named := range resolved.Architectures {
		if a, ok := oci.ParseArch(named.Name); ok {
			listed = append(listed, a)
		}
	}
	return host.Runtime.Stubs(fallback, listed, host.Native())
}

// hasBit reports whether a stub takes a number for one of its architecture's,
// where two share an AUDIT_ARCH value.
func hasBit(nr uint32, a linux.Arch) bool {
	return a.Audit() != linux.X32.Audit() || nr&linux.X32Bit != 0 == (a == linux.X32)
}

// above returns a graph that refuses an architecture's numbers above one.
func (im *importer) above(a linux.Arch, largest uint32, refused, otherwise *policy.Node) *policy.Node {
	nr := im.b.Word(linux.WordNR)
	n := im.b.Test(policy.CmpGt, nr, im.b.Const(largest), refused, otherwise, source.Span{})
	switch a {
	case linux.X86_64:
		n = im.b.Test(policy.CmpSet, nr, im.b.Const(linux.X32Bit), otherwise, n, source.Span{})
	case linux.X32:
		n = im.b.Test(policy.CmpSet, nr, im.b.Const(linux.X32Bit), n, otherwise, source.Span{})
	}
	return n
}
