// Command peers compiles the workloads with secco and with the other compilers
// that can be had, and others that nothing is tuned to; checks every program on the
// emulator against the workload's specification, and proves secco's; times compiling
// and, in the kernel, calls under the programs; and writes what it finds into a
// document. It fails where secco does not keep to its bounds. `make bench` runs it.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"

	"secco/bpf"
	"secco/linux"
	"secco/policy/prove"
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
	// others changes what a workload says of other architectures and of x32 to
	// what the compiler does, where there is no choice; nil means that it is so.
	others func(*bench.Workload)
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
	document := flag.String("doc", "", "the `document` to write the results into, and its charts beside it (default: print them)")
	rounds := flag.Int("rounds", 20, "how `often` to compile for the fastest time")
	only := flag.Bool("outside", false, "measure the workloads outside the table alone")
	flag.Parse()
	if err := run(*root, *document, *rounds, *only); err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

func run(root, document string, rounds int, only bool) error {
	mix, err := bench.ReadMix()
	if err != nil {
		return err
	}
	rep := report{compilers: compilers(mix)}
	if rep.outside, err = measureOutside(rep.compilers, mix); err != nil {
		return err
	}
	if only {
		var b strings.Builder
		rep.outside.write(&b)
		fmt.Print(b.String())
		return rep.outside.beyond()
	}
	for _, name := range bench.Names {
		w, err := bench.Read(name)
		if err != nil {
			return err
		}
		rep.workloads = append(rep.workloads, w)
	}
	for _, c := range rep.compilers {
		var row []result
		for _, w := range rep.workloads {
			r, err := compile(c, w, mix)
			if err != nil {
				return fmt.Errorf("%s, %s: %w", c.name, w.Name, err)
			}
			row = append(row, r)
		}
		rep.results = append(rep.results, row)
	}
	if rep.kernel, err = measureKernel(rep.compilers, rep.workloads); err != nil {
		return err
	}
	for _, w := range rep.workloads {
		speed, err := emulated(rep.compilers[0], w, mix)
		if err != nil {
			return fmt.Errorf("%s: %w", w.Name, err)
		}
		rep.emulated = append(rep.emulated, speed)
	}
	for tries := 0; tries < 4 && (tries == 0 || rep.slowCompiles() != nil); tries++ { // what was slow may have been noise
		if err := measureTimes(rep.compilers, rep.workloads, rep.results, rounds); err != nil {
			return err
		}
		if err := rep.measureProcess(root, rounds); err != nil {
			return err
		}
	}
	if document != "" {
		err = rep.write(document)
	} else {
		var text string
		if text, err = rep.text(); err == nil {
			_, err = os.Stdout.WriteString(text)
		}
	}
	return errors.Join(err, rep.outside.beyond(), slowest(rep.kernel), rep.slowCompiles())
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
	if c.others != nil {
		c.others(&want)
	}
	if c.unknown != nil {
		names, err := c.unknown(w)
		if err != nil {
			return r, err
		}
		want.Unknown = func(a linux.Arch, name string) bool { return names[syscall{a, name}] }
		r.unknown = len(names)
	}
	if c.ours {
		if err := proved(program, w); err != nil {
			return r, err
		}
	}
	r.calls, r.differ, err = bench.Check(&want, program)
	if c.ours && len(r.differ) > 0 {
		return r, fmt.Errorf("%d calls are decided wrongly, such as %+v", len(r.differ), r.differ[0])
	}
	return r, err
}

// proved returns an error unless the program does what the workload says for all
// calls.
func proved(program bpf.Program, w *bench.Workload) error {
	p, err := prove.Program(program)
	if err != nil {
		return err
	}
	r, err := prove.Equivalent(p, prove.Policy(w.Policy()), prove.Options{})
	if err == nil && r.Verdict != prove.Equal {
		err = fmt.Errorf("the program is not proved to do what the workload says: %v %+v", r.Verdict, r)
	}
	return err
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
