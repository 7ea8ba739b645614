package lint

import (
	"fmt"

	"secco/lang/syntax"
	"secco/linux"
	"secco/source"
)

// argument tells of an argument that a syscall does not have, nil where it has it or
// the kernel's prototype is not known. What stands in the register is the caller's
// choice, and no condition on it keeps a call from anything.
func argument(a linux.Arch, name string, index int, at source.Span) *source.Diagnostic {
	params, ok := a.Prototype(name)
	if !ok || index < len(params) && params[index].Name != "" {
		return nil
	}
	takes := fmt.Sprintf("takes %d arguments", len(params))
	switch {
	case index < len(params):
		takes = "does not read all of its registers"
	case len(params) == 1:
		takes = "takes 1 argument"
	case len(params) == 0:
		takes = "takes no arguments"
	}
	var list source.Diagnostics
	list.Warnf(at, "no-such-argument", "%s %s on %s, and this is arg%d", name, takes, a, index).Hint =
		"the kernel does not read it: a caller can put anything there"
	return &list[0]
}

// unread tells of the arguments that a rule looks at, or names, and that one of its
// syscalls does not have.
func (r *rule) unread() source.Diagnostics {
	var list source.Diagnostics
	first := func(index int, at source.Span) *source.Diagnostic {
		for _, c := range r.calls {
			if d := argument(c.arch, c.name, index, at); d != nil {
				return d
			}
		}
		return nil
	}
	looked := map[int]bool{}
	for _, read := range r.reads {
		looked[read.index] = true
		if d := first(read.index, read.at); d != nil {
			list = append(list, *d)
		}
	}
	for i, n := range r.Params {
		if looked[i] || len(r.calls) == 0 || r.anyHas(i) {
			continue
		}
		if d := first(i, n.At); d != nil {
			list = append(list, *d)
		}
	}
	return list
}

// anyHas reports whether one of the rule's syscalls has an argument: names are for
// those that take most.
func (r *rule) anyHas(index int) bool {
	for _, c := range r.calls {
		if argument(c.arch, c.name, index, source.Span{}) == nil {
			return true
		}
	}
	return false
}

// Test tells of arguments that a test gives to a syscall that does not have them.
func Test(a linux.Arch, t *syntax.Test) source.Diagnostics {
	var list source.Diagnostics
	for i, x := range t.Args {
		if x == nil {
			continue
		}
		if d := argument(a, t.Syscall.Text, i, x.Span()); d != nil {
			list = append(list, *d)
		}
	}
	return list
}
