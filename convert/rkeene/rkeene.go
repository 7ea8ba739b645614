// Package rkeene reads the Tcl-like language of Roy Keene's article "A DSL For
// Seccomp Rules": a block for each architecture, in which if, elseif and else
// lead to return.
//
//	i386 {
//		if {$nr eq "socketcall"} {
//			return errno ENOSYS
//		}
//		return allow
//	}
//
// As in the program that the article prints, $args(N) is the low word of an
// argument, and calls of architectures without a block get trap. Unlike there,
// x32's numbers do not fall among x86_64's: where there is no block for x32, its
// calls get trap, too.
package rkeene

import (
	"fmt"
	"slices"
	"strings"

	"secco/linux"
	"secco/policy"
	"secco/source"
)

// maxWork bounds how often statements are looked at: once for each number that
// a block compares with.
const maxWork = 1 << 21

// Options say what a file leaves to its caller.
type Options struct {
	// Arches are those that the policy is to be for, of those that the file has
	// blocks for; none stands for all of them.
	Arches []linux.Arch
}

// Read returns what a file means. The policy is nil where the findings hold
// errors.
func Read(f *source.File, opts Options) (*policy.Policy, source.Diagnostics) {
	p := &parser{}
	if len(f.Text()) > maxSize {
		p.diags.Errorf(f.Span(0, 0), "too-large", "a policy of this kind has at most %d bytes", maxSize)
		return nil, p.diags
	}
	p.tokens = lex(f, &p.diags)
	blocks := p.parse()
	if len(blocks) == 0 && !p.diags.HasErrors() {
		p.diags.Errorf(f.Span(0, 0), "syntax", "there is no block for any architecture")
	}
	for _, b := range blocks {
		p.ends(b.body, b.end)
	}
	blocks = p.wanted(f, blocks, opts.Arches)
	if p.diags.HasErrors() {
		p.diags.Sort()
		return nil, p.diags
	}
	l := &lowerer{work: maxWork}
	out := &policy.Policy{BadArch: l.b.Leaf(linux.Trap, source.Span{})}
	for _, b := range blocks {
		t := &policy.Target{Arch: b.arch, Rules: map[uint32]*policy.Node{}}
		numbers(b.body, func(nr uint32) {
			if _, have := t.Rules[nr]; !have {
				t.Rules[nr] = l.number(b, &nr)
			}
		})
		t.Default = l.number(b, nil)
		out.Targets = append(out.Targets, t)
		if l.work < 0 {
			p.diags.Errorf(b.span, "too-complex", "%s has too many statements for the number of syscalls that they name", b.arch)
			return nil, p.diags
		}
	}
	if out.Target(linux.X86_64) != nil && out.Target(linux.X32) == nil {
		out.X32 = out.BadArch
	}
	p.diags.Sort()
	return out, p.diags
}

// wanted returns the blocks of these architectures, or where there are none all.
func (p *parser) wanted(f *source.File, blocks []*block, arches []linux.Arch) []*block {
	if len(arches) == 0 {
		return blocks
	}
	var list []*block
	var have []string
	for _, b := range blocks {
		have = append(have, b.arch.String())
		if slices.Contains(arches, b.arch) {
			list = append(list, b)
		}
	}
	for _, a := range arches {
		if !slices.ContainsFunc(list, func(b *block) bool { return b.arch == a }) && len(have) > 0 {
			p.diags.Errorf(f.Span(0, 0), "unknown-arch", "there is no block for %s", a).Hint = "there is one for " + strings.Join(have, ", ")
		}
	}
	return list
}

// ends checks that statements end in a return whatever the conditions, and warns
// of what comes after that.
func (p *parser) ends(list []statement, closed source.Span) {
	for i, s := range list {
		if returns(s) {
			if i+1 < len(list) {
				p.diags.Warnf(list[i+1].span, "unreachable", "this is never reached")
			}
			return
		}
	}
	d := p.diags.Errorf(closed, "no-return", "a call can get here: what happens to it is not said")
	d.Hint = "end the block with return"
}

// returns reports whether nothing gets past a statement.
func returns(s statement) bool {
	if len(s.arms) == 0 {
		return true
	}
	for _, a := range s.arms {
		if !anyReturns(a.body) {
			return false
		}
	}
	return s.arms[len(s.arms)-1].cond == nil
}

func anyReturns(list []statement) bool {
	for _, s := range list {
		if returns(s) {
			return true
		}
	}
	return false
}

type lowerer struct {
	b    policy.Builder
	work int
	nr   *uint32 // the number that the graph is for; nil for one that is named nowhere
}

// number returns the graph of the calls with one number.
func (l *lowerer) number(b *block, nr *uint32) *policy.Node {
	l.nr = nr
	return l.statements(b.body, nil)
}

// statements returns the graph of a list of statements, behind which comes next.
func (l *lowerer) statements(list []statement, next *policy.Node) *policy.Node {
	for i := len(list) - 1; i >= 0; i-- {
		if l.work--; l.work < 0 {
			return l.b.Leaf(linux.Trap, source.Span{}) // reported by Read
		}
		s := list[i]
		if len(s.arms) == 0 {
			next = l.b.Leaf(s.action, s.span)
			continue
		}
		no := next
		for j := len(s.arms) - 1; j >= 0; j-- {
			body := l.statements(s.arms[j].body, next)
			if s.arms[j].cond == nil {
				no = body
				continue
			}
			no = l.cond(s.arms[j].cond, body, no)
		}
		next = no
	}
	return next
}

// cond returns the graph that leads to yes where a condition holds, else to no.
func (l *lowerer) cond(e *expr, yes, no *policy.Node) *policy.Node {
	if l.work--; l.work < 0 {
		return no
	}
	switch e.op {
	case "!":
		return l.cond(e.x, no, yes)
	case "&&":
		return l.cond(e.x, l.cond(e.y, yes, no), no)
	case "||":
		return l.cond(e.x, yes, l.cond(e.y, yes, no))
	case "eq", "ne":
		if holds := l.nr != nil && e.holds(*l.nr) || l.nr == nil && e.op == "ne"; holds {
			return yes
		}
		return no
	}
	x, k := l.b.Binary(policy.OpAnd, l.b.Word(e.low()), l.b.Const(e.mask)), l.b.Const(e.value)
	switch e.op {
	case "==":
		return l.b.Test(policy.CmpEq, x, k, yes, no, e.span)
	case "!=":
		return l.b.Test(policy.CmpEq, x, k, no, yes, e.span)
	case ">":
		return l.b.Test(policy.CmpGt, x, k, yes, no, e.span)
	case ">=":
		return l.b.Test(policy.CmpGe, x, k, yes, no, e.span)
	case "<":
		return l.b.Test(policy.CmpGe, x, k, no, yes, e.span)
	case "<=":
		return l.b.Test(policy.CmpGt, x, k, no, yes, e.span)
	}
	panic(fmt.Sprintf("rkeene: no operator %q", e.op))
}
