package secco

import (
	"fmt"
	"strings"
)

// Argument is an argument of a call, or a half of it.
type Argument struct{ name string }

// Arg returns argument i, 0 to 5, with all its 64 bits. Where the kernel reads 32 of
// them, as for every int, a condition on all 64 is an error: see [ArgL].
func Arg(i int) Argument { return Argument{fmt.Sprintf("arg%d", i)} }

// ArgL returns the lower 32 bits of argument i. A negative number is compared as its
// low word: for AT_FDCWD that is unix.AT_FDCWD & 0xffffffff.
func ArgL(i int) Argument { return Argument{fmt.Sprintf("argL%d", i)} }

// ArgH returns the upper 32 bits of argument i.
func ArgH(i int) Argument { return Argument{fmt.Sprintf("argH%d", i)} }

// Condition is a condition on a call's arguments. Comparisons are unsigned.
type Condition struct {
	text string // in secco's language; empty in the zero Condition, which is an error
}

func (a Argument) compare(op string, k uint64) Condition {
	return Condition{fmt.Sprintf("%s %s %s", a.name, op, number(k))}
}

// Equal is the condition that the argument is k.
func (a Argument) Equal(k uint64) Condition { return a.compare("==", k) }

// NotEqual is the condition that the argument is not k.
func (a Argument) NotEqual(k uint64) Condition { return a.compare("!=", k) }

// Less is the condition that the argument is below k.
func (a Argument) Less(k uint64) Condition { return a.compare("<", k) }

// LessOrEqual is the condition that the argument is k or below.
func (a Argument) LessOrEqual(k uint64) Condition { return a.compare("<=", k) }

// Greater is the condition that the argument is above k.
func (a Argument) Greater(k uint64) Condition { return a.compare(">", k) }

// GreaterOrEqual is the condition that the argument is k or above.
func (a Argument) GreaterOrEqual(k uint64) Condition { return a.compare(">=", k) }

// In is the condition that the argument is one of the values.
func (a Argument) In(values ...uint64) Condition { return a.member("in", values) }

// NotIn is the condition that the argument is none of the values.
func (a Argument) NotIn(values ...uint64) Condition { return a.member("notIn", values) }

func (a Argument) member(word string, values []uint64) Condition {
	list := []string{a.name}
	for _, v := range values {
		list = append(list, number(v))
	}
	return Condition{word + "(" + strings.Join(list, ", ") + ")"}
}

// AnyBits is the condition that at least one bit of the mask is set.
func (a Argument) AnyBits(mask uint64) Condition { return a.masked(mask, "!=", 0) }

// NoBits is the condition that no bit of the mask is set.
func (a Argument) NoBits(mask uint64) Condition { return a.masked(mask, "==", 0) }

// AllBits is the condition that all bits of the mask are set.
func (a Argument) AllBits(mask uint64) Condition { return a.compare("&?", mask) }

// Masked is the condition that the bits of the mask are those of value.
func (a Argument) Masked(mask, value uint64) Condition { return a.masked(mask, "==", value) }

func (a Argument) masked(mask uint64, op string, k uint64) Condition {
	return Condition{fmt.Sprintf("%s & %s %s %s", a.name, number(mask), op, number(k))}
}

// AnyOf is the condition that at least one of the conditions holds.
func AnyOf(conditions ...Condition) Condition {
	return Condition{"(" + join(conditions, " || ") + ")"}
}

// Not is the condition that another one does not hold.
func Not(c Condition) Condition { return Condition{"!(" + c.text + ")"} }

func join(conditions []Condition, op string) string {
	texts := make([]string, len(conditions))
	for i, c := range conditions {
		texts[i] = c.text
	}
	return strings.Join(texts, op)
}

func number(k uint64) string {
	if k < 10 {
		return fmt.Sprint(k)
	}
	return fmt.Sprintf("%#x", k)
}
