package compiler

import (
	"math/rand/v2"
	"testing"

	"secco/bpf"
	"secco/compiler/layout"
	"secco/linux"
	"secco/policy"
	"secco/source"
	"secco/test/bench"
)

// eval returns what the code decides; code has jumps on A and loads only, but
// where arithmetic is needed: then ok is false.
func evalCode(n *layout.Node, d *linux.SeccompData) (action linux.Action, ok bool) {
	a := uint32(0)
	for {
		switch {
		case n.IsReturn():
			return linux.Action(n.K), true
		case n.Op == bpf.LdW:
			w, _ := linux.WordAt(n.K, bigEndian(d.Arch))
			a, n = d.Word(w), n.Next
		case n.Op == bpf.AndK:
			a, n = a&n.K, n.Next
		case n.Next != nil:
			return 0, false
		default:
			holds, ok := outcome(bpf.Instruction{Op: n.Op, K: n.K}, a)
			if !ok {
				return 0, false
			}
			if holds {
				n = n.Yes
			} else {
				n = n.No
			}
		}
	}
}

// checkGraph requires what every interval graph promises.
func checkGraph(t *testing.T, g *graph, root *node) {
	t.Helper()
	seen := map[*node]bool{}
	var walk func(n *node)
	walk = func(n *node) {
		if seen[n] || n.t == nil {
			return
		}
		seen[n] = true
		if len(n.to) < 2 || len(n.from) != len(n.to) || n.from[0] != 0 {
			t.Fatalf("node with intervals %v to %d successors", n.from, len(n.to))
		}
		for i := 1; i < len(n.from); i++ {
			if n.from[i] <= n.from[i-1] || n.to[i] == n.to[i-1] || n.from[i] > n.t.max() || n.from[i]&^n.t.mask != 0 {
				t.Fatalf("intervals %v of a term with mask %#x", n.from, n.t.mask)
			}
		}
		if g.decide(n.t, n.from, n.to) != n {
			t.Fatal("a node that is there twice")
		}
		for _, to := range n.to {
			walk(to)
		}
	}
	walk(root)
}

// TestPasses requires of each pass that what comes out means what the policy
// means, and is in order.
func TestPasses(t *testing.T) {
	policies := []*policy.Policy{}
	for _, name := range bench.Names {
		policies = append(policies, readWorkload(t, name).Policy())
	}
	for seed := range uint64(150) {
		policies = append(policies, newRandom(10_000+seed).policy())
	}
	for _, p := range policies {
		u := &unit{policy: p}
		for _, pass := range passes {
			if pass.reason == "" {
				t.Errorf("pass %s has no reason", pass.name)
			}
			if err := pass.run(u); err != nil {
				t.Fatalf("%s: %v", pass.name, err)
			}
			checkGraph(t, &u.b.graph, u.graph)
			if u.joined != nil {
				checkGraph(t, &u.b.graph, u.joined)
			}
			for d := range policy.Samples(p) {
				want, _ := p.Eval(&d)
				if u.joined != nil && u.joined.eval(&d) != want {
					t.Fatalf("after %s: %+v: x32's graph says %s, the policy %s", pass.name, d, u.joined.eval(&d), want)
				}
				if got := u.graph.eval(&d); got != want {
					t.Fatalf("after %s: %+v: the graph says %s, the policy %s", pass.name, d, got, want)
				}
				if u.entry == nil {
					continue
				}
				if got, ok := evalCode(u.entry, &d); ok && got != want {
					t.Fatalf("after %s: %+v: the code says %s, the policy %s", pass.name, d, got, want)
				}
			}
		}
	}
}

// TestTerms requires that a term's value lies in the set exactly where the test
// of the policy holds.
func TestTerms(t *testing.T) {
	kinds := map[policy.Op]bool{}
	for seed := range uint64(3000) {
		r := newRandom(seed)
		r.arith = true
		x := r.expr(1 + r.IntN(4))
		yes, no := r.Leaf(linux.Allow, source.Span{}), r.Leaf(linux.KillThread, source.Span{})
		n := r.Test(policy.Cmp(r.IntN(4)), x, r.Const(r.constant()), yes, no, source.Span{})
		for !n.IsLeaf() && n.Yes.Action != linux.Allow && n.No.Action != linux.Allow {
			n = n.No // past the tests of divisors
		}
		if n.IsLeaf() || divides(n.X) {
			continue
		}
		kinds[n.X.Op] = true
		b := newBuilder(0, "")
		term, s := b.test(n, false)
		try := func(d *linux.SeccompData) {
			v, in := term.eval(d), false
			for _, span := range s {
				in = in || span.lo <= v && v <= span.hi
			}
			if want := n.Cmp.Holds(n.X.Eval(d), n.Y.Eval(d)); in != want {
				t.Fatalf("%s: is %v for %+v, but %#x in %v of %+v is %v", n, want, d, v, s, term.termKey, in)
			}
		}
		random := rand.New(rand.NewPCG(seed, 1))
		for range 50 {
			d := linux.SeccompData{Arch: linux.X86_64.Audit(), IP: random.Uint64()}
			for i := range d.Args {
				d.Args[i] = random.Uint64() >> random.UintN(40)
			}
			try(&d)
		}
		p := &policy.Policy{Targets: []*policy.Target{{Arch: linux.X86_64, Rules: map[uint32]*policy.Node{1: n}, Default: no}}, BadArch: no, X32: no}
		for d := range policy.Samples(p) {
			if d.Arch == linux.X86_64.Audit() && d.NR == 1 {
				try(&d)
			}
		}
	}
	for op := policy.OpWord; op <= policy.OpRsh; op++ {
		if !kinds[op] {
			t.Errorf("no test of operation %d", op)
		}
	}
}

func divides(e *policy.Expr) bool {
	return e.X != nil && (e.Op == policy.OpDiv && !e.Y.IsConst() || divides(e.X) || divides(e.Y))
}
