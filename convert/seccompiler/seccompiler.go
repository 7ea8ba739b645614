// Package seccompiler reads the JSON of rust-vmm's seccompiler, which Firecracker
// uses: filters by the name of the thread that they are for.
//
//	{
//	  "main_thread": {
//	    "mismatch_action": "kill_process",
//	    "match_action": "allow",
//	    "filter": [{"syscall": "accept4"}]
//	  }
//	}
//
// Calls of other architectures get kill_process, as there. x32's numbers get the
// mismatch action, as there, but kill_process where that would let them pass.
package seccompiler

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"secco/linux"
	"secco/policy"
	"secco/source"
)

// Options say what a file leaves open. The zero value is good for a file with
// one filter.
type Options struct {
	// Arches are those that the filter is for; none stands for x86_64. With several
	// each has the same rules.
	Arches []linux.Arch
	// Thread names the filter; it may be empty where there is one only.
	Thread string
}

// filter is what a file says about one thread.
type filter struct {
	span            source.Span
	match, mismatch *action
	rules           []rule
}

type action struct {
	action linux.Action
	span   source.Span
}

type rule struct {
	syscall string
	conds   []condition
	span    source.Span // of the rule
	at      source.Span // of the name
}

type condition struct {
	arg       int
	wide      bool // a qword
	op        string
	val, mask uint64
	span      source.Span
}

type file struct {
	diags source.Diagnostics
}

func (in *file) errorf(span source.Span, code, format string, args ...any) *source.Diagnostic {
	if len(in.diags) >= maxErrors {
		return &source.Diagnostic{}
	}
	return in.diags.Errorf(span, code, format, args...)
}

// Read returns what the filter of a thread means. All filters of the file must be
// right. The policy is nil where the findings hold errors.
func Read(f *source.File, opts Options) (*policy.Policy, source.Diagnostics) {
	in := &file{}
	if chosen := in.choose(f, opts.Thread); chosen != nil && !in.diags.HasErrors() {
		p := in.policy(chosen, opts.Arches)
		in.diags.Sort()
		if !in.diags.HasErrors() {
			return p, in.diags
		}
	}
	in.diags.Sort()
	return nil, in.diags
}

// choose reads the file and returns a thread's filter.
func (in *file) choose(f *source.File, thread string) *filter {
	top, ok := readJSON(f, &in.diags)
	if !ok {
		return nil
	}
	if !top.isMap {
		in.errorf(top.span, "wrong-type", "a file of filters is an object, this is %s", top.kind())
		return nil
	}
	var names []string
	var chosen *filter
	for _, m := range top.members {
		names = append(names, strconv.Quote(m.key))
		read := in.filter(m.value)
		if m.key == thread || thread == "" && len(top.members) == 1 {
			chosen = read
		}
	}
	list := strings.Join(names[:min(len(names), 20)], ", ")
	switch {
	case chosen != nil:
	case len(names) == 0:
		in.errorf(top.span, "missing-field", "there is no filter in this file")
	case thread == "":
		in.errorf(f.Span(0, 0), "several-filters", "there are several filters: say which of %s is meant", list)
	default:
		in.errorf(f.Span(0, 0), "unknown-filter", "there is no filter for %q: there is %s", thread, list)
	}
	return chosen
}

func (in *file) filter(v value) *filter {
	f := &filter{span: v.span}
	fields := []string{"mismatch_action", "match_action", "filter", "default_action", "filter_action"}
	hasRules := false
	in.fields(v, "a filter", fields, func(m member) {
		switch m.key {
		case "mismatch_action", "default_action": // the latter are the names of old
			in.once(&f.mismatch, m)
		case "match_action", "filter_action":
			in.once(&f.match, m)
		case "filter":
			hasRules = true
			if !m.value.isList {
				in.errorf(m.value.span, "wrong-type", "filter is a list, this is %s", m.value.kind())
				return
			}
			for _, item := range m.value.items {
				f.rules = append(f.rules, in.rule(item))
			}
		}
	})
	if v.isMap && (f.match == nil || f.mismatch == nil || !hasRules) {
		in.errorf(v.span, "missing-field", "a filter has match_action, mismatch_action and filter")
	} else if v.isMap && f.match.action == f.mismatch.action && !in.diags.HasErrors() {
		in.errorf(f.match.span, "same-actions", "match_action and mismatch_action are the same")
	}
	return f
}

func (in *file) once(a **action, m member) {
	if *a != nil {
		in.errorf(m.span, "duplicate-field", "%s stands for an action that is there already", m.key)
		return
	}
	*a = in.action(m.value)
}

var actions = map[string]linux.Action{
	"allow": linux.Allow, "kill_thread": linux.KillThread, "kill_process": linux.KillProcess, "log": linux.Log, "trap": linux.Trap, "user_notif": linux.Notify,
}

// action reads an action: a word, or an object with a number.
func (in *file) action(v value) *action {
	a := &action{span: v.span}
	if name, ok := v.scalar.(string); ok {
		if a.action, ok = actions[name]; !ok {
			in.errorf(v.span, "unknown-action", `no action %q: there is allow, {"errno": N}, kill_process, kill_thread, log, {"trace": N}, trap and user_notif`, name)
		}
		return a
	}
	in.fields(v, "an action", []string{"errno", "trace"}, func(m member) {
		kind, most := linux.Errno, uint64(linux.MaxErrno)
		if m.key == "trace" {
			kind, most = linux.Trace, 0xffff
		}
		n := in.number(m.value, m.key)
		if n > most {
			in.errorf(m.value.span, "out-of-range", "%s takes at most %d", m.key, most)
		}
		a.action = kind.With(uint16(n))
	})
	if v.isMap && len(v.members) != 1 {
		in.errorf(v.span, "wrong-type", "this is not one action")
	}
	return a
}

// number reads a whole number.
func (in *file) number(v value, what string) uint64 {
	text, ok := v.scalar.(json.Number)
	n, err := strconv.ParseUint(string(text), 10, 64)
	if !ok || err != nil {
		d := in.errorf(v.span, "wrong-type", "%s is a whole number from 0 to 2^64-1, this is %s", what, v.span.Text()[:min(40, len(v.span.Text()))])
		if what == "errno" && text == "-1" {
			d.Hint = "the -1 of seccompiler's documentation is none to itself, either"
		}
	}
	return n
}

// comment checks a comment, which may be missing as null.
func (in *file) comment(m member) {
	if m.value.kind() != "null" {
		in.text(m.value, "a comment")
	}
}

func (in *file) rule(v value) rule {
	r := rule{span: v.span, at: v.span}
	named := false
	in.fields(v, "a rule", []string{"syscall", "args", "comment"}, func(m member) {
		switch m.key {
		case "syscall":
			r.syscall, r.at, named = in.text(m.value, "a syscall's name"), m.value.span, true
		case "comment":
			in.comment(m)
		case "args":
			if m.value.kind() == "null" {
				return
			}
			if !m.value.isList {
				in.errorf(m.value.span, "wrong-type", "args is a list, this is %s", m.value.kind())
				return
			}
			for _, item := range m.value.items {
				r.conds = append(r.conds, in.condition(item))
			}
			if len(r.conds) == 0 {
				in.errorf(m.value.span, "missing-field", "args must not be empty")
			}
		}
	})
	if v.isMap && !named {
		in.errorf(v.span, "missing-field", "the rule has no syscall")
	}
	return r
}

func (in *file) condition(v value) condition {
	c := condition{span: v.span}
	seen := 0
	var val, op value
	in.fields(v, "a condition", []string{"index", "type", "op", "val", "comment"}, func(m member) {
		seen++
		switch m.key {
		case "index":
			n := in.number(m.value, m.key)
			if n > 5 {
				in.errorf(m.value.span, "out-of-range", "arguments are 0 to 5")
				return
			}
			c.arg = int(n)
		case "type":
			switch in.text(m.value, "type") {
			case "dword":
			case "qword":
				c.wide = true
			default:
				in.errorf(m.value.span, "unknown-type", "type is dword or qword")
			}
		case "op":
			op = m.value
			in.operator(&c, op)
		case "val":
			val = m.value
			c.val = in.number(val, m.key)
		case "comment":
			in.comment(m)
			seen--
		}
	})
	if v.isMap && seen < 4 {
		in.errorf(v.span, "missing-field", "a condition has index, type, op and val")
	}
	switch {
	case in.diags.HasErrors():
	case !c.wide && c.val > 0xffffffff:
		in.errorf(val.span, "out-of-range", "a dword has 32 bits")
	case !c.wide && c.mask > 0xffffffff:
		in.errorf(op.span, "out-of-range", "a dword has 32 bits")
	}
	return c
}

// operator reads an operator: a word, or masked_eq with its mask.
func (in *file) operator(c *condition, v value) {
	if name, ok := v.scalar.(string); ok {
		if c.op = name; !slices.Contains([]string{"eq", "ge", "gt", "le", "lt", "ne"}, name) {
			in.errorf(v.span, "unknown-operator", `no operator %q: there is eq, ge, gt, le, lt, ne and {"masked_eq": MASK}`, name)
		}
		return
	}
	in.fields(v, "an operator", []string{"masked_eq"}, func(m member) {
		c.op, c.mask = m.key, in.number(m.value, m.key)
	})
	if v.isMap && len(v.members) != 1 {
		in.errorf(v.span, "wrong-type", "this is not one operator")
	}
}

// policy returns what a filter means on these architectures.
func (in *file) policy(f *filter, arches []linux.Arch) *policy.Policy {
	if len(arches) == 0 {
		arches = []linux.Arch{linux.X86_64}
	}
	var b policy.Builder
	killed := b.Leaf(linux.KillProcess, source.Span{})
	mismatch := b.Leaf(f.mismatch.action, f.mismatch.span)
	p := &policy.Policy{BadArch: killed}
	for _, a := range arches {
		if p.Target(a) == nil {
			p.Targets = append(p.Targets, in.target(&b, f, a, mismatch))
		}
	}
	if p.Target(linux.X86_64) != nil && p.Target(linux.X32) == nil {
		p.X32 = mismatch
		if f.mismatch.action.Rank() >= linux.Trace.Rank() {
			p.X32 = killed
		}
	}
	return p
}

func (in *file) target(b *policy.Builder, f *filter, a linux.Arch, mismatch *policy.Node) *policy.Target {
	t := &policy.Target{Arch: a, Rules: map[uint32]*policy.Node{}, Default: mismatch}
	rules := map[uint32][]rule{}
	for _, r := range f.rules {
		if len(in.diags) >= maxErrors {
			return t
		}
		nr, ok := a.Syscall(r.syscall)
		if !ok {
			in.errorf(r.at, "unknown-syscall", "no syscall named %q on %s", r.syscall, a).Hint = a.SyscallHint(r.syscall)
			continue
		}
		if have := rules[nr]; len(have) > 0 && (len(have[0].conds) == 0) != (len(r.conds) == 0) {
			d := in.errorf(r.span, "conflicting-rules", "%s has rules with args and one without: seccompiler drops the one without, which its documentation doesn't say", r.syscall)
			d.Related = []source.Related{{Span: have[0].span, Message: "the first is here"}}
			continue
		}
		rules[nr] = append(rules[nr], r)
	}
	for nr, list := range rules {
		next := mismatch
		for _, r := range slices.Backward(list) {
			then := b.Leaf(f.match.action, r.span)
			for _, c := range slices.Backward(r.conds) {
				then = test(b, a, c, then, next)
			}
			next = then
		}
		t.Rules[nr] = next
	}
	return t
}

func test(b *policy.Builder, a linux.Arch, c condition, yes, no *policy.Node) *policy.Node {
	x, k := b.Arg(a, c.arg), b.ConstWide(c.val)
	if !c.wide {
		x.High = b.Const(0)
	}
	switch c.op {
	case "eq":
		return b.TestWide(policy.CmpEq, x, k, yes, no, c.span)
	case "ne":
		return b.TestWide(policy.CmpEq, x, k, no, yes, c.span)
	case "gt":
		return b.TestWide(policy.CmpGt, x, k, yes, no, c.span)
	case "le":
		return b.TestWide(policy.CmpGt, x, k, no, yes, c.span)
	case "ge":
		return b.TestWide(policy.CmpGe, x, k, yes, no, c.span)
	case "lt":
		return b.TestWide(policy.CmpGe, x, k, no, yes, c.span)
	case "masked_eq":
		return b.TestWide(policy.CmpEq, b.And(x, b.ConstWide(c.mask)), b.ConstWide(c.val&c.mask), yes, no, c.span)
	}
	panic(fmt.Sprintf("seccompiler: no operator %q", c.op))
}
