package syntax

import (
	"fmt"
	"strings"

	"secco/source"
)

// expr parses an expression.
func (p *parser) expr() Expr { return p.binary(1) }

// count counts a node of the tree.
func (p *parser) count() {
	p.nodes++
	if p.nodes > maxNodes {
		p.fail(p.at(), "", "too-large", "more than %d operands in one statement", maxNodes)
	}
}

// binary parses operands and the operators between them that bind at least as
// tightly as the given precedence.
func (p *parser) binary(precedence int) Expr {
	x := p.unary()
	for p.tok == tokOp {
		op, at := p.op, p.at()
		level := opTable[op].precedence
		if level == 0 || level < precedence {
			break
		}
		p.next()
		y := p.binary(level + 1)
		if left, ok := x.(*Binary); ok && op.IsComparison() && opTable[left.Op].precedence == level {
			p.diags.Errorf(at, "chained-comparison", "comparisons do not chain").Hint = chainHint(op, left, y)
			x = left.Y // one error is enough
		}
		x = &Binary{op, x, y, at, x.Span().To(y.Span())}
	}
	return x
}

// chainHint says what is likely meant by two comparisons in a row.
func chainHint(op Op, left *Binary, y Expr) string {
	if op == OpSet || left.Op == OpSet {
		return `"&?" is a comparison itself: x &? m asks whether all bits of m are set in x`
	}
	for _, e := range []Expr{left.Y, y} {
		b, ok := e.(*Binary)
		if ok && (b.Op == OpBitAnd || b.Op == OpBitOr) {
			return fmt.Sprintf("conditions are joined by %q; %q joins bits, before numbers are compared", strings.Repeat(b.Op.String(), 2), b.Op)
		}
	}
	return `join them with "&&"`
}

// unary parses an operand with the operators before it.
func (p *parser) unary() Expr {
	p.count()
	if p.tok != tokOp {
		return p.primary()
	}
	var op Op
	switch p.op {
	case OpNot, OpCompl:
		op = p.op
	case OpSub:
		op = OpNeg
	default:
		p.unexpected(wantExpression)
	}
	start := p.start
	p.next()
	p.deeper()
	x := p.unary()
	p.depth--
	return &Unary{op, x, p.since(start)}
}

// primary parses an operand.
func (p *parser) primary() Expr {
	start := p.start
	switch p.tok {
	case tokNumber:
		n := &Number{p.value, p.at()}
		p.next()
		return n
	case tokVersion:
		if !p.guarding {
			break
		}
		v := &Version{p.text[p.start:p.end], p.at()}
		p.next()
		return v
	case tokLParen:
		p.next()
		p.deeper()
		x := p.expr()
		p.depth--
		p.closing(start)
		return &Paren{x, p.since(start)}
	case tokName:
		name := p.name("")
		if index, half, ok := parseArg(name.Text); ok {
			return &Arg{index, half, name.At}
		}
		switch word := strings.ToLower(name.Text); word {
		case "true", "false":
			return &Bool{word == "true", name.At}
		case "in", "notin":
			open := p.expect(tokLParen)
			args := p.args(open.Start())
			if len(args) < 2 {
				p.fail(p.since(start), "", "arity", "%q needs a value and at least one to compare it with", name.Text)
			}
			return &In{word == "notin", args[0], args[1:], p.since(start)}
		}
		if name.Text == "return" {
			p.fail(name.At, "", "syntax", `"return" is no part of an expression; it follows one behind ";"`)
		}
		if p.tok == tokLParen {
			open := p.expect(tokLParen)
			args := []Expr{}
			if p.tok == tokRParen {
				p.next()
			} else {
				args = p.args(open.Start())
			}
			return &Call{name, args, p.since(start)}
		}
		return name
	}
	p.unexpected(wantExpression)
	return nil
}

// args parses expressions with commas between them and the parenthesis that
// closes the list opened at an offset.
func (p *parser) args(open int) []Expr {
	p.deeper()
	list := []Expr{p.expr()}
	for p.took(tokComma) {
		list = append(list, p.expr())
	}
	p.depth--
	p.closing(open)
	return list
}

// closing takes the parenthesis that closes the one at an offset.
func (p *parser) closing(open int) {
	if p.tok == tokRParen {
		p.next()
		return
	}
	want := tokenText[tokRParen]
	p.failBad(want)
	d := p.diags.Errorf(p.at(), "syntax", "expected %s, found %s", want, p.found())
	d.Hint, d.Related = p.slip(want), []source.Related{{Span: p.file.Span(open, open+1), Message: "opened here"}}
	panic(bail{})
}
