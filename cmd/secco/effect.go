package main

import (
	"slices"
	"strings"

	"secco/convert/readers"
)

// effects says which kinds of filters a flag says something about. Flags that are
// not here are about all of them.
var effects = []struct {
	flag  string
	kinds []readers.Kind
}{
	{"define", []readers.Kind{readers.Secco}},
	{"define-text", []readers.Kind{readers.Secco}},
	{"include", []readers.Kind{readers.Secco, readers.Minijail, readers.SPO}},
	{"caps", []readers.Kind{readers.Secco, readers.OCI}},
	{versionFlag.Name, []readers.Kind{readers.Secco, readers.OCI}},
	{"through", []readers.Kind{readers.OCI, readers.SPO}},
	{"thread", []readers.Kind{readers.Seccompiler, readers.SPO}},
	{"default-positive", []readers.Kind{readers.Secco}},
	{"default-negative", []readers.Kind{readers.Secco, readers.Minijail}},
	{"default-policy", []readers.Kind{readers.Secco, readers.Minijail}},
	{"default-badarch", []readers.Kind{readers.Secco}},
	{"default-x32", []readers.Kind{readers.Secco}},
}

// effective returns an error where a flag says something about none of the
// filters: what the caller asked for would not be so.
func (s *session) effective(filters ...*filter) error {
	var kinds []string
	for _, f := range filters {
		if name := string(f.kind); !slices.Contains(kinds, name) {
			kinds = append(kinds, name)
		}
	}
	for _, e := range effects {
		if s.IsSet(e.flag) && !slices.ContainsFunc(filters, func(f *filter) bool { return slices.Contains(e.kinds, f.kind) }) {
			var takes []string
			for _, k := range e.kinds {
				takes = append(takes, string(k))
			}
			return badInput("usage", "--%s has no effect on a filter of kind %s", e.flag, strings.Join(kinds, " or ")).
				hint("it is for %s; what the others say is never changed from outside", strings.Join(takes, ", "))
		}
	}
	return nil
}
