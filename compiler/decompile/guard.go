package decompile

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"secco/linux"
	"secco/policy"
)

// Guards make one text of several policies: those for each combination of guards
// that hold or don't.
type Guards struct {
	// Conditions are what the guards are in the language, such as
	// "cap(CAP_BPF)" or "kernel >= 4.8".
	Conditions []string
	// On returns the guards that a syscall's rule depends on, on any architecture.
	On func(name string) []int
	// Possible reports whether, of the guards that a syscall's rule depends on, these
	// can hold without the others; nil stands for always.
	Possible func(on, holds []int) bool
	// Policy returns a policy where these guards hold. Of the others none does that
	// could be without them: rules are taken of it for syscalls for which these are
	// Possible, and no others.
	Policy func(holds []int) (*policy.Policy, error)
}

// maxGuards is how many guards a syscall may depend on.
const maxGuards = 6

// guarded is the rules under one condition: for each target, by name.
type guarded struct {
	condition string
	bodies    []map[string]rule
}

// guards works out the rules that differ from those where no guard holds.
func (w *writer) guards(g *Guards) error {
	texts := map[string][]map[string]rule{} // of a combination of guards
	under := func(holds []int) ([]map[string]rule, error) {
		key := fmt.Sprint(holds)
		if have, ok := texts[key]; ok {
			return have, nil
		}
		p, err := g.Policy(holds)
		if err != nil {
			return nil, err
		}
		var all []map[string]rule
		for i, t := range p.Targets {
			if t.Arch != w.policy.Targets[i].Arch || !t.Default.IsLeaf() || t.Default.Action != w.defaults[i] {
				return nil, &UnsayableError{"guards", "what they are about is more than rules"}
			}
			rules, err := w.rules(t, w.numbers[i], w.defaults[i])
			if err != nil {
				return nil, err
			}
			all = append(all, rules)
		}
		texts[key] = all
		return all, nil
	}
	for _, name := range w.names() {
		on := g.On(name)
		switch {
		case len(on) == 0:
			continue
		case len(on) > maxGuards:
			return &UnsayableError{name, fmt.Sprintf("its rule depends on more than %d guards", maxGuards)}
		}
		for i := range w.policy.Targets {
			if _, ok := w.policy.Targets[i].Arch.Number(name); !ok {
				continue
			}
			when := map[rule]map[int]bool{} // the combinations with a rule
			var order []rule
			impossible := map[int]bool{}
			for mask := range 1 << len(on) {
				if g.Possible != nil && !g.Possible(on, chosen(on, mask)) {
					impossible[mask] = true
					continue
				}
				rules, err := under(chosen(on, mask))
				if err != nil {
					return err
				}
				r := rules[i][name]
				if when[r] == nil {
					when[r] = map[int]bool{}
					order = append(order, r)
				}
				when[r][mask] = true
			}
			for _, r := range order[1:] { // the first is that of no guard
				condition := conditionText(len(on), when[r], impossible, func(k int) string { return g.Conditions[on[k]] })
				if r.body == "" {
					r.body = ": return " + w.action(w.defaults[i])
				}
				w.guarded(condition)[i][name] = r
			}
		}
	}
	return nil
}

// chosen returns the members of a list that the bits of a mask choose.
func chosen(list []int, mask int) (out []int) {
	for k, v := range list {
		if mask>>k&1 != 0 {
			out = append(out, v)
		}
	}
	return out
}

// guarded returns the rules under a condition.
func (w *writer) guarded(condition string) []map[string]rule {
	for _, b := range w.blocks {
		if b.condition == condition {
			return b.bodies
		}
	}
	b := guarded{condition, make([]map[string]rule, len(w.policy.Targets))}
	for i := range b.bodies {
		b.bodies[i] = map[string]rule{}
	}
	w.blocks = append(w.blocks, b)
	return b.bodies
}

// names returns the names of all syscalls of the targets.
func (w *writer) names() (names []string) {
	seen := map[string]bool{}
	for _, t := range w.policy.Targets {
		for _, s := range t.Arch.Syscalls() {
			if !seen[s.Name] {
				seen[s.Name] = true
				names = append(names, s.Name)
			}
		}
	}
	return names
}

// conditionText returns the condition on n guards that holds for a set of masks,
// and for others at most where they are impossible: as few products as a greedy
// choice finds, each as short as can be.
func conditionText(n int, masks, impossible map[int]bool, text func(int) string) string {
	type product struct{ care, value int }
	within := func(p product) bool {
		for m := range 1 << n {
			if m&p.care == p.value && !masks[m] && !impossible[m] {
				return false
			}
		}
		return true
	}
	var candidates []product
	for care := range 1 << n {
		for value := range 1 << n {
			if value&^care == 0 && within(product{care, value}) {
				candidates = append(candidates, product{care, value})
			}
		}
	}
	left := map[int]bool{}
	for m := range masks {
		left[m] = true
	}
	var terms []string
	for len(left) > 0 {
		best, bestNew := product{}, 0
		for _, p := range candidates {
			count := 0
			for m := range left {
				if m&p.care == p.value {
					count++
				}
			}
			if count > bestNew {
				best, bestNew = p, count
			}
		}
		for m := range left {
			if m&best.care == best.value {
				delete(left, m)
			}
		}
		var factors []string
		for k := range n {
			switch {
			case best.care>>k&1 == 0:
			case best.value>>k&1 != 0:
				factors = append(factors, text(k))
			default:
				factors = append(factors, negated(text(k)))
			}
		}
		terms = append(terms, strings.Join(factors, " && "))
	}
	return strings.Join(terms, " || ")
}

// negated returns the opposite of a guard's condition.
func negated(condition string) string {
	if rest, ok := strings.CutPrefix(condition, "kernel >= "); ok {
		return "kernel < " + rest
	}
	return "!" + condition
}

// commentLines returns what a comment says as lines of a policy: nothing in them
// can end the comment or be something else than it looks like.
func commentLines(text, indent string) string {
	var b strings.Builder
	lines := 0
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.Map(func(r rune) rune {
			switch {
			case r == '\t' || r == ' ':
				return ' '
			case unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r):
				return -1
			}
			return r
		}, strings.ToValidUTF8(line, "\uFFFD"))
		if lines++; lines > maxCommentLines {
			b.WriteString(indent + "# ...\n")
			break
		}
		for rest := []rune(strings.TrimRight(line, " ")); ; {
			n := len(rest)
			if n > lineWidth {
				n = breakAt(rest)
			}
			b.WriteString(strings.TrimRight(indent+"# "+strings.Trim(string(rest[:n]), " "), " ") + "\n")
			if rest = rest[n:]; len(rest) == 0 {
				break
			}
		}
	}
	return b.String()
}

// breakAt returns where a long line is broken: at the last space that fits, else at
// the first, else nowhere.
func breakAt(line []rune) int {
	for n := lineWidth; n > 0; n-- {
		if line[n] == ' ' {
			return n
		}
	}
	if n := slices.Index(line, ' '); n > 0 {
		return n
	}
	return len(line)
}

// maxCommentLines is how long a comment may be.
const maxCommentLines = 40

// x32Text reports whether a policy says what x32's numbers get.
func x32Text(p *policy.Policy) bool {
	return p.Target(linux.X86_64) != nil && p.Target(linux.X32) == nil
}
