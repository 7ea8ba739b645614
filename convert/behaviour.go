package convert

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"

	"secco/linux"
	"secco/oci"
	"secco/policy"
	"secco/policy/diagram"
	"secco/source"
)

// limits bound the work on one syscall; an attacker's policy must not cost more.
var limits = diagram.Limits{Nodes: 1 << 18, Steps: 4 << 20, States: 64 << 10}

// behaviour is what a policy does with one syscall on one architecture.
type behaviour struct {
	arch     linux.Arch
	nr       uint32
	root     *policy.Node
	words    uint64 // the bits of an argument that libseccomp compares
	actions  []linux.Action
	function *diagram.Function // nil where there is one action
}

// behaviour returns what a target does with one syscall, or why no profile can
// say that.
func (e *exporter) behaviour(t *policy.Target, nr uint32, name string) (*behaviour, *Loss) {
	b := &behaviour{arch: t.Arch, nr: nr, root: t.Root(nr), words: wordsOf(t.Arch)}
	loss := func(format string, args ...any) *Loss {
		return &Loss{Span: b.span(), Arch: t.Arch, Syscall: name, Reason: fmt.Sprintf(format, args...)}
	}
	if b.root.IsLeaf() {
		b.actions = []linux.Action{b.root.Action.Effect()}
	} else {
		f, err := diagram.OfGraph(b.root, diagram.CallsOf(t.Arch, nr), limits)
		if err != nil {
			e.complex++
			return nil, b.tooComplex(err, name)
		}
		b.actions = f.Actions()
		b.function = f
	}
	for _, a := range b.actions {
		if _, _, ok := oci.ActionName(a); !ok {
			return nil, loss("no profile says the action %s", a)
		}
		if a.Kind() == linux.Notify && name == "write" {
			return nil, loss("runtimes refuse user notification for write, with which they hand over the listener")
		}
		if len(b.actions) == 1 {
			break
		}
		set, err := b.function.Where(a)
		if err != nil {
			return nil, b.tooComplex(err, name)
		}
		for _, w := range set.Words() {
			i, high := w.Arg()
			switch {
			case i < 0:
				return nil, loss("a profile can't test the %s", wordName(w))
			case high && b.words>>32 == 0:
				l := loss("libseccomp compares the lower halves of arguments alone here, and the rule looks at the upper half of argument %d", i)
				l.Help = "test argL" + fmt.Sprint(i)
				if t.Arch == linux.X32 {
					l.Help += ", or leave x32 out of the targets"
				}
				return nil, l
			}
		}
	}
	return b, nil
}

func wordName(w linux.Word) string {
	switch w {
	case linux.WordIPLow, linux.WordIPHigh:
		return "instruction pointer"
	}
	return w.String()
}

// span returns the place of the rule.
func (b *behaviour) span() source.Span { return b.root.Span }

// rules returns entries, without names, that say what b does where the default
// is fallback.
func (b *behaviour) rules(name string, fallback linux.Action) ([]specs.LinuxSyscall, *Loss) {
	actions := slices.Clone(b.actions)
	if len(actions) == 1 {
		if actions[0] == fallback {
			return nil, nil
		}
		return []specs.LinuxSyscall{entry(actions[0])}, nil
	}
	actions = slices.DeleteFunc(actions, func(a linux.Action) bool { return a == fallback })
	if len(actions) == 1 {
		if args, ok := b.product(actions[0], fallback); ok {
			return []specs.LinuxSyscall{entry(actions[0], args...)}, nil
		}
	}
	// The kinds can't be mixed: it is one or the other for all actions.
	entries, err := b.each(actions, b.bounds)
	if err != nil || !b.same(entries, fallback) {
		entries, err = b.each(actions, b.ranges)
	}
	if err != nil {
		entries, err = b.each(actions, b.cubes)
	}
	if err != nil {
		return nil, b.tooMany(err, name)
	}
	// libseccomp merges rules fastest in this order.
	slices.SortStableFunc(entries, func(a, b specs.LinuxSyscall) int {
		return cmp.Or(cmp.Compare(a.Args[0].Index, b.Args[0].Index), -cmp.Compare(len(a.Args), len(b.Args)))
	})
	return entries, nil
}

// each returns entries for each action's set of calls.
func (b *behaviour) each(actions []linux.Action, cover func(*diagram.Set, int) ([][]specs.LinuxSeccompArg, error)) ([]specs.LinuxSyscall, error) {
	var entries []specs.LinuxSyscall
	for _, a := range actions {
		set, err := b.function.Where(a)
		if err != nil {
			return nil, err
		}
		list, err := cover(set, maxCubes-len(entries))
		var many *diagram.TooManyError
		if errors.As(err, &many) && many.Count < math.MaxUint64 {
			return nil, &diagram.TooManyError{Count: many.Count + uint64(len(entries)), Limit: maxCubes}
		}
		if err != nil {
			return nil, err
		}
		for _, args := range list {
			entries = append(entries, entry(a, args...))
		}
		if len(entries) > maxCubes {
			return nil, &diagram.TooManyError{Count: uint64(len(entries)), Limit: maxCubes}
		}
	}
	return entries, nil
}

func entry(a linux.Action, args ...specs.LinuxSeccompArg) specs.LinuxSyscall {
	name, data, _ := oci.ActionName(a)
	return specs.LinuxSyscall{Action: name, ErrnoRet: data, Args: args}
}

// intervals returns an argument's values in a set, as ranges; ok is false where
// other words decide too or there are too many.
func (b *behaviour) intervals(set *diagram.Set, arg, limit int) ([]diagram.Interval, bool) {
	if b.words>>32 == 0 {
		return set.WordIntervals(linux.ArgLow(arg), limit)
	}
	return set.Intervals(arg, limit)
}

// product returns the conditions of the one rule that says everything: the set
// is a product of one range, masked value or exception for each argument.
//
// Where it is a product, each factor shows once the other arguments are fixed to
// those of any call in the set. Whether it is one at all is seen afterwards: the
// rule is compared with the policy like any other.
func (b *behaviour) product(action, fallback linux.Action) ([]specs.LinuxSeccompArg, bool) {
	set, err := b.function.Where(action)
	if err != nil {
		return nil, false
	}
	used, _ := set.Args()
	call, ok := b.member(action)
	if !ok {
		return nil, false
	}
	var args []specs.LinuxSeccompArg
	for _, i := range used {
		fixed := map[linux.Word]uint32{}
		for _, j := range used {
			if j != i {
				fixed[linux.ArgLow(j)], fixed[linux.ArgHigh(j)] = uint32(call.Args[j]), uint32(call.Args[j]>>32)
			}
		}
		f, err := diagram.OfGraph(specialise(b.root, fixed), diagram.CallsOf(b.arch, b.nr), limits)
		if err != nil {
			return nil, false
		}
		factor, err := f.Where(action)
		if err != nil {
			return nil, false
		}
		arg, ok := b.condition(factor, i)
		if !ok {
			return nil, false
		}
		args = append(args, arg)
	}
	trial := []specs.LinuxSyscall{entry(action, args...)}
	return args, b.same(trial, fallback)
}

// condition returns the one condition that says a set of an argument's values.
func (b *behaviour) condition(set *diagram.Set, arg int) (specs.LinuxSeccompArg, bool) {
	is := func(op specs.LinuxSeccompOperator, k uint64) (specs.LinuxSeccompArg, bool) {
		return specs.LinuxSeccompArg{Index: uint(arg), Op: op, Value: k}, true
	}
	if list, ok := b.intervals(set, arg, 2); ok {
		switch {
		case len(list) == 1 && list[0].Lo == list[0].Hi:
			return is(specs.OpEqualTo, list[0].Lo)
		case len(list) == 1 && list[0].Hi == b.words:
			return is(specs.OpGreaterEqual, list[0].Lo)
		case len(list) == 1 && list[0].Lo == 0:
			return is(specs.OpLessEqual, list[0].Hi)
		case exception(list, b.words):
			return is(specs.OpNotEqual, list[0].Hi+1)
		}
	}
	if list, err := b.cubes(set, 1); err == nil && len(list) == 1 && len(list[0]) == 1 {
		return list[0][0], true
	}
	return specs.LinuxSeccompArg{}, false
}

// exception reports whether intervals are all values but one in their middle.
func exception(list []diagram.Interval, words uint64) bool {
	return len(list) == 2 && list[0].Lo == 0 && list[1].Hi == words && list[0].Hi+2 == list[1].Lo
}

// maxRanges is how many ranges of an argument are said as such before masked
// comparisons are tried, which are better at scattered bits.
const maxRanges = 64

var errNoRanges = errors.New("the set is no short list of ranges of one argument")

// bounds returns conditions whose union is a set of one argument's values, in
// the operators for whole arguments. Ranges in the middle can't be said so.
func (b *behaviour) bounds(set *diagram.Set, _ int) ([][]specs.LinuxSeccompArg, error) {
	return b.split(set, func(arg uint, r diagram.Interval) [][]specs.LinuxSeccompArg {
		if r.Lo == 0 {
			return [][]specs.LinuxSeccompArg{{{Index: arg, Op: specs.OpLessEqual, Value: r.Hi}}}
		}
		return nil
	})
}

// ranges returns conditions whose union is a set of one argument's values, with
// masked comparisons for ranges with an upper bound.
func (b *behaviour) ranges(set *diagram.Set, _ int) ([][]specs.LinuxSeccompArg, error) {
	list, err := b.split(set, b.blocks)
	if err != nil {
		return nil, err
	}
	// Scattered bits may be said far shorter; otherwise ranges are what people read.
	if cheaper, err := b.cubes(set, len(list)/4); err == nil {
		return cheaper, nil
	}
	return list, nil
}

// split returns conditions for each range of a set of one argument's values:
// equality, a lower bound, an exception, and what middle has for the others.
func (b *behaviour) split(set *diagram.Set, middle func(arg uint, r diagram.Interval) [][]specs.LinuxSeccompArg) ([][]specs.LinuxSeccompArg, error) {
	args, only := set.Args()
	if len(args) != 1 || !only {
		return nil, errNoRanges
	}
	list, ok := b.intervals(set, args[0], maxRanges)
	if !ok {
		return nil, errNoRanges
	}
	arg := uint(args[0])
	is := func(op specs.LinuxSeccompOperator, k uint64) []specs.LinuxSeccompArg {
		return []specs.LinuxSeccompArg{{Index: arg, Op: op, Value: k}}
	}
	if exception(list, b.words) {
		return [][]specs.LinuxSeccompArg{is(specs.OpNotEqual, list[0].Hi+1)}, nil
	}
	var out [][]specs.LinuxSeccompArg
	for _, r := range list {
		switch {
		case r.Lo == r.Hi:
			out = append(out, is(specs.OpEqualTo, r.Lo))
		case r.Hi == b.words:
			out = append(out, is(specs.OpGreaterEqual, r.Lo))
		default:
			conds := middle(arg, r)
			if conds == nil {
				return nil, errNoRanges
			}
			out = append(out, conds...)
		}
	}
	return out, nil
}

// blocks returns masked comparisons for a range that has an upper bound: the
// largest aligned blocks of a power of two each, from below.
func (b *behaviour) blocks(arg uint, r diagram.Interval) (out [][]specs.LinuxSeccompArg) {
	for lo := r.Lo; ; {
		size := uint64(1)
		for lo&size == 0 && size<<1 != 0 && lo+(size<<1-1) <= r.Hi {
			size <<= 1
		}
		if size == 1 {
			out = append(out, []specs.LinuxSeccompArg{{Index: arg, Op: specs.OpEqualTo, Value: lo}})
		} else {
			out = append(out, []specs.LinuxSeccompArg{{Index: arg, Op: specs.OpMaskedEqual, Value: b.words &^ (size - 1), ValueTwo: lo}})
		}
		if lo+(size-1) == r.Hi {
			return out
		}
		lo += size
	}
}

// cubes returns a set as masked comparisons.
func (b *behaviour) cubes(set *diagram.Set, limit int) ([][]specs.LinuxSeccompArg, error) {
	list, err := set.Cubes(max(limit, 0))
	if err != nil {
		return nil, err
	}
	var out [][]specs.LinuxSeccompArg
	for _, c := range list {
		var args []specs.LinuxSeccompArg
		for i := range 6 {
			switch mask, value := c.Arg(i); mask {
			case 0:
			case b.words:
				args = append(args, specs.LinuxSeccompArg{Index: uint(i), Op: specs.OpEqualTo, Value: value})
			default:
				args = append(args, specs.LinuxSeccompArg{Index: uint(i), Op: specs.OpMaskedEqual, Value: mask, ValueTwo: value})
			}
		}
		out = append(out, args)
	}
	return out, nil
}

// tooComplex returns what takes the place of a loss where the analysis of a rule
// reached its bounds.
func (b *behaviour) tooComplex(err error, name string) *Loss {
	return &Loss{Span: b.span(), Arch: b.arch, Syscall: name, Reason: fmt.Sprintf("the rule is too complex to be analysed: %v", err), Help: helpTooMany, Undecided: true}
}

// tooMany returns the loss of a rule that takes too many cubes, with the test in
// it that takes the most.
func (b *behaviour) tooMany(err error, name string) *Loss {
	var many *diagram.TooManyError
	if !errors.As(err, &many) {
		return b.tooComplex(err, name)
	}
	count := fmt.Sprint(many.Count)
	if many.Count == math.MaxUint64 {
		count = "2^64 or more"
	}
	l := &Loss{
		Span: b.span(), Arch: b.arch, Syscall: name, Count: many.Count,
		Reason: fmt.Sprintf("it would take %s rules, more than the %d that libseccomp copes with", count, maxCubes),
		Help:   helpTooMany,
	}
	l.Expr, l.Span = b.costliest(l.Span)
	return l
}

// costliest returns the test that takes the most rules by itself.
func (b *behaviour) costliest(span source.Span) (string, source.Span) {
	var builder policy.Builder
	yes, no := builder.Leaf(linux.Allow, source.Span{}), builder.Leaf(linux.KillThread, source.Span{})
	expr := rebuild(&builder, nil)
	var worst *policy.Node
	var most uint64
	tests := 0
	policy.Walk(func(n *policy.Node) {
		if tests++; n.IsLeaf() || tests > 200 {
			return
		}
		alone := builder.Test(n.Cmp, expr(n.X), expr(n.Y), yes, no, n.Span)
		f, err := diagram.OfGraph(alone, diagram.CallsOf(b.arch, b.nr), limits)
		if err != nil {
			worst, most = n, math.MaxUint64
			return
		}
		set, err := f.Where(linux.Allow)
		if err != nil {
			return
		}
		list, err := set.Cubes(maxCubes)
		count := uint64(len(list))
		var many *diagram.TooManyError
		if errors.As(err, &many) {
			count = many.Count
		}
		if count > most {
			worst, most = n, count
		}
	}, b.root)
	if worst == nil {
		return "", span
	}
	if !worst.Span.IsZero() {
		span = worst.Span
	}
	return worst.String(), span
}
