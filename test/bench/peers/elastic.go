package main

import (
	"fmt"
	"slices"

	eseccomp "github.com/elastic/go-seccomp-bpf"
	"github.com/elastic/go-seccomp-bpf/arch"
	netbpf "golang.org/x/net/bpf"

	"secco/bpf"
	"secco/linux"
	"secco/test/bench"
)

// elastic returns elastic's go-seccomp-bpf. It compiles for one architecture. Calls
// of others get the default action, numbers of x32 ENOSYS, 0xffffffff as well.
func elastic() compiler {
	return compiler{
		name:  "elastic",
		takes: func(w *bench.Workload) bool { return slices.Equal(w.Arches, []linux.Arch{linux.X86_64}) },
		prepare: func(w *bench.Workload) (func() (bpf.Program, error), error) {
			p, err := elasticPolicy(w)
			return func() (bpf.Program, error) { return elasticBuild(p) }, err
		},
		unknown: func(w *bench.Workload) (map[syscall]bool, error) {
			unknown := map[syscall]bool{}
			for _, r := range w.Rules {
				if _, ok := arch.X86_64.SyscallNames[r.Syscall]; !ok {
					unknown[syscall{linux.X86_64, r.Syscall}] = true
				}
			}
			return unknown, nil
		},
		others: func(w *bench.Workload) {
			w.Missing, w.X32, w.Skipped = w.Default, linux.Errno.With(38), linux.Errno.With(38)
		},
	}
}

// elasticPolicy has a group for each action, in the order of the first rules.
func elasticPolicy(w *bench.Workload) (eseccomp.Policy, error) {
	policy := eseccomp.Policy{}
	var err error
	if policy.DefaultAction, err = elasticAction(w.Default); err != nil {
		return policy, err
	}
	if err := unordered(w); err != nil {
		return policy, err
	}
	always := map[string]bool{} // rules with conditions add nothing to one without
	for _, r := range w.Rules {
		always[r.Syscall] = always[r.Syscall] || len(r.Conds) == 0
	}
	groups := map[linux.Action]int{}
	named := map[string]bool{}
	for _, r := range w.Rules {
		if _, ok := arch.X86_64.SyscallNames[r.Syscall]; !ok {
			continue
		}
		i, ok := groups[r.Action]
		if !ok {
			action, err := elasticAction(r.Action)
			if err != nil {
				return policy, err
			}
			i = len(policy.Syscalls)
			groups[r.Action] = i
			policy.Syscalls = append(policy.Syscalls, eseccomp.SyscallGroup{Action: action})
		}
		g := &policy.Syscalls[i]
		switch {
		case !always[r.Syscall]:
			g.NamesWithCondtions = append(g.NamesWithCondtions, eseccomp.NameWithConditions{Name: r.Syscall, Conditions: elasticConditions(r.Conds)})
		case !named[r.Syscall]:
			named[r.Syscall] = true
			g.Names = append(g.Names, r.Syscall)
		}
	}
	return policy, nil
}

var elasticOperations = map[string]eseccomp.Operation{
	"eq": eseccomp.Equal, "ne": eseccomp.NotEqual, "lt": eseccomp.LessThan, "le": eseccomp.LessOrEqual,
	"gt": eseccomp.GreaterThan, "ge": eseccomp.GreaterOrEqual,
}

// elasticConditions says of masked bits which are not set, and of each other that
// it is.
func elasticConditions(conds []bench.Condition) eseccomp.ArgumentConditions {
	var out eseccomp.ArgumentConditions
	add := func(arg int, op eseccomp.Operation, value uint64) {
		out = append(out, eseccomp.Condition{Argument: uint32(arg), Operation: op, Value: value})
	}
	for _, c := range conds {
		if c.Op != "meq" {
			add(c.Arg, elasticOperations[c.Op], c.Value)
			continue
		}
		if clear := c.Value &^ c.Value2; clear != 0 {
			add(c.Arg, eseccomp.BitsNotSet, clear)
		}
		for bit := uint64(1); bit != 0; bit <<= 1 {
			if c.Value2&bit != 0 {
				add(c.Arg, eseccomp.BitsSet, bit)
			}
		}
	}
	return out
}

// elasticAction adds an errno other than EPERM, which is what a bare errno means.
func elasticAction(a linux.Action) (eseccomp.Action, error) {
	switch a.Kind() {
	case linux.Allow:
		return eseccomp.ActionAllow, nil
	case linux.KillThread:
		return eseccomp.ActionKillThread, nil
	case linux.Errno:
		if a.Data() == 1 {
			return eseccomp.ActionErrno, nil
		}
		return eseccomp.ActionErrno | eseccomp.Action(a.Data()), nil
	}
	return 0, fmt.Errorf("no workload has action %s", a)
}

func elasticBuild(p eseccomp.Policy) (bpf.Program, error) {
	code, err := p.Assemble()
	if err != nil {
		return nil, err
	}
	raw, err := netbpf.Assemble(code)
	if err != nil {
		return nil, err
	}
	out := make(bpf.Program, len(raw))
	for i, in := range raw {
		out[i] = bpf.Instruction{Op: in.Op, Jt: in.Jt, Jf: in.Jf, K: in.K}
	}
	return out, nil
}
