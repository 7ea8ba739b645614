package convert

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"secco/linux"
)

// libseccomp makes equal ends of different syscalls' rules, and of different
// architectures' too, one piece of program. Such a piece may take for granted
// that the word that it tests has been loaded, which holds where it comes after
// another test of the same word, and not where it comes after the failed test of
// a further word. So a syscall whose rules branch on one word after having
// tested another is only safe where no other syscall's rules have an end in
// common with it, unless the two are the same all along.

// step is one comparison of 32 bits.
type step struct {
	arg         int
	high        bool
	op          specs.LinuxSeccompOperator
	mask, datum uint32
}

// steps returns a rule's comparisons in their order.
func steps(r *rule, words uint64) (list []step) {
	conds := slices.Clone(r.conds)
	slices.SortStableFunc(conds, func(a, b condition) int { return a.arg - b.arg })
	for _, c := range conds {
		if words>>32 != 0 {
			list = append(list, step{c.arg, true, c.op, uint32(c.mask >> 32), uint32(c.k >> 32)})
		}
		list = append(list, step{c.arg, false, c.op, uint32(c.mask), uint32(c.k)})
	}
	return list
}

// branches reports whether a failed test of one word is followed by a test of
// another.
func branches(list []*rule, words uint64) bool {
	if len(list) < 2 || halves(list) {
		return false
	}
	prefix := steps(list[0], words)
	longest := 0
	for _, r := range list {
		s := steps(r, words)
		longest = max(longest, len(s))
		n := 0
		for n < min(len(prefix), len(s)) && prefix[n] == s[n] {
			n++
		}
		prefix = prefix[:n]
	}
	return longest-len(prefix) > 1
}

// placed is a rule on one architecture.
type placed struct {
	arch linux.Arch
	rule *rule
}

// String returns the syscall as it was named, and the architecture.
func (p placed) String() string { return fmt.Sprintf("%s on %s", p.rule.origin.name, p.arch) }

// entangled returns two rules of different syscalls or architectures which
// libseccomp might get wrong together.
func (m *model) entangled() (one, other placed, found bool) {
	type end struct {
		step
		action linux.Action
	}
	type user struct {
		placed
		shape    int
		branches bool
	}
	users := map[end][]user{}
	shapes := map[string]int{}
	for _, a := range m.arches {
		words := wordsOf(a)
		for _, nr := range slices.Sorted(maps.Keys(m.rules[a])) {
			list, _, _ := effective(m.rules[a][nr])
			if len(list) < 2 {
				continue
			}
			text := shape(list, words)
			if _, ok := shapes[text]; !ok {
				shapes[text] = len(shapes)
			}
			u := user{placed: placed{arch: a}, shape: shapes[text], branches: branches(list, words)}
			for _, r := range list {
				s := steps(r, words)
				if len(s) == 0 {
					continue
				}
				u.rule = r
				e := end{s[len(s)-1], r.action}
				for _, v := range users[e] {
					if v.shape != u.shape && (v.branches || u.branches) {
						return u.placed, v.placed, true
					}
				}
				if !slices.ContainsFunc(users[e], func(o user) bool { return o.shape == u.shape }) {
					users[e] = append(users[e], u)
				}
			}
		}
	}
	return one, other, false
}

// shape returns the same text for lists of which libseccomp makes the same.
func shape(list []*rule, words uint64) string {
	var b strings.Builder
	for _, r := range list {
		fmt.Fprintln(&b, steps(r, words), r.action)
	}
	return b.String()
}
