package compiler

import (
	"math"
	"slices"

	"secco/bpf"
	"secco/compiler/layout"
)

// A choice is one interval of the value in A, where it leads, and how often it
// is taken.
type choice struct {
	lo, hi uint32
	to     target
	or     target // another target that is as good; nowhere where none is
	weight float64
}

// target stands for where choices lead: equal targets need no telling apart.
type target int32

// nowhere is no target.
const nowhere target = -1

func (c *choice) accepts(t target) bool { return c.to == t || c.or == t }

// A search finds the jumps that lead from A's value to the choices, with the
// least cost: the jumps executed in the mean, plus size for each that there is.
//
// The problem is the optimal binary search tree's, with three kinds of tests. A
// test for "at least" splits an interval of choices in two. A test for "equal"
// takes out one single value, wherever it lies, which pays where it is called
// often, or where its neighbours lead to the same place and are one again
// without it. A test of bits tells two places apart at once, where no value that
// leads to one of them has any of the bits. Dynamic programming over all intervals
// (i, j) of choices finds the best tree of four forms: a split into two intervals;
// a chain of single values taken out one after the other, the most frequent first,
// until what remains all leads to one place; a test of bits, after which none is
// needed, or one of a single bit, on both sides of which are trees of the other
// forms; or the heaviest single value taken out and the rest of the
// interval as the best tree of any form. The last makes the states triples, (i,
// j, how many of the heaviest are gone), but few: where the heaviest weighs less
// than a quarter of the interval a split is known to be at least as good
// (Anderson, Kannan, Karloff, Ladner: Thresholds and optimal binary comparison
// search trees, 2002), so it is not tried below a sixth.
//
// That is exact for trees of these forms, cubic in the number of choices. To be
// fast with many, a split is sought only about where the two intervals that are
// shorter by one have theirs (Knuth's bound, which is exact for splits alone and
// has some slack here), and above maxChoices the choices are halved first.
type search struct {
	cs     []choice
	size   float64
	goTo   func(t target, lo, hi uint32) *layout.Node // the code of a target for values from lo to hi
	jump   func(op uint16, k uint32, yes, no *layout.Node) *layout.Node
	splits bool // no other tests
	noBits bool // no tests of bits that need no others
	forks  []fork
	most   int // choices in an interval that a tree is sought for; 0 for all
	// Where further is set, going to the target shared is not the end: it takes so
	// many more tests for values from lo to hi.
	shared  target
	further func(lo, hi uint32) float64
	sum     []float64 // of the weights before each choice
	one     []int     // up to where the choices from i on accept the same target
	wide    []int     // up to where those of them that are no single values do
	order   []int     // the heavy single values, the heaviest first
	rank    []int     // the place of each choice in order; len(order) where it has none
	// Of (i, j) with nothing taken out: costs by i and j, the same by j and i, and
	// first tests; while one is sought, it is a provisional one.
	width         int
	costs, across []float64
	first         []test
	holed         map[holes]plan
}

// holes is the interval (i, j) without the first gone of order.
type holes struct{ i, j, gone int32 }

// plan is what the best tree costs, and its first test.
type plan struct {
	cost float64
	test
}

type test struct {
	form  form
	split int16  // split: where; peel: what; fork: which
	rest  target // chain, done
}

type form uint8

const (
	formDone form = iota
	formSplit
	formChain
	formPeel
	formBits
	formFork
)

const (
	maxChoices = 256
	// hopeless is from how many intervals on a graph needs more than twice the
	// instructions that a program may have: each test parts three at most, but for
	// those of bits. Then the best trees are not sought among more than fewChoices.
	hopeless   = 6 * bpf.MaxInstructions
	fewChoices = 16
	maxChain   = 16
	knuthSlack = 3
	// heavy is what a single value must weigh, of all choices, to be taken out
	// anywhere; maxHeavy bounds how many may, times the choices.
	heavy    = 1. / 64
	maxHeavy = 640
	// holeSlack is how far from the interval's own split one is sought for it with
	// values taken out.
	holeSlack = 8
	// smallest is up to how many choices every split is tried.
	smallest = 12
)

// solve finds the best tree and returns its cost.
func (s *search) solve() float64 {
	n := len(s.cs)
	s.prepare()
	for _, f := range s.forks {
		for _, side := range f.side {
			side.size = s.size
			side.solve()
		}
	}
	most := n
	if s.most > 0 {
		most = min(most, s.most)
	}
	for length := 1; length <= most; length++ {
		for i := 0; i+length <= n; i++ {
			s.set(i, i+length, s.best(i, i+length, 0))
		}
	}
	return s.costs[n]
}

// steepest is how many instructions executed in the mean one less in the program
// may cost at most, for it to have no more than a plain list.
const steepest = 2

// within finds the best tree of those that have no more tests than most, or of all
// where none is found: size weighs as much more as it must for the tree to have no
// more, to within a third.
func (s *search) within(most int) {
	fits := func(size float64) bool {
		s.size = size
		s.solve()
		return s.tests(0, len(s.cs), 0) <= most
	}
	low, high := max(s.size, 0.001), float64(steepest)
	if fits(low) {
		return
	}
	if !fits(high) {
		fits(low)
		return
	}
	for high > 1.33*low {
		if mid := math.Sqrt(low * high); fits(mid) {
			high = mid
		} else {
			low = mid
		}
	}
	fits(high)
}

// tests returns how many tests the best tree for (i, j) has.
func (s *search) tests(i, j, gone int) int {
	switch p := s.plan(i, j, gone); p.form {
	case formSplit:
		return 1 + s.tests(i, int(p.split), gone) + s.tests(int(p.split), j, gone)
	case formPeel:
		return 1 + s.tests(i, j, int(p.split)+1)
	case formChain:
		list, _ := s.singles(i, j, gone, p.rest, nil)
		return len(list)
	case formBits:
		return 1
	case formFork:
		f := &s.forks[p.split]
		n := 1
		for k, side := range f.side {
			n += side.tests(f.before[k][i], f.before[k][j], 0)
		}
		return n
	}
	return 0
}

// code returns the code of the best tree.
func (s *search) code() *layout.Node {
	n := len(s.cs)
	return s.emit(0, n, 0, s.cs[0].lo, s.cs[n-1].hi)
}

func (s *search) prepare() {
	n := len(s.cs)
	s.sum = make([]float64, n+1)
	ints := make([]int, 3*n)
	s.one, s.wide, s.rank = ints[:n], ints[n:2*n], ints[2*n:]
	s.width = n + 1
	s.first = make([]test, s.width*s.width)
	costs := make([]float64, 2*s.width*s.width)
	s.costs, s.across = costs[:len(costs)/2], costs[len(costs)/2:]
	s.holed = map[holes]plan{}
	s.order = nil
	total := 0.0
	for _, c := range s.cs {
		total += c.weight
	}
	for i, c := range s.cs {
		s.sum[i+1] = s.sum[i] + c.weight
		if c.lo == c.hi && c.weight >= heavy*total {
			s.order = append(s.order, i)
		}
		for _, t := range [2]target{c.to, c.or} {
			j := i + 1
			for t != nowhere && j < n && s.cs[j].accepts(t) {
				j++
			}
			s.one[i] = max(s.one[i], j)
		}
	}
	for i := n - 1; i >= 0; i-- {
		c := &s.cs[i]
		if i+1 == n {
			s.wide[i] = n
		} else if s.wide[i] = s.wide[i+1]; c.lo != c.hi {
			s.wide[i] = i + 1
			for _, t := range [2]target{c.to, c.or} {
				j := i + 1
				for t != nowhere && j < n && (s.cs[j].lo == s.cs[j].hi || s.cs[j].accepts(t)) {
					j++
				}
				s.wide[i] = max(s.wide[i], j)
			}
		}
	}
	slices.SortStableFunc(s.order, func(a, b int) int {
		switch wa, wb := s.cs[a].weight, s.cs[b].weight; {
		case wa > wb:
			return -1
		case wa < wb:
			return 1
		}
		return 0
	})
	s.order = s.order[:min(len(s.order), max(2, maxHeavy/n))]
	for i := range s.rank {
		s.rank[i] = len(s.order)
	}
	for r, i := range s.order {
		s.rank[i] = r
	}
}

// at returns the first test of (i, j).
func (s *search) at(i, j int) *test { return &s.first[i*s.width+j] }

func (s *search) set(i, j int, p plan) {
	s.costs[i*s.width+j], s.across[j*s.width+i] = p.cost, p.cost
	*s.at(i, j) = p.test
}

// plan returns the best plan for (i, j) without the first gone of order.
func (s *search) plan(i, j, gone int) plan {
	for gone > 0 && (s.order[gone-1] < i || s.order[gone-1] >= j) {
		gone--
	}
	if gone == 0 {
		return plan{s.costs[i*s.width+j], *s.at(i, j)}
	}
	key := holes{int32(i), int32(j), int32(gone)}
	p, ok := s.holed[key]
	if !ok {
		p = s.best(i, j, gone)
		s.holed[key] = p
	}
	return p
}

// best finds the plan, those of shorter intervals and of more gone being known
// or found by and by.
func (s *search) best(i, j, gone int) plan {
	total := s.sum[j] - s.sum[i]
	for _, k := range s.order[:gone] {
		if k >= i && k < j {
			total -= s.cs[k].weight
		}
	}
	p := plan{math.Inf(1), test{form: formSplit, split: int16(i + 1)}}
	if t, ok := s.same(i, j, gone); ok {
		p = plan{0, test{form: formDone, rest: t}}
		if s.further == nil || t != s.shared {
			return p
		}
		p.cost = total * s.further(s.cs[i].lo, s.cs[j-1].hi)
	}
	first, last := i+1, j-1
	if gone == 0 && j-i > smallest {
		if a, b := s.at(i, j-1), s.at(i+1, j); a.form == formSplit && b.form == formSplit {
			first, last = max(first, int(min(a.split, b.split))-knuthSlack), min(last, int(max(a.split, b.split))+knuthSlack)
		}
	}
	if own := s.at(i, j); gone > 0 && j-i > 2*holeSlack && own.form == formSplit {
		first, last = max(first, int(own.split)-holeSlack), min(last, int(own.split)+holeSlack)
	}
	each := total + s.size
	if gone == 0 {
		last = max(last, first-1)
		low, high := s.costs[i*s.width+first:i*s.width+last+1], s.across[j*s.width+first:j*s.width+last+1]
		for k, c := range low {
			if c += high[k] + each; c < p.cost {
				p = plan{c, test{form: formSplit, split: int16(first + k)}}
			}
		}
	} else {
		for k := first; k <= last; k++ {
			if c := s.plan(i, k, gone).cost + s.plan(k, j, gone).cost + each; c < p.cost {
				p = plan{c, test{form: formSplit, split: int16(k)}}
			}
		}
	}
	if s.splits {
		return p
	}
	s.chain(i, j, gone, total, &p)
	if gone == 0 {
		s.forked(i, j, each, &p)
		if each < p.cost && !s.noBits {
			if _, none, _, ok := s.bits(i, j); ok {
				p = plan{each, test{form: formBits, rest: none}}
			}
		}
		s.set(i, j, p)
	}
	if next := s.next(i, j, gone); next < len(s.order) && s.cs[s.order[next]].weight*6 >= total {
		if c := each + s.plan(i, j, next+1).cost; c < p.cost {
			p = plan{c, test{form: formPeel, split: int16(next)}}
		}
	}
	return p
}

// next returns the place in order of the heaviest single value in (i, j) that is
// not gone.
func (s *search) next(i, j, gone int) int {
	for gone < len(s.order) && (s.order[gone] < i || s.order[gone] >= j) {
		gone++
	}
	return gone
}

// same returns the one target that all that is left of (i, j) accepts.
func (s *search) same(i, j, gone int) (target, bool) {
	if gone == 0 && s.one[i] < j {
		return 0, false
	}
	var options [2]target
	started := false
	for k := i; k < j; k++ {
		c := &s.cs[k]
		switch {
		case s.rank[k] < gone:
		case !started:
			started, options = true, [2]target{c.to, c.or}
		default:
			for o, t := range options {
				if t != nowhere && !c.accepts(t) {
					options[o] = nowhere
				}
			}
			if options[0] == nowhere && options[1] == nowhere {
				return 0, false
			}
		}
	}
	if options[0] == nowhere {
		return options[1], true
	}
	return options[0], true
}

// chain considers to compare with each single value in turn.
func (s *search) chain(i, j, gone int, total float64, p *plan) {
	if gone == 0 && s.wide[i] < j || j-i > 3*maxChain {
		return
	}
	var try [2]target
	many, started := 0, false
	for k := i; k < j; k++ {
		c := &s.cs[k]
		if s.rank[k] < gone {
			continue
		}
		if many++; c.lo == c.hi {
			continue
		}
		if !started {
			started, try = true, [2]target{c.to, c.or}
			continue
		}
		for o, t := range try {
			if t != nowhere && !c.accepts(t) {
				try[o] = nowhere
			}
		}
		if try[0] == nowhere && try[1] == nowhere {
			return
		}
	}
	if !started { // all are single: the first and the last will do as background
		if many > maxChain+1 {
			return
		}
		try = [2]target{s.cs[i].to, s.cs[j-1].to}
	}
	for o, rest := range try {
		if rest == nowhere || o == 1 && rest == try[0] {
			continue
		}
		var buf [maxChain]int
		list, ok := s.singles(i, j, gone, rest, buf[:0])
		if !ok {
			continue
		}
		cost, left := 0.0, total
		for _, k := range list {
			cost += left + s.size
			left -= s.cs[k].weight
		}
		if s.further != nil && rest == s.shared {
			cost += left * s.further(s.cs[i].lo, s.cs[j-1].hi)
		}
		if cost < p.cost {
			*p = plan{cost, test{form: formChain, rest: rest}}
		}
	}
}

// singles returns what must be taken out of (i, j) so that the rest goes to one
// target, the heaviest first; false where that is too much.
func (s *search) singles(i, j, gone int, rest target, list []int) ([]int, bool) {
	for k := i; k < j; k++ {
		c := &s.cs[k]
		if s.rank[k] < gone || c.accepts(rest) {
			continue
		}
		if len(list) == maxChain {
			return nil, false
		}
		at := len(list)
		for at > 0 && s.cs[list[at-1]].weight < c.weight {
			at--
		}
		list = slices.Insert(list, at, k)
	}
	return list, true
}

// emit returns the code for (i, j), values being known to be from lo to hi.
func (s *search) emit(i, j, gone int, lo, hi uint32) *layout.Node {
	p := s.plan(i, j, gone)
	switch p.form {
	case formSplit:
		at := s.cs[p.split].lo
		return s.jump(bpf.JgeK, at, s.emit(int(p.split), j, gone, at, hi), s.emit(i, int(p.split), gone, lo, at-1))
	case formPeel:
		c := s.cs[s.order[p.split]]
		return s.jump(bpf.JeqK, c.lo, s.goTo(c.to, c.lo, c.lo), s.emit(i, j, int(p.split)+1, lo, hi))
	case formBits:
		mask, none, some, _ := s.bits(i, j)
		return s.jump(bpf.JsetK, mask, s.goTo(some, lo, hi), s.goTo(none, lo, hi))
	case formFork:
		f := &s.forks[p.split]
		none := f.side[0].emit(f.before[0][i], f.before[0][j], 0, lo, hi)
		return s.jump(bpf.JsetK, f.mask, f.side[1].emit(f.before[1][i], f.before[1][j], 0, lo, hi), none)
	case formChain:
		n := s.goTo(p.rest, lo, hi)
		list, _ := s.singles(i, j, gone, p.rest, nil)
		for _, k := range slices.Backward(list) {
			c := s.cs[k]
			n = s.jump(bpf.JeqK, c.lo, s.goTo(c.to, c.lo, c.lo), n)
		}
		return n
	}
	return s.goTo(p.rest, lo, hi)
}
