package rkeene

import (
	"errors"
	"strconv"
	"strings"

	"secco/linux"
)

// strength of the operators between conditions; a higher one binds tighter.
var strength = map[string]int{"||": 1, "&&": 2}

// expr reads conditions joined by operators stronger than this.
func (p *parser) expr(above int) *expr {
	p.skip()
	x := p.operand()
	for {
		p.skip()
		t := p.peek()
		level := strength[t.text]
		if t.kind != symbol || level <= above {
			return x
		}
		p.next()
		y := p.expr(level)
		x = &expr{op: t.text, x: x, y: y, span: x.span.To(y.span)}
	}
}

// operand reads one condition.
func (p *parser) operand() *expr {
	t := p.peek()
	switch {
	case p.is("!"):
		p.enter(p.next())
		defer func() { p.depth-- }()
		p.skip()
		x := p.operand()
		return &expr{op: "!", x: x, span: t.span.To(x.span)}
	case p.is("(") && !p.maskAhead():
		p.enter(p.next())
		defer func() { p.depth-- }()
		x := p.expr(0)
		p.expect(")", "after the condition")
		return x
	case t.kind == variable && t.text == "nr":
		p.next()
		return p.numberTest(t)
	}
	return p.argumentTest()
}

// maskAhead reports whether a parenthesis holds "$args(N) & mask".
func (p *parser) maskAhead() bool {
	ahead := p.tokens[p.at:]
	return len(ahead) > 5 && ahead[1].kind == variable && ahead[1].text == "args" && ahead[5].kind == symbol && ahead[5].text == "&"
}

// numberTest reads what stands behind $nr.
func (p *parser) numberTest(from token) *expr {
	op := p.next()
	if op.kind != word || op.text != "eq" && op.text != "ne" {
		p.fail(op, "$nr is compared by eq and ne, found %s", op)
	}
	name := p.next()
	if name.kind != text {
		p.fail(name, "expected a syscall's name in quotes, found %s", name)
	}
	e := &expr{op: op.text, arg: -1, span: from.span.To(name.span)}
	e.value, e.known = p.arch.Syscall(name.text)
	if !e.known {
		p.diags.Errorf(name.span, "unknown-syscall", "no syscall named %q on %s", name.text, p.arch).Hint = p.arch.SyscallHint(name.text)
	}
	return e
}

// argumentTest reads a comparison of an argument with a constant.
func (p *parser) argumentTest() *expr {
	open := p.peek()
	masked := p.is("(")
	if masked {
		p.next()
	}
	v := p.next()
	if v.kind != variable || v.text != "args" {
		p.fail(v, "expected $nr or $args(N), found %s", v)
	}
	p.expect("(", "after $args")
	index := p.next()
	if index.kind != word || len(index.text) != 1 || index.text[0] < '0' || index.text[0] > '5' {
		p.fail(index, "arguments are 0 to 5, found %s", index)
	}
	p.expect(")", "after the argument's number")
	e := &expr{arg: int(index.text[0] - '0'), mask: 0xffffffff}
	if masked {
		p.expect("&", "after the argument")
		e.mask = p.constant()
		p.expect(")", "after the mask")
	}
	op := p.next()
	switch op.text {
	case "==", "!=", "<", "<=", ">", ">=":
	default:
		p.fail(op, "expected a comparison with a number, found %s", op)
	}
	e.op = op.text
	e.value = p.constant()
	e.span = open.span.To(p.tokens[p.at-1].span)
	return e
}

// constant reads a number or a name of one; a half of an argument is compared
// with it, so that it must have 32 bits. Negative ones are sign-extended to that.
func (p *parser) constant() uint32 {
	from := p.peek()
	negative, inverted := p.is("-"), p.is("~")
	if negative || inverted {
		p.next()
	}
	t := p.next()
	if t.kind != word {
		p.fail(t, "expected a number or a constant's name, found %s", t)
	}
	v, err := number(t.text)
	switch {
	case errors.Is(err, strconv.ErrRange):
		v = 1 << 63
	case err != nil && '0' <= t.text[0] && t.text[0] <= '9':
		p.fail(t, "%s is no number", t)
	case err != nil:
		var ok bool
		if v, ok = p.arch.Constant(t.text); !ok {
			if n, isErrno := p.arch.Errno(t.text); isErrno {
				v, ok = uint64(n), true
			}
		}
		if !ok {
			d := p.diags.Errorf(t.span, "unknown-name", "no constant named %q on %s", t.text, p.arch)
			if near, found := p.arch.ClosestConstant(t.text); found {
				d.Hint = "did you mean " + strconv.Quote(near) + "?"
			}
			return 0
		}
	}
	if negative {
		v = -v
	}
	low := uint32(v)
	if v > 0xffffffff && uint64(int64(int32(low))) != v {
		p.diags.Errorf(from.span.To(t.span), "out-of-range", "$args(N) is the low word of an argument: it can't be compared with a number of more than 32 bits")
	}
	if inverted {
		return ^low
	}
	return low
}

// number reads a number as C writes it.
func number(s string) (uint64, error) {
	if s == "" || strings.Contains(s, "_") {
		return 0, strconv.ErrSyntax
	}
	return strconv.ParseUint(s, 0, 64)
}

// holds reports whether a test of the number is true.
func (e *expr) holds(nr uint32) bool { return (nr == e.value) == (e.op == "eq") }

// numbers calls f with every number that is tested in a list of statements.
func numbers(list []statement, f func(uint32)) {
	var inExpr func(*expr)
	inExpr = func(e *expr) {
		if e == nil {
			return
		}
		if e.x == nil && e.arg < 0 {
			f(e.value)
		}
		inExpr(e.x)
		inExpr(e.y)
	}
	for _, s := range list {
		for _, a := range s.arms {
			inExpr(a.cond)
			numbers(a.body, f)
		}
	}
}

// low names what an argument test looks at.
func (e *expr) low() linux.Word { return linux.ArgLow(e.arg) }
