package convert

import (
	"cmp"
	"fmt"
	"math/bits"
	"slices"

	"secco/lang"
	"secco/lang/syntax"
	"secco/linux"
	"secco/oci"
	"secco/policy/prove"
	"secco/source"
)

// How a text with guards is proved
//
// A host is a machine, a set of capabilities and a kernel: there are more of them
// than can be tried. On one host the text and the profile are two filters, which
// are proved equal as wholes. What happens to one number depends on a few guards
// only: on those of the entries that FromOCI takes rules for that number from, and
// on those that the text has around a rule for it. So it is enough that among the
// hosts that are tried there is, for each number, one for every combination of those.
// A few hosts do for many numbers at once.
//
// What is looked at here is the profile as FromOCI takes it and the text as it is
// parsed. Nothing is taken over from what wrote the text.

// some is a set of hosts of one machine: those that have the capabilities in holds
// but no others of those in cares, with kernels of the steps from and to and between.
// Step 0 is before the first version that guards ask for, step n from the nth on.
type some struct {
	cares, holds uint64
	from, to     int
}

// meets returns the hosts that are in both sets, if there are any.
func (s some) meets(t some) (some, bool) {
	both := some{s.cares | t.cares, s.holds | t.holds, max(s.from, t.from), min(s.to, t.to)}
	return both, (s.holds^t.holds)&s.cares&t.cares == 0 && both.from <= both.to
}

// guardsOf are the guards that something depends on: capabilities and versions, as
// bits by their places in the lists.
type guardsOf struct{ caps, kernels uint64 }

func (g guardsOf) with(h guardsOf) guardsOf { return guardsOf{g.caps | h.caps, g.kernels | h.kernels} }

// numbers are what happens to the calls of which depends on guards.
type numbers map[linux.Arch]map[uint32]guardsOf

func (n numbers) add(a linux.Arch, nr uint32, g guardsOf) {
	if g == (guardsOf{}) {
		return
	}
	if n[a] == nil {
		n[a] = map[uint32]guardsOf{}
	}
	n[a][nr] = n[a][nr].with(g)
}

// guardProof proves one text for one machine.
type guardProof struct {
	*seccoWriter
	machine linux.Arch
	text    *source.File
}

// prove proves that a text means what the profile does, on every host.
func (w *seccoWriter) prove(text string) error {
	file := source.NewFile("<converted>", text)
	for _, machine := range w.opts.Arches {
		p := &guardProof{w, machine, file}
		hosts, err := p.hosts()
		if err != nil {
			return err
		}
		for _, h := range hosts {
			if err := p.on(p.host(h)); err != nil {
				return err
			}
		}
	}
	return nil
}

// host returns one of a set of hosts.
func (p *guardProof) host(s some) oci.Host {
	h := oci.Host{Arch: p.machine, Caps: p.opts.Caps, Kernel: p.opts.Kernel, Runtime: p.opts.Runtime}
	if h.Caps == nil {
		h.Caps = []string{}
		for i, c := range p.caps {
			if s.holds>>i&1 != 0 {
				h.Caps = append(h.Caps, c)
			}
		}
	}
	switch {
	case len(p.kernels) == 0:
	case s.from == 0:
		h.Kernel = oldest
	default:
		h.Kernel = p.kernels[s.from-1]
	}
	return h
}

// hosts returns hosts among which there is one for each combination of the guards
// that some number depends on, one that each entry of the profile is for, and
// those where no capability and where all hold with every step of the kernel.
func (p *guardProof) hosts() ([]some, error) {
	if len(p.caps) > 64 || len(p.kernels) > 64 {
		return nil, tooManyCombinations()
	}
	steps := len(p.kernels)
	var wanted []some
	for step := range steps + 1 {
		all := uint64(1)<<len(p.caps) - 1
		wanted = append(wanted, some{all, 0, step, step}, some{all, all, step, step})
	}
	depends, err := p.depends()
	if err != nil {
		return nil, err
	}
	for _, g := range depends {
		caps, kernels := bits.OnesCount64(g.caps), bits.OnesCount64(g.kernels)
		if caps > 20 || len(wanted)+(kernels+1)<<caps > maxWanted {
			return nil, tooManyCombinations()
		}
		for from := 0; from <= steps; {
			to := from
			for to < steps && g.kernels>>to&1 == 0 {
				to++
			}
			for holds := g.caps; ; holds = (holds - 1) & g.caps {
				wanted = append(wanted, some{g.caps, holds, from, to})
				if holds == 0 {
					break
				}
			}
			from = to + 1
		}
	}
	for _, s := range p.profile.Syscalls {
		if of, ok := p.isFor(&s); ok {
			wanted = append(wanted, of)
		}
	}
	var hosts []some
	for _, want := range wanted {
		i := slices.IndexFunc(hosts, func(h some) bool { both, ok := h.meets(want); return ok && both == h })
		if i < 0 {
			i = slices.IndexFunc(hosts, func(h some) bool { _, ok := h.meets(want); return ok })
		}
		switch {
		case i >= 0:
			hosts[i], _ = hosts[i].meets(want)
		case len(hosts) >= maxHosts:
			return nil, tooManyCombinations()
		default:
			hosts = append(hosts, want)
		}
	}
	return hosts, nil
}

// maxWanted is how many combinations of guards there may be for all numbers
// together. Many of them are tried at once.
const maxWanted = 1 << 16

// isFor returns the hosts that an entry of the profile is for, as far as its guards
// on capabilities and kernels are kept; ok is false where there are none.
func (p *guardProof) isFor(s *oci.Syscall) (hosts some, ok bool) {
	hosts.to = len(p.kernels)
	if g := s.Includes; g != nil {
		of := p.guards(g)
		hosts.cares, hosts.holds = of.caps, of.caps
		hosts.from = bits.Len64(of.kernels)
	}
	if g := s.Excludes; g != nil {
		of := p.guards(g)
		if of.caps&hosts.holds != 0 {
			return hosts, false
		}
		hosts.cares |= of.caps
		if of.kernels != 0 {
			hosts.to = bits.TrailingZeros64(of.kernels)
		}
	}
	return hosts, hosts.from <= hosts.to
}

// guards returns what a guard of the profile asks for of what is kept.
func (p *guardProof) guards(g *oci.Guard) (of guardsOf) {
	if g == nil {
		return of
	}
	for i, c := range p.caps {
		if slices.Contains(g.Caps, c) {
			of.caps |= 1 << i
		}
	}
	for i, k := range p.kernels {
		if g.MinKernel != nil && *g.MinKernel == k {
			of.kernels |= 1 << i
		}
	}
	return of
}

// depends returns the guards that numbers depend on together, each set once, the
// largest first.
func (p *guardProof) depends() ([]guardsOf, error) {
	all := numbers{}
	if err := p.profileDepends(all); err != nil {
		return nil, err
	}
	if err := p.textDepends(all); err != nil {
		return nil, err
	}
	var list []guardsOf
	for _, of := range all {
		for _, g := range of {
			list = append(list, g)
		}
	}
	size := func(g guardsOf) int { return bits.OnesCount64(g.caps) + bits.OnesCount64(g.kernels) }
	slices.SortFunc(list, func(a, b guardsOf) int {
		return cmp.Or(cmp.Compare(size(b), size(a)), cmp.Compare(a.caps, b.caps), cmp.Compare(a.kernels, b.kernels))
	})
	return slices.Compact(list), nil
}

// profileDepends adds the guards of the entries that FromOCI takes a number's rules
// from: it gets the profile with all of them.
func (p *guardProof) profileDepends(all numbers) error {
	profile, diags := p.profile.Resolve(p.host(some{}))
	if diags.HasErrors() {
		return diags
	}
	profile.Syscalls = p.profile.Syscalls
	im := newImporter(profile)
	im.host = p.host(some{})
	fallback, err := oci.ParseAction(profile.DefaultAction, profile.DefaultErrnoRet)
	if err != nil {
		return err
	}
	for a, rules := range newModel(profile, fallback, im.arches()).rules {
		for nr, list := range rules {
			for _, r := range list {
				entry := &profile.Syscalls[r.origin.entry]
				all.add(a, nr, p.guards(entry.Includes).with(p.guards(entry.Excludes)))
			}
		}
	}
	return nil
}

// textDepends adds the guards around each rule of the text.
func (p *guardProof) textDepends(all numbers) error {
	file, diags := syntax.Parse(p.text)
	if err := diags.Err(); err != nil {
		return unreadable(err)
	}
	return p.stmtsDepend(all, file.Stmts, guardsOf{})
}

// stmtsDepend is textDepends of what these guards are around.
func (p *guardProof) stmtsDepend(all numbers, stmts []syntax.Stmt, on guardsOf) error {
	for _, stmt := range stmts {
		var err error
		switch stmt := stmt.(type) {
		case *syntax.When:
			var of guardsOf
			if of, err = p.condition(stmt.Cond); err == nil {
				err = p.stmtsDepend(all, slices.Concat(stmt.Stmts, stmt.Else), on.with(of))
			}
		case *syntax.ArchBlock:
			err = p.stmtsDepend(all, stmt.Stmts, on)
		case *syntax.Rule:
			for _, name := range stmt.Names {
				for _, a := range p.arches {
					if nr, ok := a.Number(name.Text); ok {
						all.add(a, nr, on)
					}
				}
			}
		default:
			if on != (guardsOf{}) {
				err = unforeseen(stmt)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// condition returns the guards that a condition of the text asks for.
func (p *guardProof) condition(cond syntax.Expr) (of guardsOf, err error) {
	syntax.Walk(cond, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.Paren, *syntax.Unary:
			return true
		case *syntax.Binary:
			if n.Op.IsLogical() {
				return true
			}
			// Other comparisons would make other steps.
			v, ok := n.Y.(*syntax.Version)
			if ok && (n.Op == syntax.OpGe || n.Op == syntax.OpLt) {
				i := slices.IndexFunc(p.kernels, func(k oci.Kernel) bool { return k.String() == v.Text })
				if ok = i >= 0; ok {
					of.kernels |= 1 << i
					return false
				}
			}
		case *syntax.Call:
			if len(n.Args) != 1 {
				break
			}
			if name, ok := n.Args[0].(*syntax.Name); ok && slices.Contains(p.caps, name.Text) {
				of.caps |= 1 << slices.Index(p.caps, name.Text)
				return false
			}
		}
		err = unforeseen(n)
		return false
	})
	return of, err
}

// unforeseen is the error for what no text that was made of a profile has.
func unforeseen(n syntax.Node) error {
	return fmt.Errorf("a fault in secco itself: the policy made of a profile has guards with %q", n.Span().Text())
}

// unreadable is the error for a text that can't be read back.
func unreadable(err error) error {
	return fmt.Errorf("a fault in secco itself: the policy made of a profile can't be read: %w", err)
}

// on proves that the text means what the profile does on a host.
func (p *guardProof) on(host oci.Host) error {
	want, err := p.meaning(host)
	if err != nil {
		return err
	}
	opts := lang.Options{Capabilities: host.Caps, Targets: archesOf(want)}
	if host.Kernel != (oci.Kernel{}) {
		opts.Kernel = host.Kernel.String()
	}
	got, diags := lang.Load([]*source.File{p.text}, opts)
	if got == nil {
		return unreadable(diags)
	}
	res, err := prove.Equivalent(prove.Policy(want), prove.Policy(got), prove.Options{})
	if err != nil {
		return err
	}
	switch res.Verdict {
	case prove.Equal:
		return nil
	case prove.Different:
		return fmt.Errorf("a fault in secco itself: on %s with the capabilities %q and the kernel %s: for %s the profile returns %s, the policy made of it %s",
			host.Native(), host.Caps, opts.Kernel, prove.CallString(&res.Witness.Call), res.Witness.A, res.Witness.B)
	}
	return &UndecidedError{res.Reason}
}
