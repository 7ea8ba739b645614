package compiler

import (
	"slices"
	"sort"

	"secco/linux"
)

// A node of an interval graph decides by the interval in which a term's value
// lies, or is a leaf. Nodes are hash-consed: the same decisions are the same
// node, whatever rules they come from. Where terms are tested in their order on
// every path the graph is canonical but for terms that depend on each other.
type node struct {
	t      *term    // nil in a leaf
	from   []uint32 // where the intervals begin: 0, then ascending
	to     []*node  // no two neighbours the same
	action linux.Action
	id     int32
	exit   *question // not nil in a leaf that stands for what is yet to come
	exits  uint64    // which exits there may be from here on: bits, by ID
	next   *node     // with the same hash
}

// at returns the successor for one value.
func (n *node) at(v uint32) *node { return n.to[n.index(v)] }

func (n *node) index(v uint32) int {
	return sort.Search(len(n.from), func(i int) bool { return n.from[i] > v }) - 1
}

// last returns the last value of interval i.
func (n *node) last(i int) uint32 {
	if i+1 < len(n.from) {
		return n.from[i+1] - 1
	}
	return n.t.max()
}

// graph makes nodes.
type graph struct {
	nodes  []*node
	byHash map[uint64]*node
}

func (g *graph) leaf(a linux.Action) *node {
	return g.intern(node{action: a})
}

// decide returns the node that decides by t. Neighbours that are the same are
// merged; from and to are the caller's and not kept.
func (g *graph) decide(t *term, from []uint32, to []*node) *node {
	if t.mask != allOnes {
		from, to = fit(from, to, t.mask)
	}
	same := 0
	for i := 1; i < len(to); i++ {
		if to[i] == to[i-1] {
			same++
		}
	}
	switch {
	case same == len(to)-1:
		return to[0]
	case same > 0:
		f, o := make([]uint32, 0, len(to)-same), make([]*node, 0, len(to)-same)
		for i := range to {
			if i == 0 || to[i] != to[i-1] {
				f, o = append(f, from[i]), append(o, to[i])
			}
		}
		from, to = f, o
	}
	return g.intern(node{t: t, from: from, to: to})
}

// fit makes every interval begin with a value that there is under the mask, and
// drops those without any.
func fit(from []uint32, to []*node, mask uint32) ([]uint32, []*node) {
	f, o := make([]uint32, 0, len(from)), make([]*node, 0, len(to))
	for i, v := range from {
		v, ok := above(v, mask)
		if !ok {
			break
		}
		if n := len(f); n > 0 && f[n-1] == v {
			o[n-1] = to[i]
			continue
		}
		f, o = append(f, v), append(o, to[i])
	}
	return f, o
}

func (g *graph) intern(n node) *node {
	h := uint64(14695981039346656037)
	mix := func(v uint32) { h = (h ^ uint64(v)) * 1099511628211 }
	mix(uint32(n.action))
	if n.t != nil {
		mix(uint32(n.t.id) + 1)
	}
	if n.exit != nil {
		mix(uint32(n.exit.id))
	}
	for i := range n.to {
		mix(n.from[i])
		mix(uint32(n.to[i].id))
		n.exits |= n.to[i].exits
	}
	first := g.byHash[h]
	for have := first; have != nil; have = have.next {
		if have.t == n.t && have.action == n.action && have.exit == n.exit && slices.Equal(have.from, n.from) && slices.Equal(have.to, n.to) {
			return have
		}
	}
	made := n
	made.from, made.to = slices.Clone(n.from), slices.Clone(n.to)
	made.id = int32(len(g.nodes))
	made.next = first
	g.nodes = append(g.nodes, &made)
	g.byHash[h] = &made
	return &made
}
