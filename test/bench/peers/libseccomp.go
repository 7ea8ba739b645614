package main

import (
	"fmt"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"secco/bpf"
	"secco/convert/libseccomp"
	"secco/linux"
	"secco/test/bench"
)

const libseccompName = "libseccomp"

// libseccomps returns libseccomp's two modes, called as container runtimes do.
func libseccomps() []compiler {
	mode := func(name string, tree bool) compiler {
		return compiler{
			name:  name,
			takes: func(*bench.Workload) bool { return true },
			prepare: func(w *bench.Workload) (func() (bpf.Program, error), error) {
				p, err := profile(w)
				if err != nil {
					return nil, err
				}
				return func() (bpf.Program, error) { return libseccomp.Build(p, libseccomp.Options{Tree: &tree}) }, nil
			},
			unknown: libseccompUnknown,
		}
	}
	return []compiler{mode(libseccompName, false), mode("libseccomp, tree", true)}
}

// libseccompUnknown returns the syscalls that this libseccomp is too old for.
func libseccompUnknown(w *bench.Workload) (map[syscall]bool, error) {
	unknown := map[syscall]bool{}
	for _, r := range w.Rules {
		for _, a := range w.Arches {
			if _, ok := a.Syscall(r.Syscall); !ok {
				continue
			}
			_, _, known, err := libseccomp.Syscall(a, r.Syscall)
			if err != nil {
				return nil, err
			}
			if !known {
				unknown[syscall{a, r.Syscall}] = true
			}
		}
	}
	return unknown, nil
}

var archNames = map[linux.Arch]specs.Arch{linux.X86_64: specs.ArchX86_64, linux.I386: specs.ArchX86, linux.X32: specs.ArchX32}

var operatorNames = map[string]specs.LinuxSeccompOperator{
	"eq": specs.OpEqualTo, "ne": specs.OpNotEqual, "lt": specs.OpLessThan, "le": specs.OpLessEqual,
	"gt": specs.OpGreaterThan, "ge": specs.OpGreaterEqual, "meq": specs.OpMaskedEqual,
}

// profile returns the workload as a profile, rule by rule.
func profile(w *bench.Workload) (*specs.LinuxSeccomp, error) {
	if err := unordered(w); err != nil {
		return nil, err
	}
	out := &specs.LinuxSeccomp{}
	var err error
	if out.DefaultAction, out.DefaultErrnoRet, err = actionName(w.Default); err != nil {
		return nil, err
	}
	for _, a := range w.Arches {
		name, ok := archNames[a]
		if !ok {
			return nil, fmt.Errorf("no profile for %s", a)
		}
		out.Architectures = append(out.Architectures, name)
	}
	for _, r := range w.Rules {
		s := specs.LinuxSyscall{Names: []string{r.Syscall}}
		if s.Action, s.ErrnoRet, err = actionName(r.Action); err != nil {
			return nil, err
		}
		for _, c := range r.Conds {
			s.Args = append(s.Args, specs.LinuxSeccompArg{Index: uint(c.Arg), Op: operatorNames[c.Op], Value: c.Value, ValueTwo: c.Value2})
		}
		out.Syscalls = append(out.Syscalls, s)
	}
	return out, nil
}

func actionName(a linux.Action) (specs.LinuxSeccompAction, *uint, error) {
	switch a.Kind() {
	case linux.Allow:
		return specs.ActAllow, nil, nil
	case linux.KillThread:
		return specs.ActKillThread, nil, nil
	case linux.Errno:
		code := uint(a.Data())
		return specs.ActErrno, &code, nil
	}
	return "", nil, fmt.Errorf("no workload has action %s", a)
}
