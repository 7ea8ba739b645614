package readers

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"secco/lang"
	"secco/source"
)

var update = flag.Bool("update", false, "write what was found into testdata/wrong.txtar")

// TestWrong holds what is said of inputs that can't be read to the letter: none is
// accepted, and every finding has a place. Every code that a reader has is among
// them.
func TestWrong(t *testing.T) {
	const path = "testdata/wrong.txtar"
	archive, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	included := map[string]*source.File{}
	opts := Options{Options: lang.Options{Find: func(_ *source.File, name string, _ bool) (*source.File, error) {
		if f, ok := included[strings.TrimPrefix(name, "./")]; ok {
			return f, nil
		}
		return nil, fmt.Errorf("no file %q", name)
	}}}
	kinds := map[Kind]int{}
	said := map[string]bool{}
	for i := 0; i < len(archive.Files); i++ {
		in := archive.Files[i]
		text := strings.TrimSuffix(string(in.Data), "\n")
		if name, ok := strings.CutPrefix(in.Name, "+"); ok {
			included[name] = source.NewFile(name, text)
			continue
		}
		i++
		want := &archive.Files[i]
		kind, rest, _ := strings.Cut(in.Name, " ")
		_, opts.Thread, _ = strings.Cut(rest, " thread=")
		opts.Kind = Kind(kind)
		kinds[opts.Kind]++
		f, diags := Read([]*source.File{source.NewFile(kind, text)}, opts)
		if f != nil || !diags.HasErrors() {
			t.Errorf("%s is accepted: %s", in.Name, text)
		}
		var got strings.Builder
		for _, d := range diags {
			if d.Span.IsZero() {
				t.Errorf("%s: a finding without a place: %s", in.Name, d)
			}
			got.WriteString(d.String())
			said[d.Code] = true
		}
		if got.String() != string(want.Data) && !*update {
			t.Errorf("%s\n%s\nis said to be\n%swant\n%s", in.Name, text, got.String(), want.Data)
		}
		want.Data = []byte(got.String())
	}
	for _, k := range Kinds() {
		if n := kinds[k]; n < 15 && k != Secco && k != BPF {
			t.Errorf("only %d inputs of kind %s", n, k)
		}
	}
	if *update {
		if err := os.WriteFile(path, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	everyCode(t, said)
}

// codePattern finds the codes of errors in the source.
var codePattern = regexp.MustCompile(`(?:rrorf|rrorAt|fail|failf)\([^"\n]*"([a-z0-9]+(?:-[a-z0-9]+)+|syntax|include|frequency|unreachable)"`)

// elsewhere are the codes that other tests hold: of inputs too large for a file
// such as this, of options, and of what depends on the machine or on how secco was
// built.
var elsewhere = map[string]string{
	"too-large":        "TestHostile",
	"too-complex":      "TestHostile",
	"too-many-rules":   "TestHostile",
	"too-deep":         "TestHostile",
	"unknown-arch":     "TestReadWrong",
	"other-byte-order": "TestErrors of bpf/asm",
	"unknown-kind":     "TestReadWrong",
	"no-source":        "TestReadWrong",
}

// everyCode fails for codes of the readers that were not said.
func everyCode(t *testing.T, said map[string]bool) {
	codes := 0
	for _, dir := range []string{"../elastic", "../minijail", "../rkeene", "../seccompiler", "../../oci", "../../source/yamldoc", "../../bpf/asm"} {
		files, err := filepath.Glob(dir + "/*.go")
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range codePattern.FindAllStringSubmatch(string(text), -1) {
				codes++
				if _, ok := elsewhere[m[1]]; !ok && !said[m[1]] {
					t.Errorf("%s: no input shows %s", name, m[1])
				}
			}
		}
	}
	if codes < 80 {
		t.Errorf("only %d uses of codes were found in the source", codes)
	}
}
