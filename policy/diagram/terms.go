package diagram

import (
	"cmp"
	"slices"

	"secco/linux"
	"secco/policy"
)

// Term is calls for which all factors hold; without factors, all calls.
type Term []Factor

// Factor is a condition on one argument or word, or on several that belong
// together. Exactly one of Intervals, Masks, Cubes and Compared is there.
type Factor struct {
	Words     []linux.Word // one, both halves of an argument (the high one first), or several
	Not       bool         // the condition is that none of what follows holds
	Intervals []Interval   // the value is in one of these
	Masks     []Mask       // one of these fits the value
	Cubes     []Cube       // one of these has the call; of several words only
	Compared  *Relation    // this holds; of several words only
}

// Relation compares two numbers, each a word or both halves of an argument, the high
// one first.
type Relation struct {
	X   []linux.Word
	Cmp policy.Cmp
	Y   []linux.Word
}

// Mask fits the values that agree with Value in the bits of Mask.
type Mask struct{ Mask, Value uint64 }

// Terms.
//
// A set of calls reads well as "argument in these values, and then …". The
// diagram has that form already where no arguments are interleaved: below the
// last bit of the first argument begin the diagrams of the rest, one for each
// class of its values. Each is a term: the values that lead there, and its own
// terms. Two things make that read as people would write it. The values of a term
// are not only those that lead to exactly its rest, but also those that lead to
// more: "a || b" is not written "a || !a && b". And of a rest only that is covered
// which smaller rests, whose terms hold here as well, leave over.
//
// Arguments that meet, as in arg0 == arg1, count as one here, and are said in
// cubes.

// unit is words that one factor is about, and the first level below their bits.
type unit struct {
	words []linux.Word
	end   int32
}

// describer makes the terms of one set.
type describer struct {
	*Set
	units []unit
	limit int
	done  map[[2]Ref][]Term
}

// Terms returns terms whose union, as far as the slice goes, is the set. The error
// is a *TooManyError where it takes more than limit conditions in all, or a
// *LimitError.
//
// An argument is one number, unless the set takes fewer words where its halves are
// apart: where policies compare its lower half alone, or differ from others in
// that.
func (s *Set) Terms(limit int) ([]Term, error) {
	units := s.units()
	best, err := s.termsOf(units, limit)
	for i := 0; i < len(units) && (err != nil || costOfTerms(best) > fewWords); i++ {
		words := units[i]
		if len(words) != 2 || !oneValue(words) {
			continue
		}
		for _, halves := range [2][]linux.Word{{words[0], words[1]}, {words[1], words[0]}} {
			apart := slices.Concat(units[:i], [][]linux.Word{halves[:1], halves[1:]}, units[i+1:])
			terms, failed := s.termsOf(apart, limit)
			if failed == nil && (err != nil || costOfTerms(terms) < costOfTerms(best)) {
				best, err = terms, nil
				units = apart
				i++
				break
			}
		}
	}
	if err == nil {
		return best, nil
	}
	if len(units) == 1 && oneValue(units[0]) { // many numbers, which need no other order
		if list, ok := s.intervals(limit, units[0]...); ok {
			return []Term{{Factor{Words: units[0], Intervals: list}}}, nil
		}
	}
	return s.cubeTerms(limit)
}

// fewWords is what terms may cost that are not worth a search for shorter ones.
const fewWords = 2 * costMask

// termsOf returns the terms that test the units in their order.
func (s *Set) termsOf(units [][]linux.Word, limit int) (terms []Term, err error) {
	moved, ok := s.reordered(s.orderOf(units))
	if !ok {
		return nil, &LimitError{"diagram nodes", s.space.limits.Nodes}
	}
	d := &describer{Set: moved, limit: limit, done: map[[2]Ref][]Term{}}
	level := int32(0)
	for _, words := range units {
		level += int32(32 * len(words))
		d.units = append(d.units, unit{words, level})
	}
	var failed error
	err = moved.space.Do(func() { terms, failed = d.terms(moved.root, moved.space.Or(moved.root, moved.space.Not(moved.domain))) })
	if err = cmp.Or(err, failed); err != nil {
		return nil, err
	}
	conditions := 0
	for _, t := range terms {
		for _, f := range t {
			conditions += len(f.Intervals) + len(f.Masks) + len(f.Cubes)
		}
	}
	if conditions > limit {
		return nil, &TooManyError{uint64(conditions), limit}
	}
	return terms, nil
}

// cubeTerms describes the set by cubes alone.
func (s *Set) cubeTerms(limit int) ([]Term, error) {
	cubes, err := s.Cubes(limit)
	if err != nil {
		return nil, err
	}
	var terms []Term
	for _, c := range cubes {
		var t Term
		for w := range linux.Word(linux.NumWords) {
			if c.Mask[w] != 0 {
				t = append(t, Factor{Words: []linux.Word{w}, Masks: []Mask{{uint64(c.Mask[w]), uint64(c.Value[w])}}})
			}
		}
		terms = append(terms, t)
	}
	return terms, nil
}

// units returns the words that the set depends on, those that belong together in
// one unit.
func (s *Set) units() (units [][]linux.Word) {
	var m Meetings
	var support uint16
	for _, w := range s.Words() {
		support |= 1 << w
	}
	for i := range 6 {
		m.Meet(support & (1<<linux.ArgHigh(i) | 1<<linux.ArgLow(i)))
	}
	m.Meet(support & (1<<linux.WordIPHigh | 1<<linux.WordIPLow))
	for _, group := range s.space.order.groups {
		var mask uint16
		for _, w := range group {
			mask |= 1 << w & support
		}
		m.Meet(mask)
	}
	for _, words := range m.Order().groups {
		if support&(1<<words[0]) != 0 {
			units = append(units, words)
		}
	}
	return units
}

// orderOf returns an order in which units don't mix.
func (s *Set) orderOf(units [][]linux.Word) (order Order) {
	for _, words := range units {
		if oneValue(words) {
			for _, w := range words {
				order.groups = append(order.groups, []linux.Word{w})
			}
			continue
		}
		for _, group := range s.space.order.groups {
			group = slices.DeleteFunc(slices.Clone(group), func(w linux.Word) bool { return !slices.Contains(words, w) })
			if len(group) > 0 {
				order.groups = append(order.groups, group)
			}
		}
	}
	return order
}

// oneValue reports whether the words are one number: a word, or both halves of a
// field.
func oneValue(words []linux.Word) bool {
	return len(words) == 1 || len(words) == 2 && words[0]^1 == words[1] && words[1] >= linux.WordIPLow
}

// terms returns terms that cover all of must and nothing outside of may.
func (d *describer) terms(must, may Ref) ([]Term, error) {
	switch {
	case must == False:
		return nil, nil
	case may == True:
		return []Term{{}}, nil
	}
	key := [2]Ref{must, may}
	if have, ok := d.done[key]; ok {
		return have, nil
	}
	s := d.space
	level := min(s.nodes[must].level, s.nodes[may].level)
	u := d.units[slices.IndexFunc(d.units, func(u unit) bool { return level < u.end })]
	rests := d.rests(must, may, u.end)
	if len(rests) > d.limit {
		return nil, &TooManyError{uint64(len(rests)), d.limit}
	}
	var all, always []Term
	for _, g := range rests {
		must := g.must
		leads := map[Ref]Ref{}
		for _, h := range rests {
			if s.And(g.may, s.Not(h.may)) == False {
				leads[h.may] = True
			} else if s.And(h.may, s.Not(g.may)) == False {
				must = s.And(must, s.Not(h.must)) // h's terms cover that here, too
			}
		}
		terms, err := d.terms(must, g.may)
		if err != nil {
			return nil, err
		}
		if len(terms) == 0 {
			continue
		}
		values := d.replace(may, u.end, leads)
		if values == True {
			always = append(always, terms...)
			continue
		}
		factor, err := d.factor(u.words, values)
		if err != nil {
			return nil, err
		}
		for _, t := range terms {
			all = append(all, append(Term{factor}, t...))
		}
		if len(all) > d.limit {
			return nil, &TooManyError{uint64(len(all)), d.limit}
		}
	}
	all = append(all, always...)
	d.done[key] = all
	return all, nil
}

// remainder is what is to be covered, and may be, where the values of a unit
// lead.
type remainder struct{ must, may Ref }

// rests returns the remainders below a level, one for each may, without those
// where there is nothing to cover.
func (d *describer) rests(must, may Ref, end int32) (list []remainder) {
	seen := map[remainder]bool{}
	place := map[Ref]int{}
	var walk func(at remainder)
	walk = func(at remainder) {
		if at.may == False || seen[at] {
			return
		}
		seen[at] = true
		level := min(d.space.nodes[at.must].level, d.space.nodes[at.may].level)
		if level < end {
			must0, must1 := d.space.cofactors(at.must, level)
			may0, may1 := d.space.cofactors(at.may, level)
			walk(remainder{must0, may0})
			walk(remainder{must1, may1})
			return
		}
		i, ok := place[at.may]
		if !ok {
			place[at.may] = len(list)
			list = append(list, at)
			return
		}
		list[i].must = d.space.Or(list[i].must, at.must)
	}
	walk(remainder{must, may})
	return list
}

// replace returns f with the diagrams below a level replaced; those not named
// become False.
func (d *describer) replace(f Ref, end int32, by map[Ref]Ref) Ref {
	done := map[Ref]Ref{}
	var walk func(Ref) Ref
	walk = func(f Ref) Ref {
		n := d.space.nodes[f]
		if n.level >= end {
			return by[f]
		}
		if g, ok := done[f]; ok {
			return g
		}
		g := d.space.make(n.level, walk(n.lo), walk(n.hi))
		done[f] = g
		return g
	}
	return walk(f)
}

// What conditions cost to read, roughly.
const (
	costNot   = 1
	costValue = 2 // == and one-sided ranges
	costRange = 4
	costMask  = 5
)

// factor returns the condition for a set of values that reads best.
func (d *describer) factor(words []linux.Word, values Ref) (best Factor, err error) {
	if !oneValue(words) {
		if c := d.comparison(words, values); c != nil {
			return *c, nil
		}
	}
	cost := -1
	try := func(f Factor) {
		f.Words = words
		if n := f.cost(); cost < 0 || n < cost {
			best, cost = f, n
		}
	}
	for _, not := range [...]bool{false, true} {
		set := &Set{d.space, values, True}
		if not {
			set.root = d.space.Not(values)
		}
		if oneValue(words) {
			if list, ok := set.intervals(d.limit, words...); ok {
				try(Factor{Not: not, Intervals: list})
			}
		}
		cubes, tooMany := set.Cubes(d.limit)
		if tooMany != nil {
			err = tooMany
			continue
		}
		if !oneValue(words) {
			try(Factor{Not: not, Cubes: cubes})
			continue
		}
		var masks []Mask
		for _, c := range cubes {
			var m Mask
			for _, w := range words {
				m = Mask{m.Mask<<32 | uint64(c.Mask[w]), m.Value<<32 | uint64(c.Value[w])}
			}
			masks = append(masks, m)
		}
		try(Factor{Not: not, Masks: masks})
	}
	if cost < 0 {
		return best, err
	}
	return best, nil
}

// comparison returns the factor that compares two numbers of the words, nil where
// the values are not what one does.
func (d *describer) comparison(words []linux.Word, values Ref) *Factor {
	numbers := numbersOf(words)
	if len(numbers) != 2 {
		return nil
	}
	for _, c := range [...]Relation{
		{numbers[0], policy.CmpEq, numbers[1]}, {numbers[0], policy.CmpGt, numbers[1]}, {numbers[1], policy.CmpGt, numbers[0]},
	} {
		switch d.compare(&c) {
		case values:
			return &Factor{Words: words, Compared: &c}
		case d.space.Not(values):
			return &Factor{Words: words, Compared: &c, Not: true}
		}
	}
	return nil
}

// numbersOf returns the numbers that words are: arguments whose halves are both
// among them, else each for itself.
func numbersOf(words []linux.Word) (list [][]linux.Word) {
	for _, w := range words {
		switch i, high := w.Arg(); {
		case i < 0 || !slices.Contains(words, w^1):
			list = append(list, []linux.Word{w})
		case high:
			list = append(list, []linux.Word{w, w ^ 1})
		}
	}
	return list
}

// compare returns where a comparison holds, from the highest words on. Numbers of
// different length differ where the rest of the longer one is not 0.
func (d *describer) compare(c *Relation) Ref {
	s := d.space
	equal, greater := True, False
	for i := max(len(c.X), len(c.Y)); i > 0; i-- {
		var x, y Vector
		for _, v := range [...]struct {
			to   *Vector
			from []linux.Word
		}{{&x, c.X}, {&y, c.Y}} {
			*v.to = s.Const(0)
			if i <= len(v.from) {
				*v.to = s.Word(v.from[len(v.from)-i])
			}
		}
		greater = s.Or(greater, s.And(equal, s.Compare(policy.CmpGt, &x, &y)))
		equal = s.And(equal, s.Compare(policy.CmpEq, &x, &y))
	}
	if c.Cmp == policy.CmpEq {
		return equal
	}
	return greater
}

// Has reports whether a comparison holds for a call.
func (c *Relation) Has(d *linux.SeccompData) bool {
	x, y := numberOf(c.X, d), numberOf(c.Y, d)
	return c.Cmp == policy.CmpEq && x == y || c.Cmp == policy.CmpGt && x > y
}

// numberOf returns the number that a call has in words.
func numberOf(words []linux.Word, d *linux.SeccompData) (x uint64) {
	for _, w := range words {
		x = x<<32 | uint64(d.Word(w))
	}
	return x
}

// costOfTerms returns what terms cost to read.
func costOfTerms(terms []Term) (cost int) {
	for _, t := range terms {
		for i := range t {
			cost += t[i].cost()
		}
	}
	return cost
}

// cost returns what a condition costs to read.
func (f *Factor) cost() int {
	n := costOf(f.Intervals, last(f.Words)) + costMask*(len(f.Masks)+len(f.Cubes))
	if f.Compared != nil {
		return costValue
	}
	if f.Not {
		n += costNot
	}
	return n
}

// last returns the highest value of words.
func last(words []linux.Word) uint64 {
	if len(words) == 1 {
		return 0xffffffff
	}
	return 1<<64 - 1
}

func costOf(list []Interval, last uint64) (cost int) {
	for _, i := range list {
		if i.Lo == i.Hi || i.Lo == 0 || i.Hi == last {
			cost += costValue
		} else {
			cost += costRange
		}
	}
	return cost
}

// Has reports whether a call is among those of the term.
func (t Term) Has(d *linux.SeccompData) bool {
	return !slices.ContainsFunc(t, func(f Factor) bool { return !f.Has(d) })
}

// Has reports whether the condition holds for a call.
func (f *Factor) Has(d *linux.SeccompData) bool {
	if f.Compared != nil {
		return f.Compared.Has(d) != f.Not
	}
	x := numberOf(f.Words, d)
	in := slices.ContainsFunc(f.Intervals, func(i Interval) bool { return i.Lo <= x && x <= i.Hi }) ||
		slices.ContainsFunc(f.Masks, func(m Mask) bool { return x&m.Mask == m.Value }) ||
		slices.ContainsFunc(f.Cubes, func(c Cube) bool { return c.Has(d) })
	return in != f.Not
}
