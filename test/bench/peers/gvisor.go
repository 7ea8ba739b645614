package main

import (
	"fmt"

	gseccomp "gvisor.dev/gvisor/pkg/seccomp"

	"secco/bpf"
	"secco/linux"
	"secco/test/bench"
)

// gvisor returns gVisor's pkg/seccomp, with its optimizations. It compiles for
// the architecture that it runs on alone, and has no action for numbers of x32 but
// the default one.
func gvisor() compiler {
	return compiler{
		name:   "gVisor",
		others: func(w *bench.Workload) { w.X32 = w.Default },
		takes:  func(w *bench.Workload) bool { return len(w.Arches) == 1 && w.Arches[0] == linux.X86_64 },
		prepare: func(w *bench.Workload) (func() (bpf.Program, error), error) {
			return func() (bpf.Program, error) { return gvisorBuild(w) }, nil
		},
	}
}

func gvisorBuild(w *bench.Workload) (bpf.Program, error) {
	if err := unordered(w); err != nil {
		return nil, err
	}
	var sets []gseccomp.RuleSet // one for each action, in the order of the first rules
	at := map[linux.Action]int{}
	for _, r := range w.Rules {
		nr, ok := linux.X86_64.Syscall(r.Syscall)
		if !ok {
			continue
		}
		i, ok := at[r.Action]
		if !ok {
			match, err := gvisorAction(r.Action)
			if err != nil {
				return nil, err
			}
			i = len(sets)
			at[r.Action] = i
			sets = append(sets, gseccomp.RuleSet{Rules: gseccomp.NewSyscallRules(), Action: match})
		}
		sets[i].Rules.Add(uintptr(nr), gvisorRule(r))
	}
	fallback, err := gvisorAction(w.Default)
	if err != nil {
		return nil, err
	}
	missing, err := gvisorAction(w.Missing)
	if err != nil {
		return nil, err
	}
	program := gseccomp.Program{
		RuleSets: sets,
		Options:  gseccomp.ProgramOptions{DefaultAction: fallback, BadArchAction: missing},
	}
	code, _, err := program.Build()
	if err != nil {
		return nil, err
	}
	out := make(bpf.Program, len(code))
	for i, in := range code {
		out[i] = bpf.Instruction{Op: in.OpCode, Jt: in.JumpIfTrue, Jf: in.JumpIfFalse, K: in.K}
	}
	return out, nil
}

func gvisorRule(r bench.Rule) gseccomp.SyscallRule {
	if len(r.Conds) == 0 {
		return gseccomp.MatchAll{}
	}
	var all gseccomp.And
	arg, used := gseccomp.PerArg{}, [6]bool{}
	for _, c := range r.Conds {
		if used[c.Arg] { // a second condition on an argument needs a rule of its own
			all = append(all, arg)
			arg, used = gseccomp.PerArg{}, [6]bool{}
		}
		arg[c.Arg], used[c.Arg] = gvisorMatcher(c), true
	}
	if all = append(all, arg); len(all) == 1 {
		return all[0]
	}
	return all
}

func gvisorMatcher(c bench.Condition) gseccomp.ValueMatcher {
	v := uintptr(c.Value)
	switch c.Op {
	case "eq":
		return gseccomp.EqualTo(v)
	case "ne":
		return gseccomp.NotEqual(v)
	case "lt":
		return gseccomp.LessThan(v)
	case "le":
		return gseccomp.LessThanOrEqual(v)
	case "gt":
		return gseccomp.GreaterThan(v)
	case "ge":
		return gseccomp.GreaterThanOrEqual(v)
	default: // meq, as ReadWorkload lets no other through
		return gseccomp.MaskedEqual(v, uintptr(c.Value2))
	}
}

func gvisorAction(a linux.Action) (gseccomp.Action, error) {
	switch a.Kind() {
	case linux.Allow:
		return gseccomp.Allow, nil
	case linux.KillThread:
		return gseccomp.KillThread, nil
	case linux.Errno:
		return gseccomp.ReturnError.Code(a.Data()), nil
	}
	return "", fmt.Errorf("no workload has action %s", a)
}
