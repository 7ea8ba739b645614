package diagram

import (
	"math/rand/v2"

	"secco/bpf"
	"secco/linux"
	"secco/policy"
	"secco/source"
)

// interesting are constants at which arithmetic turns.
var interesting = []uint32{0, 1, 2, 3, 5, 7, 8, 15, 16, 31, 32, 63, 64, 255, 4096, 1 << 30, 1 << 31, 0xffff0000, 0xfffffffe, 0xffffffff}

func randomConst(r *rand.Rand) uint32 {
	switch r.IntN(4) {
	case 0:
		return r.Uint32()
	case 1:
		return r.Uint32N(16)
	}
	return interesting[r.IntN(len(interesting))]
}

var randomActions = []linux.Action{linux.Allow, linux.Errno | 1, linux.Errno | 38, linux.KillProcess, linux.KillThread, linux.Log, linux.Notify, linux.Trap, linux.Trace | 7, linux.Errno | 0xffff, 0x12345678}

// randomData returns a call whose words are likely to be near the constants.
func randomData(r *rand.Rand, constants []uint32) *linux.SeccompData {
	word := func() uint32 {
		k := randomConst(r)
		if len(constants) > 0 && r.IntN(2) == 0 {
			k = constants[r.IntN(len(constants))]
		}
		return k + r.Uint32N(3) - 1
	}
	d := &linux.SeccompData{NR: word(), Arch: word(), IP: uint64(word())<<32 | uint64(word())}
	if r.IntN(2) == 0 {
		arches := linux.Arches()
		d.Arch = arches[r.IntN(len(arches))].Audit()
	}
	for i := range d.Args {
		d.Args[i] = uint64(word())<<32 | uint64(word())
	}
	return d
}

func constantsOf(p bpf.Program) (list []uint32) {
	for _, in := range p {
		list = append(list, in.K)
	}
	return list
}

// randomGraph returns a policy graph over few words.
func randomGraph(r *rand.Rand, b *policy.Builder, size int, heavy bool) *policy.Node {
	words := []linux.Word{linux.WordNR, linux.ArgLow(0), linux.ArgHigh(0), linux.ArgLow(1), linux.ArgHigh(1), linux.WordIPLow}
	var expr func(depth int) *policy.Expr
	expr = func(depth int) *policy.Expr {
		switch {
		case depth == 0 || r.IntN(3) == 0:
			return b.Word(words[r.IntN(len(words))])
		case r.IntN(4) == 0:
			return b.Const(randomConst(r))
		}
		op := policy.OpAdd + policy.Op(r.IntN(int(policy.OpRsh-policy.OpAdd)+1))
		if !heavy && (op == policy.OpMul || op == policy.OpDiv) {
			op = policy.OpAnd
		}
		return b.Binary(op, expr(depth-1), expr(depth-1))
	}
	nodes := []*policy.Node{}
	for range 3 {
		nodes = append(nodes, b.Leaf(randomActions[r.IntN(len(randomActions))], source.Span{}))
	}
	for len(nodes) < size {
		x, y := expr(r.IntN(3)), b.Const(randomConst(r))
		if r.IntN(4) == 0 {
			y = expr(1)
		}
		pick := func() *policy.Node { return nodes[len(nodes)-1-r.IntN(min(4, len(nodes)))] }
		nodes = append(nodes, b.Test(policy.Cmp(r.IntN(4)), x, y, pick(), pick(), source.Span{}))
	}
	return nodes[len(nodes)-1]
}
