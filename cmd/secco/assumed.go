package main

import (
	"secco/convert/readers"
	"secco/lang/syntax"
	"secco/oci"
	"secco/source"
)

// tellAssumed warns where what is said of a filter is so for some capabilities
// alone, which no flag states: of a policy whose guards don't hold then, and of all
// guards where filters go with each other, for the others may take them for
// something else. What secco ships, and Docker's profiles, by themselves allow no
// more for that.
func (s *session) tellAssumed(f *filter, files []*source.File, find syntax.Finder) {
	var guard source.Span
	assumed := ""
	switch {
	case f.read.Profile != nil:
		guard, assumed = profileGuard(f.read.Profile), "for Docker's default capabilities"
	case f.kind == readers.Secco:
		guard, assumed = policyGuard(files, find), "for a process without capabilities"
	}
	if guard.IsZero() || !s.several && (f.read.Profile != nil || shipped(guard.File())) {
		return
	}
	var findings source.Diagnostics
	if shipped(guard.File()) {
		findings.Warnf(source.Span{}, "assumed-capabilities", "%s: its guards are decided %s", f.name, assumed).Hint = "--caps says others"
	} else {
		findings.Warnf(guard, "assumed-capabilities", "the guards here and below are decided %s", assumed).Hint = "--caps says others, such as --caps CAP_SYS_ADMIN, and --caps '' that there are none"
	}
	s.warn(findings)
}

// profileGuard returns the first guard of a profile that asks for a capability.
func profileGuard(p *oci.Profile) source.Span {
	for _, rule := range p.Syscalls {
		for _, g := range [...]*oci.Guard{rule.Includes, rule.Excludes} {
			if g != nil && len(g.Caps) > 0 {
				return g.Span
			}
		}
	}
	return source.Span{}
}

// policyGuard returns the first guard that asks for a capability, of policies that
// were read without an error and of what they include.
func policyGuard(files []*source.File, find syntax.Finder) source.Span {
	var parsed []*syntax.File
	for _, f := range files {
		p, _ := syntax.Parse(f)
		parsed = append(parsed, p)
	}
	_ = syntax.Resolve(parsed, find) // the reader has told
	var first source.Span
	var look func(*syntax.File)
	look = func(f *syntax.File) {
		for _, stmt := range f.Stmts {
			syntax.Walk(stmt, func(n syntax.Node) bool {
				switch n := n.(type) {
				case *syntax.Include:
					if n.File != nil {
						look(n.File)
					}
				case *syntax.Base:
					if n.File != nil {
						look(n.File)
					}
				case *syntax.When:
					if first.IsZero() && asksForCapability(n.Cond) {
						first = n.Cond.Span()
					}
				}
				return first.IsZero()
			})
		}
	}
	for _, f := range parsed {
		look(f)
	}
	return first
}

func asksForCapability(guard syntax.Expr) (found bool) {
	syntax.Walk(guard, func(n syntax.Node) bool {
		_, is := n.(*syntax.Call)
		found = found || is
		return !found
	})
	return found
}
