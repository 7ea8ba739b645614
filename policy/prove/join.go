package prove

import (
	"secco/linux"
	"secco/policy"
	"secco/policy/circuit"
	"secco/policy/diagram"
)

// joined is a filter that does what one of two others does.
type joined struct {
	a, b Filter
	join policy.Join
}

// Join returns the filter that does with each call what the join picks of what a
// and b do. It knows nothing of policy.Merge, which can be proved against it.
func Join(a, b Filter, j policy.Join) Filter { return &joined{a, b, j} }

func (f *joined) Run(d *linux.SeccompData) linux.Action {
	return f.join.Pick(f.a.Run(d), f.b.Run(d))
}

func (f *joined) cut(calls diagram.Calls, cuts *diagram.Cuts) {
	f.a.cut(calls, cuts)
	f.b.cut(calls, cuts)
}

func (f *joined) constant(s *diagram.Space) (linux.Action, bool) {
	a, ok := f.a.constant(s)
	if !ok {
		return 0, false
	}
	b, ok := f.b.constant(s)
	return f.join.Pick(a, b), ok
}

func (f *joined) meet(calls diagram.Calls, m *diagram.Meetings) {
	f.a.meet(calls, m)
	f.b.meet(calls, m)
}

func (f *joined) build(s *diagram.Space) diagram.Ref {
	a, b := f.a.build(s), f.b.build(s)
	second := s.Laxer(b, a)
	if f.join == policy.Intersection {
		second = s.Laxer(a, b)
	}
	return s.Ite(second, b, a)
}

func (f *joined) mirrored() bool { return f.a.mirrored() && f.b.mirrored() }

func (f *joined) circuit(c *circuit.Circuit) (circuit.Outcome, error) {
	a, err := f.a.circuit(c)
	if err != nil {
		return nil, err
	}
	b, err := f.b.circuit(c)
	if err != nil {
		return nil, err
	}
	return c.Join(a, b, f.join.Pick), nil
}

func (f *joined) constants() []uint32 { return append(f.a.constants(), f.b.constants()...) }
