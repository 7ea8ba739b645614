package decompile

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"secco/linux"
	"secco/policy"
	"secco/policy/diagram"
	"secco/source"
)

// UnsayableError says what of a policy the language has no words for.
type UnsayableError struct {
	Where string // such as "i386 socket"
	What  string
}

func (e *UnsayableError) Error() string { return e.Where + ": " + e.What }

// TextOptions are for what a text says beside a policy's meaning. The zero value is
// ready for use.
type TextOptions struct {
	// Header is a comment to begin with.
	Header string
	// Comment returns the comments that belong to a place that the policy was read
	// from, from those about more than it to its own, none of them empty; nil stands
	// for none anywhere.
	Comment func(source.Span) []string
	// Guards make the rules of some syscalls depend on the machine and the process:
	// the policy is the one where none of them holds.
	Guards *Guards
	// Machines are the architectures that are targets together, where they are not
	// all: ARCHES names the first, the others have their rules in the text for a
	// caller who names them.
	Machines [][]linux.Arch
}

// Text returns a text in the policy language that means p. The error is
// an *UnsayableError or a *LimitError. Rules that hold on all architectures are
// written once, syscalls with the same rule in one statement, conditions as sets,
// ranges and masks.
func Text(p *policy.Policy, o TextOptions) (string, error) {
	if len(p.Targets) == 0 {
		return "", &UnsayableError{"the policy", "it has no architecture"}
	}
	p = p.SplitX32()
	w := &writer{policy: p, options: o}
	if err := w.header(); err != nil {
		return "", err
	}
	for i, t := range p.Targets {
		rules, err := w.rules(t, w.numbers[i], w.defaults[i])
		if err != nil {
			return "", err
		}
		w.bodies = append(w.bodies, rules)
	}
	if o.Guards != nil {
		if err := w.guards(o.Guards); err != nil {
			return "", err
		}
	}
	w.section(w.bodies, "", false)
	slices.SortStableFunc(w.blocks, func(a, b guarded) int { return strings.Compare(a.condition, b.condition) })
	for _, b := range w.blocks {
		fmt.Fprintf(&w.out, "\nwhen %s {\n", b.condition)
		w.section(b.bodies, "    ", true)
		w.out.WriteString("}\n")
	}
	return w.out.String(), nil
}

// writer writes one policy.
type writer struct {
	policy.Builder
	policy  *policy.Policy
	options TextOptions
	out     strings.Builder
	// The default actions: of conditions that hold, of those that don't, and for
	// each target of syscalls without a rule.
	positive, negative linux.Action
	defaults           []linux.Action
	numbers            [][]span          // for each target what syscalls without a rule get
	bodies             []map[string]rule // for each target, by name
	blocks             []guarded
}

// rule is what stands behind the names in a rule, and the comment above it.
type rule struct {
	body    string
	comment string // the outermost, which several rules may have
	more    string // the others, which may be about a syscall of several
	at      place
}

// place is where a comment was read, for the order of those that have one.
type place struct {
	file  string
	start int
}

func (w *writer) header() error {
	p := w.policy
	badArch, err := leafOf(p.BadArch, "other architectures")
	if err != nil {
		return err
	}
	var arches []string
	for _, t := range p.Targets {
		if len(w.options.Machines) == 0 || slices.Contains(w.options.Machines[0], t.Arch) {
			arches = append(arches, t.Arch.String())
		}
		if w.options.Guards != nil { // they can change rules only
			if _, err := leafOf(t.Default, fmt.Sprintf("%v syscalls without a rule", t.Arch)); err != nil {
				return err
			}
		}
		numbers := w.spans(t)
		w.numbers = append(w.numbers, numbers)
		w.defaults = append(w.defaults, usual(t, numbers))
	}
	w.positive, w.negative = linux.Allow, w.defaults[0]
	if w.options.Header != "" {
		w.out.WriteString(commentLines(w.options.Header, "") + "\n")
	}
	fmt.Fprintf(&w.out, "ARCHES = %s\n", strings.Join(arches, ", "))
	set := func(name string, a linux.Action) { fmt.Fprintf(&w.out, "%s = %s\n", name, w.action(a)) }
	set("DEFAULT_POSITIVE", w.positive)
	set("DEFAULT_NEGATIVE", w.negative)
	set("DEFAULT_POLICY", w.defaults[0])
	set("DEFAULT_BADARCH", badArch)
	if x32Text(p) {
		set("DEFAULT_X32", p.X32.Action)
	}
	return w.settings()
}

// settings writes how the filter is installed.
func (w *writer) settings() error {
	s := w.policy.Settings
	if len(s.Flags) > 0 {
		fmt.Fprintf(&w.out, "FLAGS = %s\n", strings.Join(s.Flags, ", "))
	}
	if s.NoNewPrivs != nil {
		value := map[bool]int{true: 1}[*s.NoNewPrivs]
		fmt.Fprintf(&w.out, "NO_NEW_PRIVS = %d\n", value)
	}
	for _, text := range []struct{ name, value string }{{"LISTENER", s.ListenerPath}, {"LISTENER_METADATA", s.ListenerMetadata}} {
		if text.value == "" {
			continue
		}
		quoted := quotes.Replace(text.value)
		if !utf8.ValidString(quoted) || strings.ContainsFunc(quoted, unicode.IsControl) {
			return &UnsayableError{text.name, "it has characters that can't stand in a string"}
		}
		fmt.Fprintf(&w.out, "%s = \"%s\"\n", text.name, quoted)
	}
	return nil
}

// quotes are how the language's strings say what can't stand in them itself.
var quotes = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\r", `\r`, "\t", `\t`)

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

// rules returns an architecture's rules, by name: for each number that has one, and
// for the ranges of the others that don't get the default action.
func (w *writer) rules(t *policy.Target, numbers []span, fallback linux.Action) (map[string]rule, error) {
	rules := map[string]rule{}
	done := map[*policy.Node]string{}
	add := func(r diagram.Range, n *policy.Node) error {
		name := t.Arch.RangeName(r.Lo, r.Hi)
		body, ok := done[n]
		if !ok {
			var err error
			body, err = w.rule(calls{t.Arch, r}, n)
			if limit := (*LimitError)(nil); errors.As(err, &limit) {
				return &LimitError{fmt.Sprintf("%s in the rule for %v %s", limit.What, t.Arch, name), limit.Max}
			} else if err != nil {
				return &UnsayableError{fmt.Sprintf("%v %s", t.Arch, name), err.Error()}
			}
			done[n] = body
		}
		rules[name] = w.commented(body, n, t.Default)
		return nil
	}
	for _, nr := range slices.Sorted(maps.Keys(t.Rules)) {
		n := t.Rules[nr]
		if len(numbers) > 1 { // else the number makes no difference
			n = w.decided(n, calls{t.Arch, diagram.One(nr)})
		}
		if !sameNode(n, spanOf(numbers, nr).node) {
			if err := add(diagram.One(nr), n); err != nil {
				return nil, err
			}
		}
	}
	for _, s := range numbers {
		own, single := t.Rules[s.Lo]
		if s.node.IsLeaf() && s.node.Action.Effect() == fallback.Effect() || single && s.Lo == s.Hi && !sameNode(own, s.node) {
			continue // the latter has its rule from above
		}
		if err := add(s.Range, s.node); err != nil {
			return nil, err
		}
	}
	return rules, nil
}

// commented returns a rule with the comments that belong to its parts, each once, in
// their order.
func (w *writer) commented(body string, root, fallback *policy.Node) rule {
	r := rule{body: body}
	if w.options.Comment == nil {
		return r
	}
	var spans []source.Span
	policy.Walk(func(n *policy.Node) {
		if !n.Span.IsZero() && n.Span != fallback.Span && len(spans) < maxTests {
			spans = append(spans, n.Span)
		}
	}, root)
	slices.SortStableFunc(spans, func(a, b source.Span) int {
		return cmp.Or(strings.Compare(a.File().Name(), b.File().Name()), cmp.Compare(a.Start(), b.Start()))
	})
	var parts []string
	for _, s := range spans {
		for _, c := range w.options.Comment(s) {
			if slices.Contains(parts, c) {
				continue
			}
			if len(parts) == 0 {
				r.at = place{s.File().Name(), s.Start()}
			}
			parts = append(parts, c)
		}
	}
	if len(parts) > 0 {
		r.comment, r.more = parts[0], strings.Join(parts[1:], "\n")
	}
	return r
}
