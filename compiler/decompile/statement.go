package decompile

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"secco/linux"
	"secco/policy/diagram"
)

// section writes rules: first what holds wherever the syscall exists, then what is
// particular to architectures. Those under guards replace the others.
func (w *writer) section(bodies []map[string]rule, indent string, guarded bool) {
	common, left := map[string]rule{}, make([]map[string]rule, len(bodies))
	for i := range left {
		left[i] = map[string]rule{}
	}
	apart := w.apart(bodies)
	for i, rules := range bodies {
		for name, r := range rules {
			if w.everywhere(bodies, name, r) && (!guarded || w.plain(name)) && !apart(name) {
				common[name] = r
			} else {
				left[i][name] = r
			}
		}
	}
	w.statements(common, indent)
	for _, b := range w.perArch(left, guarded) {
		if b.fallback == w.defaults[0] && len(b.rules) == 0 {
			continue
		}
		fmt.Fprintf(&w.out, "\n%sarch %s {\n", indent, strings.Join(b.arches, ", "))
		if b.fallback != w.defaults[0] {
			fmt.Fprintf(&w.out, "%s    DEFAULT_POLICY = %s\n", indent, w.action(b.fallback))
		}
		w.statements(b.rules, indent+"    ")
		fmt.Fprintf(&w.out, "%s}\n", indent)
	}
}

// archBlock is rules that some architectures share.
type archBlock struct {
	arches   []string
	fallback linux.Action
	rules    map[string]rule
}

// perArch returns blocks for the rules of each architecture. Where there are several
// machines, rules that several architectures share stand once.
func (w *writer) perArch(left []map[string]rule, guarded bool) (blocks []archBlock) {
	if len(w.options.Machines) > 0 {
		return w.shared(left, guarded)
	}
	written := make([]bool, len(left))
	for i, t := range w.policy.Targets {
		if written[i] {
			continue
		}
		b := archBlock{[]string{t.Arch.String()}, w.fallback(i, guarded), left[i]}
		for j := i + 1; j < len(left); j++ {
			if b.fallback == w.fallback(j, guarded) && maps.Equal(left[i], left[j]) {
				written[j] = true
				b.arches = append(b.arches, w.policy.Targets[j].Arch.String())
			}
		}
		blocks = append(blocks, b)
	}
	return blocks
}

// shared returns a block for each set of architectures that have a rule for
// themselves, the largest first.
func (w *writer) shared(left []map[string]rule, guarded bool) (blocks []archBlock) {
	index := map[string]int{}
	add := func(arches []string, fallback linux.Action) int {
		key := fmt.Sprint(arches, fallback)
		if _, ok := index[key]; !ok {
			index[key] = len(blocks)
			blocks = append(blocks, archBlock{arches, fallback, map[string]rule{}})
		}
		return index[key]
	}
	for i := range left {
		if f := w.fallback(i, guarded); f != w.defaults[0] {
			add([]string{w.policy.Targets[i].Arch.String()}, f)
		}
	}
	for i, rules := range left {
		for _, name := range slices.Sorted(maps.Keys(rules)) {
			var arches []string
			first := true
			for j := range left {
				if r, ok := left[j][name]; ok && r == rules[name] {
					first = first && j >= i
					arches = append(arches, w.policy.Targets[j].Arch.String())
				}
			}
			if first {
				b := add(arches, w.defaults[0])
				blocks[b].rules[name] = rules[name]
			}
		}
	}
	slices.SortStableFunc(blocks, func(a, b archBlock) int { return cmp.Compare(len(b.arches), len(a.arches)) })
	return blocks
}

// fallback returns what a target's syscalls without a rule get; under a guard that
// is no matter.
func (w *writer) fallback(i int, guarded bool) linux.Action {
	if guarded {
		return w.defaults[0]
	}
	return w.defaults[i]
}

// everywhere reports whether all architectures that have a syscall have the same
// rule for it, and every machine has one that does. A range is one that all
// architectures have.
func (w *writer) everywhere(bodies []map[string]rule, name string, r rule) bool {
	for i, t := range w.policy.Targets {
		_, _, ok := t.Arch.Numbers(name)
		if ok && bodies[i][name] != r || !ok && isRange(name) {
			return false
		}
	}
	for _, machine := range w.options.Machines {
		if !slices.ContainsFunc(machine, func(a linux.Arch) bool { _, _, ok := a.Numbers(name); return ok }) {
			return false
		}
	}
	return true
}

// apart returns what reports whether a name stands for a number in a range that has a
// rule on some architectures only: from the block for these, that would replace a
// rule outside.
func (w *writer) apart(bodies []map[string]rule) func(name string) bool {
	ranges := make([][]diagram.Range, len(bodies))
	for i, rules := range bodies {
		for name, r := range rules {
			lo, hi, _ := w.policy.Targets[i].Arch.Numbers(name)
			if lo < hi && !w.everywhere(bodies, name, r) {
				ranges[i] = append(ranges[i], diagram.Range{Lo: lo, Hi: hi})
			}
		}
	}
	return func(name string) bool {
		for i, t := range w.policy.Targets {
			lo, hi, ok := t.Arch.Numbers(name)
			if ok && lo == hi && slices.ContainsFunc(ranges[i], func(r diagram.Range) bool { return r.Has(lo) }) {
				return true
			}
		}
		return false
	}
}

// plain reports whether a syscall's rule outside of guards, where there is one,
// stands outside of blocks for architectures, too.
func (w *writer) plain(name string) bool {
	for i := range w.bodies {
		if r, ok := w.bodies[i][name]; ok && !w.everywhere(w.bodies, name, r) {
			return false
		}
	}
	return true
}

const (
	// lineWidth is where lists of names are broken.
	lineWidth = 110
	// manyNames is from how many names on a list is written class by class.
	manyNames = 40
)

// statement is a rule and the syscalls that it is for.
type statement struct {
	rule
	names []string
	title string // of the class where it is one of many
}

// statements writes rules, those of many syscalls first, those with comments in
// the order that they had.
func (w *writer) statements(rules map[string]rule, indent string) {
	names := map[rule][]string{}
	for name, r := range rules {
		r.at, r.more = place{}, ""
		names[r] = append(names[r], name)
	}
	var list []statement
	for r, n := range names {
		slices.Sort(n)
		for _, name := range n { // where the first of them stood
			if at := rules[name].at; r.at == (place{}) || at.file == r.at.file && at.start < r.at.start {
				r.at = at
			}
		}
		r.more = together(rules, n)
		list = append(list, statement{rule: r, names: n})
	}
	slices.SortFunc(list, func(a, b statement) int {
		return cmp.Or(
			cmp.Compare(a.at.file, b.at.file), cmp.Compare(a.at.start, b.at.start),
			cmp.Compare(len(b.names), len(a.names)), cmp.Compare(a.names[0], b.names[0]))
	})
	for i, s := range list {
		if s.comment == "" && len(s.names) >= manyNames {
			for _, part := range byClass(s) {
				w.statement(part, indent, true)
			}
			continue
		}
		w.statement(s, indent, len(s.names) > 1 || indent == "" || s.comment != "" && i > 0)
	}
}

// together returns what the comments of rules say beside the one that they share: it is
// said of all, or of each by its name.
func together(rules map[string]rule, names []string) string {
	same := !slices.ContainsFunc(names, func(name string) bool { return rules[name].more != rules[names[0]].more })
	if same {
		return rules[names[0]].more
	}
	var lines []string
	for _, name := range names {
		if more := rules[name].more; more != "" {
			lines = append(lines, name+": "+more)
		}
	}
	return strings.Join(lines, "\n")
}

// byClass returns a statement of many names as one for each class.
func byClass(s statement) []statement {
	parts := make([]statement, len(classes))
	for _, name := range s.names {
		i := classIndex(name)
		parts[i].rule, parts[i].title = s.rule, classes[i].title
		parts[i].names = append(parts[i].names, name)
	}
	return slices.DeleteFunc(parts, func(p statement) bool { return len(p.names) == 0 })
}

// statement writes one rule.
func (w *writer) statement(s statement, indent string, apart bool) {
	if text := w.out.String(); apart && !strings.HasSuffix(text, "{\n") {
		w.out.WriteString("\n")
	}
	for _, comment := range []string{cmp.Or(s.comment, s.title), s.more} {
		if comment != "" {
			w.out.WriteString(commentLines(comment, indent))
		}
	}
	w.out.WriteString(indent)
	column := len(indent)
	for i, name := range s.names {
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
	w.out.WriteString(strings.ReplaceAll(s.body, "\n", "\n"+indent) + "\n")
}
