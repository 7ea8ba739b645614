package compiler

import (
	"slices"

	"secco/bpf"
	"secco/linux"
	"secco/policy"
)

// Report says what a program costs.
type Report struct {
	Size  int        // instructions in the program
	Calls []CallCost // for each target every syscall that the architecture or a rule names, by number
	Rules []RuleSize // what each rule takes of the program, the largest first
	// Shared counts the instructions that no rule asks for by itself: finding the
	// architecture and the number, and the defaults.
	Shared int
}

// CallCost says what the calls with one number cost.
type CallCost struct {
	Arch linux.Arch
	NR   uint32
	Name string // empty where the architecture has none
	// Best and Worst are the instructions executed on the shortest and on the
	// longest way. A way counts even where no arguments can lead that way.
	Best, Worst int
	// Mean is over all ways, either side of a jump that depends on an argument
	// being equally likely.
	Mean float64
	// Instructions counts those of the program that such a call can come to.
	Instructions int
	// Cached is whether the kernel (5.11 and later) finds that the filter allows
	// every such call, and does not run it.
	Cached bool
	// Actions are those that such a call can end in, in the kernel's precedence.
	Actions []linux.Action
}

// Cost reports what the program that p was compiled to costs.
func Cost(p *policy.Policy, out *Output) *Report {
	r := &Report{Size: len(out.Program), Rules: ruleSizes(out.Origins)}
	for _, spans := range out.Origins {
		if len(spans) == 0 {
			r.Shared++
		}
	}
	for _, t := range p.Targets {
		names := map[uint32]string{}
		for nr := range t.Rules {
			names[nr] = ""
		}
		for _, s := range t.Arch.Syscalls() {
			names[s.NR] = s.Name
		}
		var calls []CallCost
		for nr, name := range names {
			if a, ok := linux.ArchOf(t.Arch.Audit(), nr); !ok || a != t.Arch {
				continue
			}
			w := walker{p: out.Program, arch: t.Arch.Audit(), nr: nr}
			calls = append(calls, w.cost(CallCost{Arch: t.Arch, NR: nr, Name: name}))
		}
		slices.SortFunc(calls, func(a, b CallCost) int { return int(int64(a.NR) - int64(b.NR)) })
		r.Calls = append(r.Calls, calls...)
	}
	return r
}

// A walker follows all ways of the calls with one number through a program.
type walker struct {
	p        bpf.Program
	arch, nr uint32
	seen     map[int]ways // by instruction, A being unknown there
	reached  []bool
	actions  []linux.Action
	opaque   bool // came by an instruction that the kernel's own check gives up at
}

type ways struct {
	best, worst int
	mean        float64
}

func (w *walker) cost(c CallCost) CallCost {
	w.seen, w.reached = map[int]ways{}, make([]bool, len(w.p))
	all := w.walk(0, 0, false)
	c.Best, c.Worst, c.Mean = all.best, all.worst, all.mean
	for _, yes := range w.reached {
		if yes {
			c.Instructions++
		}
	}
	slices.SortFunc(w.actions, func(a, b linux.Action) int {
		if a.Rank() != b.Rank() {
			return a.Rank() - b.Rank()
		}
		return int(a.Data()) - int(b.Data())
	})
	c.Actions = slices.Compact(w.actions)
	c.Cached = !w.opaque && c.Arch != linux.X32 && slices.Equal(c.Actions, []linux.Action{linux.Allow})
	return c
}

// walk returns the ways from pc on, where A holds a if it is known.
func (w *walker) walk(pc int, a uint32, known bool) ways {
	if !known {
		if have, ok := w.seen[pc]; ok {
			return have
		}
	}
	w.reached[pc] = true
	in := w.p[pc]
	next := func(at int, a uint32, known bool) ways {
		on := w.walk(at, a, known)
		return ways{on.best + 1, on.worst + 1, on.mean + 1}
	}
	var all ways
	switch {
	case in.Op == bpf.RetK:
		w.actions = append(w.actions, linux.Action(in.K))
		all = ways{1, 1, 1}
	case in.Op == bpf.Ja:
		all = next(pc+1+int(in.K), a, known)
	case in.Op == bpf.LdW && in.K == offsetNR:
		all = next(pc+1, w.nr, true)
	case in.Op == bpf.LdW && in.K == offsetArch:
		all = next(pc+1, w.arch, true)
	case in.Op == bpf.AndK:
		all = next(pc+1, a&in.K, known)
	case in.Op&7 != classJump: // A, if it changes, depends on arguments
		w.opaque = true
		all = next(pc+1, 0, false)
	default:
		yes, no := pc+1+int(in.Jt), pc+1+int(in.Jf)
		if holds, ok := outcome(in, a); known && ok {
			if !holds {
				yes = no
			}
			all = next(yes, a, true)
			break
		}
		w.opaque = true
		y, n := next(yes, 0, false), next(no, 0, false)
		all = ways{min(y.best, n.best), max(y.worst, n.worst), (y.mean + n.mean) / 2}
	}
	if !known {
		w.seen[pc] = all
	}
	return all
}

const classJump = 5

// outcome returns whether a jump on A alone is taken; ok is false where it is on
// X as well.
func outcome(in bpf.Instruction, a uint32) (holds, ok bool) {
	switch in.Op {
	case bpf.JeqK:
		return a == in.K, true
	case bpf.JgeK:
		return a >= in.K, true
	case bpf.JgtK:
		return a > in.K, true
	case bpf.JsetK:
		return a&in.K != 0, true
	}
	return false, false
}
