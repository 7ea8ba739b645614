package compiler

import (
	"testing"

	"secco/bpf"
)

// FuzzCompile compiles random policies, in every mode and with each feature left
// out, and compares the programs with the policies.
func FuzzCompile(f *testing.F) {
	for seed := range uint64(10) {
		f.Add(seed, uint8(seed))
	}
	f.Fuzz(func(t *testing.T, seed uint64, mode uint8) {
		p := newRandom(seed).policy()
		if plainSize(p) > bpf.MaxInstructions {
			t.Skip("may be too large")
		}
		opts := Options{Optimize: Goal(mode & 1), without: features[int(mode>>1)%len(features)]}
		if _, err := Compile(p, opts); err != nil && opts.without != "" {
			t.Skip("too large without ", opts.without)
		}
		check(t, p, opts)
	})
}
