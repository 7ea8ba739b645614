package syntax_test

import (
	"math/rand/v2"
	"testing"

	"secco/lang/random"
	"secco/lang/syntax"
	"secco/source"
)

// TestSpans checks on random policies that every part of the tree covers the
// text it was read from: parts lie in the whole, in order, and names and numbers
// are what stands there.
func TestSpans(t *testing.T) {
	for seed := range uint64(300) {
		text := random.Policy(rand.New(rand.NewPCG(seed, 8)), random.Options{Depth: 4})
		f, diags := syntax.Parse(source.NewFile("random", text))
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		nodes := 0
		var inside func(n syntax.Node)
		inside = func(n syntax.Node) {
			whole, last := n.Span(), n.Span().Start()
			syntax.Walk(n, func(part syntax.Node) bool {
				if part == n {
					return true
				}
				nodes++
				at := part.Span()
				if at.Start() < last || at.End() > whole.End() || at.Start() >= at.End() {
					t.Fatalf("%T at %d to %d in %T at %d to %d, behind %d\n%s", part, at.Start(), at.End(), n, whole.Start(), whole.End(), last, whole.Text())
				}
				last = at.End()
				if name, ok := part.(*syntax.Name); ok && name.Text != at.Text() {
					t.Fatalf("%q stands for the name %q", at.Text(), name.Text)
				}
				inside(part)
				return false
			})
		}
		for _, s := range f.Stmts {
			inside(s)
		}
		if nodes == 0 {
			t.Fatal("nothing to look at")
		}
	}
}

func TestComments(t *testing.T) {
	f, diags := syntax.Parse(source.NewFile("test", "# one\nread: 1 # two\nwhen cap(CAP_BPF) { # three\n} # four\n# five\n\narch \\\n x86_64 { # six\n}\ninclude \"a#b\" # seven"))
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	var got []string
	for _, c := range f.Comments {
		got = append(got, c.At.Text())
	}
	want := []string{"# one", "# two", "# three", "# four", "# five", "# six", "# seven"}
	if len(got) != len(want) {
		t.Fatalf("%q", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%q, want %q", got[i], want[i])
		}
	}
}
