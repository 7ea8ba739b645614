package diagram

import (
	"fmt"
	"slices"
	"strings"

	"secco/linux"
	"secco/policy"
)

// TermsString returns terms as the policy language says them: "true" for all
// calls, "false" for none.
func TermsString(terms []Term) string { return TermsText(terms, nil) }

// A Namer returns an expression with names for a number that an argument is
// compared with, ok being false where there is none. What flags says of a number
// is that its bits are looked at.
type Namer func(arg int, k uint64, flags bool) (text string, ok bool)

// NamesOf returns the names that a syscall's arguments have for numbers.
func NamesOf(a linux.Arch, nr uint32) Namer {
	call, _ := a.SyscallName(nr)
	return func(arg int, k uint64, flags bool) (string, bool) { return a.ArgumentText(call, arg, k, flags) }
}

// Up to how many values of a range are listed: where all have names, and in any
// case.
const (
	fewNamed  = 8
	fewValues = 3
)

// TermsText is TermsString with names for numbers; nil has none.
func TermsText(terms []Term, names Namer) string {
	if len(terms) == 0 {
		return "false"
	}
	list := make([]string, len(terms))
	for i, t := range terms {
		list[i] = t.text(len(terms) > 1, names)
	}
	return strings.Join(list, " || ")
}

// String returns the term as the policy language says it.
func (t Term) String() string { return t.text(false, nil) }

func (t Term) text(inner bool, names Namer) string {
	switch {
	case len(t) == 0:
		return "true"
	case len(t) == 1 && !inner:
		return t[0].text("", names)
	}
	list := make([]string, len(t))
	beside := "&&"
	if len(t) == 1 {
		beside = "||"
	}
	for i, f := range t {
		list[i] = f.text(beside, names)
	}
	text := strings.Join(list, " && ")
	if inner && len(t) > 1 {
		return "(" + text + ")"
	}
	return text
}

// String returns the factor as the policy language says it.
func (f Factor) String() string { return f.text("", nil) }

// text returns the factor. Where it stands beside others, joined by && or ||, and would
// fall apart or be hard to read, it is in parentheses.
func (f Factor) text(beside string, names Namer) string {
	if c := f.Compared; c != nil {
		operator := map[comparedAs]string{
			{policy.CmpEq, false}: "==", {policy.CmpEq, true}: "!=", {policy.CmpGt, false}: ">", {policy.CmpGt, true}: "<=",
		}[comparedAs{c.Cmp, f.Not}]
		return fmt.Sprintf("%s %s %s", name(c.X), operator, name(c.Y))
	}
	var list []string
	points := make([]string, 0, len(f.Intervals))
	x := name(f.Words)
	if len(f.Words) == 1 && len(f.Masks) > 0 && !slices.ContainsFunc(f.Masks, func(m Mask) bool { return m.Mask == last(f.Words) }) {
		if i, high := f.Words[0].Arg(); i >= 0 && !high {
			x = fmt.Sprintf("arg%d", i) // the mask has no bits of the upper half anyway
		}
	}
	value := func(k uint64) string { return names.number(f.Words, k) }
	for _, i := range f.Intervals {
		switch {
		case i.Lo == i.Hi:
			points = append(points, value(i.Lo))
		case names.all(f.Words, i.Lo, i.Hi), 0 < i.Lo && i.Hi < last(f.Words) && i.Hi-i.Lo < fewValues:
			for k := i.Lo; k <= i.Hi; k++ {
				points = append(points, value(k))
			}
		case i.Lo == 1 && i.Hi == last(f.Words):
			list = append(list, x+" != 0")
		case i.Lo == 0:
			list = append(list, fmt.Sprintf("%s <= %s", x, number(i.Hi)))
		case i.Hi == last(f.Words):
			list = append(list, fmt.Sprintf("%s >= %s", x, number(i.Lo)))
		default:
			text := fmt.Sprintf("%s >= %s && %s <= %s", x, number(i.Lo), x, number(i.Hi))
			alone := len(f.Intervals) == 1 && len(f.Masks) == 0 && len(f.Cubes) == 0
			if len(f.Intervals) > 1 || !f.Not && (beside == "||" || beside == "&&" && !alone) {
				text = "(" + text + ")"
			}
			list = append(list, text)
		}
	}
	switch one := len(points) == 1; {
	case len(points) == 0:
	case one && f.Not && len(list) == 0:
		return fmt.Sprintf("%s != %s", x, points[0])
	case one:
		list = append(list, fmt.Sprintf("%s == %s", x, points[0]))
	case f.Not && len(list) == 0:
		return fmt.Sprintf("notIn(%s, %s)", x, strings.Join(points, ", "))
	default:
		list = append(list, fmt.Sprintf("in(%s, %s)", x, strings.Join(points, ", ")))
	}
	for _, m := range f.Masks {
		equal := "=="
		if f.Not && len(f.Masks) == 1 {
			return names.masked(x, f.Words, m, "!=")
		}
		list = append(list, names.masked(x, f.Words, m, equal))
	}
	for _, c := range f.Cubes {
		var all []string
		for _, w := range f.Words {
			if c.Mask[w] != 0 {
				all = append(all, names.masked(w.String(), []linux.Word{w}, Mask{uint64(c.Mask[w]), uint64(c.Value[w])}, "=="))
			}
		}
		text := strings.Join(all, " && ")
		if len(all) > 1 {
			text = "(" + text + ")"
		}
		list = append(list, text)
	}
	text := strings.Join(list, " || ")
	switch {
	case f.Not:
		return "!(" + text + ")"
	case beside != "" && len(list) > 1:
		return "(" + text + ")"
	}
	return text
}

// comparedAs is a comparison, or its opposite.
type comparedAs struct {
	cmp policy.Cmp
	not bool
}

// masked returns a comparison of some bits.
func (names Namer) masked(x string, words []linux.Word, m Mask, equal string) string {
	if m.Mask == last(words) {
		return fmt.Sprintf("%s %s %s", x, equal, names.number(words, m.Value))
	}
	mask, ok := names.of(words, m.Mask, true)
	value, named := names.of(words, m.Value, true)
	if !ok || m.Value != 0 && !named {
		mask, value = bitsText(m.Mask), bitsText(m.Value)
	} else if m.Value == 0 {
		value = "0"
	}
	return fmt.Sprintf("%s & %s %s %s", x, mask, equal, value)
}

// of returns the name of a number that words are compared with: an argument, or
// its lower half.
func (names Namer) of(words []linux.Word, k uint64, flags bool) (string, bool) {
	if names == nil {
		return "", false
	}
	i, high := words[len(words)-1].Arg()
	if i < 0 || high {
		return "", false
	}
	return names(i, k, flags)
}

func (names Namer) number(words []linux.Word, k uint64) string {
	if text, ok := names.of(words, k, false); ok {
		return text
	}
	return number(k)
}

// all reports whether a range has few values, all with names.
func (names Namer) all(words []linux.Word, lo, hi uint64) bool {
	if names == nil || hi-lo >= fewNamed {
		return false
	}
	for k := lo; k <= hi; k++ {
		if _, ok := names.of(words, k, false); !ok {
			return false
		}
	}
	return true
}

// name returns the word, or the field that both words are halves of.
func name(words []linux.Word) string {
	if len(words) == 1 {
		return words[0].String()
	}
	if i, _ := words[0].Arg(); i >= 0 {
		return fmt.Sprintf("arg%d", i)
	}
	return "ip"
}

// number returns small numbers in decimal.
func number(k uint64) string { return shown(k, 1024) }

// bitsText returns numbers whose bits are looked at.
func bitsText(k uint64) string { return shown(k, 10) }

func shown(k, hexFrom uint64) string {
	if k < hexFrom {
		return fmt.Sprint(k)
	}
	return fmt.Sprintf("%#x", k)
}
