package diagram

import (
	"fmt"
	"math"

	"secco/linux"
)

// Cube is the calls whose words agree with Value in the bits of Mask. Value has
// no bits that Mask hasn't.
type Cube struct {
	Mask, Value [linux.NumWords]uint32
}

// Has reports whether a call is in the cube.
func (c *Cube) Has(d *linux.SeccompData) bool {
	for w := range linux.Word(linux.NumWords) {
		if d.Word(w)&c.Mask[w] != c.Value[w] {
			return false
		}
	}
	return true
}

// Arg returns the 64-bit mask and value of an argument.
func (c *Cube) Arg(i int) (mask, value uint64) {
	high, low := linux.ArgHigh(i), linux.ArgLow(i)
	return uint64(c.Mask[high])<<32 | uint64(c.Mask[low]), uint64(c.Value[high])<<32 | uint64(c.Value[low])
}

// TooManyError says that a set takes more cubes than were asked for.
type TooManyError struct {
	Count uint64 // of cubes; math.MaxUint64 where there are more
	Limit int
}

func (e *TooManyError) Error() string {
	if e.Count == math.MaxUint64 {
		return fmt.Sprintf("it takes 2^64 cubes or more, over the limit of %d", e.Limit)
	}
	return fmt.Sprintf("it takes %d cubes, over the limit of %d", e.Count, e.Limit)
}

// Irredundant sums of products (Minato and Morreale).
//
// sum(must, may) finds cubes that cover every call of must and none outside of
// may. At the highest variable x, the calls that only cubes with x = 0 can cover
// are those of must where x = 0 that may doesn't allow where x = 1; the rest of
// must goes, as far as it is left over by those cubes and by those with x = 1, to
// cubes that don't test x at all. No cube can be dropped and no bit of a mask
// cleared without losing or gaining a call; the count is not always the smallest
// possible, but it is for what rules are made of. The covers are shared like the
// diagrams are, so that their cubes can be counted where they can't be listed.

// cover is a sum of products: those with the variable 0, with it 1, without it.
type cover struct {
	level        int32
	lo, hi, rest *cover
	count        uint64
}

var one = &cover{level: leafLevel, count: 1}

type sum struct {
	cover *cover // nil for none
	f     Ref    // what it covers
}

type summer struct {
	*Space
	done map[[2]Ref]sum
}

func (c *cover) size() uint64 {
	if c == nil {
		return 0
	}
	return c.count
}

func saturating(a, b uint64) uint64 {
	if a+b < a {
		return math.MaxUint64
	}
	return a + b
}

func (s *summer) sum(must, may Ref) sum {
	if must == False {
		return sum{nil, False}
	}
	if may == True {
		return sum{one, True}
	}
	if have, ok := s.done[[2]Ref{must, may}]; ok {
		return have
	}
	s.Spend(1)
	if len(s.done) >= s.limits.States {
		panic(&LimitError{"steps of a sum of products", s.limits.States})
	}
	level := min(s.nodes[must].level, s.nodes[may].level)
	must0, must1 := s.cofactors(must, level)
	may0, may1 := s.cofactors(may, level)
	lo := s.sum(s.And(must0, s.Not(may1)), may0)
	hi := s.sum(s.And(must1, s.Not(may0)), may1)
	left := s.Or(s.And(must0, s.Not(lo.f)), s.And(must1, s.Not(hi.f)))
	rest := s.sum(left, s.And(may0, may1))
	result := sum{rest.cover, rest.f}
	if lo.cover != nil || hi.cover != nil {
		count := saturating(saturating(lo.cover.size(), hi.cover.size()), rest.cover.size())
		result.cover = &cover{level, lo.cover, hi.cover, rest.cover, count}
		result.f = s.Or(rest.f, s.make(level, lo.f, hi.f))
	}
	s.done[[2]Ref{must, may}] = result
	return result
}

// Cubes returns an irredundant list of cubes whose union, as far as the slice
// goes, is the set. The error
// is a *TooManyError where it takes more than limit, or a *LimitError.
func (s *Set) Cubes(limit int) ([]Cube, error) {
	var total sum
	err := s.space.Do(func() {
		total = (&summer{s.space, map[[2]Ref]sum{}}).sum(s.root, s.space.Or(s.root, s.space.Not(s.domain)))
	})
	if err != nil {
		return nil, err
	}
	count := total.cover.size()
	if count > uint64(limit) {
		return nil, &TooManyError{count, limit}
	}
	list := make([]Cube, 0, count)
	var walk func(c *cover, at Cube)
	walk = func(c *cover, at Cube) {
		if c == nil {
			return
		}
		if c == one {
			list = append(list, at)
			return
		}
		walk(c.rest, at)
		v := s.space.bitAt[c.level]
		w, bit := v/32, uint32(1)<<(v%32)
		at.Mask[w] |= bit
		walk(c.lo, at)
		at.Value[w] |= bit
		walk(c.hi, at)
	}
	walk(total.cover, Cube{})
	return list, nil
}
