package layout

import (
	"math/rand/v2"
	"testing"

	"secco/bpf"
)

// random returns a graph of n nodes, and how many there are. Its jumps test bits
// of A, which its straight instructions change.
func random(r *rand.Rand, n int) (*Node, int) {
	nodes := []*Node{}
	add := func(m *Node) {
		m.ID = int32(len(nodes))
		nodes = append(nodes, m)
	}
	for k := range 1 + r.IntN(5) {
		add(&Node{Op: bpf.RetK, K: uint32(k)})
	}
	near := 1 + r.IntN(len(nodes)+n) // how far back successors lie
	pick := func() *Node { return nodes[max(0, len(nodes)-1-r.IntN(near))] }
	for len(nodes) < n {
		if r.IntN(4) == 0 {
			add(&Node{Op: bpf.AddK, K: r.Uint32(), Next: pick()})
			continue
		}
		m := &Node{Op: bpf.JsetK, K: 1 << r.UintN(32), Yes: pick(), No: pick()}
		if r.IntN(3) == 0 { // long chains, as the compiler makes them
			m.No = nodes[len(nodes)-1]
		}
		if m.Yes != m.No {
			add(m)
		}
	}
	return nodes[len(nodes)-1], len(nodes)
}

// run returns the return that a comes to in the graph.
func (n *Node) run(a uint32) uint32 {
	for {
		switch {
		case n.IsReturn():
			return n.K
		case n.Next != nil:
			a, n = a+n.K, n.Next
		case a&n.K != 0:
			n = n.Yes
		default:
			n = n.No
		}
	}
}

// runProgram does the same in the program, and requires that each instruction is
// its node's.
func runProgram(t *testing.T, p bpf.Program, nodes []*Node, a uint32) uint32 {
	for pc := 0; ; pc++ {
		in := p[pc]
		if in.Op != bpf.Ja && (in.Op != nodes[pc].Op || in.K != nodes[pc].K) {
			t.Fatalf("instruction %d is not its node's", pc)
		}
		switch in.Op {
		case bpf.RetK:
			return in.K
		case bpf.AddK:
			a += in.K
		case bpf.Ja:
			pc += int(in.K)
		default:
			if a&in.K != 0 {
				pc += int(in.Jt)
			} else {
				pc += int(in.Jf)
			}
		}
	}
}

func TestPlace(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 9))
	stones, instructions := 0, 0
	for range 400 {
		entry, count := random(r, 2+r.IntN(1500))
		p, nodes := Place(entry, count)
		if len(p) != len(nodes) {
			t.Fatalf("%d instructions, %d nodes", len(p), len(nodes))
		}
		for range 200 {
			a := r.Uint32()
			if got, want := runProgram(t, p, nodes, a), entry.run(a); got != want {
				t.Fatalf("A = %#x: the program returns %d, the graph %d", a, got, want)
			}
		}
		stones += len(p) - entry.Reachable()
		instructions += len(p)
	}
	if stones == 0 {
		t.Error("no jump was long")
	}
	t.Logf("%d of %d instructions are stepping stones", stones, instructions)
}

// TestPlaceTrees requires that what a compiler makes, trees with few returns,
// hardly needs stepping stones.
func TestPlaceTrees(t *testing.T) {
	id := int32(0)
	make := func(n Node) *Node {
		n.ID = id
		id++
		return &n
	}
	allow, deny := make(Node{Op: bpf.RetK, K: 1}), make(Node{Op: bpf.RetK})
	var tree func(depth int) *Node
	tree = func(depth int) *Node {
		if depth == 0 {
			return make(Node{Op: bpf.JeqK, K: uint32(id), Yes: allow, No: deny})
		}
		return make(Node{Op: bpf.JgeK, K: uint32(id), Yes: tree(depth - 1), No: tree(depth - 1)})
	}
	entry := tree(10)
	p, _ := Place(entry, int(id))
	if extra := len(p) - entry.Reachable(); extra > len(p)/40 {
		t.Errorf("%d of %d instructions are stepping stones", extra, len(p))
	}
}
