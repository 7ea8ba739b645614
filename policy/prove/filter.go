package prove

import (
	"secco/bpf"
	"secco/emulator"
	"secco/linux"
	"secco/policy"
	"secco/policy/circuit"
	"secco/policy/diagram"
)

// Filter is what can be compared: a [Program] or a [Policy]. A Filter is not
// safe for concurrent use.
type Filter interface {
	// Run returns what the filter does with a call: the effect of its action. It
	// shares nothing with the proofs, which are checked against it.
	Run(*linux.SeccompData) linux.Action

	// cut notes where, among these calls, the filter may begin to do something
	// else.
	cut(diagram.Calls, *diagram.Cuts)
	// constant returns the action of all the space's calls, where that is easy to
	// see.
	constant(*diagram.Space) (linux.Action, bool)
	// meet notes which words of these calls meet.
	meet(diagram.Calls, *diagram.Meetings)
	// build returns what the filter does with the space's calls.
	build(*diagram.Space) diagram.Ref
	// mirrored reports whether what the filter does with calls of one byte order is
	// what it does with those of the other, halves of 64 bits swapped, as long as it
	// does not look at the architecture.
	mirrored() bool
	// circuit returns what the filter does with the circuit's calls.
	circuit(*circuit.Circuit) (circuit.Outcome, error)
	// constants returns the constants that calls are compared with.
	constants() []uint32
}

type program struct {
	machine *emulator.Machine
	code    bpf.Program
	*diagram.Program
}

// Program returns the filter of a program, or bpf.Validate's error.
func Program(p bpf.Program) (Filter, error) {
	m, err := emulator.New(p)
	if err != nil {
		return nil, err
	}
	return &program{m, p, diagram.NewProgram(p)}, nil
}

func (p *program) Run(d *linux.SeccompData) linux.Action { return p.machine.Run(d).Effect() }

func (p *program) cut(calls diagram.Calls, cuts *diagram.Cuts) {
	p.Analyse(calls, &diagram.Meetings{}, cuts)
}

func (p *program) constant(s *diagram.Space) (linux.Action, bool) { return s.Constant(p.Program) }

func (p *program) meet(calls diagram.Calls, m *diagram.Meetings) { p.Analyse(calls, m, nil) }

func (p *program) build(s *diagram.Space) diagram.Ref { return s.Program(p.Program) }

func (p *program) mirrored() bool { return true }

func (p *program) circuit(c *circuit.Circuit) (circuit.Outcome, error) { return c.Program(p.Program) }

func (p *program) constants() (list []uint32) {
	for _, in := range p.code {
		list = append(list, in.K)
	}
	return list
}

type wholePolicy struct {
	*policy.Policy
	all *diagram.Cuts // by every graph, of architectures and numbers alike
}

// Policy returns the filter of a policy.
func Policy(p *policy.Policy) Filter {
	f := &wholePolicy{p, diagram.NewCuts()}
	f.all.Graph(f.roots()...)
	for _, t := range p.Targets {
		diagram.One(t.Arch.Audit()).Cut(f.all.Arch)
	}
	return f
}

func (p *wholePolicy) roots() []*policy.Node {
	roots := []*policy.Node{p.BadArch, p.X32}
	for _, t := range p.Targets {
		roots = append(roots, t.Default)
		for _, n := range t.Rules {
			roots = append(roots, n)
		}
	}
	return roots
}

func (p *wholePolicy) Run(d *linux.SeccompData) linux.Action {
	a, _ := p.Eval(d)
	return a.Effect()
}

func (p *wholePolicy) cut(calls diagram.Calls, cuts *diagram.Cuts) {
	for k := range p.all.Arch {
		cuts.Arch[k] = true
	}
	var roots []*policy.Node
	x86 := false
	for _, t := range p.Targets {
		if !calls.Arch.Has(t.Arch.Audit()) {
			continue
		}
		cuts.SeesArch = true // it is what leads here
		for nr := range t.Rules {
			diagram.One(nr).Cut(cuts.NR)
		}
		roots = append(roots, t.Default)
		x86 = x86 || t.Arch.Audit() == linux.X86_64.Audit()
	}
	if x86 { // where the numbers are x32's
		numbersOfX32.Cut(cuts.NR)
		roots = append(roots, p.X32)
	}
	cuts.Graph(append(roots, p.BadArch)...)
}

// root returns the graph of calls between whose architectures and numbers
// nothing is cut.
func (p *wholePolicy) root(calls diagram.Calls) *policy.Node {
	return p.Root(calls.Arch.Lo, calls.NR.Lo)
}

func (p *wholePolicy) constant(s *diagram.Space) (linux.Action, bool) {
	return s.ConstantGraph(p.root(s.Calls()))
}

func (p *wholePolicy) meet(calls diagram.Calls, m *diagram.Meetings) {
	m.Graph(p.root(calls), calls)
}

func (p *wholePolicy) build(s *diagram.Space) diagram.Ref { return s.Graph(p.root(s.Calls())) }

// mirrored is part of Filter: graphs test halves by their names.
func (p *wholePolicy) mirrored() bool { return false }

func (p *wholePolicy) circuit(c *circuit.Circuit) (circuit.Outcome, error) {
	return c.Graph(p.root(c.Calls()))
}

func (p *wholePolicy) constants() (list []uint32) {
	seen := map[*policy.Expr]bool{}
	var add func(e *policy.Expr)
	add = func(e *policy.Expr) {
		if e == nil || seen[e] {
			return
		}
		seen[e] = true
		if e.IsConst() {
			list = append(list, e.K)
		}
		add(e.X)
		add(e.Y)
	}
	policy.Walk(func(n *policy.Node) {
		if !n.IsLeaf() {
			add(n.X)
			add(n.Y)
		}
	}, p.roots()...)
	return list
}
