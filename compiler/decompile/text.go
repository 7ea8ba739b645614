package decompile

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"secco/linux"
	"secco/policy"
)

// UnsayableError says what of a policy the language has no words for.
type UnsayableError struct {
	Where string // such as "i386 socket"
	What  string
}

func (e *UnsayableError) Error() string { return e.Where + ": " + e.What }

// Text returns a text in the policy language that means p, or an *UnsayableError.
// Rules that hold on all architectures are written once, syscalls with the same
// rule in one statement, conditions as sets, ranges and masks. Settings that are
// no part of the meaning are not written.
func Text(p *policy.Policy) (string, error) {
	w := &writer{policy: p}
	if len(p.Targets) == 0 {
		return "", &UnsayableError{"the policy", "it has no architecture"}
	}
	if err := w.header(); err != nil {
		return "", err
	}
	for _, t := range p.Targets {
		rules, err := w.rules(t)
		if err != nil {
			return "", err
		}
		w.bodies = append(w.bodies, rules)
	}
	w.body()
	return w.out.String(), nil
}

// writer writes one policy.
type writer struct {
	policy *policy.Policy
	out    strings.Builder
	// The default actions: of conditions that hold, of those that don't, and for
	// each target of syscalls without a rule.
	positive, negative linux.Action
	defaults           []linux.Action
	bodies             []map[string]string // for each target, by name
}

func (w *writer) header() error {
	p := w.policy
	badArch, err := leafOf(p.BadArch, "other architectures")
	if err != nil {
		return err
	}
	var arches []string
	for _, t := range p.Targets {
		arches = append(arches, t.Arch.String())
		a, err := leafOf(t.Default, fmt.Sprintf("%v syscalls without a rule", t.Arch))
		if err != nil {
			return err
		}
		w.defaults = append(w.defaults, a)
	}
	w.positive, w.negative = linux.Allow, w.defaults[0]
	fmt.Fprintf(&w.out, "ARCHES = %s\n", strings.Join(arches, ", "))
	set := func(name string, a linux.Action) { fmt.Fprintf(&w.out, "%s = %s\n", name, w.action(a)) }
	set("DEFAULT_POSITIVE", w.positive)
	set("DEFAULT_NEGATIVE", w.negative)
	set("DEFAULT_POLICY", w.defaults[0])
	set("DEFAULT_BADARCH", badArch)
	if p.Target(linux.X86_64) != nil && p.Target(linux.X32) == nil {
		x32, err := leafOf(p.X32, "x32's syscalls")
		if err != nil {
			return err
		}
		set("DEFAULT_X32", x32)
	}
	return nil
}

// leafOf returns the action of a graph that has to be a leaf.
func leafOf(n *policy.Node, where string) (linux.Action, error) {
	if n == nil || !n.IsLeaf() {
		return 0, &UnsayableError{where, "what happens to them depends on more than a default action can say"}
	}
	return n.Action, nil
}

// action returns an action. Errnos have a name where all targets agree on it.
func (w *writer) action(a linux.Action) string {
	if a.Kind() != linux.Errno {
		return a.String()
	}
	name, ok := linux.X86_64.ErrnoName(a.Data())
	for _, t := range w.policy.Targets {
		if k, known := t.Arch.Errno(name); !known || k != a.Data() {
			ok = false
		}
	}
	if ok {
		return name
	}
	return fmt.Sprintf("errno(%d)", a.Data())
}

// rules returns the bodies of an architecture's rules, by name.
func (w *writer) rules(t *policy.Target) (map[string]string, error) {
	bodies := map[string]string{}
	done := map[*policy.Node]string{}
	for _, nr := range slices.Sorted(maps.Keys(t.Rules)) {
		n := t.Rules[nr]
		if n == t.Default || n.IsLeaf() && n.Action.Effect() == t.Default.Action.Effect() {
			continue
		}
		name, ok := t.Arch.SyscallName(nr)
		if !ok {
			return nil, &UnsayableError{fmt.Sprintf("%v syscall %d", t.Arch, nr), "it has no name"}
		}
		body, ok := done[n]
		if !ok {
			var err error
			if body, err = w.rule(t.Arch, nr, n); err != nil {
				return nil, &UnsayableError{fmt.Sprintf("%v %s", t.Arch, name), err.Error()}
			}
			done[n] = body
		}
		bodies[name] = body
	}
	return bodies, nil
}

// body writes the rules: first what holds wherever the syscall exists, then what
// is particular to architectures.
func (w *writer) body() {
	common, left := map[string]string{}, make([]map[string]string, len(w.bodies))
	for i := range left {
		left[i] = map[string]string{}
	}
	for i, bodies := range w.bodies {
		for name, body := range bodies {
			if w.everywhere(name, body) {
				common[name] = body
			} else {
				left[i][name] = body
			}
		}
	}
	w.statements(common, "")
	written := make([]bool, len(left))
	for i, t := range w.policy.Targets {
		if written[i] {
			continue
		}
		arches := []string{t.Arch.String()}
		for j := i + 1; j < len(left); j++ {
			if w.defaults[i] == w.defaults[j] && maps.Equal(left[i], left[j]) {
				written[j] = true
				arches = append(arches, w.policy.Targets[j].Arch.String())
			}
		}
		if len(left[i]) == 0 && w.defaults[i] == w.defaults[0] {
			continue
		}
		fmt.Fprintf(&w.out, "\narch %s {\n", strings.Join(arches, ", "))
		if w.defaults[i] != w.defaults[0] {
			fmt.Fprintf(&w.out, "    DEFAULT_POLICY = %s\n", w.action(w.defaults[i]))
		}
		w.statements(left[i], "    ")
		w.out.WriteString("}\n")
	}
}

// everywhere reports whether all architectures that have a syscall have the same
// rule for it.
func (w *writer) everywhere(name, body string) bool {
	for i, t := range w.policy.Targets {
		if _, ok := t.Arch.Syscall(name); ok && w.bodies[i][name] != body {
			return false
		}
	}
	return true
}

// lineWidth is where lists of names are broken.
const lineWidth = 110

// statements writes rules, those of many syscalls first.
func (w *writer) statements(bodies map[string]string, indent string) {
	names := map[string][]string{}
	for name, body := range bodies {
		names[body] = append(names[body], name)
	}
	order := slices.Collect(maps.Keys(names))
	for _, body := range order {
		slices.Sort(names[body])
	}
	slices.SortFunc(order, func(a, b string) int {
		return cmp.Or(cmp.Compare(len(names[b]), len(names[a])), cmp.Compare(names[a][0], names[b][0]))
	})
	for _, body := range order {
		if len(names[body]) > 1 || indent == "" {
			w.out.WriteString("\n")
		}
		w.out.WriteString(indent)
		column := len(indent)
		for i, name := range names[body] {
			if i > 0 {
				w.out.WriteString(",")
				if column += len(name) + 2; column > lineWidth {
					w.out.WriteString(" \\\n    " + indent)
					column = len(indent) + 4 + len(name)
				} else {
					w.out.WriteString(" ")
				}
			} else {
				column += len(name)
			}
			w.out.WriteString(name)
		}
		w.out.WriteString(strings.ReplaceAll(body, "\n", "\n"+indent) + "\n")
	}
}
