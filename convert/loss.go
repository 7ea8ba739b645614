package convert

import (
	"fmt"
	"slices"
	"strings"

	"secco/linux"
	"secco/source"
)

// Loss is something in a policy that the other form can't say.
type Loss struct {
	Span    source.Span // the rule; zero where none is at fault
	Arch    linux.Arch  // zero where it is about all of them
	Syscall string      // empty where it is about no single one
	Expr    string      // the part of the rule that costs most, where known
	Count   uint64      // of the rules that it would take, where that is the reason
	Reason  string
	Help    string // what would make the conversion possible
	// Undecided says that the rule was too complex for it to be known whether the other
	// form can say it.
	Undecided bool
}

// String returns what is lost and why.
func (l Loss) String() string {
	var b strings.Builder
	if l.Syscall != "" {
		b.WriteString(l.Syscall)
		if l.Arch != 0 {
			fmt.Fprintf(&b, " on %s", l.Arch)
		}
		b.WriteString(": ")
	} else if l.Arch != 0 {
		fmt.Fprintf(&b, "%s: ", l.Arch)
	}
	b.WriteString(l.Reason)
	if l.Expr != "" {
		fmt.Fprintf(&b, "; what costs most is %s", l.Expr)
	}
	return b.String()
}

// LossError says why a policy can't be stated exactly in another form.
type LossError struct {
	Form   string // such as "an OCI profile"
	Losses []Loss // at least one
}

// Error returns the one-line forms of all losses.
func (e *LossError) Error() string { return e.Diagnostics().Error() }

// Undecided reports whether nothing is known to be lost: a bound was reached.
func (e *LossError) Undecided() bool {
	return !slices.ContainsFunc(e.Losses, func(l Loss) bool { return !l.Undecided })
}

// Diagnostics returns the losses as findings with the code "loss", or "too-complex"
// for those that are undecided, in order of their places.
func (e *LossError) Diagnostics() source.Diagnostics {
	var diags source.Diagnostics
	for _, l := range e.Losses {
		code, says := "loss", "can't say this policy"
		if l.Undecided {
			code, says = "too-complex", "may be able to say this policy or not"
		}
		d := diags.Errorf(l.Span, code, "%s %s: %s", e.Form, says, l)
		d.Hint = l.Help
	}
	diags.Sort()
	return diags
}
