package prove_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"secco/lang"
	"secco/lang/random"
	"secco/linux"
	"secco/policy"
	"secco/policy/diagram"
	"secco/policy/prove"
	"secco/source"
)

func load(t *testing.T, text string) *policy.Policy {
	t.Helper()
	p, findings := lang.Load([]*source.File{source.NewFile("p.secco", text)}, lang.Options{Kernel: "6.1"})
	if err := findings.Err(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return p
}

// TestMergeIsJoin merges random policies: the result is proved to be the join of
// both, and calls at the edges of either are decided as the join says.
func TestMergeIsJoin(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	const pairs = 12
	proved, calls := 0, 0
	for range pairs {
		texts := []string{random.Policy(r, random.Options{}), random.Policy(r, random.Options{})}
		a, b := load(t, texts[0]), load(t, texts[1])
		for _, join := range []policy.Join{policy.Union, policy.Intersection} {
			merged, _ := policy.Merge(a, b, join)
			expected := prove.Join(prove.Policy(a), prove.Policy(b), join)
			result, err := prove.Equivalent(prove.Policy(merged), expected, prove.Options{Limits: diagram.Limits{Nodes: 1 << 16, Steps: 1 << 20}})
			if err != nil || result.Verdict == prove.Different {
				t.Fatalf("%v, %v: %v\n%s\n%s", join, err, result.Witness, texts[0], texts[1])
			}
			if result.Verdict == prove.Equal {
				proved++
			}
			for _, p := range []*policy.Policy{a, b, merged} {
				for d := range policy.Samples(p) {
					calls++
					x, _ := a.Eval(&d)
					y, _ := b.Eval(&d)
					got, rule := merged.Eval(&d)
					isAllowed := func(a linux.Action) bool { return a.Kind() == linux.Allow }
					want := isAllowed(x) || isAllowed(y)
					if join == policy.Intersection {
						want = isAllowed(x) && isAllowed(y)
					}
					ranks := []int{x.Rank(), y.Rank()}
					rank := slices.Max(ranks)
					if join == policy.Intersection {
						rank = slices.Min(ranks)
					}
					if isAllowed(got) != want || got.Rank() != rank || got != x && got != y {
						t.Fatalf("%v: %s: %v of %v and %v (%v)\n%s\n%s", join, prove.CallString(&d), got, x, y, rule, texts[0], texts[1])
					}
				}
			}
		}
	}
	if proved < pairs {
		t.Errorf("only %d of %d merged policies were proved", proved, 2*pairs)
	}
	t.Logf("%d of %d proved, %d calls", proved, 2*pairs, calls)
}

// A merged policy that is wrong in one action is found out.
func TestJoinTellsApart(t *testing.T) {
	head := "DEFAULT_POSITIVE = allow\nDEFAULT_NEGATIVE = EPERM\nDEFAULT_POLICY = EACCES\n"
	a, b := load(t, head+"read: arg0 == 1\nwrite: 1\n"), load(t, head+"read: arg0 > 5\nopen: return log\n")
	for _, c := range []struct {
		join policy.Join
		text string
		want prove.Verdict
	}{
		{policy.Union, "read: arg0 == 1 || arg0 > 5\nwrite: 1\nopen: return log\n", prove.Equal},
		{policy.Union, "read: arg0 == 1 || arg0 > 6\nwrite: 1\nopen: return log\n", prove.Different},
		{policy.Union, "read: arg0 == 1 || arg0 > 5\nwrite: 1\nopen: 1\n", prove.Different},
		{policy.Intersection, "read: false\n", prove.Equal},
		{policy.Intersection, "", prove.Different}, // A's errno is taken
		{policy.Intersection, "read: false\nwrite: 1\n", prove.Different},
	} {
		result, err := prove.Equivalent(prove.Policy(load(t, head+c.text)), prove.Join(prove.Policy(a), prove.Policy(b), c.join), prove.Options{})
		if err != nil || result.Verdict != c.want {
			t.Errorf("%v with %q: %v %v %v", c.join, c.text, result.Verdict, result.Witness, err)
		}
	}
}
