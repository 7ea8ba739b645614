// Package eval is the meaning of the policy language, said a second time and as
// plainly as possible: it walks the syntax tree with one call in hand. It is
// slow, and shares nothing with the packages that make policies but the tree and
// the kernel's tables, so that tests can hold the one against the other.
package eval

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"secco/lang/syntax"
	"secco/linux"
	"secco/source"
)

// Options is what is known beside the sources; see lang.Options.
type Options struct {
	Targets      []linux.Arch
	Defaults     map[syntax.Which]string
	Definitions  []*syntax.File
	Capabilities []string
	Kernel       string
}

// Evaluator knows what a unit of sources says.
type Evaluator struct {
	opts     Options
	targets  []linux.Arch
	arches   place // of the ARCHES that counts
	rules    []*rule
	defaults []defaultAction
	baseline []stated
}

// place is where a statement stands.
type place struct {
	base   int          // how many bases down
	depth  int          // how many blocks around
	arches []linux.Arch // of the block for architectures around; nil outside
	off    bool         // behind a guard that does not hold
}

// better reports whether what is said at p counts, and not what is said at q.
func (p place) better(q place) bool {
	if p.base != q.base {
		return p.base < q.base
	}
	return p.depth > q.depth
}

// on reports whether what is said at p is about an architecture.
func (p place) on(a linux.Arch) bool { return p.arches == nil || contains(p.arches, a) }

// rule is a rule, the syscalls it is for, and where it stands.
type rule struct {
	*syntax.Rule
	syscalls []string
	removed  []removal
	scope    *scope
	place    place
}

type removal struct {
	name  string
	place place
}

// defaultAction is a statement about a default action and where it stands.
type defaultAction struct {
	*syntax.Default
	scope *scope
	place place
}

// stated is a baseline and where it stands.
type stated struct {
	version string
	place   place
}

// scope is what is defined at some line: a list, the latest definition first.
// An entry is a definition or a group.
type scope struct {
	*syntax.Define
	group  *syntax.Group
	before *scope // what the definition itself can see
}

// find finds the definition of a name.
func (s *scope) find(name string) *scope {
	for ; s != nil; s = s.before {
		if s.Define != nil && s.Name.Text == name {
			return s
		}
	}
	return nil
}

// syscalls returns the syscalls that names stand for.
func (s *scope) syscalls(names []*syntax.Name) []string {
	var list []string
	for _, n := range names {
		if n.Text[0] != '@' {
			list = append(list, n.Text)
			continue
		}
		for at := s; at != nil; at = at.before {
			if at.group != nil && at.group.Name.Text == n.Text {
				list = append(list, at.before.syscalls(at.group.Members)...)
				break
			}
		}
	}
	return list
}

// New returns the evaluator of sources that lang.Load finds no error in, parsed
// and their includes resolved. Of others the meaning is not defined; New may
// return an error, or Eval panic.
func New(files []*syntax.File, opts Options) (*Evaluator, error) {
	e := &Evaluator{opts: opts, targets: opts.Targets}
	for which, text := range opts.Defaults {
		if text == "" {
			continue
		}
		action, diags := syntax.ParseAction(source.NewFile(which.String(), text))
		if action == nil {
			return nil, diags
		}
		e.defaults = append(e.defaults, defaultAction{
			Default: &syntax.Default{Which: which, Action: action},
			place:   place{base: 1000}, // the policy's count before it
		})
	}
	var at *scope
	for _, f := range append(append([]*syntax.File{}, opts.Definitions...), files...) {
		var err error
		if at, err = e.add(f.Stmts, at, place{}); err != nil {
			return nil, err
		}
	}
	if len(e.targets) == 0 {
		e.targets = []linux.Arch{linux.X86_64}
	}
	return e, nil
}

// add takes in statements that stand at a place, and returns what is defined
// behind them.
func (e *Evaluator) add(stmts []syntax.Stmt, at *scope, p place) (*scope, error) {
	for _, s := range stmts {
		var err error
		inner := p
		inner.depth++
		switch s := s.(type) {
		case *syntax.Define:
			at = &scope{s, nil, at}
		case *syntax.Group:
			at = &scope{nil, s, at}
		case *syntax.Default:
			if !p.off {
				e.defaults = append(e.defaults, defaultAction{s, at, p})
			}
		case *syntax.Baseline:
			if !p.off {
				e.baseline = append(e.baseline, stated{s.Version.Text, p})
			}
		case *syntax.Rule:
			if !p.off {
				e.rules = append(e.rules, &rule{s, at.syscalls(s.Names), nil, at, p})
			}
		case *syntax.Remove:
			if !p.off {
				e.remove(at.syscalls(s.Names), p)
			}
		case *syntax.Arches:
			err = e.setTargets(s, p)
		case *syntax.Include:
			at, err = e.add(s.File.Stmts, at, p)
		case *syntax.Base:
			below := p
			below.base++
			at, err = e.add(s.File.Stmts, at, below)
		case *syntax.ArchBlock:
			if inner.arches, err = parseArches(s.Arches); err == nil {
				_, err = e.add(s.Stmts, at, inner)
			}
		case *syntax.When:
			holds := !p.off && e.guard(s.Cond)
			inner.off = p.off || !holds
			if _, err = e.add(s.Stmts, at, inner); err == nil {
				inner.off = p.off || holds
				_, err = e.add(s.Else, at, inner)
			}
		case *syntax.Test, *syntax.Flags, *syntax.NoNewPrivs, *syntax.Listener: // no part of the meaning
		default:
			err = fmt.Errorf("%s: no meaning for %T", s.Span(), s)
		}
		if err != nil {
			return nil, err
		}
	}
	return at, nil
}

// setTargets takes in ARCHES.
func (e *Evaluator) setTargets(s *syntax.Arches, p place) error {
	arches, err := parseArches(s.Names)
	if err == nil && len(e.opts.Targets) == 0 && (e.targets == nil || p.better(e.arches)) {
		e.targets, e.arches = arches, p
	}
	return err
}

// remove takes syscalls from the rules of the bases.
func (e *Evaluator) remove(names []string, p place) {
	for _, r := range e.rules {
		for _, name := range names {
			if r.place.base > p.base {
				r.removed = append(r.removed, removal{name, p})
			}
		}
	}
}

func parseArches(names []*syntax.Name) ([]linux.Arch, error) {
	var list []linux.Arch
	for _, n := range names {
		a, ok := linux.ParseArch(n.Text)
		if !ok {
			return nil, fmt.Errorf("%s: no architecture %q", n.At, n.Text)
		}
		list = append(list, a)
	}
	return list, nil
}

func contains(list []linux.Arch, a linux.Arch) bool {
	for _, x := range list {
		if x == a {
			return true
		}
	}
	return false
}

// Eval returns what happens to a call. It panics where the text says nothing
// about it, which is an error that lang.Load reports.
func (e *Evaluator) Eval(d *linux.SeccompData) (action linux.Action) {
	arch, known := linux.ArchOf(d.Arch, d.NR)
	if !known || !contains(e.targets, arch) {
		return e.foreign(known && arch == linux.X32)
	}
	defer func() {
		if r := recover(); r != nil {
			if err, ok := r.(error); !ok || !errors.Is(err, errDivision) {
				panic(r)
			}
			action = linux.KillThread
		}
	}()
	call := &call{e, arch, d}
	if r := e.rule(arch, d.NR); r != nil {
		return call.rule(r)
	}
	if e.isNewer(arch, d.NR) {
		return call.byDefault(syntax.DefaultNewer)
	}
	return call.byDefault(syntax.DefaultPolicy)
}

// foreign decides a call of an architecture that is no target.
func (e *Evaluator) foreign(x32 bool) linux.Action {
	if x32 && contains(e.targets, linux.X86_64) {
		call := &call{e, linux.X86_64, nil}
		if d := e.defaultFor(syntax.DefaultX32, linux.X86_64); d != nil {
			return call.action(d.Action, env{scope: d.scope})
		}
	}
	call := &call{e, e.targets[0], nil}
	if d := e.defaultFor(syntax.DefaultBadArch, e.targets[0]); d != nil {
		return call.action(d.Action, env{scope: d.scope})
	}
	return linux.KillThread
}

// rule finds the rule for a syscall; nil where there is none.
func (e *Evaluator) rule(arch linux.Arch, nr uint32) *rule {
	var found *rule
	var how match
	for _, r := range e.rules {
		m := r.isFor(arch, nr)
		if m == none || !r.place.on(arch) {
			continue
		}
		if found == nil || r.place.better(found.place) || m > how && !found.place.better(r.place) {
			found, how = r, m
		}
	}
	return found
}

// match is what a rule says that it is for.
type match uint8

const (
	none   match = iota
	ranged       // numbers, of which one is that of the syscall
	named        // the syscall
)

// isFor returns whether a rule is for a syscall.
func (r *rule) isFor(arch linux.Arch, nr uint32) (m match) {
	for _, gone := range r.removed {
		if matches(gone.name, arch, nr) != none && gone.place.on(arch) {
			return none
		}
	}
	for _, name := range r.syscalls {
		m = max(m, matches(name, arch, nr))
	}
	return m
}

// matches returns whether what stands in a rule as a name is for a syscall.
func matches(name string, arch linux.Arch, nr uint32) match {
	first, last, isRange := strings.Cut(name, "..")
	if !isRange {
		if n, ok := arch.Number(name); ok && n == nr {
			return named
		}
		return none
	}
	lo, err := strconv.ParseUint(strings.TrimPrefix(first, "syscall_"), 0, 32)
	if err != nil || !has(arch, lo) {
		return none
	}
	if last != "" {
		hi, err := strconv.ParseUint(last, 0, 32)
		if err != nil || !has(arch, hi) || uint64(nr) > hi {
			return none
		}
	}
	if uint64(nr) < lo || !has(arch, uint64(nr)) {
		return none
	}
	return ranged
}

// has reports whether a number is one of an architecture's.
func has(arch linux.Arch, nr uint64) bool {
	a, ok := linux.ArchOf(arch.Audit(), uint32(nr))
	return ok && a == arch
}

// defaultFor finds a default action; nil where there is none.
func (e *Evaluator) defaultFor(which syntax.Which, arch linux.Arch) *defaultAction {
	var found *defaultAction
	for i := range e.defaults {
		d := &e.defaults[i]
		if d.Which == which && d.place.on(arch) && (found == nil || d.place.better(found.place)) {
			found = d
		}
	}
	return found
}
