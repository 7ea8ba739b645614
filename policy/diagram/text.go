package diagram

import (
	"fmt"
	"slices"
	"strings"

	"secco/linux"
)

// TermsString returns terms as the policy language says them: "true" for all
// calls, "false" for none.
func TermsString(terms []Term) string {
	if len(terms) == 0 {
		return "false"
	}
	list := make([]string, len(terms))
	for i, t := range terms {
		list[i] = t.text(len(terms) > 1)
	}
	return strings.Join(list, " || ")
}

// String returns the term as the policy language says it.
func (t Term) String() string { return t.text(false) }

func (t Term) text(inner bool) string {
	switch {
	case len(t) == 0:
		return "true"
	case len(t) == 1 && !inner:
		return t[0].text(false)
	}
	list := make([]string, len(t))
	for i, f := range t {
		list[i] = f.text(true)
	}
	text := strings.Join(list, " && ")
	if inner && len(t) > 1 {
		return "(" + text + ")"
	}
	return text
}

// String returns the factor as the policy language says it.
func (f Factor) String() string { return f.text(false) }

// text returns the factor, in parentheses where it stands beside others and
// would fall apart.
func (f Factor) text(inner bool) string {
	var list []string
	points := make([]string, 0, len(f.Intervals))
	x := name(f.Words)
	if len(f.Words) == 1 && len(f.Masks) > 0 && !slices.ContainsFunc(f.Masks, func(m Mask) bool { return m.Mask == last(f.Words) }) {
		if i, high := f.Words[0].Arg(); i >= 0 && !high {
			x = fmt.Sprintf("arg%d", i) // the mask has no bits of the upper half anyway
		}
	}
	for _, i := range f.Intervals {
		switch {
		case i.Lo == i.Hi:
			points = append(points, number(i.Lo))
		case i.Lo == 0:
			list = append(list, fmt.Sprintf("%s <= %s", x, number(i.Hi)))
		case i.Hi == last(f.Words):
			list = append(list, fmt.Sprintf("%s >= %s", x, number(i.Lo)))
		default:
			list = append(list, fmt.Sprintf("(%s >= %s && %s <= %s)", x, number(i.Lo), x, number(i.Hi)))
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
			return masked(x, m, "!=", last(f.Words))
		}
		list = append(list, masked(x, m, equal, last(f.Words)))
	}
	for _, c := range f.Cubes {
		var all []string
		for _, w := range f.Words {
			if c.Mask[w] != 0 {
				all = append(all, masked(w.String(), Mask{uint64(c.Mask[w]), uint64(c.Value[w])}, "==", 0xffffffff))
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
	case inner && len(list) > 1:
		return "(" + text + ")"
	}
	return text
}

func masked(x string, m Mask, equal string, all uint64) string {
	if m.Mask == all {
		return fmt.Sprintf("%s %s %s", x, equal, number(m.Value))
	}
	return fmt.Sprintf("%s & %s %s %s", x, bitsText(m.Mask), equal, bitsText(m.Value))
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
