package main

import (
	"math"
	"slices"

	"secco/bpf"
	seccoc "secco/compiler"
	"secco/lang"
	"secco/linux"
	"secco/policy"
	"secco/source"
	"secco/test/bench"
)

// ours returns secco's modes. Compiling starts from the policy's text.
func ours(mix []bench.Call) []compiler {
	mode := func(name string, opts seccoc.Options) compiler {
		return compiler{
			name:  name,
			ours:  true,
			takes: func(*bench.Workload) bool { return true },
			prepare: func(w *bench.Workload) (func() (bpf.Program, error), error) {
				text := w.Source()
				if slices.Contains(bench.Names, w.Name) {
					var err error
					if text, err = bench.Text(w.Name); err != nil {
						return nil, err
					}
				}
				return func() (bpf.Program, error) {
					p, found := lang.Load([]*source.File{text}, lang.Options{})
					if found.HasErrors() {
						return nil, found
					}
					if w.Skipped != w.Default { // which the language can't say
						p.Target(linux.X86_64).Rules[math.MaxUint32] = new(policy.Builder).Leaf(w.Skipped, source.Span{})
					}
					out, err := seccoc.Compile(p, opts)
					if err != nil {
						return nil, err
					}
					return out.Program, nil
				}, nil
			},
		}
	}
	return []compiler{
		mode("secco", seccoc.Options{}),
		mode("secco, `--optimize size`", seccoc.Options{Optimize: seccoc.Size}),
		mode("secco, frequencies given", seccoc.Options{Freq: bench.Frequencies(mix)}),
	}
}
