package lang_test

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"secco/lang"
	"secco/lang/random"
	"secco/lang/syntax"
	"secco/source"
)

// reprint prints a policy and checks that the text is canonical and means the
// same.
func reprint(t *testing.T, name, text string, opts lang.Options) {
	t.Helper()
	f, diags := syntax.Parse(source.NewFile(name, text))
	if diags.HasErrors() {
		return
	}
	printed := syntax.Print(f)
	g, diags := syntax.Parse(source.NewFile(name, printed))
	if diags.HasErrors() {
		t.Fatalf("the printed text has errors: %v\n%s\nfrom\n%s", diags, printed, text)
	}
	if again := syntax.Print(g); again != printed {
		t.Fatalf("printed once:\n%s\ntwice:\n%s", printed, again)
	}
	if len(f.Comments) != len(g.Comments) {
		t.Fatalf("%d comments became %d in\n%s\nfrom\n%s", len(f.Comments), len(g.Comments), printed, text)
	}
	p, diags := lang.Load([]*source.File{source.NewFile(name, text)}, opts)
	q, diags2 := lang.Load([]*source.File{source.NewFile(name, printed)}, opts)
	if len(diags) != len(diags2) {
		t.Fatalf("other findings:\n%v\n%v\n%s", diags, diags2, printed)
	}
	if p == nil {
		return
	}
	for d := range samples(p, rand.New(rand.NewPCG(1, 6))) {
		a, _ := p.Eval(&d)
		if b, _ := q.Eval(&d); a != b {
			t.Fatalf("%+v: %s, printed %s\n%s\nfrom\n%s", d, a, b, printed, text)
		}
	}
}

// TestPrint prints policies at random, with and without a few bytes changed, and
// those that documents show.
func TestPrint(t *testing.T) {
	for seed := range uint64(500) {
		r := rand.New(rand.NewPCG(seed, 7))
		text := random.Policy(r, random.Options{Depth: 1 + int(seed%5), Parens: seed%9 == 0})
		reprint(t, "random", text, lang.Options{})
		for range 4 {
			i := r.IntN(len(text))
			text = text[:i] + []string{" ", "\t", "\n", "\n\n\n", "# x\n", "\\\n", " # y \n\n"}[r.IntN(7)] + text[i:]
			reprint(t, "spaced", text, lang.Options{})
		}
	}
	for _, path := range []string{languagePath, diagnosticsPath} {
		doc, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range policyPattern.FindAllStringSubmatch(string(doc), -1) {
			reprint(t, path, m[2], usual)
		}
	}
	shipped, err := filepath.Glob("../profiles/*.secco")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range shipped {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		reprint(t, path, string(text), lang.Options{})
	}
}
