package lang_test

import (
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"secco/lang"
	"secco/lang/random"
	"secco/lang/syntax"
	"secco/policy/diagram"
	"secco/policy/prove"
	"secco/source"
)

// reprint prints a policy and checks that the text is canonical, keeps the comments
// and means the same. It reports whether that was proved; where it takes too long
// calls are compared.
func reprint(t *testing.T, name, text string, opts lang.Options) (proved bool) {
	t.Helper()
	f, diags := syntax.Parse(source.NewFile(name, text))
	if diags.HasErrors() {
		return false
	}
	printed := syntax.Print(f)
	g, diags := syntax.Parse(source.NewFile(name, printed))
	if diags.HasErrors() {
		t.Fatalf("the printed text has errors: %v\n%s\nfrom\n%s", diags, printed, text)
	}
	if again := syntax.Print(g); again != printed {
		t.Fatalf("printed once:\n%s\ntwice:\n%s", printed, again)
	}
	if a, b := comments(f), comments(g); !slices.Equal(a, b) {
		t.Fatalf("the comments %q became %q in\n%s\nfrom\n%s", a, b, printed, text)
	}
	p, diags := lang.Load([]*source.File{source.NewFile(name, text)}, opts)
	q, diags2 := lang.Load([]*source.File{source.NewFile(name, printed)}, opts)
	if len(diags) != len(diags2) {
		t.Fatalf("other findings:\n%v\n%v\n%s", diags, diags2, printed)
	}
	if p == nil {
		return false
	}
	res, err := prove.Equivalent(prove.Policy(p), prove.Policy(q), prove.Options{Limits: diagram.Limits{Nodes: 100_000, Steps: 300_000}})
	if err != nil || res.Verdict == prove.Different {
		t.Fatalf("%v %v\n%s\nfrom\n%s", err, res.Witness, printed, text)
	}
	if res.Verdict == prove.Equal {
		return true
	}
	for d := range samples(p, rand.New(rand.NewPCG(1, 6))) {
		a, _ := p.Eval(&d)
		if b, _ := q.Eval(&d); a != b {
			t.Fatalf("%+v: %s, printed %s\n%s\nfrom\n%s", d, a, b, printed, text)
		}
	}
	return false
}

// comments returns the texts of a file's comments.
func comments(f *syntax.File) (list []string) {
	for _, c := range f.Comments {
		list = append(list, strings.TrimRight(c.At.Text(), " \t\r"))
	}
	return list
}

// TestPrint prints policies at random, with and without a few bytes changed.
func TestPrint(t *testing.T) {
	proved, printed := 0, 0
	for seed := range uint64(400) {
		r := rand.New(rand.NewPCG(seed, 7))
		text := random.Policy(r, random.Options{Rules: 6, Depth: 1 + int(seed%5), Parens: seed%9 == 0})
		if printed++; reprint(t, "random", text, lang.Options{}) {
			proved++
		}
		for range 4 {
			i := r.IntN(len(text))
			text = text[:i] + []string{" ", "\t", "\n", "\n\n\n", "# x\n", "\\\n", " # y \n\n"}[r.IntN(7)] + text[i:]
			reprint(t, "spaced", text, lang.Options{})
		}
	}
	if proved < printed*3/4 {
		t.Errorf("of %d policies only %d were proved", printed, proved)
	}
}

// TestPrintTree prints every policy in the tree: its files, and what documents show
// and scripts run.
func TestPrintTree(t *testing.T) {
	found, proved := 0, 0
	try := func(name, text string, opts lang.Options) {
		if found++; reprint(t, name, text, opts) {
			proved++
		}
	}
	opts := usual
	opts.Kernel = "6.1"
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != ".." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "out"):
			return fs.SkipDir
		case d.IsDir():
			return nil
		}
		switch ext := filepath.Ext(path); ext {
		case ".secco", ".md":
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			if ext == ".secco" {
				try(path, string(text), opts)
				return nil
			}
			for _, m := range policyPattern.FindAllStringSubmatch(string(text), -1) {
				try(path, m[2], opts)
			}
		case ".txtar":
			archive, err := txtar.ParseFile(path)
			if err != nil {
				return err
			}
			for _, file := range archive.Files {
				if filepath.Ext(file.Name) == ".secco" {
					try(path+"/"+file.Name, string(file.Data), opts)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d policies, %d proved", found, proved)
	if found < 120 || proved < 80 {
		t.Errorf("only %d policies were found, %d proved", found, proved)
	}
}

// FuzzPrint prints anything that can be parsed.
func FuzzPrint(f *testing.F) {
	for seed := range uint64(20) {
		f.Add(random.Policy(rand.New(rand.NewPCG(seed, 8)), random.Options{Rules: 3}))
	}
	f.Add("# a\nread: (1 == 1 && # b\n arg0 == 2) # c\nwhen cap(CAP_BPF) { # d\n} else {\n# e\n}\nsocket { # f\n else -> allow }\n# g")
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) < 4<<10 {
			reprint(t, "fuzz", text, usual)
		}
	})
}
