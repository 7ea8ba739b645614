package compiler

import (
	"fmt"
	"math/rand/v2"

	"secco/linux"
	"secco/policy"
	"secco/source"
)

// random makes random policies of every shape that a Builder can make.
type random struct {
	*rand.Rand
	policy.Builder
	file  *source.File
	spans int
	words []linux.Word
	arith bool // expressions beyond masks
	nodes []*policy.Node
}

// constants are where mistakes hide: ends, single bits, masks of leading and
// trailing ones.
var constants = []uint32{0, 1, 2, 3, 4, 7, 8, 15, 0x10, 0xff, 0x100, 0xffff, 0x10000, 0xffff0000, 0x7fffffff, 0x80000000, 0x80000001, 0xfffffff0, 0xfffffffe, 0xffffffff}

func (r *random) constant() uint32 {
	switch r.IntN(4) {
	case 0:
		return r.Uint32()
	case 1:
		return r.Uint32N(16)
	}
	return constants[r.IntN(len(constants))] + r.Uint32N(3) - 1
}

func (r *random) span() source.Span {
	r.spans++
	at := r.spans % len(r.file.Text())
	return r.file.Span(at, at+1)
}

func (r *random) action() linux.Action {
	return []linux.Action{linux.Allow, linux.Allow, linux.Errno.With(1), linux.Errno.With(38), linux.KillThread, linux.KillProcess, linux.Trap, linux.Trace.With(5), linux.Log, linux.Notify}[r.IntN(10)]
}

func (r *random) word() *policy.Expr { return r.Word(r.words[r.IntN(len(r.words))]) }

func (r *random) expr(depth int) *policy.Expr {
	switch {
	case depth == 0 || r.IntN(4) == 0:
		return r.word()
	case !r.arith:
		return r.Binary(policy.OpAnd, r.word(), r.Const(r.constant()))
	}
	op := policy.OpAdd + policy.Op(r.IntN(int(policy.OpRsh-policy.OpAdd)+1))
	x, y := r.expr(depth-1), r.Const(r.constant())
	if r.IntN(3) == 0 {
		y = r.expr(depth - 1)
	}
	if r.IntN(8) == 0 {
		x, y = y, x
	}
	if r.IntN(16) == 0 && !(y.IsConst() && y.K == 0) {
		return r.Mod(x, y)
	}
	return r.Binary(op, x, y)
}

func (r *random) leaf() *policy.Node { return r.Leaf(r.action(), r.span()) }

// graph returns a graph of tests, some of whose parts are shared.
func (r *random) graph(tests int) *policy.Node {
	if tests == 0 {
		if len(r.nodes) > 0 && r.IntN(3) == 0 {
			return r.nodes[r.IntN(len(r.nodes))]
		}
		return r.leaf()
	}
	left := 0
	if r.IntN(3) == 0 {
		left = r.IntN(tests)
	}
	yes, no := r.graph(left), r.graph(tests-1-left)
	if r.IntN(2) == 0 {
		yes, no = no, yes
	}
	x, y := r.expr(r.IntN(4)), r.Const(r.constant())
	if r.IntN(6) == 0 {
		y = r.expr(r.IntN(3))
	}
	n := r.Test(policy.Cmp(r.IntN(4)), x, y, yes, no, r.span())
	r.nodes = append(r.nodes, n)
	if len(r.nodes) > 50 {
		r.nodes = r.nodes[25:]
	}
	return n
}

// newRandom returns a generator; the same seed makes the same policies.
func newRandom(seed uint64) *random {
	text := make([]byte, 4096)
	for i := range text {
		text[i] = "x\n"[i%2]
	}
	r := &random{Rand: rand.New(rand.NewPCG(seed, 7)), file: source.NewFile(fmt.Sprintf("random%d", seed), string(text))}
	for w := range linux.Word(linux.NumWords) {
		if w >= linux.WordIPLow || r.IntN(10) == 0 {
			r.words = append(r.words, w)
		}
	}
	r.Shuffle(len(r.words), func(i, j int) { r.words[i], r.words[j] = r.words[j], r.words[i] })
	r.words = r.words[:1+r.IntN(5)]
	r.arith = r.IntN(3) == 0
	return r
}

// policy returns a policy.
func (r *random) policy() *policy.Policy {
	p := &policy.Policy{BadArch: r.leaf(), X32: r.leaf()}
	if r.IntN(8) == 0 {
		p.BadArch, p.X32 = r.graph(3), r.graph(3)
	}
	arches := linux.Arches()
	r.Shuffle(len(arches), func(i, j int) { arches[i], arches[j] = arches[j], arches[i] })
	size := []int{1, 2, 4, 8}[r.IntN(4)]
	arches = arches[:1+r.IntN(1+r.IntN(4))]
	alike := r.IntN(4) == 0 // two ABIs that share most rules
	if alike {
		arches = []linux.Arch{linux.X86_64, linux.X32}
	}
	for _, a := range arches {
		t := &policy.Target{Arch: a, Rules: map[uint32]*policy.Node{}, Default: r.leaf()}
		if r.IntN(8) == 0 {
			t.Default = r.graph(3)
		}
		var shared []*policy.Node
		for range 3 {
			shared = append(shared, r.graph(r.IntN(4)))
		}
		for range r.IntN(size * 4) {
			nr := r.Uint32N(uint32(size) * 16)
			switch r.IntN(20) {
			case 0:
				nr = r.Uint32()
			case 1:
				nr = -r.Uint32N(3)
			}
			if a == linux.X32 {
				nr |= linux.X32Bit
			}
			switch r.IntN(4) {
			case 0:
				t.Rules[nr] = r.graph(r.IntN(12))
			case 1:
				t.Rules[nr] = r.leaf()
			default:
				t.Rules[nr] = shared[r.IntN(len(shared))]
			}
		}
		if alike && a == linux.X32 {
			if r.IntN(2) == 0 {
				t.Default = p.Targets[0].Default
			}
			for nr := range uint32(size) * 16 {
				if n := p.Targets[0].Rules[nr]; n != nil && r.IntN(8) > 0 {
					t.Rules[nr|linux.X32Bit] = n
				}
			}
		}
		p.Targets = append(p.Targets, t)
	}
	return p
}
