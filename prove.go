package secco

import (
	"cmp"
	"errors"
	"fmt"

	"secco/policy"
	"secco/policy/prove"
	"secco/source"
)

// Filter is a [*Policy] or a [*Program].
type Filter interface {
	prover() (prove.Filter, error)
	decide(Call) (Action, source.Span)
}

func (p *Policy) prover() (f prove.Filter, err error) {
	if err := p.check(); err != nil {
		return f, err
	}
	return prove.Policy(p.meaning), nil
}

func (p *Policy) decide(call Call) (Action, source.Span) { return p.Eval(call) }

func (p *Program) prover() (f prove.Filter, err error) {
	if err := p.check(); err != nil {
		return f, err
	}
	return prove.Program(p.Instructions)
}

//nolint:unparam // as Filter has it
func (p *Program) decide(call Call) (Action, source.Span) {
	a, err := p.Eval(call)
	if err != nil {
		panic(err) // it has been validated by prover
	}
	return a, source.Span{}
}

// ProveEqual proves that two filters do the same with every call. The error is nil
// where that is proved, a [*DifferentError] with a call that shows otherwise, or an
// [*UndecidedError].
func ProveEqual(a, b Filter) error { return proved(prove.Equivalent, a, b) }

// ProveStricter proves that a does with no call what is laxer than what b does with
// it, in the kernel's precedence from kill_process to allow: that a allows nothing
// that b does not. Errors are those of [ProveEqual].
func ProveStricter(a, b Filter) error { return proved(prove.AtLeastAsStrict, a, b) }

func proved(question func(a, b prove.Filter, o prove.Options) (prove.Result, error), a, b Filter) error {
	if a == nil || b == nil {
		return errors.New("there is nothing to compare with: a filter is nil")
	}
	left, err := a.prover()
	if err != nil {
		return err
	}
	right, err := b.prover()
	if err != nil {
		return err
	}
	result, err := question(left, right, prove.Options{})
	switch {
	case err != nil:
		return err
	case result.Verdict == prove.Equal || result.Verdict == prove.Stricter:
		return nil
	case result.Verdict == prove.Undecided:
		return &UndecidedError{result.Reason}
	}
	e := &DifferentError{Call: result.Witness.Call}
	e.A, e.RuleA = a.decide(e.Call)
	e.B, e.RuleB = b.decide(e.Call)
	return e
}

// DifferentError is a call that shows that a proof has failed: both filters have been
// asked about it.
type DifferentError struct {
	Call         Call
	A, B         Action
	RuleA, RuleB source.Span // that decide it, zero where that is not known
}

// Error returns the call and both answers.
func (e *DifferentError) Error() string {
	return fmt.Sprintf("%s gets %s from the first and %s from the second", prove.CallString(&e.Call), decision(e.A, e.RuleA), decision(e.B, e.RuleB))
}

// decision names an action and the rule, where that is known.
func decision(a Action, rule source.Span) string {
	if rule.IsZero() {
		return a.String()
	}
	return fmt.Sprintf("%s (%s)", a, rule)
}

// UndecidedError says that a proof took more than its bounds allow: nothing is
// claimed.
type UndecidedError struct{ Reason string }

// Error returns the reason.
func (e *UndecidedError) Error() string { return "undecided: " + e.Reason }

// Union returns the policy that allows what either allows: each call gets the laxer
// of both actions, a's where they differ in their data only, with the rule that it
// comes from. It is proved to be that.
func Union(a, b *Policy) (*Policy, error) { return merged(a, b, policy.Union) }

// Intersection returns the policy that allows what both allow: each call gets the
// stricter of both actions, as where both are installed. It is proved to be that.
func Intersection(a, b *Policy) (*Policy, error) { return merged(a, b, policy.Intersection) }

func merged(a, b *Policy, join policy.Join) (*Policy, error) {
	if err := cmp.Or(a.check(), b.check()); err != nil {
		return nil, err
	}
	p := &Policy{}
	var dropped []string
	p.meaning, dropped = policy.Merge(a.meaning, b.meaning, join)
	for _, name := range dropped {
		p.warnings.Warnf(source.Span{}, "dropped-setting", "the policies do not agree on %s, which is left out", name)
	}
	result, err := prove.Equivalent(prove.Policy(p.meaning), prove.Join(prove.Policy(a.meaning), prove.Policy(b.meaning), join), prove.Options{})
	switch {
	case err != nil:
		return nil, err
	case result.Verdict == prove.Undecided:
		return nil, &UndecidedError{result.Reason}
	case result.Verdict != prove.Equal:
		return nil, &prove.InternalError{What: fmt.Sprintf("the %s of two policies is none: %s", join, result.Witness)}
	}
	return p, nil
}
