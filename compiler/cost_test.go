package compiler

import (
	"slices"
	"testing"

	"secco/emulator"
	"secco/linux"
	"secco/policy"
	"secco/test/bench"
)

// TestCost runs sample calls and requires that the report's bounds hold.
func TestCost(t *testing.T) {
	policies := []*policy.Policy{}
	for _, name := range bench.Names {
		policies = append(policies, readWorkload(t, name).Policy())
	}
	for seed := range uint64(50) {
		policies = append(policies, newRandom(seed).policy())
	}
	for _, p := range policies {
		out, err := Compile(p, Options{})
		if err != nil {
			continue
		}
		r := Cost(p, out)
		calls := map[[2]uint32]CallCost{}
		for _, c := range r.Calls {
			calls[[2]uint32{c.Arch.Audit(), c.NR}] = c
			if want := c.Arch != linux.X32 && cached(out.Program, c.Arch.Audit(), c.NR); c.Cached != want {
				t.Errorf("%s %d: cached %v, the kernel says %v", c.Arch, c.NR, c.Cached, want)
			}
			if c.Mean < float64(c.Best) || c.Mean > float64(c.Worst) || c.Instructions < c.Best || c.Instructions > r.Size {
				t.Errorf("%+v", c)
			}
		}
		m, err := emulator.New(out.Program)
		if err != nil {
			t.Fatal(err)
		}
		for d := range policy.Samples(p) {
			c, ok := calls[[2]uint32{d.Arch, d.NR}]
			if !ok {
				continue
			}
			steps := 0
			action := m.Trace(&d, func(emulator.Step) { steps++ })
			if steps < c.Best || steps > c.Worst || !slices.Contains(c.Actions, action) {
				t.Fatalf("%+v: %d steps to %s, report %+v", d, steps, action, c)
			}
		}
	}
}

// TestCostOfRules requires that the rules and what they share make the program.
func TestCostOfRules(t *testing.T) {
	for _, name := range bench.Names {
		p := readWorkload(t, name).Policy()
		out, err := Compile(p, Options{})
		if err != nil {
			t.Fatal(err)
		}
		r := Cost(p, out)
		total := float64(r.Shared)
		for _, rule := range r.Rules {
			total += rule.Instructions
		}
		if total < float64(r.Size)-1e-6 || total > float64(r.Size)+1e-6 {
			t.Errorf("%s: rules and shared make %v of %d instructions", name, total, r.Size)
		}
		if name == "W4" && r.Rules[0].Rule.Text() != "ioctl" {
			t.Errorf("%s: the largest rule is %s", name, r.Rules[0].Rule.Text())
		}
	}
}
