// Package lang is the policy language: it makes a policy.Policy from what was
// written. docs/language.md describes the language.
//
// The work is done in steps, each a package: syntax parses, check looks at the
// unit as a whole, unify and simplify put in macros and constants for one
// architecture, lower makes the decision graphs, lint proves which parts have no
// effect. Package eval is a second,
// independent meaning of the language, which tests compare with.
package lang

import (
	"fmt"
	"strings"

	"secco/lang/check"
	"secco/lang/lint"
	"secco/lang/syntax"
	"secco/linux"
	"secco/policy"
	"secco/source"
)

// Options is what the caller says beside the sources.
type Options struct {
	// Targets are the architectures to make a policy for. Where there are none,
	// it is those that the sources name (ARCHES), else Machine alone.
	Targets []linux.Arch
	// Machine is the one target where neither Targets nor the sources name any; zero
	// is x86_64.
	Machine linux.Arch
	// Defaults are default actions; where the sources state one, they win.
	Defaults Defaults
	// Definitions are sources that hold definitions only. They come first.
	Definitions []*source.File
	// Find finds the sources that others include or build on; where it is nil
	// there are none. See [Within].
	Find syntax.Finder
	// Capabilities (CAP_SYS_ADMIN …) and Kernel (6.1) are what the sources'
	// guards ask for. A guard that asks for a kernel that is not stated is an
	// error.
	Capabilities []string
	Kernel       string
	// Lint asks for warnings about what has no effect as well: conditions that
	// hold for every call or for none, arms that no call comes to, arguments that a
	// syscall does not have. They take proofs, which are bounded: what they leave
	// open is not warned of. Only a policy without errors is looked at.
	Lint bool
}

// Defaults holds default actions, written as in a policy; empty where the caller
// states none.
type Defaults struct {
	Positive, Negative, Policy, BadArch, X32 string
}

func (d Defaults) texts() [syntax.NumDefaults]string {
	return [syntax.NumDefaults]string{
		syntax.DefaultPositive: d.Positive, syntax.DefaultNegative: d.Negative, syntax.DefaultPolicy: d.Policy,
		syntax.DefaultBadArch: d.BadArch, syntax.DefaultX32: d.X32,
	}
}

// Load makes one policy from several sources, in their order. The policy is nil
// where the diagnostics hold errors.
func Load(files []*source.File, opts Options) (*policy.Policy, source.Diagnostics) {
	p, _, diags := LoadTests(files, opts)
	return p, diags
}

// LoadTests is Load, and returns the tests that the sources state as well.
func LoadTests(files []*source.File, opts Options) (*policy.Policy, []Test, source.Diagnostics) {
	l := &loader{builder: &policy.Builder{}}
	return l.load(l.parse(files), opts)
}

// LoadSyntax is Load of what was parsed already, or made in place of a text. Spans
// in it may be of any file.
func LoadSyntax(files []*syntax.File, opts Options) (*policy.Policy, source.Diagnostics) {
	l := &loader{builder: &policy.Builder{}}
	p, _, diags := l.load(files, opts)
	return p, diags
}

func (l *loader) load(parsed []*syntax.File, opts Options) (*policy.Policy, []Test, source.Diagnostics) {
	definitions := l.parse(opts.Definitions)
	l.diags = append(l.diags, syntax.Resolve(parsed, opts.Find)...)
	l.unparsed = l.diags.HasErrors()
	given := l.callersDefaults(opts.Defaults)
	unit, diags := check.Collect(parsed, check.Options{
		Targets: opts.Targets, Machine: opts.Machine, Defaults: given, Definitions: definitions,
		Capabilities: opts.Capabilities, Kernel: opts.Kernel,
	})
	l.diags = append(l.diags, diags...)
	l.unit, l.broken = unit, l.diags.HasErrors()
	if opts.Lint && !l.broken {
		l.lint = lint.New()
	}
	p := l.policy()
	tests := l.tests()
	l.dormant()
	l.lints()
	l.tidy()
	if l.diags.HasErrors() {
		return nil, nil, l.diags
	}
	return p, tests, l.diags
}

// lints adds what there is to say of what has no effect.
func (l *loader) lints() {
	if l.lint == nil || l.diags.HasErrors() {
		return
	}
	l.diags = append(l.diags, l.lint.Findings(l.diags)...)
	for _, t := range l.unit.Tests {
		if t.Idle {
			continue
		}
		for _, arch := range t.Arches {
			l.diags = append(l.diags, lint.Test(arch, t.Test)...)
		}
	}
	for _, n := range l.unit.Idle {
		l.diags.Warnf(n.At, "idle-block", "%s is no target: for its calls this block decides nothing", n.Text).Hint = "name it in ARCHES"
	}
}

// parse parses several sources.
func (l *loader) parse(files []*source.File) []*syntax.File {
	var list []*syntax.File
	for _, f := range files {
		parsed, diags := syntax.Parse(f)
		l.diags = append(l.diags, diags...)
		list = append(list, parsed)
	}
	return list
}

// callersDefaults parses the default actions that the caller states.
func (l *loader) callersDefaults(d Defaults) []*syntax.Default {
	var given []*syntax.Default
	for w, text := range d.texts() {
		if text == "" {
			continue
		}
		w := syntax.Which(w)
		name := strings.ToLower(strings.ReplaceAll(w.String(), "_", "-"))
		action, diags := syntax.ParseAction(source.NewFile(fmt.Sprintf("<%s>", name), text))
		l.diags = append(l.diags, diags...)
		if action != nil {
			given = append(given, &syntax.Default{Which: w, Action: action, At: action.At})
		}
	}
	return given
}

// tidy sorts what was found, and drops what was found once more on another
// architecture.
func (l *loader) tidy() {
	type finding struct {
		span    source.Span
		code    string
		message string
	}
	seen := map[finding]bool{}
	kept := l.diags[:0]
	for _, d := range l.diags {
		f := finding{d.Span, d.Code, d.Message}
		if !seen[f] {
			seen[f] = true
			kept = append(kept, d)
		}
	}
	l.diags = kept
	l.diags.Sort()
}
