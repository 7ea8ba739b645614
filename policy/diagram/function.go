package diagram

import (
	"cmp"
	"slices"

	"secco/bpf"
	"secco/linux"
	"secco/policy"
)

// Function is what a policy or program does with the calls of one slice: a
// diagram from calls to actions.
type Function struct {
	space *Space
	root  Ref
}

// OfGraph returns what a policy graph does with these calls. The error is a
// *LimitError.
func OfGraph(root *policy.Node, calls Calls, limits Limits) (*Function, error) {
	var m Meetings
	m.Graph(root, calls)
	s := NewSpace(calls, m.Order(), limits)
	f := &Function{space: s}
	err := s.Do(func() { f.root = s.restrict(s.Graph(root)) })
	return f, err
}

// OfProgram returns what a program does with these calls. The program must be
// valid. The error is a *LimitError.
func OfProgram(p bpf.Program, calls Calls, limits Limits) (*Function, error) {
	prog := NewProgram(p)
	var m Meetings
	prog.Analyse(calls, &m, nil)
	s := NewSpace(calls, m.Order(), limits)
	f := &Function{space: s}
	err := s.Do(func() { f.root = s.restrict(s.Program(prog)) })
	return f, err
}

// restrict returns f with one action, any of its own, for the calls that are not
// the space's.
func (s *Space) restrict(f Ref) Ref {
	domain := s.domainOf(f)
	if domain == True {
		return f
	}
	d, _ := s.Member(domain, linux.SeccompData{})
	return s.Ite(domain, f, s.Leaf(s.Eval(f, &d)))
}

// domainOf returns the space's domain, or True where f doesn't depend on what
// the domain is about.
func (s *Space) domainOf(f Ref) Ref {
	for _, w := range s.Support(f) {
		if w == linux.WordArch || w == linux.WordNR {
			return s.Domain()
		}
	}
	return True
}

// Eval returns the action that f gives a call.
func (s *Space) Eval(f Ref, d *linux.SeccompData) linux.Action {
	return linux.Action(s.nodes[s.walk(f, d)].lo)
}

// Holds returns the value of a boolean function for a call.
func (s *Space) Holds(f Ref, d *linux.SeccompData) bool { return s.walk(f, d) == True }

func (s *Space) walk(f Ref, d *linux.SeccompData) Ref {
	for s.nodes[f].level != leafLevel {
		n := s.nodes[f]
		v := s.bitAt[n.level]
		if d.Word(linux.Word(v/32))>>(v%32)&1 == 1 {
			f = n.hi
		} else {
			f = n.lo
		}
	}
	return f
}

// reach calls visit once for each node under f, f included.
func (s *Space) reach(f Ref, visit func(node)) {
	seen := map[Ref]bool{}
	var walk func(Ref)
	walk = func(f Ref) {
		if seen[f] {
			return
		}
		seen[f] = true
		n := s.nodes[f]
		visit(n)
		if n.level != leafLevel {
			walk(n.lo)
			walk(n.hi)
		}
	}
	walk(f)
}

// Actions returns the actions that occur, the strictest first. They are effects
// (see [linux.Action.Effect]).
func (s *Space) Actions(f Ref) []linux.Action {
	var all []linux.Action
	s.reach(f, func(n node) {
		if n.level == leafLevel {
			all = append(all, linux.Action(n.lo))
		}
	})
	slices.SortFunc(all, func(a, b linux.Action) int {
		return cmp.Or(cmp.Compare(a.Rank(), b.Rank()), cmp.Compare(a, b))
	})
	return all
}

// Support returns the words that f depends on, in the plain order.
func (s *Space) Support(f Ref) []linux.Word {
	var mask uint16
	s.reach(f, func(n node) {
		if n.level != leafLevel {
			mask |= 1 << (s.bitAt[n.level] / 32)
		}
	})
	return wordsOf(mask)
}

// Eval returns the effect of the action that a call gets.
func (f *Function) Eval(d *linux.SeccompData) linux.Action { return f.space.Eval(f.root, d) }

// Actions returns the actions that calls can get, the strictest first. They are
// effects (see [linux.Action.Effect]).
func (f *Function) Actions() []linux.Action { return f.space.Actions(f.root) }

// Size returns the number of nodes, leaves included.
func (f *Function) Size() (n int) {
	f.space.reach(f.root, func(node) { n++ })
	return n
}

// Where returns the set of calls that get an action. The error is a
// *LimitError.
func (f *Function) Where(a linux.Action) (set *Set, err error) {
	err = f.space.Do(func() { set = SetOf(f.space, f.space.Where(f.root, a)) })
	return set, err
}
