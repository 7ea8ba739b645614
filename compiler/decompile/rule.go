package decompile

import (
	"errors"
	"fmt"
	"strings"

	"secco/linux"
	"secco/policy"
	"secco/policy/diagram"
)

// How long a condition may become, in comparisons: in words that describe its
// calls, in the tests of its graph where those words are more, and in such words
// again where the tests are too many.
const (
	fewTerms = 64
	maxTests = 400
	maxTerms = 4096
)

// limits bounds the search for short words.
var limits = diagram.Limits{Nodes: 128 << 10, Steps: 1 << 20}

// listLimits are those for lists, of which two of 1200 numbers are still to be joined.
var listLimits = diagram.Limits{Nodes: 1 << 20, Steps: 1 << 22}

// rule returns what stands behind the names in a rule: ": 1" and the like.
func (w *writer) rule(of calls, root *policy.Node) (string, error) {
	arms, err := conditions(of, root)
	if err != nil {
		return "", err
	}
	if len(arms) == 1 {
		if arms[0].action == w.positive {
			return ": 1", nil
		}
		return ": return " + w.action(arms[0].action), nil
	}
	last := arms[len(arms)-1]
	if len(arms) == 2 {
		yes, no := arms[0], last
		if no.action == w.positive && no.text != "" && no.size <= 2*yes.size {
			yes, no = no, yes // needs fewer brackets
		}
		var brackets []string
		if yes.action != w.positive {
			brackets = append(brackets, "+"+w.action(yes.action))
		}
		if no.action != w.negative {
			brackets = append(brackets, "-"+w.action(no.action))
		}
		head := ""
		if len(brackets) > 0 {
			head = "[" + strings.Join(brackets, ", ") + "]"
		}
		return head + ": " + yes.text, nil
	}
	var b strings.Builder
	b.WriteString(" {\n")
	for _, arm := range arms[:len(arms)-1] {
		fmt.Fprintf(&b, "    %s -> %s\n", arm.text, w.action(arm.action))
	}
	fmt.Fprintf(&b, "    else -> %s\n}", w.action(last.action))
	return b.String(), nil
}

// calls are those that a rule is for: of one number, or of several.
type calls struct {
	arch linux.Arch
	nr   diagram.Range
}

// slice returns the calls as diagrams have them.
func (c calls) slice() diagram.Calls {
	return diagram.Calls{Arch: diagram.One(c.arch.Audit()), NR: c.nr}
}

// names returns what numbers in the arguments of these calls are called.
func (c calls) names() diagram.Namer {
	if c.nr.Lo == c.nr.Hi {
		return diagram.NamesOf(c.arch, c.nr.Lo)
	}
	return func(int, uint64, bool) (string, bool) { return "", false }
}

// arm is an action and when it is taken.
type arm struct {
	action linux.Action
	text   string // "" where it takes too many words
	size   int    // how long the text is without names for numbers
}

// conditions returns the actions of a graph and when each is taken; the last, whose
// condition is the longest, is taken where no other is. It describes what the graph
// means as a diagram; where that would take too many words, as the graph itself.
func conditions(of calls, root *policy.Node) ([]arm, error) {
	if root.IsLeaf() {
		return []arm{{action: root.Action.Effect()}}, nil
	}
	if arms := described(of, root, fewTerms, limits); arms != nil {
		return arms, nil
	}
	if onOneArgument(root) { // which numbers it is makes one list, however long
		if arms := described(of, root, maxTerms, listLimits); arms != nil {
			return arms, nil
		}
	}
	arms, err := spelled(of.arch, root)
	if limit := (*LimitError)(nil); errors.As(err, &limit) {
		if arms := described(of, root, maxTerms, limits); arms != nil {
			return arms, nil
		}
	}
	return arms, err
}

// onOneArgument reports whether all tests of a graph compare one argument, or a half
// of it, with numbers.
func onOneArgument(root *policy.Node) bool {
	only, seen := true, -1
	policy.Walk(func(n *policy.Node) {
		if n.IsLeaf() {
			return
		}
		if n.Cmp == policy.CmpSet || n.X.Op != policy.OpWord || n.Y.Op != policy.OpConst {
			only = false
			return
		}
		i, _ := n.X.W.Arg()
		only = only && (seen < 0 || seen == i)
		seen = i
	}, root)
	return only
}

// described returns the actions with their sets of calls in words, at most so many
// for each; the longest is the last. It returns nil where a condition that is needed
// takes more.
func described(of calls, root *policy.Node, most int, bounds diagram.Limits) []arm {
	arms := sets(of, root, most, bounds)
	longest := -1
	for i := range arms {
		if longest < 0 || arms[longest].text != "" && (arms[i].text == "" || arms[i].size > arms[longest].size) {
			longest = i
		}
	}
	if longest >= 0 {
		last := arms[longest]
		arms = append(append(arms[:longest:longest], arms[longest+1:]...), last)
	}
	for _, arm := range arms[:max(0, len(arms)-1)] {
		if arm.text == "" {
			return nil
		}
	}
	return arms
}

// sets returns the actions, each with its set of calls in at most so many words.
func sets(of calls, root *policy.Node, most int, bounds diagram.Limits) []arm {
	f, err := diagram.OfGraph(root, of.slice(), bounds)
	if err != nil {
		return nil
	}
	var arms []arm
	for _, action := range f.Actions() {
		set, err := f.Where(action)
		if err != nil {
			return nil
		}
		text, size := "", 0
		if terms, err := set.Terms(most); err == nil && narrow(of.arch, terms) {
			text, size = diagram.TermsText(terms, of.names()), len(diagram.TermsString(terms))
		}
		arms = append(arms, arm{action, text, size})
	}
	return arms
}

// narrow makes terms say arg0 for the lower half where that is the whole argument.
// It fails where they are about what the language can't name.
func narrow(a linux.Arch, terms []diagram.Term) bool {
	for _, t := range terms {
		for i := range t {
			f := &t[i]
			for _, w := range f.Words {
				if !sayable(a, w) {
					return false
				}
			}
			if a.Bits() == 32 && len(f.Words) == 1 {
				widen(f)
			}
		}
	}
	return true
}

// widen makes a condition on a lower half one on the argument, as if the upper
// half were 0.
func widen(f *diagram.Factor) {
	const last = 0xffffffff
	f.Words = []linux.Word{f.Words[0] ^ 1, f.Words[0]}
	for i, r := range f.Intervals {
		if r.Hi == last && r.Lo < last {
			f.Intervals[i].Hi = 1<<64 - 1
		}
	}
	for i := range f.Masks {
		if f.Masks[i].Mask == last {
			f.Masks[i].Mask = 1<<64 - 1
		}
	}
}

// sayable reports whether the language has a name for a word.
func sayable(a linux.Arch, w linux.Word) bool {
	i, high := w.Arg()
	return i >= 0 && !(high && a.Bits() == 32)
}

// speller writes a graph as conditions.
type speller struct {
	arch  linux.Arch
	tests int
	err   error
}

// spelled returns the actions of a graph and when each is taken, the last
// otherwise, in the tests of the graph.
func spelled(a linux.Arch, root *policy.Node) ([]arm, error) {
	s := &speller{arch: a}
	var actions []linux.Action
	policy.Walk(func(n *policy.Node) {
		if n.IsLeaf() {
			for _, have := range actions {
				if have == n.Action.Effect() {
					return
				}
			}
			actions = append(actions, n.Action.Effect())
		}
	}, root)
	var arms []arm
	for i, action := range actions {
		arm := arm{action: action}
		if i < len(actions)-1 {
			arm.text = s.reach(root, action).text
		}
		arms = append(arms, arm)
	}
	return arms, s.err
}

// condition is a text, and what joins its parts: "&&", "||" or nothing.
type condition struct{ text, join string }

var always, never = condition{text: "true"}, condition{text: "false"}

// joined returns the conditions joined, in parentheses where one is joined by
// something else.
func joined(join string, list ...condition) condition {
	texts := make([]string, len(list))
	for i, c := range list {
		if texts[i] = c.text; c.join != "" && c.join != join {
			texts[i] = "(" + c.text + ")"
		}
	}
	return condition{strings.Join(texts, " "+join+" "), join}
}

// reach returns the condition for a graph to end in an action.
func (s *speller) reach(n *policy.Node, action linux.Action) condition {
	if n.IsLeaf() {
		if n.Action.Effect() == action {
			return always
		}
		return never
	}
	if s.tests++; s.tests > maxTests {
		s.err = &LimitError{"comparisons", maxTests}
	}
	if s.err != nil {
		return never
	}
	yes, no := s.reach(n.Yes, action), s.reach(n.No, action)
	test, unless := s.test(n)
	switch {
	case yes == no:
		return yes
	case yes == always && no == never:
		return test
	case yes == never && no == always:
		return unless
	case yes == always:
		return joined("||", test, no)
	case no == always:
		return joined("||", unless, yes)
	case yes == never:
		return joined("&&", unless, no)
	case no == never:
		return joined("&&", test, yes)
	}
	return joined("||", joined("&&", test, yes), joined("&&", unless, no))
}

// test returns a test and its opposite.
func (s *speller) test(n *policy.Node) (yes, no condition) {
	x, y := s.expr(n.X), s.expr(n.Y)
	says := func(format string) condition { return condition{text: fmt.Sprintf(format, x, y)} }
	switch n.Cmp {
	case policy.CmpEq:
		return says("%s == %s"), says("%s != %s")
	case policy.CmpGt:
		return says("%s > %s"), says("%s <= %s")
	case policy.CmpGe:
		return says("%s >= %s"), says("%s < %s")
	}
	return says("%s & %s != 0"), says("%s & %s == 0")
}

// expr returns an expression. All operations but those of a test are in
// parentheses.
func (s *speller) expr(e *policy.Expr) string {
	if s.err == nil {
		left := maxTests
		s.look(e, &left)
	}
	if s.err != nil {
		return ""
	}
	return e.String()
}

// look fails where an expression is longer than left or can't be said.
func (s *speller) look(e *policy.Expr, left *int) {
	if *left--; *left < 0 {
		s.err = &LimitError{"operations", maxTests}
	}
	switch {
	case s.err != nil:
	case e.Op == policy.OpConst:
	case e.Op != policy.OpWord:
		s.look(e.X, left)
		s.look(e.Y, left)
	case !sayable(s.arch, e.W):
		s.err = fmt.Errorf("it depends on %v, which the language has no name for there", e.W)
	}
}
