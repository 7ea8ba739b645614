package compiler

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"secco/bpf"
	"secco/source"
)

// SizeError says that a policy takes more instructions than the kernel accepts.
type SizeError struct {
	Size  int
	Rules []RuleSize // those that take most, at most five, the largest first
}

// RuleSize is what one rule takes of a program.
type RuleSize struct {
	Rule source.Span
	// Instructions counts those that the rule needs; what several rules need
	// counts for each in part, so that all rules together make the program.
	Instructions float64
}

// Error names the rules that take most.
func (e *SizeError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "the program has %d instructions, the kernel takes %d at most", e.Size, bpf.MaxInstructions)
	for i, r := range e.Rules {
		b.WriteString([...]string{"; the rules that take most: ", ", "}[min(i, 1)])
		fmt.Fprintf(&b, "%s (%.0f)", r.Rule, r.Instructions)
	}
	return b.String()
}

func newSizeError(origins [][]source.Span) *SizeError {
	rules := ruleSizes(origins)
	return &SizeError{Size: len(origins), Rules: rules[:min(5, len(rules))]}
}

// ruleSizes returns what each rule takes, the largest first.
func ruleSizes(origins [][]source.Span) []RuleSize {
	sizes := map[source.Span]float64{}
	for _, spans := range origins {
		for _, s := range spans {
			sizes[s] += 1 / float64(len(spans))
		}
	}
	rules := make([]RuleSize, 0, len(sizes))
	for s, n := range sizes {
		rules = append(rules, RuleSize{s, n})
	}
	slices.SortFunc(rules, func(a, b RuleSize) int {
		return cmp.Or(-cmp.Compare(a.Instructions, b.Instructions), compareSpans(a.Rule, b.Rule))
	})
	return rules
}

// ScratchError says that a rule computes what 16 scratch words do not suffice for.
type ScratchError struct {
	Rule source.Span
}

// Error names the place.
func (e *ScratchError) Error() string {
	return fmt.Sprintf("%s: the expression needs more than %d scratch words", e.Rule, bpf.MemWords)
}
