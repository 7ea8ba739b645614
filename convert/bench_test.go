package convert

import (
	"os"
	"testing"

	"secco/lang"
	"secco/source"
)

// BenchmarkToOCI converts the shipped policy without network.
func BenchmarkToOCI(b *testing.B) {
	text, err := os.ReadFile("../profiles/no-network.secco")
	if err != nil {
		b.Fatal(err)
	}
	p, diags := lang.Load([]*source.File{source.NewFile("no-network.secco", string(text))}, lang.Options{})
	if p == nil {
		b.Fatal(diags)
	}
	for b.Loop() {
		if _, err := ToOCI(p, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
