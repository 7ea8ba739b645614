package lang_test

import (
	"os"
	"path/filepath"
	"testing"

	"secco/lang"
	"secco/source"
)

// BenchmarkLoad loads the workloads that the whole compiler is measured with.
func BenchmarkLoad(b *testing.B) {
	paths, err := filepath.Glob("../test/bench/testdata/W*.secco")
	if err != nil || len(paths) == 0 {
		b.Fatal("no workloads", err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(filepath.Base(path), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				f := source.NewFile(path, string(text))
				if _, diags := lang.Load([]*source.File{f}, lang.Options{}); diags.HasErrors() {
					b.Fatal(diags)
				}
			}
		})
	}
}
