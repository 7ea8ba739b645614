package convert

import (
	"fmt"
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

// Diagnostics returns the losses as findings with the code "loss", in order of
// their places.
func (e *LossError) Diagnostics() source.Diagnostics {
	var diags source.Diagnostics
	for _, l := range e.Losses {
		d := diags.Errorf(l.Span, "loss", "%s can't say this policy: %s", e.Form, l)
		d.Hint = l.Help
	}
	diags.Sort()
	return diags
}
