package elastic

import (
	"fmt"
	"slices"

	"secco/linux"
	"secco/policy"
	"secco/source"
)

// enosys is what x32's numbers get.
const enosys = linux.Errno + 38

// policy returns what the groups mean on these architectures.
func (in *file) policy(arches []linux.Arch) *policy.Policy {
	if len(arches) == 0 {
		arches = []linux.Arch{linux.X86_64}
	}
	var b policy.Builder
	fallback := b.Leaf(in.fallback, in.Span(in.fallbackAt))
	out := &policy.Policy{BadArch: fallback, Settings: in.settings}
	for _, a := range arches {
		if out.Target(a) == nil {
			out.Targets = append(out.Targets, in.target(&b, a, fallback))
		}
	}
	if t := out.Target(linux.X86_64); t != nil {
		t.Rules[0xffffffff] = b.Leaf(enosys, source.Span{})
		if out.Target(linux.X32) == nil {
			out.X32 = b.Leaf(enosys, source.Span{})
		}
	}
	for _, g := range in.groups {
		if len(g.calls) > 0 && g.action.Rank() < in.fallback.Rank() {
			d := in.Diags.Warnf(in.Span(in.fallbackAt), "other-arches", "calls of other architectures get the default action, %s: no group restricts them", in.fallback)
			d.Hint = "go-seccomp-bpf does so, too"
			break
		}
	}
	return out
}

// choice is what a group says about a syscall: its action where one of the
// entries holds, always where always is set.
type choice struct {
	entries []entry
	always  bool
	action  linux.Action
	span    source.Span
}

func (in *file) target(b *policy.Builder, a linux.Arch, fallback *policy.Node) *policy.Target {
	t := &policy.Target{Arch: a, Rules: map[uint32]*policy.Node{}, Default: fallback}
	choices := map[uint32][]choice{}
	for _, g := range in.groups {
		inGroup := map[uint32]int{} // where the group's choice for a number is
		for _, e := range g.calls {
			if in.Full() {
				return t
			}
			nr, ok := a.Syscall(e.name)
			if !ok {
				in.Errorf(e.at, "unknown-syscall", "no syscall named %q on %s", e.name, a).Hint = a.SyscallHint(e.name)
				continue
			}
			i, more := inGroup[nr]
			switch {
			case !more:
				inGroup[nr] = len(choices[nr])
				choices[nr] = append(choices[nr], choice{entries: []entry{e}, always: e.always, action: g.action, span: in.Span(e.at)})
			case e.always:
				in.Errorf(e.at, "duplicate-syscall", "%s is in this group twice", e.name)
			case choices[nr][i].always:
				in.Errorf(e.at, "duplicate-syscall", "%s is in this group with and without conditions", e.name)
			default:
				choices[nr][i].entries = append(choices[nr][i].entries, e)
			}
		}
	}
	for nr, list := range choices {
		next := fallback
		for _, c := range slices.Backward(list) {
			if c.always {
				next = b.Leaf(c.action, c.span)
				continue
			}
			for _, e := range slices.Backward(c.entries) {
				then := b.Leaf(c.action, in.Span(e.at))
				for _, cond := range slices.Backward(e.conds) {
					then = in.test(b, a, cond, then, next)
				}
				next = then
			}
		}
		t.Rules[nr] = next
	}
	return t
}

func (in *file) test(b *policy.Builder, a linux.Arch, c condition, yes, no *policy.Node) *policy.Node {
	x, k, span := b.Arg(a, c.arg), b.ConstWide(c.value), in.Span(c.at)
	switch c.op {
	case "Equal":
		return b.TestWide(policy.CmpEq, x, k, yes, no, span)
	case "NotEqual":
		return b.TestWide(policy.CmpEq, x, k, no, yes, span)
	case "GreaterThan":
		return b.TestWide(policy.CmpGt, x, k, yes, no, span)
	case "LessOrEqual":
		return b.TestWide(policy.CmpGt, x, k, no, yes, span)
	case "GreaterOrEqual":
		return b.TestWide(policy.CmpGe, x, k, yes, no, span)
	case "LessThan":
		return b.TestWide(policy.CmpGe, x, k, no, yes, span)
	case "BitsSet":
		return b.TestWide(policy.CmpSet, x, k, yes, no, span)
	case "BitsNotSet":
		return b.TestWide(policy.CmpSet, x, k, no, yes, span)
	}
	panic(fmt.Sprintf("elastic: no operation %q", c.op))
}
