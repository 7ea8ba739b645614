package check

import (
	"secco/lang/syntax"
	"secco/source"
)

// Enough tells when so much is found, errors among it, that no more is looked
// for. It is asked about one growing list.
type Enough struct {
	warnings int // at the start of the list
}

// Of reports whether the list is long enough.
func (e *Enough) Of(list source.Diagnostics) bool {
	if len(list) < syntax.MaxErrors {
		return false
	}
	for e.warnings < len(list) && list[e.warnings].Severity == source.Warning {
		e.warnings++
	}
	return e.warnings < len(list)
}
