package lang_test

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/rogpeppe/go-internal/txtar"

	"secco/lang"
	"secco/source"
)

// TestWrong holds what is said of wrong policies to the letter. None of them is
// accepted, and every finding has a place.
func TestWrong(t *testing.T) {
	const path = "testdata/wrong.txtar"
	archive, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	opts := usual
	opts.Find = lang.Within(nil, lang.Root{FS: fstest.MapFS{}})
	opts.Kernel = "6.1"
	for i := 0; i+1 < len(archive.Files); i += 2 {
		in, want := archive.Files[i], &archive.Files[i+1]
		p, diags := lang.Load([]*source.File{source.NewFile(in.Name, strings.TrimSuffix(string(in.Data), "\n"))}, opts)
		if p != nil || !diags.HasErrors() {
			t.Errorf("%s is accepted: %s", in.Name, in.Data)
		}
		var got strings.Builder
		for _, d := range diags {
			if d.Span.IsZero() {
				t.Errorf("%s: a finding without a place: %s", in.Name, d)
			}
			got.WriteString(d.String())
		}
		if got.String() != string(want.Data) && !*update {
			t.Errorf("%s\n%sis said to be\n%swant\n%s", in.Name, in.Data, got.String(), want.Data)
		}
		want.Data = []byte(got.String())
	}
	if n := len(archive.Files) / 2; n < 120 {
		t.Errorf("only %d wrong policies", n)
	}
	if *update {
		if err := os.WriteFile(path, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
