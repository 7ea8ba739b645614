package main

import (
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"secco/bpf"
	"secco/linux"
	"secco/test/alive"
	"secco/test/bench"
	"secco/test/bench/latency"
)

// class says how a call is decided.
type class int

const (
	cached  class = iota // allowed by its number alone
	checked              // decided by its arguments, either way
	refused              // by its number alone
	classes
)

var classNames = [classes]string{"cached", "argument-checked", "refused"}

// timedCalls are harmless and quick where they are let through: the descriptor is
// none, the personality is only asked for, and the kernel has no nfsservctl.
var timedCalls = []struct {
	name string
	args [6]uint64
}{
	{"close", [6]uint64{math.MaxUint32}},
	{"personality", [6]uint64{math.MaxUint32}},
	{"personality", [6]uint64{0x20000}},
	{"ioctl", [6]uint64{math.MaxUint32, 0x5401}},
	{"ioctl", [6]uint64{math.MaxUint32, 0x541b}},
	{"ioctl", [6]uint64{math.MaxUint32, 0x5470}},
	{"fcntl", [6]uint64{math.MaxUint32, 3}},
	{"fcntl", [6]uint64{math.MaxUint32, 1034}},
	{"fcntl", [6]uint64{math.MaxUint32, 99}},
	{"lseek", [6]uint64{math.MaxUint32, 0, 5}},
	{"nfsservctl", [6]uint64{}},
}

// A clock is a program that the calls are timed under.
type clock struct {
	name    string
	program bpf.Program
	ticks   []float64 // of each call, the fewest so far
}

// runtimes are what a workload's calls take in the kernel.
type runtimes struct {
	workload *bench.Workload
	arch     linux.Arch // whose calls: x86_64 or i386
	time     func(p bpf.Program, calls []latency.Call, rounds, repeat int) ([]latency.Timing, error)
	calls    []latency.Call
	classes  []class // of the calls
	clocks   []*clock
}

// The clocks before those of the compilers: no filter at all, one that allows
// everything, secco's program once more, to tell what is noise, and secco's
// program so that the kernel can't see which calls are always allowed.
const (
	unfiltered = iota
	allowing
	again
	uncached
	compiled
)

// measureKernel times calls under the programs of all compilers, which take turns.
// Each program is loaded in a process of its own.
func measureKernel(compilers []compiler, all []*bench.Workload) ([]*runtimes, error) {
	dir, err := os.MkdirTemp("", "secco-bench-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }() // what stays behind does no harm
	narrow, err := latency.BuildNarrow(dir)
	if err != nil {
		return nil, err
	}
	var results []*runtimes
	for _, w := range all {
		for _, r := range []*runtimes{
			{workload: w, arch: linux.X86_64, time: latency.Time},
			{workload: w, arch: linux.I386, time: narrow.Time},
		} {
			if !w.Has(r.arch) {
				continue
			}
			r.choose()
			if err := r.compile(compilers); err != nil {
				return nil, fmt.Errorf("%s: %w", w.Name, err)
			}
			results = append(results, r)
		}
	}
	const sweeps, more = 6, 4
	for sweep := range sweeps + more {
		if sweep >= sweeps && slowest(results) == nil {
			break // what was slow was noise
		}
		for _, r := range results {
			if err := r.sweep(sweep); err != nil {
				return nil, fmt.Errorf("%s: %w", r.name(), err)
			}
		}
	}
	return results, nil
}

func (r *runtimes) name() string {
	if r.arch == linux.X86_64 {
		return r.workload.Name
	}
	return r.workload.Name + ", " + r.arch.String()
}

// choose takes the calls that say something about the workload.
func (r *runtimes) choose() {
	for _, c := range timedCalls {
		nr, _ := r.arch.Syscall(c.name)
		rules, conds := 0, 0
		for _, rule := range r.workload.Rules {
			if rule.Syscall == c.name {
				rules++
				conds += len(rule.Conds)
			}
		}
		d := linux.SeccompData{NR: nr, Arch: r.arch.Audit(), Args: c.args}
		what := refused
		switch {
		case conds > 0:
			what = checked
		case r.workload.Verdict(&d) == linux.Allow:
			what = cached
		}
		if what == cached && slices.Contains(r.classes, cached) {
			continue // one is enough
		}
		if what == refused && c.name != "nfsservctl" {
			continue // unlike the others it costs next to nothing without a filter
		}
		r.calls = append(r.calls, latency.Call{NR: nr, Args: c.args})
		r.classes = append(r.classes, what)
	}
}

func (r *runtimes) compile(compilers []compiler) error {
	r.clocks = make([]*clock, compiled)
	for i, c := range compilers {
		var program bpf.Program
		if c.takes(r.workload) {
			build, err := c.prepare(r.workload)
			if err != nil {
				return err
			}
			if program, err = build(); err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
		}
		if i == 0 {
			r.clocks[unfiltered] = &clock{name: "no filter"}
			r.clocks[allowing] = &clock{name: "a filter that allows all", program: bpf.Program{{Op: bpf.RetK, K: uint32(linux.Allow)}}}
			r.clocks[again] = &clock{name: c.name + ", once more", program: program}
			// The kernel gives up on a program that looks at arguments.
			look := bpf.Instruction{Op: bpf.LdW, K: linux.ArgLow(0).Offset(false)}
			r.clocks[uncached] = &clock{name: c.name + ", not cached", program: append(bpf.Program{look}, program...)}
		}
		r.clocks = append(r.clocks, &clock{name: c.name, program: program})
	}
	return nil
}

// sweep times the calls once under each program, and in another order each time.
func (r *runtimes) sweep(n int) error {
	const rounds, repeat = 40, 200
	for i := range r.clocks {
		c := r.clocks[(i+n)%len(r.clocks)]
		if len(c.program) == 0 && c != r.clocks[unfiltered] {
			continue // the compiler does not take this workload
		}
		if err := alive.Settle(); err != nil {
			return err
		}
		timings, err := r.time(c.program, r.calls, rounds, repeat)
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		if c.ticks == nil {
			c.ticks = slices.Repeat([]float64{math.Inf(1)}, len(r.calls))
		}
		for j, t := range timings {
			c.ticks[j] = min(c.ticks[j], t.Ticks)
		}
	}
	return nil
}

// ratio returns how many times longer calls of a class take than without a filter,
// in the mean; ok is false where the workload has no such call.
func (r *runtimes) ratio(at int, what class) (mean float64, ok bool) {
	n := 0.0
	for i, k := range r.classes {
		if k == what && r.clocks[at].ticks != nil {
			mean += r.clocks[at].ticks[i] / r.clocks[unfiltered].ticks[i]
			n++
		}
	}
	return mean / n, n > 0
}

// noise is by how much the same program can differ from itself.
func (r *runtimes) noise(what class) float64 {
	one, _ := r.ratio(compiled, what)
	other, _ := r.ratio(again, what)
	return max(0.03, 2*math.Abs(one/other-1))
}

// slowest returns an error where a call takes longer under secco's program than
// under the best of the others, beyond noise, or is not cached.
func slowest(results []*runtimes) error {
	var errs []error
	for _, r := range results {
		for what := range classes {
			ours, ok := r.ratio(compiled, what)
			if !ok {
				continue
			}
			ours = min(ours, first(r.ratio(again, what)))
			best, by := math.Inf(1), ""
			for i, c := range r.clocks[compiled:] {
				if v, ok := r.ratio(compiled+i, what); ok && !strings.HasPrefix(c.name, "secco") && v < best {
					best, by = v, c.name
				}
			}
			if what == cached {
				best, by = first(r.ratio(allowing, what)), r.clocks[allowing].name
				if slow, _ := r.ratio(uncached, what); slow < ours*(1+r.noise(what)) {
					errs = append(errs, fmt.Errorf("%s: a cached call takes %.3f times the time without a filter, and %.3f where the kernel can't see that it is one", r.name(), ours, slow))
				}
			}
			if ours > best*(1+r.noise(what)) {
				errs = append(errs, fmt.Errorf("%s: %s calls take %.3f times the time without a filter, %.3f under %s", r.name(), classNames[what], ours, best, by))
			}
		}
	}
	return errors.Join(errs...)
}

func writeKernel(b *strings.Builder, results []*runtimes) {
	version := "of unknown version"
	var name unix.Utsname
	if unix.Uname(&name) == nil {
		version, _, _ = strings.Cut(unix.ByteSliceToString(name.Release[:]), "-") // without the distribution's part
	}
	fmt.Fprintf(b, "## In the kernel\n\nWhat calls take on Linux %s, as a multiple of the same calls without a filter: those allowed by their number alone, which the kernel\n"+
		"has in a bitmap / those decided by their arguments / those refused by their number alone. The fastest of many rounds, in which\n"+
		"the programs took turns, each in a process of its own, which is one of i386 for i386's calls. Which calls: `timedCalls` in\n"+
		"test/bench/peers/kernel.go. `once more` is noise. `not cached` is secco's program after a look at an argument, so that the kernel\n"+
		"does not find what is always allowed. `make bench` fails where secco's programs are slower than the best of the others beyond noise,\n"+
		"or cached calls slower than under a filter that allows all.\n\n| |", version)
	for _, r := range results {
		fmt.Fprintf(b, " %s |", r.name())
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(results)) + "\n")
	for i := range results[0].clocks {
		if i == unfiltered {
			continue
		}
		fmt.Fprintf(b, "| %s |", results[0].clocks[i].name)
		for _, r := range results {
			var cells []string
			for what := range classes {
				cell := "–"
				if v, ok := r.ratio(i, what); ok {
					cell = fmt.Sprintf("%.2f", v)
				}
				cells = append(cells, cell)
			}
			fmt.Fprintf(b, " %s |", strings.Join(cells, " / "))
		}
		b.WriteString("\n")
	}
	b.WriteString("\n")
}

func first(v float64, _ bool) float64 { return v }
