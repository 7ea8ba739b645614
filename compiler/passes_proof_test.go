package compiler

import (
	"testing"

	"secco/linux"
	"secco/policy"
	"secco/policy/prove"
	"secco/source"
	"secco/test/bench"
)

// TestPassesProved proves after each pass that what there is of the program means
// what the policy means, with every call: the graphs as policies of their own, and
// what the last two passes make of them as a program.
func TestPassesProved(t *testing.T) {
	var policies []*policy.Policy
	for _, name := range bench.Names {
		policies = append(policies, readWorkload(t, name).Policy())
	}
	for seed := range uint64(40) {
		if p := newRandom(50_000 + seed).policy(); littleEndian(p) && plainSize(p) <= 400 {
			policies = append(policies, p)
		}
	}
	equal, asked := 0, 0
	for _, p := range policies {
		u := &unit{policy: p}
		want := prove.Policy(p)
		require := func(pass string, is prove.Filter) {
			t.Helper()
			r, err := prove.Equivalent(want, is, prove.Options{})
			if err != nil || r.Verdict == prove.Different {
				t.Fatalf("after %s: %v %v", pass, r, err)
			}
			if asked++; r.Verdict == prove.Equal {
				equal++
			}
		}
		for _, pass := range passes {
			if err := pass.run(u); err != nil {
				t.Fatalf("%s: %v", pass.name, err)
			}
			switch {
			case u.entry == nil:
				require(pass.name, prove.Policy(policyOf(u.graph)))
				if u.joined != nil {
					require(pass.name, prove.Policy(policyOf(u.joined)))
				}
			case u.prog != nil:
				program, err := prove.Program(u.prog)
				if err != nil {
					t.Fatal(err)
				}
				require(pass.name, program)
			}
		}
	}
	t.Logf("%d of %d proved, of %d policies", equal, asked, len(policies))
	if equal < asked*3/4 {
		t.Errorf("only %d of %d proved", equal, asked)
	}
}

// littleEndian reports whether the words of a policy's graph lie at the same
// offsets for all calls whose words it looks at.
func littleEndian(p *policy.Policy) bool {
	for _, target := range p.Targets {
		if target.Arch.BigEndian() {
			return false
		}
	}
	return p.BadArch.IsLeaf()
}

// policyOf returns a graph of intervals as a policy without targets, in which the
// architecture is a word like others.
func policyOf(root *node) *policy.Policy {
	var b policy.Builder
	done := map[*node]*policy.Node{}
	var graph func(n *node) *policy.Node
	graph = func(n *node) *policy.Node {
		if out, ok := done[n]; ok {
			return out
		}
		var out *policy.Node
		switch {
		case n.t == nil:
			out = b.Leaf(n.action, source.Span{})
		case n.t.y != nil:
			out = b.Test(n.t.cmp, again(&b, n.t.expr), again(&b, n.t.y), graph(n.at(1)), graph(n.at(0)), source.Span{})
		default:
			x := again(&b, n.t.expr)
			if n.t.expr == nil {
				w, _ := linux.WordAt(n.t.offset, false)
				x = b.Word(w)
			}
			x = b.Binary(policy.OpAnd, x, b.Const(n.t.mask))
			out = graph(n.to[0])
			for i := 1; i < len(n.to); i++ {
				out = b.Test(policy.CmpGe, x, b.Const(n.from[i]), graph(n.to[i]), out, source.Span{})
			}
		}
		done[n] = out
		return out
	}
	return &policy.Policy{BadArch: graph(root)}
}

// again returns an expression of another Builder.
func again(b *policy.Builder, e *policy.Expr) *policy.Expr {
	switch {
	case e == nil:
		return nil
	case e.Op == policy.OpConst:
		return b.Const(e.K)
	case e.Op == policy.OpWord:
		return b.Word(e.W)
	}
	return b.Binary(e.Op, again(b, e.X), again(b, e.Y))
}
