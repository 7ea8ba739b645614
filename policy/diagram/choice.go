package diagram

import "container/heap"

// From decisions to diagrams.
//
// A program and a policy graph are both decisions that lead to decisions. The
// plain way to the diagram of one, Ite(condition, diagram of yes, diagram of no),
// fails on what filters are full of:
//
//	if arg0 == a && arg1 == b { return x }
//	rest
//
// The decision on arg1 is "if arg1 == b then x else rest", on its own: all of rest
// again, with a case for arg1 under every leaf of arg0, only for nearly all of it
// to be dropped by the decision on arg0 above. A thousand such rules make a
// thousand copies. So a decision that one way only leads to, and that leads on to
// where others lead too, is not made a diagram of its own. What it decides is laid
// over the diagram of the rest, where the conditions on that way hold: rest first,
// then x where arg0 == a and arg1 == b, which costs no more than the path of those
// conditions.
//
// Where several ways meet again the decisions that follow are made a diagram of
// their own, once, and the ways choose between such diagrams. That keeps
// "if arg0 is one of a thousand, then look at arg1" from being a thousand looks at
// arg1. Decisions that end in leaves alone have no rest to copy, and are made
// diagrams of their own as well.
//
// That is backward: from the rest to what comes before. It still fails where the
// rest by itself is large but for the calls that get there, as where nearly all
// calls are decided early. So there is also the way forward: the calls that reach
// each decision, from the first to the last, those of ways that meet again united.
// Neither is better in general; both are tried with a small budget, then with all.
// What made the diagram before in this space is tried first: filters that are
// compared are alike, and what failed for the same calls is not tried again.

// choice is a decision: a leaf, or a condition and where it leads.
type choice[S comparable] struct {
	leaf    Ref
	isLeaf  bool
	cond    Ref
	yes, no S
}

// role says how a decision is best made a diagram.
type role uint8

const (
	roleRest role = iota // of its own
	roleLeaf             // of its own, which is a leaf
	rolePart             // laid over the rest
)

// roleOf returns the role of a decision.
func roleOf(isLeaf, shared, leadsToShared bool) role {
	switch {
	case isLeaf:
		return roleLeaf
	case !shared && leadsToShared:
		return rolePart
	}
	return roleRest
}

// chooser is a decision graph without cycles, made as it is walked.
type chooser[S comparable] interface {
	// next returns the first decision at or behind a place that has more than one
	// outcome.
	next(S) (S, role)
	// choose makes that decision.
	choose(S) choice[S]
	// order returns a number that is higher for whatever a decision leads to.
	order(S) int
}

// way is how a diagram is made, and of how many nodes at most.
type way struct {
	forward bool
	nodes   int
}

// function returns the diagram of the decision at a place of a graph, which is
// started anew for every attempt. The graph is that of a program or policy.
func function[S comparable](s *Space, of any, start func() chooser[S], at S) (f Ref) {
	try := func(w way) error {
		return s.try(of, w, func() {
			if w.forward {
				f = forward(s, start(), at)
			} else {
				f = (&diagrams[S]{s, start(), map[S]Ref{}}).of(at)
			}
		})
	}
	if s.won.nodes > 0 && try(s.won) == nil {
		return f
	}
	const small = 8 // part of the budget
	for _, nodes := range [...]int{s.limits.Nodes / small, s.limits.Nodes} {
		if try(way{false, nodes}) == nil {
			return f
		}
		err := try(way{true, nodes})
		if err == nil {
			return f
		}
		if s.Frugal || s.opaque != nil || nodes == s.limits.Nodes {
			panic(err)
		}
	}
	panic("unreachable")
}

// diagrams makes diagrams of decisions backward.
type diagrams[S comparable] struct {
	*Space
	graph chooser[S]
	done  map[S]Ref
}

// of returns the diagram of the decision at a place.
func (d *diagrams[S]) of(at S) Ref {
	at, _ = d.graph.next(at)
	return d.decided(at)
}

func (d *diagrams[S]) decided(at S) Ref {
	if f, ok := d.done[at]; ok {
		return f
	}
	if len(d.done) >= d.limits.States {
		panic(&LimitError{"states", d.limits.States})
	}
	c := d.graph.choose(at)
	var f Ref
	switch {
	case c.isLeaf:
		f = c.leaf
	case c.cond == True:
		f = d.of(c.yes)
	case c.cond == False:
		f = d.of(c.no)
	default:
		yes, yesRole := d.graph.next(c.yes)
		no, noRole := d.graph.next(c.no)
		if noRole == roleLeaf && yesRole != roleLeaf || noRole == rolePart && yesRole == roleRest {
			f = d.over(d.decided(yes), d.Not(c.cond), no)
		} else {
			f = d.over(d.decided(no), c.cond, yes)
		}
	}
	d.done[at] = f
	return f
}

// over returns base but for where the guard holds: there, the decision at a
// place.
func (d *diagrams[S]) over(base, guard Ref, at S) Ref {
	if guard == False {
		return base
	}
	at, role := d.graph.next(at)
	if _, done := d.done[at]; done || role != rolePart {
		return d.Ite(guard, d.decided(at), base)
	}
	c := d.graph.choose(at)
	base = d.over(base, d.And(guard, d.Not(c.cond)), c.no)
	return d.over(base, d.And(guard, c.cond), c.yes)
}

// forward makes the same diagram as diagrams.
func forward[S comparable](s *Space, graph chooser[S], at S) Ref {
	reached := map[S]Ref{}
	var queue places[S]
	reach := func(at S, calls Ref) {
		if calls == False {
			return
		}
		at, _ = graph.next(at)
		before, known := reached[at]
		if !known {
			if len(reached) >= s.limits.States {
				panic(&LimitError{"states", s.limits.States})
			}
			heap.Push(&queue, place[S]{graph.order(at), at})
		}
		reached[at] = s.Or(before, calls)
	}
	reach(at, True)
	f := False
	first := true
	for len(queue) > 0 {
		at := heap.Pop(&queue).(place[S]).at
		calls := reached[at]
		c := graph.choose(at)
		switch {
		case c.isLeaf && first: // where the others do not reach, this one does
			f, first = c.leaf, false
			continue
		case c.isLeaf:
			f = s.Ite(calls, c.leaf, f)
			continue
		}
		reach(c.yes, s.And(calls, c.cond))
		reach(c.no, s.And(calls, s.Not(c.cond)))
	}
	return f
}

// places is a heap.
type places[S any] []place[S]

type place[S any] struct {
	order int
	at    S
}

func (p places[S]) Len() int           { return len(p) }
func (p places[S]) Less(i, j int) bool { return p[i].order < p[j].order }
func (p places[S]) Swap(i, j int)      { p[i], p[j] = p[j], p[i] }
func (p *places[S]) Push(x any)        { *p = append(*p, x.(place[S])) }
func (p *places[S]) Pop() any {
	last := len(*p) - 1
	x := (*p)[last]
	*p = (*p)[:last]
	return x
}
