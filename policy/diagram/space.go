package diagram

import (
	"fmt"

	"secco/linux"
)

// Ref is a diagram in a [Space]: a function from calls to booleans or actions.
// Two of one Space are the same function exactly where their Refs are equal.
type Ref int32

// The constant booleans.
const (
	False Ref = 0
	True  Ref = 1
)

// Limits bounds the work; zero fields take the defaults.
type Limits struct {
	Nodes  int // diagram nodes alive at once; default 2 Mi, about 100 MB
	Steps  int // recursion steps in all; default [DefaultSteps], some ten seconds
	States int // states of one program's symbolic execution; default 256 Ki
}

// DefaultSteps is how many steps there are where Limits does not say.
const DefaultSteps = 64 << 20

func (l Limits) orDefault() Limits {
	if l.Nodes <= 0 {
		l.Nodes = 2 << 20
	}
	if l.Steps <= 0 {
		l.Steps = DefaultSteps
	}
	if l.States <= 0 {
		l.States = 256 << 10
	}
	return l
}

// LimitError says which limit was exceeded. Methods of [Space] panic with it,
// for an unfinished diagram must never be mistaken for one; [Space.Do] turns the
// panic into an error, and everything above Space returns it.
type LimitError struct {
	What string // such as "diagram nodes"
	Max  int
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("more than %d %s", e.Max, e.What)
}

// node is a decision on the variable at a level, or a leaf: its level is
// leafLevel and lo its value.
type node struct {
	level  int32
	lo, hi Ref
}

const (
	numBits   = 32 * int(linux.NumWords)
	maxOpaque = 2048 // variables, see Abstract
	leafLevel = int32(numBits + maxOpaque)
)

// slot is a place in the table of unique nodes. Slots of another generation are
// empty, so that Reset costs nothing.
type slot struct {
	gen uint32
	ref Ref
}

// entry is a remembered result. The cache forgets by overwriting.
type entry struct {
	gen     uint32
	f, g, h Ref
	result  Ref
}

const maxCache = 1 << 20

// Space holds diagrams over one order of variables, within limits. It is not
// safe for concurrent use.
type Space struct {
	// Frugal keeps programs and graphs from being tried with more than a small part
	// of the limits.
	Frugal bool

	limits Limits
	steps  int
	room   int // nodes that may be made at present
	gen    uint32
	nodes  []node
	table  []slot
	cache  []entry

	level [numBits]int16 // of variable 32*word+bit
	bitAt [numBits]int16 // the variable at a level
	order Order
	calls Calls

	won    way               // that the last diagram was made in; zero where there is none
	failed map[attempt]error // of these calls

	opaque      map[opaqueKey]int32 // level of the first variable; nil where nothing is abstracted
	opaqueTests bool
	comparesTwo bool // values that depend on the call
	nextOpaque  int
	seesOpaque  map[Ref]bool
}

// NewSpace returns an empty space for functions on the given calls.
func NewSpace(calls Calls, order Order, limits Limits) *Space {
	s := &Space{
		limits: limits.orDefault(),
		nodes:  make([]node, 2, 1024),
		table:  make([]slot, 1<<12),
		cache:  make([]entry, 1<<12),

		failed:     map[attempt]error{},
		seesOpaque: map[Ref]bool{},
	}
	s.Reset(calls, order)
	return s
}

// Reset forgets all diagrams and starts again, with other calls and another
// order. Only the count of steps goes on.
func (s *Space) Reset(calls Calls, order Order) {
	s.gen++
	s.room = s.limits.Nodes
	s.nodes = append(s.nodes[:0], node{leafLevel, 0, 0}, node{leafLevel, 1, 0})
	if s.calls != calls {
		clear(s.failed)
	}
	s.calls, s.order, s.won = calls, order, way{}
	s.opaque, s.nextOpaque, s.comparesTwo = nil, 0, false
	clear(s.seesOpaque)
	if order.shifts == 0 && len(order.groups) == 0 {
		s.level, s.bitAt = plainLevel, plainBitAt
	} else {
		order.levels(&s.level, &s.bitAt)
	}
}

// The places of the plain order, which is used most.
var plainLevel, plainBitAt [numBits]int16

func init() { Plain.levels(&plainLevel, &plainBitAt) }

// Calls returns the calls that the space is about.
func (s *Space) Calls() Calls { return s.calls }

// Do runs f, which may call the methods of s, and returns the *LimitError that
// stopped it, if one did.
func (s *Space) Do(f func()) (err error) {
	defer func() {
		if r := recover(); r != nil {
			limit, ok := r.(*LimitError)
			if !ok {
				panic(r)
			}
			err = limit
		}
	}()
	f()
	return nil
}

// attempt is one at the diagram of a program or graph.
type attempt struct {
	of          any
	way         way
	abstract    bool
	opaqueTests bool
}

// try makes a diagram in a way, if that did not fail before for the same calls.
func (s *Space) try(of any, w way, f func()) error {
	key := attempt{of, w, s.opaque != nil, s.opaque != nil && s.opaqueTests}
	if err, known := s.failed[key]; known {
		return err
	}
	err := s.attempt(w.nodes, f)
	if err == nil {
		s.won = w
		return nil
	}
	s.failed[key] = err
	if key.abstract && s.Exact() { // it would fail in others, too
		s.failed[attempt{of, w, false, false}] = err
		if !s.comparesTwo {
			s.failed[attempt{of, w, true, true}] = err
		}
	}
	return err
}

// attempt runs f, which may make so many nodes. Where that or another limit but
// that of steps stops it, what it made is forgotten and the error returned.
func (s *Space) attempt(nodes int, f func()) error {
	before := len(s.nodes)
	s.room = min(before+nodes, s.limits.Nodes)
	err := s.Do(f)
	s.room = s.limits.Nodes
	if err != nil {
		s.Spend(0) // fails again where the steps are used up
		s.gen++
		s.nodes = s.nodes[:before]
		s.forgetOpaque(before)
		s.fill()
	}
	return err
}

// Spend counts n steps of work done elsewhere on behalf of s.
func (s *Space) Spend(n int) {
	if s.steps += n; s.steps > s.limits.Steps {
		panic(&LimitError{"steps", s.limits.Steps})
	}
}

// Exhausted reports whether the steps are used up, so that nothing more can be
// done.
func (s *Space) Exhausted() bool { return s.steps > s.limits.Steps }

// Size returns the number of nodes made since the last Reset.
func (s *Space) Size() int { return len(s.nodes) }

// Leaf returns the constant function of an action's effect.
func (s *Space) Leaf(a linux.Action) Ref { return s.unique(node{leafLevel, Ref(a.Effect()), 1}) }

// Action returns the action of a leaf; ok is false for other diagrams.
func (s *Space) Action(f Ref) (a linux.Action, ok bool) {
	n := s.nodes[f]
	return linux.Action(n.lo), n.level == leafLevel && n.hi == 1
}

// variable returns the function that is one bit of a word.
func (s *Space) variable(w linux.Word, bit int) Ref {
	return s.make(int32(s.level[32*int(w)+bit]), False, True)
}

// make returns the diagram "if the variable at level then hi else lo".
func (s *Space) make(level int32, lo, hi Ref) Ref {
	if lo == hi {
		return lo
	}
	return s.unique(node{level, lo, hi})
}

func hash3(a, b, c uint32) uint32 {
	h := uint64(a)*0x9E3779B97F4A7C15 ^ uint64(b)*0xC2B2AE3D27D4EB4F ^ uint64(c)*0x165667B19E3779F9
	h ^= h >> 29
	h *= 0xBF58476D1CE4E5B9
	return uint32(h >> 32)
}

func (s *Space) unique(n node) Ref {
	mask := uint32(len(s.table) - 1)
	i := hash3(uint32(n.level), uint32(n.lo), uint32(n.hi)) & mask
	for s.table[i].gen == s.gen {
		if r := s.table[i].ref; s.nodes[r] == n {
			return r
		}
		i = (i + 1) & mask
	}
	if len(s.nodes) >= s.room {
		panic(&LimitError{"diagram nodes", s.room})
	}
	r := Ref(len(s.nodes))
	s.nodes = append(s.nodes, n)
	s.table[i] = slot{s.gen, r}
	if 2*len(s.nodes) > len(s.table) {
		s.grow()
	}
	return r
}

func (s *Space) grow() {
	s.table = make([]slot, 2*len(s.table))
	s.fill()
	if len(s.cache) < min(maxCache, len(s.table)) {
		s.cache = make([]entry, min(maxCache, len(s.table)))
	}
}

// fill puts all nodes into the empty table.
func (s *Space) fill() {
	mask := uint32(len(s.table) - 1)
	for r := 2; r < len(s.nodes); r++ {
		n := s.nodes[r]
		i := hash3(uint32(n.level), uint32(n.lo), uint32(n.hi)) & mask
		for s.table[i].gen == s.gen {
			i = (i + 1) & mask
		}
		s.table[i] = slot{s.gen, Ref(r)}
	}
}
