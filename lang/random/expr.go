package random

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// expr is a written expression and the precedence of its outermost operator.
type expr struct {
	text       string
	precedence int
}

const primary = 12

var precedence = map[string]int{
	"||": 1, "&&": 2, "==": 3, "!=": 3, "&?": 3, "<": 4, "<=": 4, ">": 4, ">=": 4,
	"|": 5, "^": 6, "&": 7, "<<": 8, ">>": 8, "+": 9, "-": 9, "*": 10, "/": 10, "%": 10,
}

// binary joins two expressions, in parentheses where they are needed.
func (w *writer) binary(op string, x, y expr) expr {
	p := precedence[op]
	spareX, spareY := w.chance(10), w.chance(10) // drawn in any case: with and without Parens the draws are the same
	if w.opts.Parens || spareX || x.precedence < p || x.precedence == p && (p == 3 || p == 4) {
		x = parens(x)
	}
	if w.opts.Parens || spareY || y.precedence <= p {
		y = parens(y)
	}
	space := " "
	if w.chance(10) && !strings.HasPrefix(y.text, "-") {
		space = ""
	}
	return expr{x.text + space + op + space + y.text, p}
}

func parens(x expr) expr { return expr{"(" + x.text + ")", primary} }

func (w *writer) unary(op string, x expr) expr {
	if w.opts.Parens || x.precedence < 11 {
		x = parens(x)
	}
	return expr{op + x.text, 11}
}

func atom(text string) expr { return expr{text, primary} }

// scope holds the parameters that can be used, by what they stand for, and the
// names of bindings that they hide.
type scope struct {
	word, full, small []string
	hidden            []string
	macro             bool // the body of one
}

func (s *scope) hide(names []string) { s.hidden = append(s.hidden, names...) }

// visible leaves out names that a parameter hides.
func (s scope) visible(names []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return slices.Contains(s.hidden, n) })
}

// macro is a macro and what its parameters stand for.
type macro struct {
	name   string
	params []string // "word", "full" or "small"
}

// definition writes a binding or a macro.
func (w *writer) definition() {
	if w.chance(3) {
		name := pick(w, "x1", "x2", "limit")
		if slices.Contains(w.bindings, name) {
			w.line("%s = %s + %d", name, name, w.rand.IntN(9))
			return
		}
		w.line("%s = %d", name, w.rand.IntN(100))
		w.bindings = append(w.bindings, name)
		return
	}
	m := macro{name: pick(w, "m1", "m2", "m3", "is_good")}
	var s scope
	s.macro = true
	names := []string{"a", "x1", "AF_INET", "limit"}
	w.rand.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	names = names[:w.rand.IntN(4)]
	for _, n := range names {
		kind := pick(w, "word", "full", "small")
		m.params = append(m.params, kind)
		switch kind {
		case "word":
			s.word = append(s.word, n)
		case "full":
			s.full = append(s.full, n)
		default:
			s.small = append(s.small, n)
		}
	}
	s.hide(names)
	head := m.name
	if len(names) > 0 {
		head += "(" + strings.Join(names, ", ") + ")"
	}
	body := w.cond(w.opts.Depth-1, s).text
	same := func(o macro) bool { return o.name == m.name }
	w.macros = slices.DeleteFunc(slices.Clone(w.macros), same)
	w.returns = slices.DeleteFunc(slices.Clone(w.returns), same)
	if w.chance(3) {
		body += "; return " + w.action()
		w.returns = append(w.returns, m)
	} else {
		w.macros = append(w.macros, m)
	}
	w.line("%s = %s", head, body)
}

// call writes the use of a macro.
func (w *writer) call(m macro, s scope) expr {
	if len(m.params) == 0 {
		return atom(m.name)
	}
	var args []string
	for _, kind := range m.params {
		switch kind {
		case "word":
			args = append(args, w.word(1, s).text)
		case "full":
			args = append(args, w.full(1, s).text)
		default:
			args = append(args, w.small(s).text)
		}
	}
	return atom(m.name + "(" + strings.Join(args, ", ") + ")")
}

// cond writes a condition.
func (w *writer) cond(depth int, s scope) expr {
	if depth <= 0 {
		return w.comparison(0, s)
	}
	switch w.rand.IntN(12) {
	case 0, 1, 2:
		return w.binary("&&", w.cond(depth-1, s), w.cond(depth-1, s))
	case 3, 4, 5:
		return w.binary("||", w.cond(depth-1, s), w.cond(depth-1, s))
	case 6:
		return w.unary("!", w.cond(depth-1, s))
	case 7:
		if w.chance(4) {
			return atom(pick(w, "true", "false", "TRUE", "False"))
		}
		return w.membership(s)
	case 8:
		if len(w.macros) > 0 && !s.macro {
			return w.call(pick(w, w.macros...), s)
		}
	}
	return w.comparison(depth-1, s)
}

// comparison writes a comparison.
func (w *writer) comparison(depth int, s scope) expr {
	op := pick(w, "==", "!=", "==", "<", "<=", ">", ">=", "&?")
	if w.opts.Plain {
		return w.binary(op, w.full(1, s), w.constant(0))
	}
	var x, y expr
	switch w.rand.IntN(10) {
	case 0, 1, 2, 3:
		x, y = w.full(depth, s), w.constant(1)
	case 4:
		x, y = w.full(depth, s), w.full(depth, s)
	case 5:
		x, y = w.full(depth, s), w.word(depth, s)
	case 6:
		x, y = w.word(depth, s), w.word(depth, s)
	case 7, 8:
		x, y = w.word(depth, s), w.small(s)
	default:
		x, y = w.constant(1), w.constant(1)
	}
	if w.chance(4) {
		x, y = y, x
	}
	return w.binary(op, x, y)
}

// membership writes in or notIn.
func (w *writer) membership(s scope) expr {
	narrow := w.chance(3) && !w.opts.Plain
	x := w.full(1, s)
	if narrow {
		x = w.word(1, s)
	}
	list := []string{x.text}
	n := 1 + w.rand.IntN(4)
	if w.chance(10) {
		n = 30
	}
	for range n {
		switch {
		case narrow:
			list = append(list, w.small(s).text)
		case w.opts.Plain || !w.chance(8):
			list = append(list, w.constant(0).text)
		default:
			list = append(list, w.full(0, s).text)
		}
	}
	return atom(pick(w, "in", "notIn", "IN", "notin") + "(" + strings.Join(list, ", ") + ")")
}

// full writes a number of 64 bits that the call decides.
func (w *writer) full(depth int, s scope) expr {
	if depth <= 0 || !w.chance(3) {
		if len(s.full) > 0 && w.chance(2) {
			return atom(pick(w, s.full...))
		}
		return atom(fmt.Sprintf("arg%d", w.rand.IntN(3)+w.rand.IntN(4)))
	}
	if w.opts.Plain {
		return w.binary("&", w.full(0, s), w.constant(0))
	}
	if w.chance(4) {
		return w.unary("~", w.full(depth-1, s))
	}
	x, y := w.full(depth-1, s), w.constant(1)
	if w.chance(3) {
		x, y = y, x
	}
	return w.binary(pick(w, "&", "&", "|", "^"), x, y)
}

// word writes a number of 32 bits that the call decides.
func (w *writer) word(depth int, s scope) expr {
	if depth <= 0 || w.chance(3) {
		if len(s.word) > 0 && w.chance(2) {
			return atom(pick(w, s.word...))
		}
		if len(s.full) > 0 && !s.macro && w.chance(2) { // a macro's may stand for more than an argument
			return atom(pick(w, "low", "low", "high") + "(" + pick(w, s.full...) + ")")
		}
		return atom(fmt.Sprintf("arg%s%d", pick(w, "L", "L", "H"), w.rand.IntN(4)))
	}
	if w.chance(8) {
		return w.unary("~", w.word(depth-1, s))
	}
	op := pick(w, "+", "-", "*", "&", "|", "^", "<<", ">>", "/", "%")
	x := w.word(depth-1, s)
	y := w.small(s)
	switch op {
	case "<<", ">>":
		y = atom(fmt.Sprint(w.rand.IntN(32)))
	case "/", "%":
		y = atom(fmt.Sprint(pick(w, 1, 2, 3, 7, 8, 10, 255, 4096, 1<<31, math.MaxUint32)))
	}
	if w.chance(3) {
		y = w.word(depth-1, s)
		if w.chance(3) {
			x = w.small(s)
		}
	}
	return w.binary(op, x, y)
}

// small writes a constant that fits beside half an argument.
func (w *writer) small(s scope) expr {
	bindings, names := s.visible(w.bindings), s.visible(w.names)
	switch n := w.rand.IntN(10); {
	case n == 0 && len(bindings) > 0:
		return atom(pick(w, bindings...))
	case n == 1 && len(names) > 0:
		return atom(pick(w, names...))
	case n == 2:
		return w.unary("~", w.number(uint64(w.rand.Uint32()>>1)))
	case n == 3:
		return w.unary("-", w.number(uint64(1+w.rand.IntN(5))))
	case n == 4 && len(s.small) > 0:
		return atom(pick(w, s.small...))
	case n == 5:
		return w.number(uint64(w.rand.Uint32()))
	}
	return w.number(pick[uint64](w, 0, 1, 2, 3, 5, 31, 32, 0xff, 0x1000, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff))
}

// constant writes a constant of 64 bits.
func (w *writer) constant(depth int) expr {
	if depth > 0 && w.chance(4) {
		switch op := pick(w, "+", "-", "*", "&", "|", "^", "<<", ">>", "/", "%", "~"); op {
		case "~":
			return w.unary("~", w.constant(depth-1))
		case "<<", ">>":
			return w.binary(op, w.constant(depth-1), w.number(uint64(w.rand.IntN(64))))
		case "/", "%":
			return w.binary(op, w.constant(depth-1), w.number(uint64(1+w.rand.IntN(1000))))
		default:
			return w.binary(op, w.constant(depth-1), w.constant(depth-1))
		}
	}
	if w.chance(4) {
		return w.number(w.rand.Uint64() >> w.rand.IntN(64))
	}
	return w.number(pick[uint64](w, 0, 1, 2, 5, 0x7fffffff, 0x80000000, 0xffffffff, 1<<32, 1<<32+1, 5<<32, 1<<63, math.MaxUint64, math.MaxUint64-1))
}

// number writes a number in one of the notations.
func (w *writer) number(n uint64) expr {
	switch w.rand.IntN(8) {
	case 0:
		return atom(fmt.Sprintf("%#o", n))
	case 1, 2:
		return atom(fmt.Sprintf(pick(w, "%#x", "0X%X", "0x%X"), n))
	case 3:
		return atom(fmt.Sprintf("0b%b", n))
	}
	return atom(fmt.Sprint(n))
}
