// Command peers compiles the workloads with secco and with the other compilers
// that can be had, checks every program on the emulator against the workload's
// specification, and writes what it finds into a document. `make bench` runs it.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"

	"secco/bpf"
	"secco/linux"
	"secco/test/bench"
)

// A compiler makes a program of a workload.
type compiler struct {
	name string
	// prepare readies everything that does not count as compiling.
	prepare func(*bench.Workload) (func() (bpf.Program, error), error)
	// unknown returns the syscalls of a workload that the compiler has no number
	// for, whose rules it leaves out; nil means none.
	unknown func(*bench.Workload) (map[syscall]bool, error)
	// missing returns the action for other architectures where that is not the
	// workload's; nil means that it is.
	missing func(*bench.Workload) linux.Action
	// takes reports whether the compiler can express the workload.
	takes func(*bench.Workload) bool
	ours  bool
}

// syscall is one of an architecture.
type syscall struct {
	arch linux.Arch
	name string
}

// A result is one cell of the table.
type result struct {
	missing bool // the compiler does not take the workload
	figures bench.Figures
	calls   int
	differ  []bench.Difference
	unknown int
	times   timing
}

func main() {
	root := flag.String("root", "../../..", "the tree's `directory`")
	document := flag.String("doc", "", "the `document` to write the results into, and its chart beside it (default: print them)")
	rounds := flag.Int("rounds", 20, "how `often` to compile for the fastest time")
	flag.Parse()
	if err := run(*root, *document, *rounds); err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

func run(root, document string, rounds int) error {
	mix, err := bench.ReadMix()
	if err != nil {
		return err
	}
	var all []*bench.Workload
	for _, name := range bench.Names {
		w, err := bench.Read(name)
		if err != nil {
			return err
		}
		all = append(all, w)
	}
	compilers := compilers(mix)
	results := make([][]result, len(compilers))
	var wrong []error
	for i, c := range compilers {
		for _, w := range all {
			r, err := compile(c, w, mix)
			if err != nil {
				return fmt.Errorf("%s, %s: %w", c.name, w.Name, err)
			}
			if c.ours && len(r.differ) > 0 {
				wrong = append(wrong, fmt.Errorf("%s, %s: %d calls are decided wrongly, such as %+v", c.name, w.Name, len(r.differ), r.differ[0]))
			}
			results[i] = append(results[i], r)
		}
	}
	if err := errors.Join(wrong...); err != nil {
		return err
	}
	if err := measureTimes(compilers, all, results, rounds); err != nil {
		return err
	}
	process, err := measureProcess(root, rounds)
	if err != nil {
		return err
	}
	rep := report{compilers: compilers, workloads: all, results: results, process: process}
	if document == "" {
		text, err := rep.text()
		if err == nil {
			_, err = os.Stdout.WriteString(text)
		}
		return err
	}
	return rep.write(document)
}

// compilers returns those that can be built here, secco's modes first.
func compilers(mix []bench.Call) []compiler {
	return append(append(ours(mix), libseccomps()...), gvisor(), elastic())
}

// compile makes one program, measures it and checks it.
func compile(c compiler, w *bench.Workload, mix []bench.Call) (result, error) {
	if !c.takes(w) {
		return result{missing: true}, nil
	}
	build, err := c.prepare(w)
	if err != nil {
		return result{}, err
	}
	program, err := build()
	if err != nil {
		return result{}, err
	}
	var r result
	if r.figures, err = bench.Measure(w, program, mix); err != nil {
		return r, err
	}
	want := *w
	if c.unknown != nil {
		names, err := c.unknown(w)
		if err != nil {
			return r, err
		}
		want.Unknown = func(a linux.Arch, name string) bool { return names[syscall{a, name}] }
		r.unknown = len(names)
	}
	if c.missing != nil {
		want.Missing = c.missing(w)
	}
	r.calls, r.differ, err = bench.Check(&want, program, c.ours)
	return r, err
}

// unordered returns an error where the order of a workload's rules matters, which
// the other compilers don't have: where a syscall's have several actions.
func unordered(w *bench.Workload) error {
	actions := map[string]linux.Action{}
	for _, r := range w.Rules {
		if a, ok := actions[r.Syscall]; ok && a != r.Action {
			return fmt.Errorf("%s: rules of several actions need an order", r.Syscall)
		}
		actions[r.Syscall] = r.Action
	}
	return nil
}
