package compiler

import (
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"

	"secco/emulator"
	"secco/linux"
	"secco/policy"
	"secco/source"
)

// A workload is one of the neutral specifications in testdata: which action, for
// which syscalls, under which conditions on 64-bit arguments. The reader here
// shares nothing with the policy language, so that the two check each other.
type workload struct {
	name    string
	arches  []linux.Arch
	other   linux.Action // where no rule matches
	rules   map[string][]specRule
	names   []string // of the rules, each once, in order
	missing linux.Action
}

type specRule struct {
	action linux.Action
	conds  []condition
}

type condition struct {
	arg    int
	op     string
	v1, v2 uint64
}

func (c condition) holds(v uint64) bool {
	switch c.op {
	case "eq":
		return v == c.v1
	case "ne":
		return v != c.v1
	case "lt":
		return v < c.v1
	case "le":
		return v <= c.v1
	case "gt":
		return v > c.v1
	case "ge":
		return v >= c.v1
	case "meq":
		return v&c.v1 == c.v2
	}
	panic("no operator " + c.op)
}

var workloads = []string{"W1", "W1a", "W2", "W3", "W4", "W5"}

func readWorkload(t testing.TB, name string) *workload {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name + ".spec")
	if err != nil {
		t.Fatal(err)
	}
	w := &workload{name: name, rules: map[string][]specRule{}, missing: linux.KillThread}
	number := func(s string) uint64 {
		v, err := strconv.ParseUint(s, 0, 64)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	action := func(name, data string) linux.Action {
		switch name {
		case "allow":
			return linux.Allow
		case "errno":
			return linux.Errno.With(uint16(number(data)))
		case "kill":
			return linux.KillThread
		}
		t.Fatalf("no action %s", name)
		return 0
	}
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		switch f[0] {
		case "arch":
			for _, a := range f[1:] {
				arch, ok := linux.ParseArch(a)
				if !ok {
					t.Fatalf("no architecture %s", a)
				}
				w.arches = append(w.arches, arch)
			}
		case "default":
			w.other = action(f[1], f[2])
		case "rule":
			r := specRule{action: action(f[3], f[4])}
			for c := f[6:]; len(c) > 0; c = c[4:] {
				r.conds = append(r.conds, condition{int(number(c[0])), c[1], number(c[2]), number(c[3])})
			}
			if w.rules[f[2]] == nil {
				w.names = append(w.names, f[2])
			}
			w.rules[f[2]] = append(w.rules[f[2]], r)
		default:
			t.Fatalf("line %q", line)
		}
	}
	return w
}

// verdict returns what the specification says.
func (w *workload) verdict(d *linux.SeccompData) linux.Action {
	arch, ok := linux.ArchOf(d.Arch, d.NR)
	target := false
	for _, a := range w.arches {
		target = target || ok && a == arch
	}
	if !target {
		return w.missing
	}
	name, ok := arch.SyscallName(d.NR)
	if !ok {
		return w.other
	}
rules:
	for _, r := range w.rules[name] {
		for _, c := range r.conds {
			v := d.Args[c.arg]
			if arch.Bits() == 32 {
				v = uint64(uint32(v))
			}
			if !c.holds(v) {
				continue rules
			}
		}
		return r.action
	}
	return w.other
}

// policy returns the specification as a policy.
func (w *workload) policy() *policy.Policy {
	var b policy.Builder
	var lines strings.Builder
	for _, name := range w.names {
		lines.WriteString(name + "\n")
	}
	f := source.NewFile(w.name, lines.String())
	kill := b.Leaf(w.missing, source.Span{})
	p := &policy.Policy{BadArch: kill, X32: kill}
	for _, a := range w.arches {
		t := &policy.Target{Arch: a, Rules: map[uint32]*policy.Node{}, Default: b.Leaf(w.other, source.Span{})}
		at := 0
		for _, name := range w.names {
			span := f.Span(at, at+len(name))
			at += len(name) + 1
			nr, ok := a.Syscall(name)
			if !ok {
				continue
			}
			n := b.Leaf(w.other, span)
			for i := len(w.rules[name]) - 1; i >= 0; i-- {
				r := w.rules[name][i]
				yes := b.Leaf(r.action, span)
				for j := len(r.conds) - 1; j >= 0; j-- {
					yes = r.conds[j].node(&b, a.Bits() == 32, yes, n, span)
				}
				n = yes
			}
			t.Rules[nr] = n
		}
		p.Targets = append(p.Targets, t)
	}
	return p
}

// node returns the condition as a graph.
func (c condition) node(b *policy.Builder, narrow bool, yes, no *policy.Node, span source.Span) *policy.Node {
	low, high := b.Word(linux.ArgLow(c.arg)), b.Word(linux.ArgHigh(c.arg))
	lowK, highK := b.Const(uint32(c.v1)), b.Const(uint32(c.v1>>32))
	if narrow {
		high = b.Const(0)
	}
	order := func(cmp policy.Cmp, yes, no *policy.Node) *policy.Node {
		same := b.Test(policy.CmpEq, high, highK, b.Test(cmp, low, lowK, yes, no, span), no, span)
		return b.Test(policy.CmpGt, high, highK, yes, same, span)
	}
	switch c.op {
	case "eq":
		return b.Test(policy.CmpEq, high, highK, b.Test(policy.CmpEq, low, lowK, yes, no, span), no, span)
	case "ne":
		return b.Test(policy.CmpEq, high, highK, b.Test(policy.CmpEq, low, lowK, no, yes, span), yes, span)
	case "lt":
		return order(policy.CmpGe, no, yes)
	case "le":
		return order(policy.CmpGt, no, yes)
	case "gt":
		return order(policy.CmpGt, yes, no)
	case "ge":
		return order(policy.CmpGe, yes, no)
	}
	low, high = b.Binary(policy.OpAnd, low, lowK), b.Binary(policy.OpAnd, high, highK)
	return b.Test(policy.CmpEq, high, b.Const(uint32(c.v2>>32)),
		b.Test(policy.CmpEq, low, b.Const(uint32(c.v2)), yes, no, span), no, span)
}

// mixEntry is one kind of call of the server mix.
type mixEntry struct {
	call   linux.SeccompData
	weight float64
}

func readMix(t testing.TB) []mixEntry {
	t.Helper()
	text, err := os.ReadFile("testdata/mix.txt")
	if err != nil {
		t.Fatal(err)
	}
	var mix []mixEntry
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		nr, ok := linux.X86_64.Syscall(f[0])
		weight, err := strconv.ParseFloat(f[1], 64)
		if !ok || err != nil {
			t.Fatal(line)
		}
		e := mixEntry{linux.SeccompData{NR: nr, Arch: linux.X86_64.Audit()}, weight}
		for _, a := range f[2:] {
			v, err := strconv.ParseUint(a[3:], 0, 64)
			if err != nil {
				t.Fatal(err)
			}
			e.call.Args[a[1]-'0'] = v
		}
		mix = append(mix, e)
	}
	return mix
}

// frequencies returns the mix as Options take it.
func frequencies(mix []mixEntry) map[linux.Arch]map[uint32]float64 {
	freq := map[uint32]float64{}
	for _, e := range mix {
		freq[e.call.NR] += e.weight
	}
	return map[linux.Arch]map[uint32]float64{linux.X86_64: freq}
}

// figures are what bench/README.md's table says of a program.
type figures struct {
	size         int
	uniform, mix float64
	worst        int
}

func (f figures) String() string {
	return fmt.Sprintf("%d/%.2f/%.2f/%d", f.size, f.uniform, f.mix, f.worst)
}

// defined is the last number of the table that the figures were taken with.
const defined = 467

func measure(t testing.TB, w *workload, out *Output, mix []mixEntry) figures {
	t.Helper()
	m, err := emulator.New(out.Program)
	if err != nil {
		t.Fatal(err)
	}
	steps := func(d *linux.SeccompData) float64 {
		n := 0
		m.Trace(d, func(emulator.Step) { n++ })
		return float64(n)
	}
	f := figures{size: len(out.Program)}
	count := 0.0
	for _, s := range linux.X86_64.Syscalls() {
		if s.NR <= defined {
			f.uniform += steps(&linux.SeccompData{NR: s.NR, Arch: linux.X86_64.Audit()})
			count++
		}
	}
	f.uniform /= count
	count = 0
	for _, e := range mix {
		if w.verdict(&e.call) == linux.Allow {
			f.mix += e.weight * steps(&e.call)
			count += e.weight
		}
	}
	f.mix /= count
	f.worst = longest(out)
	return f
}

// longest returns how many instructions the longest path has.
func longest(out *Output) int {
	p := out.Program
	length := make([]int, len(p))
	for i := len(p) - 1; i >= 0; i-- {
		in := p[i]
		switch {
		case in.Op == 0x06 || in.Op == 0x16:
			length[i] = 1
		case in.Op == 0x05:
			length[i] = 1 + length[i+1+int(in.K)]
		case in.Op&7 == 5:
			length[i] = 1 + max(length[i+1+int(in.Jt)], length[i+1+int(in.Jf)])
		default:
			length[i] = 1 + length[i+1]
		}
	}
	return length[0]
}

// goals are the figures to stay within, of speed, size and speed with the
// frequencies of the mix; 0 where there is none.
var goals = map[string][3]figures{
	"W1":  {{235, 10.5, 0, 23}, {210, 0, 0, 0}, {240, 0, 6.9, 23}},
	"W1a": {{70, 9.3, 0, 19}, {62, 0, 0, 0}, {70, 0, 6.8, 19}},
	"W2":  {{17, 7.1, 0, 13}, {16, 0, 0, 0}, {18, 0, 6.0, 14}},
	"W3":  {{27, 7.2, 0, 11}, {22, 0, 0, 0}, {24, 0, 7.5, 12}},
	"W4":  {{262, 9.6, 0, 27}, {240, 0, 0, 0}, {260, 0, 9.2, 27}},
	"W5":  {{38, 8.1, 0, 14}, {32, 0, 0, 0}, {38, 0, 6.1, 14}},
}

// guard is what it costs W3 that numbers of x32 are not refused like others but
// kill: two comparisons more, of which one is made for every number above the
// last one allowed, which are a quarter of all. The goals were set without; the
// other workloads meet theirs with it.
var guard = map[string]figures{"W3": {3, 0.25, 0, 0}}

func (f figures) within(goal figures) bool {
	round := func(v float64) float64 { return math.Round(v*10) / 10 } // as the goals are
	return f.size <= goal.size &&
		(goal.uniform == 0 || round(f.uniform) <= goal.uniform) &&
		(goal.mix == 0 || round(f.mix) <= goal.mix) &&
		(goal.worst == 0 || f.worst <= goal.worst)
}

func TestWorkloads(t *testing.T) {
	mix := readMix(t)
	modes := []struct {
		name string
		opts Options
	}{{"speed", Options{}}, {"size", Options{Optimize: Size}}, {"frequencies", Options{Freq: frequencies(mix)}}}
	for _, name := range workloads {
		w := readWorkload(t, name)
		p := w.policy()
		for i, mode := range modes {
			out := check(t, p, mode.opts)
			m, err := emulator.New(out.Program)
			if err != nil {
				t.Fatal(err)
			}
			for d := range policy.Samples(p) {
				if got, want := m.Run(&d), w.verdict(&d); got != want {
					t.Fatalf("%s: %+v: program says %s, specification %s", name, d, got, want)
				}
			}
			f, goal := measure(t, w, out, mix), goals[name][i]
			t.Logf("%-4s %-11s %-20s at most %v", name, mode.name, f, goal)
			if extra, ok := guard[name]; ok {
				alike := w.policy()
				alike.X32 = alike.Targets[0].Default
				g := measure(t, w, check(t, alike, mode.opts), mix)
				t.Logf("%-4s %-11s %-20s with x32 like x86_64", name, mode.name, g)
				if !g.within(goal) {
					t.Errorf("%s, %s, with x32 like x86_64: %v, at most %v", name, mode.name, g, goal)
				}
				goal.size += extra.size
				if goal.uniform > 0 {
					goal.uniform += extra.uniform
				}
			}
			if !f.within(goal) {
				t.Errorf("%s, %s: %v, at most %v", name, mode.name, f, goal)
			}
		}
	}
}

// theory holds the fewest comparisons of the number, in the mean over all
// syscalls of x86_64, that a search by other means found, without regard to size
// and to x32. It is no bound: W3's is above what is reached here.
var theory = map[string]float64{"W1a": 5.03, "W2": 2.93, "W3": 3.20, "W4": 5.21, "W5": 3.89}

// TestNearTheory shows how far the programs are from those made for speed alone,
// and those from the theory: four instructions that every call needs, and the
// comparisons; W1a and W4 add what arguments take.
func TestNearTheory(t *testing.T) {
	mix := readMix(t)
	defer func(old float64) { sizeWeight[Speed] = old }(sizeWeight[Speed])
	weight := sizeWeight[Speed]
	for _, name := range workloads {
		if theory[name] == 0 {
			continue
		}
		w := readWorkload(t, name)
		p := w.policy()
		if w.other != linux.Allow {
			p.X32 = p.Targets[0].Default
		}
		var f [2]figures
		for i, size := range []float64{weight, 0} {
			sizeWeight[Speed] = size
			f[i] = measure(t, w, check(t, p, Options{}), mix)
		}
		t.Logf("%-3s %v; for speed alone %v; theory %.2f", name, f[0], f[1], 4+theory[name])
		if f[0].uniform > 1.02*f[1].uniform {
			t.Errorf("%s: %v, %v for speed alone", name, f[0], f[1])
		}
		if f[1].uniform > 1.06*(4+theory[name]) {
			t.Errorf("%s: %v, theory %v", name, f[1], 4+theory[name])
		}
	}
}
