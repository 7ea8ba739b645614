package lang

import (
	"slices"

	"secco/lang/check"
	"secco/linux"
	"secco/policy"
	"secco/source"
)

// maxDormant bounds the expansion of what does not hold, for each architecture. What is
// beyond is not looked at before it holds.
const maxDormant = 1 << 21

// dormant checks in full what holds on no target: a policy that is right for one caller
// is not to be refused for the next, who has a capability more or another machine.
// There are errors only: that it has no effect here is no reason for a warning.
func (l *loader) dormant() {
	s := &sleepers{loader: l, on: map[linux.Arch]*target{}}
	l.broken = l.diags.HasErrors()
	var enough check.Enough
	for _, d := range l.unit.Dormant {
		if enough.Of(l.diags) {
			return
		}
		s.rule(d)
	}
	for _, d := range l.unit.Defaults {
		if enough.Of(l.diags) {
			return
		}
		arches := d.Arches
		if arches == nil {
			arches = l.arches()
		}
		for _, a := range arches {
			if d.Guarded || !slices.Contains(l.arches(), a) {
				s.check(a, func(t *target) { t.setting(d.Default) })
			}
		}
	}
}

// arches returns the architectures of the targets.
func (l *loader) arches() []linux.Arch {
	var list []linux.Arch
	for _, t := range l.unit.Targets {
		list = append(list, t.Arch)
	}
	return list
}

// sleepers checks what holds on no target, as if it did.
type sleepers struct {
	*loader
	on map[linux.Arch]*target // each with diagnostics of its own
}

// target returns an architecture that may be no target.
func (s *sleepers) target(a linux.Arch) *target {
	t, ok := s.on[a]
	if ok {
		return t
	}
	l := &loader{unit: s.unit, builder: &policy.Builder{}, unparsed: s.unparsed}
	t = l.target(&check.Target{Arch: a})
	t.findDefaults()
	for _, d := range s.unit.Defaults {
		if d.Guarded {
			t.asked[d.Which] = true // it may be set where the rules hold
		}
	}
	s.on[a] = t
	return t
}

// find returns the errors that f finds on an architecture.
func (s *sleepers) find(a linux.Arch, f func(t *target)) source.Diagnostics {
	t := s.target(a)
	if t.steps > maxDormant {
		return nil
	}
	t.diags = nil
	f(t)
	return slices.DeleteFunc(t.diags, func(d source.Diagnostic) bool { return d.Severity != source.Error })
}

// check adds what f finds on an architecture.
func (s *sleepers) check(a linux.Arch, f func(t *target)) { s.diags = append(s.diags, s.find(a, f)...) }

// rule checks a rule on the architectures that it is for.
func (s *sleepers) rule(d check.Dormant) {
	rule := func(t *target) {
		// Which default actions callers state for other machines is not known.
		t.broken = s.broken || !d.Guarded || d.Arches != nil
		t.rule(d.Rule)
	}
	has := func(a linux.Arch) bool {
		return slices.ContainsFunc(d.Syscalls, func(name string) bool {
			_, _, ok := a.Numbers(name)
			return ok
		})
	}
	arches := slices.Clone(d.Arches)
	if arches == nil && d.Guarded {
		arches = slices.DeleteFunc(s.arches(), func(a linux.Arch) bool { return !has(a) })
	}
	for _, a := range arches {
		s.check(a, rule)
	}
	if len(arches) > 0 {
		return
	}
	// What others replace here, and what is for no target, is for whichever
	// architecture it is right for.
	var first source.Diagnostics
	for _, a := range append(s.arches(), linux.Arches()...) {
		if !has(a) {
			continue
		}
		found := s.find(a, rule)
		if len(found) == 0 {
			return
		}
		if len(first) == 0 {
			first = found
		}
	}
	s.diags = append(s.diags, first...)
}
