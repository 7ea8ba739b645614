package main

import (
	"github.com/urfave/cli/v2"

	"secco/convert/readers"
	"secco/lang"
	"secco/linux"
	"secco/policy"
	"secco/policy/prove"
)

var testCommand = &cli.Command{
	Name:      "test",
	Usage:     "run the tests that a policy states about itself",
	ArgsUsage: "POLICY...",
	Description: "Arguments that a test leaves open stand for all values: the test is proved. Where one fails, a\n" +
		"call that shows it and the rule that decides it are printed, and the exit code is 1.",
	Flags: flags([]cli.Flag{archFlag}, inputFlags),
	Action: action(func(s *session) error {
		if err := s.want(1, -1); err != nil {
			return err
		}
		f, err := s.load(s.Args().Slice()...)
		if err != nil {
			return err
		}
		if f.policy == nil || f.kind != readers.Secco {
			return badInput("no-tests", "%s is %s: only policies have tests", f.name, f.kind)
		}
		if len(f.tests) == 0 {
			return badInput("no-tests", "%s has no tests", f.name)
		}
		failed, undecided := 0, 0
		for _, t := range f.tests {
			result, err := s.runTest(f, t)
			if err != nil {
				return err
			}
			switch result {
			case prove.Different:
				failed++
			case prove.Undecided:
				undecided++
			}
		}
		if err := s.printf("%d passed, %d failed\n", len(f.tests)-failed-undecided, failed); err != nil {
			return err
		}
		switch {
		case failed > 0:
			return &failure{code: exitNo}
		case undecided > 0:
			return &failure{code: exitUndecided}
		}
		return nil
	}),
}

// runTest decides one test and prints why it fails.
//
// The policy is compared with one that differs from it in nothing but that it
// does what the test expects to the calls that the test is about.
func (s *session) runTest(f *filter, t lang.Test) (prove.Verdict, error) {
	result, err := prove.Equivalent(prove.Policy(f.policy), prove.Policy(expected(f.policy, t)), prove.Options{Arches: []linux.Arch{t.Arch}})
	if err != nil {
		return 0, refused("fault", "a fault in secco itself, please report it: %s", err)
	}
	switch result.Verdict {
	case prove.Different:
		call := &result.Witness.Call
		got, rule := f.policy.Eval(call)
		err = s.printf("%s: %s is expected, but %s gets %s (%s)\n", t.Span, actionText(t.Want, call), prove.CallString(call), actionText(got, call), rule)
	case prove.Undecided:
		err = s.printf("%s: undecided: %s\n", t.Span, result.Reason)
	}
	return result.Verdict, err
}

// expected returns the policy with the test's action for the test's calls.
func expected(p *policy.Policy, t lang.Test) *policy.Policy {
	c := copier{nodes: map[*policy.Node]*policy.Node{}}
	root := c.node(p.Root(t.Arch.Audit(), t.NR))
	changed := &policy.Policy{BadArch: c.node(p.BadArch), X32: c.node(p.X32), Settings: p.Settings}
	for _, target := range p.Targets {
		copied := &policy.Target{Arch: target.Arch, Rules: map[uint32]*policy.Node{}, Default: c.node(target.Default)}
		for nr, n := range target.Rules {
			copied.Rules[nr] = c.node(n)
		}
		changed.Targets = append(changed.Targets, copied)
	}
	target := changed.Target(t.Arch)
	if target == nil { // all its calls are decided alike
		target = &policy.Target{Arch: t.Arch, Rules: map[uint32]*policy.Node{}, Default: root}
		changed.Targets = append(changed.Targets, target)
	}
	target.Rules[t.NR] = c.tested(root, t)
	if changed.Target(linux.X32) != nil {
		changed.X32 = nil
	}
	return changed
}

// copier copies graphs into a Builder of its own.
type copier struct {
	policy.Builder
	nodes map[*policy.Node]*policy.Node
}

func (c *copier) node(n *policy.Node) *policy.Node {
	if n == nil || c.nodes[n] != nil {
		return c.nodes[n]
	}
	policy.Walk(func(n *policy.Node) { // successors come first
		if n.IsLeaf() {
			c.nodes[n] = c.Leaf(n.Action, n.Span)
		} else {
			c.nodes[n] = c.Test(n.Cmp, c.expr(n.X), c.expr(n.Y), c.nodes[n.Yes], c.nodes[n.No], n.Span)
		}
	}, n)
	return c.nodes[n]
}

func (c *copier) expr(e *policy.Expr) *policy.Expr {
	switch e.Op {
	case policy.OpConst:
		return c.Const(e.K)
	case policy.OpWord:
		return c.Word(e.W)
	}
	return c.Binary(e.Op, c.expr(e.X), c.expr(e.Y))
}

// tested returns a graph that gives the test's calls the test's action, and
// others what the root does.
func (c *copier) tested(root *policy.Node, t lang.Test) *policy.Node {
	n := c.Leaf(t.Want, t.Span)
	for i, arg := range t.Args {
		if arg != nil {
			n = c.TestWide(policy.CmpEq, c.Arg(t.Arch, i), c.ConstWide(*arg), n, root, t.Span)
		}
	}
	return n
}
