package bench

import (
	"fmt"
	"slices"
	"strings"

	"secco/linux"
	"secco/source"
)

// Source returns the specification in secco's language, syscall by syscall. The
// rules of a syscall must have the same action; Skipped can't be said, and is the
// default action.
func (w *Workload) Source() *source.File {
	var b strings.Builder
	fmt.Fprintf(&b, "DEFAULT_POSITIVE = allow\nDEFAULT_NEGATIVE = %[1]s\nDEFAULT_POLICY = %[1]s\n", word(w.Default))
	fmt.Fprintf(&b, "DEFAULT_BADARCH = %s\nDEFAULT_X32 = %s\n", word(w.Missing), word(w.X32))
	names := make([]string, len(w.Arches))
	for i, a := range w.Arches {
		names[i] = a.String()
	}
	fmt.Fprintf(&b, "ARCHES = %s\n", strings.Join(names, ", "))
	written := map[string]bool{}
	for i, r := range w.Rules {
		if written[r.Syscall] {
			continue
		}
		written[r.Syscall] = true
		var any []string
		for _, other := range w.Rules[i:] {
			if other.Syscall == r.Syscall {
				any = append(any, other.expression())
			}
		}
		if slices.Contains(any, "1") { // which stands alone
			any = []string{"1"}
		}
		fmt.Fprintf(&b, "%s[+%s]: %s\n", r.Syscall, word(r.Action), strings.Join(any, " || "))
	}
	return source.NewFile(w.Name+".secco", b.String())
}

func word(a linux.Action) string {
	switch a.Kind() {
	case linux.Allow:
		return "allow"
	case linux.Errno:
		return fmt.Sprint(a.Data())
	}
	return "kill"
}

var operators = map[string]string{"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}

func (r Rule) expression() string {
	if len(r.Conds) == 0 {
		return "1"
	}
	var all []string
	for _, c := range r.Conds {
		if c.Op == "meq" {
			all = append(all, fmt.Sprintf("(arg%d & %#x) == %#x", c.Arg, c.Value, c.Value2))
		} else {
			all = append(all, fmt.Sprintf("arg%d %s %#x", c.Arg, operators[c.Op], c.Value))
		}
	}
	return strings.Join(all, " && ")
}
