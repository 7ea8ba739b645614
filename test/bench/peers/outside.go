package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	moby "github.com/moby/profiles/seccomp"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"secco/linux"
	"secco/oci"
	"secco/test/bench"
)

// A group is workloads outside the table, which nothing is tuned to.
type group struct {
	name      string
	workloads []*bench.Workload
}

// groups returns the workloads outside the table.
func groups() ([]group, error) {
	monitor := group{name: "virtual machine monitor"}
	for _, name := range bench.Monitor {
		w, err := bench.Read(name)
		if err != nil {
			return nil, err
		}
		monitor.workloads = append(monitor.workloads, w)
	}
	docker, err := dockers()
	if err != nil {
		return nil, err
	}
	gs := []group{monitor, docker}
	for _, kind := range bench.Kinds {
		gs = append(gs, group{name: "random: " + kind})
	}
	for seed := range randomCount {
		g := &gs[len(gs)-len(bench.Kinds)+seed%len(bench.Kinds)]
		g.workloads = append(g.workloads, bench.Random(uint64(seed)))
	}
	return gs, nil
}

// dockers returns Docker's default profile under five sets of capabilities, for
// x86_64 and for all its architectures.
func dockers() (group, error) {
	sets := map[string][]string{
		"no capability":    {},
		"default":          oci.DefaultCaps(),
		"network":          append(oci.DefaultCaps(), "CAP_NET_ADMIN", "CAP_SYS_PTRACE"),
		"time and devices": append(oci.DefaultCaps(), "CAP_SYS_TIME", "CAP_SYS_RAWIO", "CAP_SYS_TTY_CONFIG", "CAP_SYSLOG"),
		"administrator":    append(oci.DefaultCaps(), "CAP_SYS_ADMIN", "CAP_BPF", "CAP_PERFMON", "CAP_SYS_BOOT", "CAP_SYS_MODULE"),
	}
	g := group{name: "Docker's profile"}
	for _, name := range slices.Sorted(maps.Keys(sets)) {
		spec := &specs.Spec{Process: &specs.Process{Capabilities: &specs.LinuxCapabilities{Bounding: sets[name]}}}
		profile, err := moby.GetDefaultProfile(spec)
		if err != nil {
			return g, err
		}
		for _, arches := range [][]linux.Arch{{linux.X86_64}, {linux.X86_64, linux.I386}} {
			w, err := fromProfile(profile)
			if err != nil {
				return g, err
			}
			w.Name = fmt.Sprintf("%s, %d architectures", name, len(arches))
			w.Arches = arches
			g.workloads = append(g.workloads, w)
		}
	}
	return g, nil
}

// fromProfile returns a profile's rules as a workload without architectures.
func fromProfile(p *specs.LinuxSeccomp) (*bench.Workload, error) {
	w := &bench.Workload{Missing: linux.KillThread, X32: linux.KillThread}
	var err error
	if w.Default, err = oci.ParseAction(p.DefaultAction, p.DefaultErrnoRet); err != nil {
		return nil, err
	}
	w.Skipped = w.Default
	operators := map[specs.LinuxSeccompOperator]string{}
	for short, long := range operatorNames {
		operators[long] = short
	}
	for _, s := range p.Syscalls {
		action, err := oci.ParseAction(s.Action, s.ErrnoRet)
		if err != nil {
			return nil, err
		}
		var conds []bench.Condition
		for _, a := range s.Args {
			conds = append(conds, bench.Condition{Arg: int(a.Index), Op: operators[a.Op], Value: a.Value, Value2: a.ValueTwo})
		}
		for _, name := range s.Names {
			w.Rules = append(w.Rules, bench.Rule{Syscall: name, Action: action, Conds: conds})
		}
	}
	return w, nil
}

// A comparison is of secco's program for a workload with those of the others: how
// many times the size and the mean it has, against the best of them.
type comparison struct {
	workload *bench.Workload
	peers    int
	size     ratio
	small    ratio // the size of what secco makes for size
	mean     ratio
	optimal  float64 // secco's cost against that of the best tree; 0 where that is not known
}

// ratio is the greatest against any peer.
type ratio struct {
	value      float64
	peer       string
	ours, best float64
}

func (r *ratio) add(peer string, ours, theirs float64) {
	if v := ours / theirs; v > r.value {
		*r = ratio{v, peer, ours, theirs}
	}
}

func (r ratio) String() string {
	return fmt.Sprintf("%.4g, %s's %.4g", r.ours, r.peer, r.best)
}

// known returns the workload without the rules that one of the compilers would
// leave out, so that all compile the same.
func known(compilers []compiler, w *bench.Workload) (*bench.Workload, error) {
	all := *w
	for _, c := range compilers {
		if c.unknown == nil || !c.takes(w) {
			continue
		}
		names, err := c.unknown(w)
		if err != nil {
			return nil, err
		}
		all.Rules = slices.DeleteFunc(slices.Clone(all.Rules), func(r bench.Rule) bool {
			return slices.ContainsFunc(w.Arches, func(a linux.Arch) bool { return names[syscall{a, r.Syscall}] })
		})
	}
	return &all, nil
}

// compare compiles a workload with all compilers. What a peer does with other
// architectures and x32's numbers, where it has no choice, secco is told to do as
// well; peers that fail, or decide any call otherwise, are left out.
func compare(compilers []compiler, w *bench.Workload, mix []bench.Call) (c comparison, err error) {
	if w, err = known(compilers, w); err != nil {
		return c, err
	}
	c.workload = w
	for _, peer := range compilers {
		if peer.ours || !peer.takes(w) {
			continue
		}
		theirs, err := compile(peer, w, mix)
		if err != nil || len(theirs.differ) > 0 {
			continue
		}
		same := *w
		if peer.others != nil {
			peer.others(&same)
		}
		var ours [2]result
		for i := range ours {
			if ours[i], err = compile(compilers[i], &same, mix); err != nil {
				return c, fmt.Errorf("%s: %w", w.Name, err)
			}
		}
		c.peers++
		c.size.add(peer.name, float64(ours[0].figures.Size), float64(theirs.figures.Size))
		c.small.add(peer.name, float64(ours[1].figures.Size), float64(theirs.figures.Size))
		c.mean.add(peer.name, ours[0].figures.Uniform, theirs.figures.Uniform)
	}
	if c.peers == 0 {
		return c, fmt.Errorf("%s: no other compiler takes it", w.Name)
	}
	if least, ok := w.Optimal(); ok {
		ours, err := compile(compilers[0], w, mix)
		if err != nil {
			return c, fmt.Errorf("%s: %w", w.Name, err)
		}
		c.optimal = ours.figures.Cost() / least
	}
	return c, nil
}

const randomCount = 200 // random workloads

// What secco's programs must keep to, against the best of the others: those made
// for size in their size, and those of the default mode in all.
const (
	mostSize    = 1.02 // times its size
	mostMean    = 1.02 // times its instructions executed
	mostOptimal = 1.03 // times the cost of the best tree
	medianHeavy = 0.8  // times its size, in the median of argument-heavy workloads
)

// outside is what the workloads outside the table show.
type outside struct {
	groups  []group
	results [][]comparison // by group
}

func measureOutside(compilers []compiler, mix []bench.Call) (*outside, error) {
	gs, err := groups()
	if err != nil {
		return nil, err
	}
	o := &outside{groups: gs}
	for _, g := range gs {
		var cs []comparison
		for _, w := range g.workloads {
			c, err := compare(compilers, w, mix)
			if err != nil {
				return nil, err
			}
			cs = append(cs, c)
		}
		o.results = append(o.results, cs)
	}
	return o, nil
}

// beyond returns an error that names all that does not keep to the bounds.
func (o *outside) beyond() error {
	var errs []error
	for i, g := range o.groups {
		for _, c := range o.results[i] {
			if c.size.value > mostSize {
				errs = append(errs, fmt.Errorf("%s: %s: %v instructions", g.name, c.workload.Name, c.size))
			}
			if c.small.value > mostSize {
				errs = append(errs, fmt.Errorf("%s: %s: for size %v instructions", g.name, c.workload.Name, c.small))
			}
			if c.mean.value > mostMean {
				errs = append(errs, fmt.Errorf("%s: %s: in the mean %v instructions are executed", g.name, c.workload.Name, c.mean))
			}
			if c.optimal > mostOptimal {
				errs = append(errs, fmt.Errorf("%s: %s costs %.3f times the optimum", g.name, c.workload.Name, c.optimal))
			}
		}
		if g.name == argumentHeavy {
			if m := median(o.results[i], func(c comparison) float64 { return c.size.value }); m > medianHeavy {
				errs = append(errs, fmt.Errorf("%s: %.3f times the size in the median", g.name, m))
			}
		}
	}
	return errors.Join(errs...)
}

const argumentHeavy = "random: argument-heavy"

func median(cs []comparison, value func(comparison) float64) float64 {
	values := make([]float64, len(cs))
	for i, c := range cs {
		values[i] = value(c)
	}
	slices.Sort(values)
	return (values[(len(values)-1)/2] + values[len(values)/2]) / 2
}

func (o *outside) write(b *strings.Builder) {
	b.WriteString("## Workloads outside the table\n\n" +
		"What secco makes, in its default mode, as a multiple of the best program of any compiler built here: size, and instructions executed\n" +
		"in the mean. `optimum`: what it costs, by secco's objective, as a multiple of the best search tree's cost, where that can be found\n" +
		"by trying all tests of \"at least\" and \"equal\": lists of syscalls that make at most " + fmt.Sprint(bench.MostChoices) + " ranges of numbers. Calls of other\n" +
		"architectures and x32's numbers get from secco here what they get from the compiler that it is compared with. Rules on syscalls that\n" +
		"a compiler has no number for are left out for all, and programs that decide a call otherwise than the workload says are not counted.\n\n" +
		"| workloads | | others' programs | size: median | worst | for size: worst | executed: median | worst | optimum: worst |\n|---|---|---|---|---|---|---|---|---|\n")
	for i, g := range o.groups {
		cs := o.results[i]
		worst := func(value func(comparison) float64) float64 {
			most := 0.0
			for _, c := range cs {
				most = max(most, value(c))
			}
			return most
		}
		size := func(c comparison) float64 { return c.size.value }
		small := func(c comparison) float64 { return c.small.value }
		mean := func(c comparison) float64 { return c.mean.value }
		optimum, found, peers := "–", 0, 0
		for _, c := range cs {
			peers += c.peers
			if c.optimal > 0 {
				found++
			}
		}
		if found > 0 {
			optimum = fmt.Sprintf("%.3f (of %d)", worst(func(c comparison) float64 { return c.optimal }), found)
		}
		fmt.Fprintf(b, "| %s | %d | %d | %.2f | %.2f | %.2f | %.2f | %.2f | %s |\n", g.name, len(cs), peers,
			median(cs, size), worst(size), worst(small), median(cs, mean), worst(mean), optimum)
	}
	b.WriteString("\n![Each workload's size and instructions executed as multiples of the best other compiler's](performance-outside.svg)\n\n")
	b.WriteString("`make bench` fails where a program is more than 2 % larger than the best of the others, or one of the default mode executes\n" +
		"more than 2 % more, costs more than 3 % above the optimum, or argument-heavy ones have more than 0.8 of the size in the median.\n")
	b.WriteString("\n")
}
