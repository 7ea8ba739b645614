package main

import (
	"fmt"
	"strings"

	"secco/hook/oracle"
	"secco/lang"
	"secco/linux"
	"secco/policy"
	"secco/policy/prove"
)

// sampled is what sample calls are kept by: the graph that decides them, which
// several syscalls may share, and the architecture.
type sampled struct {
	root *policy.Node
	arch linux.Arch
}

// sample makes calls at the edges of everything that the policy compares with.
func (t *tester) sample() {
	t.samples = map[sampled][]linux.SeccompData{}
	for d := range policy.Samples(t.policy) {
		arch, known := linux.ArchOf(d.Arch, d.NR)
		target := t.policy.Target(arch)
		if !known || target == nil || target.Rules[d.NR] == nil {
			t.others = append(t.others, d)
			continue
		}
		key := sampled{target.Rules[d.NR], arch}
		t.samples[key] = append(t.samples[key], d)
	}
}

// maxTestCalls is how many calls of a stated test the kernel is asked about.
const maxTestCalls = 256

// callsOf returns calls that a test is about: those at the edges of its syscall's
// rule, with the arguments that the test states.
func (t *tester) callsOf(test lang.Test) []expectation {
	call := linux.SeccompData{Arch: test.Arch.Audit(), NR: test.NR}
	var list []expectation
	seen := map[[6]uint64]bool{}
	add := func(args [6]uint64) {
		for i, stated := range test.Args {
			if stated != nil && test.Arch.Bits() == 32 {
				args[i] = args[i]&^0xffffffff | *stated // the upper half is not the kernel's
			} else if stated != nil {
				args[i] = *stated
			}
		}
		if !seen[args] && len(list) < maxTestCalls {
			seen[args] = true
			call.Args = args
			list = append(list, expectation{call, test.Want})
		}
	}
	add([6]uint64{})
	add([6]uint64{^uint64(0), ^uint64(0), ^uint64(0), ^uint64(0), ^uint64(0), ^uint64(0)})
	for _, d := range t.samples[sampled{t.policy.Root(call.Arch, call.NR), test.Arch}] {
		add(d.Args)
	}
	return list
}

// boundaries tests the calls at the edges of each rule: whatever can decide them has
// to do it alike.
func (t *tester) boundaries() {
	for _, target := range t.policy.Targets {
		var roots []*policy.Node // in the order of their first numbers
		names := map[*policy.Node][]string{}
		for _, s := range target.Arch.Syscalls() {
			root := target.Rules[s.NR]
			if root == nil {
				continue
			}
			if names[root] == nil {
				roots = append(roots, root)
			}
			names[root] = append(names[root], s.Name)
		}
		for _, root := range roots {
			name := fmt.Sprintf("%s on %s", oneLine(strings.Join(names[root], ", ")), target.Arch)
			t.cases("boundaries of "+name, t.samples[sampled{root, target.Arch}])
		}
	}
	t.cases("boundaries: calls without a rule, numbers of no syscall, other architectures", t.others)
}

// cases tests calls.
func (t *tester) cases(name string, calls []linux.SeccompData) {
	r := &tested{name: name, status: passed, calls: len(calls), json: resultJSON{Test: name}}
	t.results = append(t.results, r)
	for i := range calls {
		d := &calls[i]
		meant, rule := t.policy.Eval(d)
		if r.at.IsZero() {
			r.at = rule
		}
		if got := t.machine.Run(d); got.Effect() != meant.Effect() {
			r.fail(d, verdictOf(t.filter, got, d), rule, "for %s the policy means %s, its program returns %s", prove.CallString(d), actionText(meant, d), actionText(got, d))
		}
		if t.reference != nil {
			if got := t.reference.Eval(d); got.Effect() != meant.Effect() {
				r.fail(d, verdictOf(t.filter, meant, d), rule, "for %s the text means %s, its graph %s", prove.CallString(d), actionText(got, d), actionText(meant, d))
			}
		}
		if t.Bool(kernelFlag.Name) {
			if call, _, ok := entryOf(*d); ok {
				data := call.Data() // its instruction pointer is another one
				want, _ := t.policy.Eval(&data)
				r.kernel = append(r.kernel, expectation{data, want})
			}
		}
	}
}

// entryOf returns the call by which a process here comes to a filter with this; ok is
// false where none does. unfiltered says that the kernel asks no filter about it.
func entryOf(d linux.SeccompData) (call oracle.Call, unfiltered, ok bool) {
	if call, ok = oracle.CallFor(d); !ok {
		return call, false, false
	}
	return call, !call.Filtered(), call.Filtered()
}

// askKernel has the running kernel decide the calls that results wait for, all under
// one installed program.
func (t *tester) askKernel() error {
	var calls []oracle.Call
	var entries []oracle.Entry
	for _, r := range t.results {
		kept := r.kernel[:0]
		for _, e := range r.kernel {
			call, unfiltered, ok := entryOf(e.call)
			switch {
			case ok:
				calls = append(calls, call)
				kept = append(kept, e)
				entries = append(entries, call.Entry)
			case unfiltered:
			case r.status == passed:
				arch, _ := linux.ArchOf(e.call.Arch, e.call.NR)
				r.status, r.message = unchecked, fmt.Sprintf("proved, but this kernel has no entry for calls of %s", arch)
			}
		}
		r.kernel = kept
	}
	if err := oracle.Available(entries...); err != nil {
		return refused("no-kernel", "%s", err)
	}
	if len(calls) == 0 {
		return nil
	}
	outcomes, err := oracle.Observe(t.program.Program, calls)
	if err != nil {
		return refused("no-kernel", "the kernel could not be asked: %s", err)
	}
	at := 0
	for _, r := range t.results {
		for _, e := range r.kernel {
			got := outcomes[at].Value
			call := calls[at].Data()
			at++
			if got.Effect() == e.want.Effect() {
				continue
			}
			_, rule := t.policy.Eval(&call)
			r.fail(&e.call, verdictOf(t.filter, got, &call), rule, "%s is expected, but in the kernel %s gets %s", actionText(e.want, &call), prove.CallString(&e.call), actionText(got, &call))
		}
	}
	return nil
}
