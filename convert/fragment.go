package convert

import (
	"github.com/opencontainers/runtime-spec/specs-go"

	"secco/bpf"
)

// What libseccomp makes of several rules for one syscall
//
// libseccomp keeps no list of rules. It merges them into one tree of 32-bit
// comparisons, and the first leaf that a call reaches decides. So neither their
// order nor the strictness of their actions says who wins where two overlap, and
// for some sets the tree is wrong even where none do. What follows is the
// fragment in which it has been right on many thousands of random sets, in the
// versions 2.4 to 2.6, as the tests measure again:
//
//   - a rule alone, with any operators;
//   - rules with one condition each and the operators EQ, NE, GE, GT and
//     MASKED_EQ;
//   - rules with one condition each, all on the same argument, whose constants
//     share their upper half, with any operators but MASKED_EQ (the upper halves
//     are compared on their own, so that LT and LE go wrong across them);
//   - rules with any number of conditions that are all EQ or MASKED_EQ.
//
// In each, rules of different actions must not overlap, and no rule may be one
// that never matches: beside such a rule libseccomp may search for ever.

// problem is a reason why the meaning of a set of rules is not known.
type problem struct {
	code    string
	message string
	at      *rule
	other   *rule      // of an overlap
	args    *[6]uint64 // a call that shows it
}

// maxRules bounds the rules for one syscall, each of which takes an instruction at
// the least.
const maxRules = bpf.MaxInstructions

// maxPairs bounds how many pairs of rules are compared for one profile.
const maxPairs = 1 << 20

// pairs counts down the comparisons that are left.
type pairs int

// fragment returns why the meaning of one syscall's rules is not known, nil where
// it is. An unconditional rule is alone as far as the outcome goes, but the
// conditional ones that it wipes have to be merged before.
func (budget *pairs) fragment(left, before []*rule, words uint64) *problem {
	if p := budget.merge(before, words); p != nil {
		return p
	}
	if p := budget.merge(left, words); p != nil || len(left) < 2 {
		return p
	}
	if singles(left) || halves(left) || cubes(left) {
		return nil
	}
	for _, r := range left {
		if !cubes([]*rule{r}) {
			return &problem{code: "unsafe-rules", message: "libseccomp gets some sets of rules wrong in which other comparisons than equality stand beside further conditions", at: r}
		}
	}
	return nil
}

// merge returns why libseccomp may not be able to put rules into one tree, or
// what comes of it is not defined.
func (budget *pairs) merge(list []*rule, words uint64) *problem {
	if len(list) < 2 {
		return nil
	}
	if len(list) > maxRules {
		return &problem{code: "too-many-rules", message: "more rules for one syscall than a program has instructions", at: list[maxRules]}
	}
	for _, r := range list {
		if _, ok := overlap(words, r); !ok {
			return &problem{code: "never-matches", message: "the condition never holds; beside other rules libseccomp may not cope with that", at: r}
		}
	}
	return budget.disjoint(list, words)
}

// disjoint returns an overlap of rules whose actions differ.
func (budget *pairs) disjoint(list []*rule, words uint64) *problem {
	same := true
	for _, r := range list {
		same = same && r.action == list[0].action
	}
	if same {
		return nil
	}
	for i, r := range list {
		for _, s := range list[:i] {
			if r.action == s.action {
				continue
			}
			if *budget--; *budget < 0 {
				return &problem{code: "too-many-rules", message: "more rules than can be compared with each other", at: r}
			}
			if args, ok := overlap(words, s, r); ok {
				return &problem{
					code:    "undefined-overlap",
					message: "this rule and another of a different action meet on some calls, where it is not defined which of them decides",
					at:      r, other: s, args: &args,
				}
			}
		}
	}
	return nil
}

// singles reports whether every rule has one condition and no LT or LE.
func singles(list []*rule) bool {
	for _, r := range list {
		if len(r.conds) > 1 {
			return false
		}
		for _, c := range r.conds {
			if c.op == specs.OpLessThan || c.op == specs.OpLessEqual {
				return false
			}
		}
	}
	return true
}

// halves reports whether every rule has one condition on the same argument, none
// is masked, and the constants have one upper half.
func halves(list []*rule) bool {
	for _, r := range list {
		if len(r.conds) != 1 || len(list[0].conds) != 1 {
			return false
		}
		c, first := r.conds[0], list[0].conds[0]
		if c.arg != first.arg || c.op == specs.OpMaskedEqual || c.k>>32 != first.k>>32 {
			return false
		}
	}
	return true
}

// cubes reports whether every condition is EQ or MASKED_EQ.
func cubes(list []*rule) bool {
	for _, r := range list {
		for _, c := range r.conds {
			if c.op != specs.OpEqualTo && c.op != specs.OpMaskedEqual {
				return false
			}
		}
	}
	return true
}
