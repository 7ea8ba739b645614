package policy

import (
	"iter"
	"math/rand/v2"
	"slices"

	"secco/linux"
)

// Bounds on what [Samples] yields.
const (
	// MaxSamplesPerGraph is how many calls there are at most for one graph and
	// one byte order, beside PlainSamples for each number.
	MaxSamplesPerGraph = 1024
	// PlainSamples is how many calls there are for each number of a target,
	// whatever its graph is.
	PlainSamples = 3
)

// Samples yields calls that are likely to find a difference between p and
// something that should mean the same: every number that a target names, on
// every architecture of the policy, the numbers next to it, with and without the
// x32 bit, the ends of the ranges, the negative numbers' ends; known and unknown
// architectures that are no targets; and for each graph calls that lead to each
// of its tests, with values on both sides of what is tested there, in either
// half of an argument. The calls are the same every time.
func Samples(p *Policy) iter.Seq[linux.SeccompData] {
	return func(yield func(linux.SeccompData) bool) {
		s := sampler{p: p, yield: yield, rand: rand.New(rand.NewPCG(1, 2)), done: map[sampled]bool{}}
		s.run()
	}
}

type sampler struct {
	p       *Policy
	yield   func(linux.SeccompData) bool
	rand    *rand.Rand
	done    map[sampled]bool
	left    int // of MaxSamplesPerGraph
	stopped bool
}

type sampled struct {
	root  *Node
	audit uint32
}

func (s *sampler) run() {
	numbers := s.numbers()
	audits := []uint32{}
	for _, t := range s.p.Targets {
		audits = append(audits, t.Arch.Audit())
	}
	targets := len(audits)
	for _, a := range linux.Arches() {
		audits = append(audits, a.Audit())
	}
	for _, a := range audits {
		audits = append(audits, a-1, a+1, a^0x40000000)
	}
	audits = append(audits, 0, 1, 0x3fffffff, 0x40000000, 0x7fffffff, 0x80000000, 0xbfffffff, 0xc0000000, 0xffffffff)
	seen := map[uint32]bool{}
	for i, audit := range audits {
		if seen[audit] {
			continue
		}
		seen[audit] = true
		list := numbers
		if i >= targets {
			list = []uint32{0, 1, 59, 0x3fffffff, linux.X32Bit, linux.X32Bit + 1, 0x7fffffff, 0xfffffffe, 0xffffffff}
		}
		for _, nr := range list {
			s.number(audit, nr)
			if s.stopped {
				return
			}
		}
	}
}

// numbers returns the syscall numbers to try on the targets.
func (s *sampler) numbers() []uint32 {
	list := []uint32{0, 1, 0x3fffffff, 0x40000000, 0x7fffffff, 0x80000000, 0xbfffffff, 0xc0000000, 0xfffffffe, 0xffffffff}
	for _, t := range s.p.Targets {
		for nr := range t.Rules {
			list = append(list, nr-1, nr, nr+1, nr^linux.X32Bit, (nr^linux.X32Bit)+1, (nr^linux.X32Bit)-1, nr^0x80000000, ^nr)
		}
		Walk(func(n *Node) { // a graph may test the number as well
			if !n.IsLeaf() && n.Y.IsConst() {
				list = append(list, n.Y.K-1, n.Y.K, n.Y.K+1)
			}
		}, t.Default)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// number yields the calls of one number.
func (s *sampler) number(audit, nr uint32) {
	d := linux.SeccompData{NR: nr, Arch: audit}
	s.emit(d)
	for i := range d.Args {
		d.Args[i] = ^uint64(0)
	}
	d.IP = ^uint64(0)
	s.emit(d)
	s.emit(s.random(d))
	root := s.p.Root(audit, nr)
	for root != nil && !root.IsLeaf() && root.X.Op == OpWord && root.X.W == linux.WordNR && root.Y.IsConst() {
		root = choose(root.Cmp.Holds(nr, root.Y.K), root.Yes, root.No)
	}
	if key := (sampled{root, audit}); root != nil && !root.IsLeaf() && !s.done[key] {
		s.done[key] = true
		s.left = MaxSamplesPerGraph
		s.graph(root, linux.SeccompData{NR: nr, Arch: audit}, map[*Node]int{}, 0)
	}
}

func (s *sampler) emit(d linux.SeccompData) {
	s.stopped = s.stopped || !s.yield(d)
}

// random returns d with other arguments.
func (s *sampler) random(d linux.SeccompData) linux.SeccompData {
	d.IP = s.rand.Uint64()
	for i := range d.Args {
		d.Args[i] = s.rand.Uint64() >> (8 * s.rand.UintN(8))
	}
	return d
}

// visits is how often graph comes back to a node, with another call.
const visits = 2

// graph yields calls around the test n, which d leads to (or nearly: a word that
// a test on the way asked for may have been changed since), and goes on to both
// successors with calls that lead there.
func (s *sampler) graph(n *Node, d linux.SeccompData, seen map[*Node]int, depth int) {
	if n.IsLeaf() || seen[n] == visits || s.left <= 0 || s.stopped || depth > 5000 {
		return
	}
	seen[n]++
	words, consts := n.operands()
	found := [2]bool{}
	var next [2]linux.SeccompData
	try := func(c linux.SeccompData) {
		if s.left--; s.left >= 0 {
			s.emit(c)
		}
		side := 0
		if n.Cmp.Holds(n.X.Eval(&c), n.Y.Eval(&c)) {
			side = 1
		}
		if !found[side] {
			found[side], next[side] = true, c
		}
	}
	try(d)
	for _, w := range words {
		for _, v := range boundary(consts) {
			c := d
			setWord(&c, w, v)
			try(c)
			if found[0] && found[1] && seen[n] > 1 {
				break
			}
		}
		c := d
		setWord(&c, w, s.rand.Uint32())
		try(c)
	}
	for i := range d.Args { // what is not looked at here must not matter here
		c := d
		c.Args[i] ^= 1<<32 | 1
		try(c)
	}
	for side, succ := range [2]*Node{n.No, n.Yes} {
		if found[side] {
			s.graph(succ, next[side], seen, depth+1)
		}
	}
}

// boundary returns values at and around the constants, and what common
// operations with them give.
func boundary(consts []uint32) []uint32 {
	var list []uint32
	for _, k := range consts {
		list = append(list, k, k-1, k+1, ^k, -k, k|0x80000000, k<<1, k>>1)
		for bit := uint32(1); bit != 0 && k&(k-1) != 0; bit <<= 1 {
			if k&bit != 0 && len(list) < 64 {
				list = append(list, bit, k&^bit)
			}
		}
	}
	for i, a := range consts {
		for _, b := range consts[:i] {
			list = append(list, a-b, b-a, a+b, a^b, a|^b, b|^a, a&b, a<<(b&31), b<<(a&31), a>>(b&31), b>>(a&31))
		}
		if len(list) > 128 {
			break
		}
	}
	seen := map[uint32]bool{}
	return slices.DeleteFunc(list, func(v uint32) bool {
		dup := seen[v]
		seen[v] = true
		return dup
	})
}

// operands returns the words that the test reads, but for the number and the
// architecture, and the constants in it.
func (n *Node) operands() (words []linux.Word, consts []uint32) {
	seen := map[*Expr]bool{}
	var walk func(e *Expr)
	walk = func(e *Expr) {
		if seen[e] {
			return
		}
		seen[e] = true
		switch {
		case e.X != nil:
			walk(e.X)
			walk(e.Y)
		case e.IsConst():
			consts = append(consts, e.K)
		case e.W != linux.WordArch && e.W != linux.WordNR:
			words = append(words, e.W)
		}
	}
	walk(n.X)
	walk(n.Y)
	return words, consts
}

// setWord sets one word of the call.
func setWord(d *linux.SeccompData, w linux.Word, v uint32) {
	field := &d.IP
	i, high := w.Arg()
	if i >= 0 {
		field = &d.Args[i]
	}
	if w == linux.WordIPHigh || high {
		*field = *field&0xffffffff | uint64(v)<<32
	} else {
		*field = *field&^0xffffffff | uint64(v)
	}
}
