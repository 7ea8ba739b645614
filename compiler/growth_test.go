package compiler

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"secco/bpf"
	"secco/lang"
	"secco/source"
)

// A family is a kind of rule that can be as long as one likes: a row of n terms.
type family struct {
	name string
	join string
	term func(r *rand.Rand, i int) string
}

var families = []family{
	{"values", "||", func(r *rand.Rand, i int) string { return fmt.Sprintf("arg0 == %d", r.Uint32()) }},
	{"values of two arguments in turn", "||", func(r *rand.Rand, i int) string { return fmt.Sprintf("arg%d == %d", i%2, r.Uint32()) }},
	{"values of six arguments in turn", "||", func(r *rand.Rand, i int) string { return fmt.Sprintf("arg%d == %d", i%6, r.Uint32()) }},
	{"forbidden values", "&&", func(r *rand.Rand, i int) string { return fmt.Sprintf("arg%d != %d", i%2, r.Uint32()) }},
	{"64-bit values", "||", func(r *rand.Rand, i int) string { return fmt.Sprintf("arg%d == %d", i%2, r.Uint64()) }},
	{"ranges", "||", func(r *rand.Rand, i int) string {
		from := r.Uint32() >> 1
		return fmt.Sprintf("arg%d >= %d && arg%d <= %d", i%2, from, i%2, from+1000)
	}},
	{"64-bit ranges", "||", func(r *rand.Rand, i int) string {
		from := r.Uint64() >> 1
		return fmt.Sprintf("arg0 >= %d && arg0 <= %d", from, from+1000)
	}},
	{"pairs", "||", func(r *rand.Rand, i int) string {
		return fmt.Sprintf("arg0 == %d && arg1 == %d", r.Uint32N(1000), r.Uint32N(1000))
	}},
	{"pairs of any arguments", "||", func(r *rand.Rand, i int) string {
		return fmt.Sprintf("arg%d == %d && arg%d == %d", r.IntN(6), r.Uint32N(1000), r.IntN(6), r.Uint32N(1000))
	}},
	{"masked values", "||", func(r *rand.Rand, i int) string {
		return fmt.Sprintf("(arg%d & 0xffff0f0f) == %d", i%2, r.Uint32()&0xffff0f0f)
	}},
	{"masks", "||", func(r *rand.Rand, i int) string {
		return fmt.Sprintf("(arg0 & %d) == %d", r.Uint32(), r.Uint32N(1000))
	}},
	{"a row in a row", "&&", func(r *rand.Rand, i int) string {
		return fmt.Sprintf("(arg%d == %d || arg%d > %d || arg2 == %d)", i%2, r.Uint32(), (i+1)%2, i, r.Uint32())
	}},
}

// compile compiles the rule of n terms, and returns the steps that its graph took
// and the bytes that were allocated.
func (f family) compile(t *testing.T, n int) (out *Output, steps int, bytes uint64, err error) {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	terms := make([]string, n)
	for i := range terms {
		terms[i] = f.term(r, i)
	}
	text := "DEFAULT_POSITIVE = allow\nDEFAULT_NEGATIVE = 1\nDEFAULT_POLICY = 1\nioctl: " + strings.Join(terms, " "+f.join+" ") + "\n"
	p, found := lang.Load([]*source.File{source.NewFile(f.name, text)}, lang.Options{})
	if found.HasErrors() {
		t.Fatal("not understood")
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	u := &unit{policy: p}
	for _, pass := range passes {
		if err = pass.run(u); err != nil {
			return nil, u.b.spent, 0, err
		}
	}
	out, err = u.output()
	runtime.ReadMemStats(&after)
	if err == nil && n <= 500 {
		check(t, p, Options{})
	}
	return out, u.b.spent, after.TotalAlloc - before.TotalAlloc, err
}

// TestGrowth requires that steps and memory grow no faster than n log n with the
// length of a rule, be it one of thousands of terms, and that what is far too long
// is refused in time that does not grow faster either.
func TestGrowth(t *testing.T) {
	for i, f := range families {
		const small, large, hopeless = 250, 1000, 8000
		fits, few, little, err := f.compile(t, small)
		if err != nil {
			t.Fatalf("%d %s: %v", small, f.name, err)
		}
		t.Logf("%5d %-31s %5d instructions, %7d steps, %3d kB", small, f.name, len(fits.Program), few, little>>10)
		sizes := []int{large}
		if i%4 == 0 {
			sizes = append(sizes, hopeless)
		}
		for _, n := range sizes {
			out, steps, bytes, err := f.compile(t, n)
			size := 0
			var over *SizeError
			switch {
			case err == nil:
				size = len(out.Program)
			case errors.As(err, &over):
				size = over.Size
			default:
				t.Fatalf("%d %s: %v", n, f.name, err)
			}
			t.Logf("%5d %-31s %5d instructions, %7d steps, %3d kB", n, f.name, size, steps, bytes>>10)
			times := float64(n) / small * math.Log(float64(n)) / math.Log(small)
			if float64(steps) > 1.5*times*float64(max(few, 20*small)) {
				t.Errorf("%d %s take %d steps, %d take %d", n, f.name, steps, small, few)
			}
			if float64(bytes) > 2*times*float64(max(little, 1<<20)) {
				t.Errorf("%d %s take %d bytes, %d take %d", n, f.name, bytes, small, little)
			}
		}
	}
}

// TestRows requires that a row of values is found with one test for each and half
// as many to find them sooner, in whatever order the rule asks for them.
func TestRows(t *testing.T) {
	for _, f := range families[:4] {
		out, _, _, err := f.compile(t, 1500)
		if err != nil {
			t.Fatal(err)
		}
		if len(out.Program) > 1500*8/5 || len(out.Program) > bpf.MaxInstructions {
			t.Errorf("1500 %s take %d instructions", f.name, len(out.Program))
		}
	}
}
