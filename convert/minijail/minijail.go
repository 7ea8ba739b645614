// Package minijail reads the policies of minijail: those that minijail0(5)
// documents, and the ones that its compile_seccomp_policy takes besides, with
// several syscalls or filters in braces, all actions, @default, @frequency and
// @denylist.
//
// The two read "NAME: TEST; return ERRNO" in opposite ways. The manual page's is
// followed, where the call is allowed if the test holds, with a warning; in a
// file that minijail0 could not read at all it is an error.
//
// "kill" is kill_thread. Other architectures are killed, and so are x32's numbers
// where they would get an action that lets them pass: to minijail they are numbers
// without a rule.
package minijail

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"secco/linux"
	"secco/policy"
	"secco/source"
)

// Options say what a policy leaves to its caller. The zero value is good for a
// policy that includes nothing.
type Options struct {
	// Arches are those that the policy is for; none stands for x86_64.
	Arches []linux.Arch
	// Default is for calls without a rule where no @default says so; nil stands
	// for kill_thread. It may be a permissive one, as minijail's --default-action.
	Default *linux.Action
	// Negative is for calls of which no filter of their syscall holds, where
	// neither the rule nor a @default says so; nil stands for the default action.
	Negative *linux.Action
	// Find opens the files of @include and @frequency. Without it they are errors.
	// An error of it may have a method Hint() string with what helps.
	Find func(from *source.File, path string) (*source.File, error)
}

func (o Options) targets() []linux.Arch {
	if len(o.Arches) == 0 {
		return []linux.Arch{linux.X86_64}
	}
	return o.Arches
}

// Frequencies is how often syscalls are called, by architecture and number.
type Frequencies map[linux.Arch]map[uint32]float64

// Read returns what a policy means and what its frequency files say. The policy
// is nil where the findings hold errors.
func Read(f *source.File, opts Options) (*policy.Policy, Frequencies, source.Diagnostics) {
	p := &parser{find: opts.Find}
	p.file([]*source.File{f}, (*parser).statement)
	l := &lowerer{unit: &p.unit, diags: p.diags, opts: opts}
	l.readings()
	l.denies()
	if l.diags.HasErrors() {
		l.diags.Sort()
		return nil, nil, l.diags
	}
	out := l.policy()
	l.diags.Sort()
	if l.diags.HasErrors() {
		return nil, nil, l.diags
	}
	return out, l.often, l.diags
}

// lowerer makes a policy of a unit.
type lowerer struct {
	*unit
	opts  Options
	diags source.Diagnostics
	b     policy.Builder
	arch  linux.Arch
	often Frequencies
	told  map[told]bool
	work  int
}

// told is an error that has been told.
type told struct {
	span    source.Span
	message string
}

// errorf tells an error once, although each architecture may have it, and stops
// at a number of them.
func (l *lowerer) errorf(span source.Span, code, format string, args ...any) *source.Diagnostic {
	return l.tell(l.diags.Errorf, span, code, format, args...)
}

// tell tells a finding once.
func (l *lowerer) tell(as func(source.Span, string, string, ...any) *source.Diagnostic, span source.Span, code, format string, args ...any) *source.Diagnostic {
	if l.told == nil {
		l.told = map[told]bool{}
	}
	key := told{span, fmt.Sprintf(format, args...)}
	if l.told[key] || len(l.told) >= maxErrors {
		return &source.Diagnostic{}
	}
	l.told[key] = true
	return as(span, code, "%s", key.message)
}

// readings tells of rules that minijail's two readers take in different ways.
func (l *lowerer) readings() {
	if !l.denylist.IsZero() {
		return // there is only one
	}
	for _, r := range l.rules {
		f := r.filters[0]
		if r.braced || len(f.any) == 0 || !f.action.given || f.action.code == nil {
			continue
		}
		if l.modern.IsZero() {
			l.diags.Warnf(f.action.span, "two-readings", "this is for calls of which the test does not hold, as minijail0 has it; compile_seccomp_policy has it the other way round")
			continue
		}
		d := l.diags.Errorf(f.action.span, "two-readings", "minijail0 takes this for calls of which the test does not hold, compile_seccomp_policy for those of which it does")
		d.Hint = "write { TEST, return ERRNO } or { TEST; return ERRNO }"
		d.Related = append(d.Related, source.Related{Span: l.modern, Message: "this is not for minijail0"})
	}
}

// denies checks that a denylist has nothing but errnos.
func (l *lowerer) denies() {
	if l.denylist.IsZero() {
		return
	}
	if l.fallback != nil {
		d := l.diags.Errorf(l.fallback.span, "invalid-default", "@default has no place in a denylist")
		d.Related = append(d.Related, source.Related{Span: l.denylist, Message: "this makes it one"})
	}
	for _, r := range l.rules {
		for _, f := range r.filters {
			if f.action.code == nil {
				l.diags.Errorf(f.action.span, "invalid-denylist", "each filter of a denylist needs a return of its own")
			}
		}
	}
}

func (l *lowerer) policy() *policy.Policy {
	kill := l.b.Leaf(linux.KillThread, source.Span{})
	fallback := kill
	var negative *policy.Node
	switch {
	case !l.denylist.IsZero():
		fallback = l.b.Leaf(linux.Allow, l.denylist)
		negative = fallback
	case l.fallback != nil:
		fallback = l.b.Leaf(l.fallback.action, l.fallback.span)
		negative = fallback
	default:
		if l.opts.Default != nil {
			fallback = l.b.Leaf(*l.opts.Default, source.Span{})
		}
		negative = fallback
		if l.opts.Negative != nil {
			negative = l.b.Leaf(*l.opts.Negative, source.Span{})
		}
	}
	out := &policy.Policy{BadArch: kill}
	for _, l.arch = range l.opts.targets() {
		if out.Target(l.arch) == nil {
			out.Targets = append(out.Targets, l.target(fallback, negative))
		}
	}
	if out.Target(linux.X86_64) != nil && out.Target(linux.X32) == nil {
		out.X32 = fallback // to minijail these are numbers without a rule
		if fallback.Action.Rank() >= linux.Trace.Rank() {
			out.X32 = kill // but they must not be a way round its rules
		}
	}
	l.frequency()
	return out
}

// target returns what the rules mean on l.arch.
func (l *lowerer) target(fallback, negative *policy.Node) *policy.Target {
	t := &policy.Target{Arch: l.arch, Rules: map[uint32]*policy.Node{}, Default: fallback}
	filters := map[uint32][]filter{}
	for _, r := range l.rules {
		for _, n := range r.names {
			if len(l.told) >= maxErrors {
				return t
			}
			nr, ok := l.number(n)
			if !ok {
				continue
			}
			if l.work += len(r.filters); l.work > maxWork {
				l.errorf(r.span, "too-complex", "there are more than %d filters, each counted for each of its syscalls", maxWork)
				return t
			}
			for i, f := range l.allOf(r) {
				if have := filters[nr]; len(have) > 0 && len(have[len(have)-1].any) == 0 {
					var d *source.Diagnostic
					switch {
					case i > 0:
						d = l.errorf(f.span, "duplicate-rule", "the filter before this one decides everything")
					case len(f.any) == 0 && l.action(f.action) == l.action(have[len(have)-1].action):
						d = l.tell(l.diags.Warnf, f.span, "duplicate-rule", "%s has been decided before, in the same way: of minijail's readers only Android's takes this", n.text)
					default:
						d = l.errorf(f.span, "duplicate-rule", "%s has been decided before", n.text)
					}
					d.Related = []source.Related{{Span: have[len(have)-1].span, Message: "it is here"}}
					break
				}
				filters[nr] = append(filters[nr], f)
			}
		}
	}
	for nr, list := range filters {
		next := negative
		for _, f := range slices.Backward(list) {
			yes := l.b.Leaf(l.action(f.action), f.span)
			if len(f.any) == 0 {
				next = yes
				continue
			}
			for _, all := range slices.Backward(f.any) {
				then := yes
				for _, c := range slices.Backward(all) {
					then = l.test(c, then, next)
				}
				next = then
			}
		}
		t.Rules[nr] = next
	}
	return t
}

// allOf returns a rule's filters. Where minijail0's manual page has an errno
// behind a test it is for the calls that are left.
func (l *lowerer) allOf(r rule) []filter {
	f := r.filters[0]
	if r.braced || len(f.any) == 0 || f.action.code == nil || !l.modern.IsZero() {
		return r.filters
	}
	return []filter{
		{any: f.any, action: action{action: linux.Allow, span: f.span}, span: f.span},
		{action: f.action, span: f.action.span},
	}
}

// armPrefix is before the names that minijail has for the syscalls of arm alone,
// __ARM_NR_*, whose numbers begin at armPrivate.
const (
	armPrefix  = "ARM_"
	armPrivate = 0xf0000
)

// number returns a syscall's number on l.arch, and whether it has one there.
func (l *lowerer) number(n name) (uint32, bool) {
	if n.limited && !slices.Contains(n.arches, l.arch) {
		return 0, false
	}
	if nr, ok := l.arch.Syscall(n.text); ok {
		return nr, true
	}
	meant := n.text
	if name, ok := strings.CutPrefix(n.text, armPrefix); ok {
		nr, ok := linux.ARM.Syscall(name)
		switch {
		case !ok || nr < armPrivate:
		case l.arch == linux.ARM:
			return nr, true
		default:
			meant = name
		}
	}
	if nr, err := strconv.ParseUint(n.text, 0, 31); err == nil {
		return uint32(nr), true
	}
	l.errorf(n.span, "unknown-syscall", "no syscall named %q on %s", n.text, l.arch).Hint = l.arch.SyscallHint(meant)
	return 0, false
}

func (l *lowerer) action(a action) linux.Action {
	if a.code == nil {
		return a.action
	}
	n := l.term(*a.code)
	if n > linux.MaxErrno {
		l.errorf(a.code.span, "out-of-range", "an errno is at most %d", linux.MaxErrno)
	}
	return linux.Errno.With(uint16(n))
}

func (l *lowerer) test(t test, yes, no *policy.Node) *policy.Node {
	x, k := l.b.Arg(l.arch, t.arg), l.value(t.value)
	switch t.op {
	case "==":
		return l.b.TestWide(policy.CmpEq, x, l.b.ConstWide(k), yes, no, t.span)
	case "!=":
		return l.b.TestWide(policy.CmpEq, x, l.b.ConstWide(k), no, yes, t.span)
	case ">":
		return l.b.TestWide(policy.CmpGt, x, l.b.ConstWide(k), yes, no, t.span)
	case "<=":
		return l.b.TestWide(policy.CmpGt, x, l.b.ConstWide(k), no, yes, t.span)
	case ">=":
		return l.b.TestWide(policy.CmpGe, x, l.b.ConstWide(k), yes, no, t.span)
	case "<":
		return l.b.TestWide(policy.CmpGe, x, l.b.ConstWide(k), no, yes, t.span)
	case "&":
		return l.b.TestWide(policy.CmpSet, x, l.b.ConstWide(k), yes, no, t.span)
	}
	return l.b.TestWide(policy.CmpSet, x, l.b.ConstWide(^k), no, yes, t.span) // in: no bit that isn't listed
}

// value returns the bits of a value's constants.
func (l *lowerer) value(list []term) (bits uint64) {
	for _, t := range list {
		bits |= l.term(t)
	}
	return bits
}

// term returns a constant in the width of l.arch.
func (l *lowerer) term(t term) uint64 {
	most := uint64(1)<<(l.arch.Bits()-1)*2 - 1
	var v uint64
	if t.sub != nil {
		v = l.value(t.sub)
	} else if v = l.constant(t); v > most {
		if v < -(most/2 + 1) { // as a negative number it has its sign in all bits above
			l.errorf(t.span, "out-of-range", "%s has more than %d bits", t.text, l.arch.Bits())
		}
		v &= most
	}
	if t.inverted {
		v = ^v & most
	}
	return v
}

func (l *lowerer) constant(t term) uint64 {
	text, negative := t.text, t.text[0] == '-'
	if negative {
		text = text[1:]
	}
	v, err := number(text)
	if errors.Is(err, strconv.ErrRange) || negative && v > 1<<63 {
		l.errorf(t.span, "out-of-range", "%s has more than 64 bits", t.text)
		return 0
	}
	if err == nil {
		if negative {
			v = -v
		}
		return v
	}
	if v, ok := l.libcConstant(text); ok && !negative {
		return v
	}
	if v, ok := l.arch.Constant(text); ok && !negative {
		return v
	}
	if n, ok := l.arch.Errno(text); ok && !negative {
		return uint64(n)
	}
	d := l.errorf(t.span, "unknown-name", "no constant named %q on %s", t.text, l.arch)
	if near, ok := l.arch.ClosestConstant(text); ok {
		d.Hint = "did you mean " + strconv.Quote(near) + "?"
	}
	return 0
}

// aliases are names that the C library has besides the kernel's, for flags.
var aliases = map[string]string{"FAPPEND": "O_APPEND", "FFSYNC": "O_SYNC", "FNDELAY": "O_NONBLOCK", "FNONBLOCK": "O_NONBLOCK"}

// libcConstant returns a constant that is the C library's to minijail, which is
// built with its headers: NSIG is no 32 there, as the kernel has it on some.
func (l *lowerer) libcConstant(name string) (uint64, bool) {
	switch {
	case name == "NSIG" && l.arch == linux.MIPS64LE:
		return 128, true
	case name == "NSIG":
		return 65, true
	}
	if kernels, ok := aliases[name]; ok {
		return l.arch.Constant(kernels)
	}
	return 0, false
}

// frequency collects what the frequency files say.
func (l *lowerer) frequency() {
	if len(l.frequencies) == 0 {
		return
	}
	l.often = Frequencies{}
	for _, t := range l.opts.targets() {
		l.arch, l.often[t] = t, map[uint32]float64{}
		for _, f := range l.frequencies {
			if len(l.told) >= maxErrors {
				return
			}
			if nr, ok := l.number(f.name); ok {
				l.often[t][nr] += float64(f.n)
			}
		}
	}
}
