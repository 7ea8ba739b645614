// Package compiler makes small and fast seccomp programs out of policies.
//
// The whole policy, from the architecture through the number to the arguments,
// becomes one graph of decisions by intervals; the graph becomes a graph of
// instructions; and that is laid out as a program, once, at the end. See the
// table of passes for what happens on the way and why.
package compiler

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"secco/bpf"
	"secco/compiler/layout"
	"secco/linux"
	"secco/policy"
	"secco/source"
)

// Goal is what to optimise for.
type Goal uint8

// The goals.
const (
	Speed Goal = iota // few instructions executed in the mean, then few in the program
	Size              // few instructions in the program
)

// Options say how to compile. The zero Options are right for most.
type Options struct {
	Optimize Goal
	// Freq holds, per architecture and syscall number, how often it is called; x32
	// numbers carry linux.X32Bit. Only the ratios matter. Without, every syscall of
	// the architecture counts the same.
	Freq map[linux.Arch]map[uint32]float64

	without feature // left out, in tests
}

// Output is a program and where its instructions come from.
type Output struct {
	Program bpf.Program
	// Origins holds for each instruction the rules that need it, in their order.
	Origins [][]source.Span
}

// Compile returns a program that does to every call what the policy says. The
// same policy and options give the same program.
func Compile(p *policy.Policy, opts Options) (*Output, error) {
	if p.BadArch == nil {
		return nil, errors.New("the policy says nothing about other architectures")
	}
	u := &unit{policy: p, opts: opts}
	for _, pass := range passes {
		if err := pass.run(u); err != nil {
			return nil, err
		}
	}
	return u.output()
}

// A unit is one policy on its way to a program.
type unit struct {
	policy *policy.Policy
	opts   Options
	b      *builder
	graph  *node // the whole policy
	joined *node // the same with x32's numbers joined to x86_64's, nil where that is not possible
	x32    *node // of joined
	lower  *lowerer
	entry  *layout.Node // the graph's code
	prog   bpf.Program
	nodes  []*layout.Node // for each instruction
	named  map[*policy.Target][]uint32
}

// rules returns the numbers that have rules, in ascending order.
func (u *unit) rules(t *policy.Target) []uint32 {
	if u.named == nil {
		u.named = map[*policy.Target][]uint32{}
	}
	if _, ok := u.named[t]; !ok {
		u.named[t] = slices.Sorted(maps.Keys(t.Rules))
	}
	return u.named[t]
}

// passes are what Compile does, in this order.
var passes = []struct {
	name, reason string
	run          func(*unit) error
}{
	{"intervals", "each word is tested once, whatever it was tested for in different rules, and equal decisions are one", (*unit).intervals},
	{"x32", "numbers of x32 that are decided like those of x86_64 need no tests of their own", (*unit).joinX32},
	{"code", "each interval node becomes the best tree of jumps, each word loaded only where A does not hold it", (*unit).instructions},
	{"layout", "jumps reach, by construction", (*unit).layout},
}

// A feature is a part of a pass that programs are right without. Tests leave one
// out to see what it is good for.
type feature string

// The features.
const (
	featureStrength    feature = "strength"    // additions, shifts and masks of leading ones are computed at compile time
	featureKnown       feature = "known"       // tests that earlier ones decide are gone
	featureSorted      feature = "sorted"      // terms are tested in one order, whatever the policy's
	featureOrder       feature = "order"       // arguments are tested in the best order
	featureHalves      feature = "halves"      // upper halves of arguments are tested last where that is shared
	featureX32         feature = "x32"         // x32 shares x86_64's tests
	featureEqual       feature = "equal"       // single values are taken out wherever that is best, not split off
	featureBits        feature = "bits"        // one test of bits tells values apart that lie in many intervals
	featureWeights     feature = "weights"     // what is frequent is found early
	featureList        feature = "list"        // programs are no larger than with a plain list
	featureAccumulator feature = "accumulator" // what A holds is not loaded again
)

// intervals makes the graph: from the best graph of every root, or, where the
// roots share much that these tell apart, from the roots as they are.
func (u *unit) intervals() error {
	u.b = newBuilder(sizeWeight[u.opts.Optimize], u.opts.without)
	best, err := u.whole()
	if err != nil {
		return err
	}
	u.graph = best
	if u.b.doubt {
		u.b.plain = true
		clear(u.b.roots)
		clear(u.b.used)
		shared, err := u.whole()
		if err != nil {
			return err
		}
		clear(u.b.used)
		if u.b.objective(shared) < u.b.objective(best) {
			u.graph = shared
		}
	}
	return nil
}

// whole makes a graph of the whole policy.
func (u *unit) whole() (*node, error) {
	b, p := u.b, u.policy
	arch := b.get(termKey{offset: offsetArch, mask: allOnes})
	from, to := []uint32{}, []*node{}
	add := func(lo uint32, n *node) { from, to = append(from, lo), append(to, n) }
	// An unknown architecture is big-endian where its value says so.
	other := func(lo, hi uint32) {
		for quarter := range uint32(4) {
			start, end := quarter<<30, quarter<<30|(1<<30-1)
			if start = max(start, lo); start <= min(end, hi) {
				add(start, b.root(p.BadArch, bigEndian(start)))
			}
		}
	}
	next := uint32(0)
	for _, a := range u.audits() {
		if a > next {
			other(next, a-1)
		}
		n, err := u.numbers(a)
		if err != nil {
			return nil, err
		}
		add(a, n)
		next = a + 1
	}
	other(next, allOnes)
	n := b.combine(arch, from, to)
	if n == nil { // too much to combine
		n = b.decide(arch, from, to)
	}
	return n, nil
}

// audits returns the AUDIT_ARCH values of the targets, in ascending order.
func (u *unit) audits() []uint32 {
	var audits []uint32
	for _, t := range u.policy.Targets {
		audits = append(audits, t.Arch.Audit())
	}
	slices.Sort(audits)
	return slices.Compact(audits)
}

// bigEndian reports the byte order of the machines with this AUDIT_ARCH value:
// little-endian ones have __AUDIT_ARCH_LE set.
func bigEndian(audit uint32) bool { return audit&0x40000000 == 0 }

// numbers makes the graph for one AUDIT_ARCH value.
func (u *unit) numbers(audit uint32) (*node, error) {
	b, p := u.b, u.policy
	big := bigEndian(audit)
	cuts := []uint32{0}
	if audit == linux.X86_64.Audit() {
		cuts = append(cuts, linux.X32Bit, allOnes)
	}
	for _, t := range p.Targets {
		if t.Arch.Audit() != audit {
			continue
		}
		for _, nr := range u.rules(t) {
			if a, _ := linux.ArchOf(audit, nr); a != t.Arch {
				continue
			}
			if cuts[len(cuts)-1] != nr {
				cuts = append(cuts, nr)
			}
			if nr < allOnes {
				cuts = append(cuts, nr+1)
			}
		}
	}
	slices.Sort(cuts)
	cuts = slices.Compact(cuts)
	to := make([]*node, len(cuts))
	for i, nr := range cuts {
		root := p.Root(audit, nr)
		if root == nil {
			return nil, fmt.Errorf("the policy says nothing about number %#x of architecture %#x", nr, audit)
		}
		to[i] = b.root(root, big)
	}
	nr := b.get(termKey{offset: offsetNR, mask: allOnes})
	n := b.combine(nr, cuts, to)
	if n == nil {
		n = b.decide(nr, cuts, to)
	}
	return n, nil
}

// instructions makes the code: of the graph in which x32 shares tests where there
// is one and it takes fewer instructions, else of the other.
func (u *unit) instructions() error {
	u.lower = newLowerer(u.b)
	u.lower.size = u.b.size
	u.lower.calls, u.lower.most = u.frequencies(), u.most()
	u.lower.without = u.opts.without
	u.lower.x32 = u.x32
	if cost(u.graph) > hopeless {
		u.lower.choices = fewChoices
	}
	u.entry = u.lower.lower(u.graph, nil)
	if u.joined != nil {
		if entry := u.lower.lower(u.joined, nil); entry.Reachable() < u.entry.Reachable() {
			u.graph, u.entry = u.joined, entry
		}
	}
	if t := u.lower.failed; t != nil {
		return &ScratchError{u.place(t)}
	}
	return nil
}

// place returns where the policy asks for a term.
func (u *unit) place(t *term) source.Span {
	roots := []*policy.Node{u.policy.BadArch, u.policy.X32}
	for _, target := range u.policy.Targets {
		roots = append(roots, target.Default)
		for _, nr := range u.rules(target) {
			roots = append(roots, target.Rules[nr])
		}
	}
	var place source.Span
	policy.Walk(func(n *policy.Node) {
		if place.IsZero() && !n.IsLeaf() {
			if asked, _ := u.b.test(n, t.big); asked.base() == t.base() {
				place = n.Span
			}
		}
	}, roots...)
	return place
}

func (u *unit) layout() error {
	u.prog, u.nodes = layout.Place(u.entry, len(u.lower.code))
	return nil
}

func (u *unit) output() (*Output, error) {
	origins := u.origins()
	if len(u.prog) > bpf.MaxInstructions {
		return nil, newSizeError(origins)
	}
	return &Output{Program: u.prog, Origins: origins}, nil
}
