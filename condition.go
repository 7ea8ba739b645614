package secco

import (
	"cmp"
	"fmt"
	"strings"
)

// Argument is an argument of a call, or a half of it: what Arg, ArgL or ArgH
// returns. Conditions on another are errors of the [Builder] that they are added to.
type Argument struct{ name, wrong string }

// Arg returns argument i, 0 to 5, with all its 64 bits. Where the kernel reads 32 of
// them, as for every int, a condition on all 64 is an error: see [ArgL].
func Arg(i int) Argument { return argument("arg", i) }

// ArgL returns the lower 32 bits of argument i. A negative number is compared as its
// low word: for AT_FDCWD that is unix.AT_FDCWD & 0xffffffff.
func ArgL(i int) Argument { return argument("argL", i) }

// ArgH returns the upper 32 bits of argument i.
func ArgH(i int) Argument { return argument("argH", i) }

func argument(word string, i int) Argument {
	a := Argument{name: word + fmt.Sprint(i)}
	if i < 0 || i > 5 {
		a.wrong = fmt.Sprintf("there is no argument %d: they are 0 to 5", i)
	}
	return a
}

// Condition is a condition on a call's arguments, made by an [Argument], [AnyOf] or
// [Not]. Comparisons are unsigned. What makes no sense, such as the zero Condition,
// is an error of the [Builder] that it is added to.
type Condition struct {
	text  string // in secco's language; empty in the zero Condition
	wrong string // with it; empty where nothing is
}

// check returns what is wrong with a condition; "" where nothing is.
func (c Condition) check() string {
	if c.text == "" {
		return cmp.Or(c.wrong, "a zero Condition says nothing")
	}
	return c.wrong
}

// condition is a condition on the argument that is written so.
func (a Argument) condition(text string) Condition {
	if a.name == "" {
		a.wrong = "the zero Argument is none: Arg, ArgL and ArgH return one"
	}
	return Condition{text, a.wrong}
}

func (a Argument) compare(op string, k uint64) Condition {
	return a.condition(fmt.Sprintf("%s %s %s", a.name, op, number(k)))
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
	c := a.condition(word + "(" + strings.Join(list, ", ") + ")")
	if len(values) == 0 {
		c.wrong = cmp.Or(c.wrong, "In and NotIn take at least one value")
	}
	return c
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
	return a.condition(fmt.Sprintf("%s & %s %s %s", a.name, number(mask), op, number(k)))
}

// AnyOf is the condition that at least one of the conditions holds.
func AnyOf(conditions ...Condition) Condition {
	if len(conditions) == 0 {
		return Condition{wrong: "AnyOf takes at least one condition"}
	}
	one := join(conditions, " || ")
	one.text = "(" + one.text + ")"
	return one
}

// Not is the condition that another one does not hold.
func Not(c Condition) Condition { return Condition{"!(" + c.text + ")", c.check()} }

// join joins conditions by an operator; what is wrong with one is with all.
func join(conditions []Condition, op string) (joined Condition) {
	texts := make([]string, len(conditions))
	for i, c := range conditions {
		texts[i] = c.text
		joined.wrong = cmp.Or(joined.wrong, c.check())
	}
	joined.text = strings.Join(texts, op)
	return joined
}

func number(k uint64) string {
	if k < 10 {
		return fmt.Sprint(k)
	}
	return fmt.Sprintf("%#x", k)
}
