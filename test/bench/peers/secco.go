package main

import (
	"fmt"
	"os"
	"path/filepath"

	"secco/bpf"
	seccoc "secco/compiler"
	"secco/lang"
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
			prepare: func(w *bench.Workload, data string) (func() (bpf.Program, error), error) {
				name := w.Name + ".secco"
				text, err := os.ReadFile(filepath.Join(data, name))
				if err != nil {
					return nil, err
				}
				return func() (bpf.Program, error) {
					p, found := lang.Load([]*source.File{source.NewFile(name, string(text))}, lang.Options{})
					if found.HasErrors() {
						return nil, fmt.Errorf("%v", found)
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
