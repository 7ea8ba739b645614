// Package random writes policies at random, for tests: everything that the
// language can say, always without errors. The same seed gives the same text.
package random

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"secco/linux"
)

// Options bounds what is written. The zero value is for policies of a few rules.
type Options struct {
	// Targets are the architectures; where there are none, one to three are
	// drawn.
	Targets []linux.Arch
	// Rules is the number of rules, at most; 8 where it is zero.
	Rules int
	// Depth is the depth of expressions; 3 where it is zero.
	Depth int
	// Plain leaves out arithmetic: conditions compare arguments, or their
	// masked bits, with constants.
	Plain bool
	// Parens writes parentheses around every operation; the policy means the
	// same as without.
	Parens bool
}

// Policy writes a policy.
func Policy(r *rand.Rand, opts Options) string {
	if opts.Rules == 0 {
		opts.Rules = 8
	}
	if opts.Depth == 0 {
		opts.Depth = 3
	}
	w := &writer{rand: r, opts: opts, used: map[use]bool{}}
	w.targets()
	w.constants()
	w.head()
	for range r.IntN(4) {
		w.definition()
	}
	for n := 1 + r.IntN(opts.Rules); n > 0; n-- {
		switch k := r.IntN(16); {
		case k < 3 && len(w.arches) > 1:
			w.block()
		case k == 3:
			w.guarded()
		default:
			w.rule("", nil)
		}
		if w.chance(8) {
			w.definition()
		}
	}
	return w.text.String()
}

// writer is a policy in the making.
type writer struct {
	rand   *rand.Rand
	opts   Options
	text   strings.Builder
	arches []linux.Arch
	used   map[use]bool // syscalls with rules
	ranges []numbers    // with rules

	names    []string // constants of the kernel, in 32 bits on every target
	bindings []string // small numbers
	macros   []macro
	returns  []macro // with "return"
}

type use struct {
	arch  linux.Arch
	nr    uint32
	block bool
}

// numbers is a range of numbers with a rule.
type numbers struct {
	arch   linux.Arch
	lo, hi uint32
	block  bool
}

// chance is true once in n times.
func (w *writer) chance(n int) bool { return w.rand.IntN(n) == 0 }

func pick[T any](w *writer, list ...T) T { return list[w.rand.IntN(len(list))] }

func (w *writer) line(format string, args ...any) {
	fmt.Fprintf(&w.text, format, args...)
	if w.chance(12) {
		w.text.WriteString("  # " + pick(w, "a comment", "read: 1", "(", `"`))
	}
	w.text.WriteByte('\n')
}

func (w *writer) targets() {
	w.arches = w.opts.Targets
	if len(w.arches) > 0 {
		return
	}
	all := linux.Arches()
	if w.chance(2) { // the usual ones
		all = []linux.Arch{linux.X86_64, linux.X32, linux.I386}
	}
	w.rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	w.arches = all[:1+w.rand.IntN(min(3, len(all)))]
}

// constants finds names that mean a number of 32 bits on every target.
func (w *writer) constants() {
	all := w.arches[0].Constants()
	for range 40 {
		if len(all) == 0 {
			return
		}
		name, ok := pick(w, all...), true
		for _, a := range w.arches {
			v, has := a.Constant(name)
			ok = ok && has && v < 1<<32
		}
		if ok {
			w.names = append(w.names, name)
		}
	}
}

// head writes targets and default actions.
func (w *writer) head() {
	var names []string
	for _, a := range w.arches {
		names = append(names, a.String())
	}
	if len(names) > 1 || names[0] != "x86_64" {
		w.line("ARCHES = %s", strings.Join(names, ", "))
	}
	w.line("DEFAULT_POSITIVE = %s", w.action())
	w.line("DEFAULT_NEGATIVE = %s", w.action())
	w.line("DEFAULT_POLICY = %s", w.action())
	if w.chance(2) {
		w.line("DEFAULT_BADARCH = %s", w.action())
	}
	if w.chance(2) {
		w.line("DEFAULT_X32 = %s", w.action())
	}
	known := func(a linux.Arch) bool { return a == linux.X86_64 || a == linux.I386 }
	if w.chance(6) && !slices.ContainsFunc(w.arches, func(a linux.Arch) bool { return !known(a) }) {
		w.line("BASELINE = %s", pick(w, "4.19", "5.4", "5.15", "6.1"))
		w.line("DEFAULT_NEWER = %s", w.action())
	}
}

// action writes an action.
func (w *writer) action() string {
	switch w.rand.IntN(9) {
	case 0, 1:
		return pick(w, "allow", "ALLOW", "Allow")
	case 2:
		return pick(w, "kill", "kill_thread", "kill_process", "Kill")
	case 3:
		return pick(w, "trap", fmt.Sprintf("trap(%d)", w.rand.IntN(1<<16)), "trap(1 + 1)")
	case 4:
		return pick(w, "trace", fmt.Sprintf("trace(%#x)", w.rand.IntN(1<<16)))
	case 5:
		return pick(w, "log", "notify")
	case 6:
		return pick(w, "EPERM", "ENOSYS", "eacces", "errno(EINVAL)", "Errno(enosys)")
	case 7:
		return pick(w, "0", "4095", "2 * 3", "1 << 4")
	}
	return fmt.Sprint(w.rand.IntN(134))
}

// block writes rules for some architectures.
func (w *writer) block() {
	arches := []linux.Arch{pick(w, w.arches...)}
	if other := pick(w, w.arches...); other != arches[0] {
		arches = append(arches, other)
	}
	var names []string
	for _, a := range arches {
		names = append(names, a.String())
	}
	w.line("arch %s {", strings.Join(names, ", "))
	for range 1 + w.rand.IntN(3) {
		w.rule("    ", arches)
	}
	if w.chance(3) && !w.used[use{arches[0], 1 << 31, true}] && !w.used[use{arches[len(arches)-1], 1 << 31, true}] {
		w.line("    DEFAULT_NEGATIVE = %s", w.action())
		for _, a := range arches {
			w.used[use{a, 1 << 31, true}] = true
		}
	}
	w.line("}")
}

// guarded writes rules for processes with a capability, and maybe for others.
func (w *writer) guarded() {
	w.line("when %scap(%s) {", pick(w, "", "!"), pick(w, "CAP_SYS_ADMIN", "CAP_BPF"))
	w.rule("    ", w.arches)
	if w.chance(2) {
		w.line("} else {")
		w.rule("    ", w.arches)
	}
	w.line("}")
}

// name draws a syscall or a range of numbers.
func (w *writer) name(block []linux.Arch) (string, bool) {
	if w.chance(8) {
		if name, ok := w.numbers(block); ok {
			return name, true
		}
	}
	return w.syscall(block)
}

// numbers draws a range of numbers that meets no other, in a block one that all of
// its architectures have. Names may lie in it.
func (w *writer) numbers(block []linux.Arch) (string, bool) {
	on := w.arches
	if block != nil {
		on = block
	}
next:
	for range 20 {
		lo := pick(w, uint32(w.rand.IntN(500)), uint32(w.rand.IntN(500)), 0, 0x3fffffff, 0xffffffff, w.rand.Uint32())
		if w.chance(3) {
			lo |= linux.X32Bit
		}
		name := fmt.Sprintf(pick(w, "syscall_%d..", "syscall_%#x.."), lo)
		if hi := lo + pick(w, uint32(w.rand.IntN(100)), 0, 1<<30, w.rand.Uint32()>>w.rand.IntN(32)); hi >= lo && !w.chance(3) {
			name += fmt.Sprintf(pick(w, "%d", "%#x"), hi)
		}
		var drawn []numbers
		for _, a := range on {
			lo, hi, ok := a.Numbers(name)
			if !ok && block != nil {
				continue next
			}
			for _, r := range w.ranges {
				if r.arch == a && r.block == (block != nil) && lo <= r.hi && r.lo <= hi {
					continue next
				}
			}
			if ok {
				drawn = append(drawn, numbers{a, lo, hi, block != nil})
			}
		}
		if len(drawn) > 0 {
			w.ranges = append(w.ranges, drawn...)
			return name, true
		}
	}
	return "", false
}

// syscall draws a syscall that has no rule yet, in a block one that all of its
// architectures have.
func (w *writer) syscall(block []linux.Arch) (string, bool) {
	on := w.arches
	if block != nil {
		on = block
	}
next:
	for range 20 {
		all := pick(w, on...).Syscalls()
		name := pick(w, all...).Name
		if w.chance(2) {
			name = pick(w, "read", "write", "close", "ioctl", "mmap", "socket", "clone", "prctl", "openat", "kill")
		}
		var uses []use
		for _, a := range on {
			nr, ok := a.Syscall(name)
			switch {
			case ok && w.used[use{a, nr, block != nil}], !ok && block != nil:
				continue next
			case ok:
				uses = append(uses, use{a, nr, block != nil})
			}
		}
		if len(uses) == 0 {
			continue
		}
		for _, u := range uses {
			w.used[u] = true
		}
		return name, true
	}
	return "", false
}

// rule writes a rule.
func (w *writer) rule(indent string, block []linux.Arch) {
	name, ok := w.name(block)
	if !ok {
		return
	}
	for w.chance(6) {
		if other, ok := w.name(block); ok {
			name += ", " + other
		}
	}
	if w.chance(8) {
		group := pick(w, "@a", "@b")
		w.line("%sgroup %s = %s", indent, group, name)
		name = group
	}
	s := scope{}
	if w.chance(6) {
		names := []string{"fd", "size", "x1", "AF_INET", "flags", "p5"}
		names = names[:1+w.rand.IntN(len(names))]
		name += "(" + strings.Join(names, ", ") + ")"
		s.full = names
		s.hide(names)
	}
	arms := w.chance(4)
	brackets := ""
	if w.chance(3) {
		negative, positive := "-"+w.action(), "+"+w.action()
		switch {
		case arms || w.chance(3):
			brackets = "[" + negative + "]"
		case w.chance(2):
			brackets = "[" + positive + "]"
		default:
			brackets = "[" + positive + ", " + negative + "]"
		}
	}
	if !arms {
		w.line("%s%s%s: %s", indent, name, brackets, w.body(s))
		return
	}
	w.line("%s%s%s {", indent, name, brackets)
	for range 1 + w.rand.IntN(4) {
		w.line("%s    %s -> %s", indent, w.cond(w.opts.Depth-1, s).text, w.action())
	}
	if w.chance(2) {
		w.line("%s    else -> %s", indent, w.action())
	}
	w.line("%s}", indent)
}

// body writes what a rule says.
func (w *writer) body(s scope) string {
	switch w.rand.IntN(10) {
	case 0:
		return "1"
	case 1:
		return "return " + w.action()
	case 2, 3:
		return w.cond(w.opts.Depth, s).text + "; return " + w.action()
	case 4:
		if len(w.returns) > 0 {
			return w.call(pick(w, w.returns...), s).text
		}
	}
	return w.cond(w.opts.Depth, s).text
}
