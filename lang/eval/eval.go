// Package eval is the meaning of the policy language, said a second time and as
// plainly as possible: it walks the syntax tree with one call in hand. It is
// slow, and shares nothing with the packages that make policies but the tree and
// the kernel's tables, so that tests can hold the one against the other.
package eval

import (
	"fmt"

	"secco/lang/syntax"
	"secco/linux"
	"secco/source"
)

// Options is what is known beside the sources; see lang.Options.
type Options struct {
	Targets     []linux.Arch
	Defaults    map[syntax.Which]string
	Definitions []*syntax.File
}

// Evaluator knows what a unit of sources says.
type Evaluator struct {
	targets  []linux.Arch
	rules    []rule
	defaults []defaultAction // later ones win
}

// rule is a rule and where it stands.
type rule struct {
	*syntax.Rule
	scope  *scope
	arches []linux.Arch // of the block around; nil outside
}

// defaultAction is a statement about a default action and where it stands.
type defaultAction struct {
	*syntax.Default
	scope  *scope
	arches []linux.Arch
}

// scope is what is defined at some line: a list, the latest definition first.
type scope struct {
	*syntax.Define
	before *scope // what the definition itself can see
}

func (s *scope) find(name string) *scope {
	for ; s != nil; s = s.before {
		if s.Name.Text == name {
			return s
		}
	}
	return nil
}

// New returns the evaluator of sources that lang.Load finds no error in. Of
// others the meaning is not defined; New may return an error, or Eval panic.
func New(files []*syntax.File, opts Options) (*Evaluator, error) {
	e := &Evaluator{targets: opts.Targets}
	for which, text := range opts.Defaults {
		if text == "" {
			continue
		}
		action, diags := syntax.ParseAction(source.NewFile(which.String(), text))
		if action == nil {
			return nil, diags
		}
		e.defaults = append(e.defaults, defaultAction{Default: &syntax.Default{Which: which, Action: action}})
	}
	var at *scope
	for _, f := range opts.Definitions {
		for _, s := range f.Stmts {
			d, ok := s.(*syntax.Define)
			if !ok {
				return nil, fmt.Errorf("%s: no definition", s.Span())
			}
			at = &scope{d, at}
		}
	}
	for _, f := range files {
		var err error
		if at, err = e.add(f.Stmts, at, nil); err != nil {
			return nil, err
		}
	}
	if len(e.targets) == 0 {
		e.targets = []linux.Arch{linux.X86_64}
	}
	return e, nil
}

// add takes in statements, and returns what is defined behind them.
func (e *Evaluator) add(stmts []syntax.Stmt, at *scope, block []linux.Arch) (*scope, error) {
	for _, s := range stmts {
		switch s := s.(type) {
		case *syntax.Define:
			at = &scope{s, at}
		case *syntax.Default:
			e.defaults = append(e.defaults, defaultAction{s, at, block})
		case *syntax.Rule:
			e.rules = append(e.rules, rule{s, at, block})
		case *syntax.Arches:
			arches, err := parseArches(s.Names)
			if err != nil {
				return nil, err
			}
			if len(e.targets) == 0 {
				e.targets = arches
			}
		case *syntax.ArchBlock:
			arches, err := parseArches(s.Arches)
			if err != nil {
				return nil, err
			}
			if _, err := e.add(s.Stmts, at, arches); err != nil {
				return nil, err
			}
		default:
			return nil, fmt.Errorf("%s: no meaning for %T", s.Span(), s)
		}
	}
	return at, nil
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
			if r != divisionByZero {
				panic(r)
			}
			action = linux.KillThread
		}
	}()
	call := &call{e, arch, d}
	if r := e.rule(arch, d.NR); r != nil {
		return call.rule(r)
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

// rule finds the rule for a syscall: that of a block, else the one outside.
func (e *Evaluator) rule(arch linux.Arch, nr uint32) *rule {
	var outside *rule
	for i := range e.rules {
		r := &e.rules[i]
		for _, name := range r.Names {
			n, ok := arch.Syscall(name.Text)
			if !ok || n != nr {
				continue
			}
			if contains(r.arches, arch) {
				return r
			}
			if r.arches == nil && outside == nil {
				outside = r
			}
		}
	}
	return outside
}

// defaultFor finds a default action: that of a block, else the one outside, else
// the caller's.
func (e *Evaluator) defaultFor(which syntax.Which, arch linux.Arch) *defaultAction {
	var outside *defaultAction
	for i := range e.defaults {
		d := &e.defaults[i]
		switch {
		case d.Which != which:
		case contains(d.arches, arch):
			return d
		case d.arches == nil:
			outside = d // the caller's stand first
		}
	}
	return outside
}
