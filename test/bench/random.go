package bench

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"secco/linux"
)

// Kinds are what [Random] makes, each about a fourth of all.
var Kinds = []string{"allow list", "deny list", "some arguments", "argument-heavy"}

// Random returns a workload for x86_64 of the kind Kinds[seed%4], the same for the
// same seed. The rules of a syscall have one action, and each tests an argument
// once, so that all compilers take them.
func Random(seed uint64) *Workload {
	r := &generator{rand.New(rand.NewPCG(seed, 1))}
	kind := Kinds[seed%uint64(len(Kinds))]
	w := &Workload{
		Name:    fmt.Sprintf("%s %d", kind, seed),
		Arches:  []linux.Arch{linux.X86_64},
		Default: linux.Errno.With(1),
		Missing: linux.KillThread,
		X32:     linux.KillThread,
	}
	w.Skipped = w.Default
	action := linux.Allow
	var names []string
	share := 0 // of the syscalls that have conditions, in percent
	switch kind {
	case "allow list":
		names = r.syscalls(3 + r.IntN(1+r.IntN(350)))
	case "deny list":
		w.Default, w.Skipped, action = linux.Allow, linux.Allow, linux.Errno.With(1)
		names = r.syscalls(1 + r.IntN(80))
	case "some arguments":
		names, share = r.syscalls(20+r.IntN(250)), 5+r.IntN(25)
	default:
		names, share = r.syscalls(10+r.IntN(60)), 40+r.IntN(50)
	}
	another := action // what some of the syscalls get instead
	if r.IntN(3) == 0 {
		another = linux.Errno.With(38)
	}
	for _, name := range names {
		a := action
		if r.IntN(12) == 0 {
			a = another
		}
		if r.IntN(100) >= share {
			w.Rules = append(w.Rules, Rule{Syscall: name, Action: a})
			continue
		}
		for _, conds := range r.rules(kind == "argument-heavy") {
			w.Rules = append(w.Rules, Rule{name, a, conds})
		}
	}
	return w
}

type generator struct{ *rand.Rand }

// syscalls returns n of the names, in the order of their numbers: most come in
// runs, as related syscalls have related numbers.
func (r *generator) syscalls(n int) []string {
	all := linux.X86_64.Syscalls()
	chosen := map[int]bool{}
	for n = min(n, len(all)); len(chosen) < n; {
		at := r.IntN(len(all))
		for range 1 + r.IntN(1+r.IntN(12)) {
			if at < len(all) && len(chosen) < n {
				chosen[at] = true
			}
			at++
		}
	}
	var names []string
	for i, s := range all {
		if chosen[i] {
			names = append(names, s.Name)
		}
	}
	return names
}

// rules returns the conditions of a syscall's rules. Most filters ask whether one
// argument is among some values; others for flags, sizes, several arguments.
func (r *generator) rules(many bool) [][]Condition {
	n := 1 + r.IntN(3)
	if many {
		n = 1 + r.IntN(1+r.IntN(24))
	}
	arg := r.IntN(3)
	var rules [][]Condition
	switch r.IntN(6) {
	case 0, 1, 2: // one of some values
		base := []uint64{0, 1, 0x5401, 0x8900, 0xae00, 1 << 10, 0x40045431, 1<<32 - 20, 1 << 32, 1<<63 + 5}[r.IntN(10)]
		step := []uint64{1, 1, 2, 7, 0x100, 1 << 30}[r.IntN(6)]
		var values []uint64
		for range n {
			values = append(values, base)
			base += step * (1 + r.Uint64N(3))
		}
		r.Shuffle(len(values), func(i, j int) { values[i], values[j] = values[j], values[i] })
		for _, v := range values {
			rules = append(rules, []Condition{{Arg: arg, Op: "eq", Value: v}})
		}
	case 3: // no bits but these
		mask := r.value() | 1<<r.IntN(64)
		rules = [][]Condition{{{Arg: arg, Op: "meq", Value: mask, Value2: 0}}}
		if r.IntN(2) == 0 {
			rules = append(rules, []Condition{{Arg: arg, Op: "meq", Value: mask, Value2: mask & r.value()}})
		}
	case 4: // below or above a limit
		op := []string{"lt", "le", "gt", "ge", "ne"}[r.IntN(5)]
		rules = [][]Condition{{{Arg: arg, Op: op, Value: 1 + r.value()}}}
		if r.IntN(2) == 0 {
			rules = append(rules, []Condition{{Arg: arg, Op: "eq", Value: r.value()}})
		}
	default: // one of some values, and something of another argument
		second := Condition{Arg: 3, Op: []string{"eq", "le", "ge", "meq"}[r.IntN(4)], Value: 1 + r.value()}
		if second.Op == "meq" {
			second.Value2 = second.Value & r.value()
		}
		seen := []uint64{}
		for range n {
			v := r.value()
			if slices.Contains(seen, v) {
				continue
			}
			seen = append(seen, v)
			rules = append(rules, []Condition{{Arg: arg, Op: "eq", Value: v}, second})
		}
	}
	return rules
}

func (r *generator) value() uint64 {
	switch r.IntN(6) {
	case 0:
		return 1 << r.IntN(64)
	case 1:
		return 1<<r.IntN(64) - 1
	case 2:
		return r.Uint64() >> r.IntN(60)
	}
	return r.Uint64N(64)
}
