package check

import (
	"fmt"
	"math"
	"slices"

	"secco/lang/syntax"
	"secco/source"
)

// kind is what an expression is.
type kind uint8

const (
	unknown  kind = iota // the name of a parameter, say
	boolean              // a condition
	constant             // a number that is known
	word                 // a number of 32 bits that the call decides
	full                 // an argument of 64 bits, or its bits masked
)

// Types checks the kinds and widths in a simplified expression. Where the
// filter computes, it does so in 32 bits; so a full argument can be compared and
// masked, but not more, and a constant beside half an argument has to fit there.
//
// Names and calls may still stand in the expression: then what depends on them
// is left open.
type Types struct {
	Diags *source.Diagnostics
	// Narrow says that the arguments have 32 bits on this architecture, of
	// this name; empty where they have 64.
	Narrow string
	// Names are the names that the rule gives its syscall's arguments.
	Names []*syntax.Name
	// Int says which arguments the kernel reads 32 bits of, or less.
	Int [6]bool
	// Signed says of how many bits the arguments are that the kernel takes as signed
	// numbers; 0 for the others.
	Signed [6]int
	// Reported notes which of Int were warned of; nil to warn of none.
	Reported *[6]bool

	nonzero *fact // what is known not to be zero here
}

// Conditions checks conditions that are tried in turn, each where those before
// do not hold.
func (t Types) Conditions(list []syntax.Expr) {
	known := t.nonzero
	for _, e := range list {
		here := t
		here.nonzero = known
		here.Condition(e)
		known = facts(e, false, known)
	}
}

// Condition checks an expression that has to be a condition.
func (t Types) Condition(e syntax.Expr) {
	switch t.kind(e) {
	case boolean, unknown:
	default:
		d := t.Diags.Errorf(e.Span(), "not-condition", "a number stands where a condition is expected")
		d.Hint = `compare it with something; as a rule's whole body, "1" means always`
		if name := e.Span().Text(); errnoKnown(name) {
			d.Hint = returnHint(name)
		}
	}
}

// Any checks an expression that may be of any kind.
func (t Types) Any(e syntax.Expr) { t.kind(e) }

// kind checks e and returns its kind; unknown also where there was an error, to
// report it once.
func (t Types) kind(e syntax.Expr) kind {
	switch e := e.(type) {
	case *syntax.Number:
		return constant
	case *syntax.Bool:
		return boolean
	case *syntax.Arg:
		if e.Half == syntax.Full {
			return full
		}
		return word
	case *syntax.Paren:
		return t.kind(e.X)
	case *syntax.Unary:
		return t.unary(e)
	case *syntax.Binary:
		switch {
		case e.Op.IsLogical():
			for _, x := range operands(e) {
				t.condition(x, e.Op)
				t.nonzero = facts(x, e.Op == syntax.OpAnd, t.nonzero)
			}
			return boolean
		case e.Op.IsComparison():
			x, y := t.number(e.X, e.Op.String()), t.number(e.Y, e.Op.String())
			t.beside(e.X, x, e.Y, y)
			t.sign(e)
			return boolean
		}
		return t.arithmetic(e)
	case *syntax.In:
		name := "in"
		if e.Not {
			name = "notIn"
		}
		x := t.number(e.X, name)
		for _, s := range e.Set {
			t.beside(e.X, x, s, t.number(s, name))
		}
		return boolean
	case *syntax.Call:
		for _, a := range e.Args {
			t.kind(a)
		}
	}
	return unknown
}

// operands returns what a chain of && or of || joins. Chains can be long: they
// are gone through once, so that what is known of the operands before is found
// once for each.
func operands(e *syntax.Binary) []syntax.Expr {
	var list []syntax.Expr
	op := e.Op
	for {
		list = append(list, e.Y)
		x, ok := e.X.(*syntax.Binary)
		if !ok || x.Op != op {
			list = append(list, e.X)
			slices.Reverse(list)
			return list
		}
		e = x
	}
}

func (t Types) unary(e *syntax.Unary) kind {
	switch e.Op {
	case syntax.OpNot:
		t.condition(e.X, e.Op)
		return boolean
	case syntax.OpCompl:
		return t.number(e.X, e.Op.String())
	}
	x := t.number(e.X, e.Op.String())
	if x == word || x == full {
		t.Diags.Errorf(e.At, "type-mismatch", `"-" before a value that is not constant`).Hint = `write "0 - value"`
		return unknown
	}
	return x
}

// condition checks an operand that has to be a condition.
func (t Types) condition(e syntax.Expr, op syntax.Op) {
	switch t.kind(e) {
	case boolean, unknown:
	default:
		t.Diags.Errorf(e.Span(), "type-mismatch", "%q works on conditions, and this is a number", op).Hint = conditionHint(op)
	}
}

func conditionHint(op syntax.Op) string {
	switch op {
	case syntax.OpNot:
		return `the complement of a number is "~"`
	case syntax.OpAnd:
		return `the bits of numbers are joined by "&"`
	}
	return `the bits of numbers are joined by "|"`
}

// number checks an operand that has to be a number.
func (t Types) number(e syntax.Expr, op string) kind {
	k := t.kind(e)
	if k == boolean {
		d := t.Diags.Errorf(e.Span(), "type-mismatch", "%q works on numbers, and this is a condition", op)
		if not, ok := e.(*syntax.Unary); ok && not.Op == syntax.OpNot {
			d.Hint = fmt.Sprintf(`"!" is tighter than %q: what it is about stands in parentheses`, op)
		}
		return unknown
	}
	return k
}

// arithmetic checks an operation on numbers.
func (t Types) arithmetic(e *syntax.Binary) kind {
	x, y := t.number(e.X, e.Op.String()), t.number(e.Y, e.Op.String())
	switch {
	case x == full || y == full:
		return t.masked(e, x, y)
	case x == unknown || y == unknown:
		return unknown
	case x == constant && y == constant:
		return constant
	}
	switch e.Op {
	case syntax.OpShl, syntax.OpShr:
		if n, ok := e.Y.(*syntax.Number); ok && n.Value >= 32 {
			t.Diags.Errorf(n.At, "shift-range", "half an argument is shifted by 32 bits or more")
		}
		t.fits(e.X)
		return word
	case syntax.OpDiv, syntax.OpMod:
		switch n, ok := e.Y.(*syntax.Number); {
		case ok && n.Value == 0:
			t.Diags.Errorf(e.OpAt, "division-by-zero", "division by zero")
		case !ok && t.mayBeZero(e.Y):
			t.Diags.Warnf(e.Y.Span(), "zero-divisor", "the call is killed (kill_thread) where this divisor is zero").Hint =
				"test it before, with && or in an arm above"
		}
	}
	t.fits(e.X)
	t.fits(e.Y)
	return word
}

// masked checks an operation with a full argument.
func (t Types) masked(e *syntax.Binary, x, y kind) kind {
	switch e.Op {
	case syntax.OpBitAnd, syntax.OpBitOr, syntax.OpBitXor:
		if x == constant || y == constant {
			return full
		}
		if x == unknown || y == unknown {
			return unknown
		}
	}
	at, half := e.OpAt, ""
	for _, operand := range []syntax.Expr{e.X, e.Y} {
		syntax.Walk(operand, func(n syntax.Node) bool {
			if a, ok := n.(*syntax.Arg); ok && a.Half == syntax.Full && half == "" {
				half = t.low(a)
				if n == operand {
					at = a.At
				}
			}
			return true
		})
	}
	t.Diags.Errorf(at, "full-argument", "%q cannot work on a full argument of 64 bits: filters compute in 32", e.Op).Hint =
		fmt.Sprintf("use %s, its lower half", half)
	return unknown
}

// beside checks the widths of two values that are compared.
func (t Types) beside(ex syntax.Expr, x kind, ey syntax.Expr, y kind) {
	switch {
	case x == word && y == constant:
		t.fits(ey)
	case x == constant && y == word:
		t.fits(ex)
	case x == full && y == constant:
		t.narrow(ex, ey)
	case x == constant && y == full:
		t.narrow(ey, ex)
	}
	if x == full || y == full {
		t.wide(ex)
		t.wide(ey)
	}
}

// wide warns where 64 bits of an argument are compared and the kernel uses the
// lower half.
func (t Types) wide(e syntax.Expr) {
	a, ok := e.(*syntax.Arg)
	if !ok || a.Half != syntax.Full || !t.Int[a.Index] || t.Narrow != "" || t.Reported == nil || t.Reported[a.Index] {
		return
	}
	t.Reported[a.Index] = true
	t.Diags.Warnf(a.At, "wide-comparison", "64 bits are compared, and the kernel uses the lower 32 of this argument").Hint =
		fmt.Sprintf("use %s: what is in the upper half makes no difference to the call", t.low(a))
}

// low returns what says the lower half of an argument, by the name that it was
// written with.
func (t Types) low(a *syntax.Arg) string {
	for _, n := range t.Names {
		if n.Text == a.At.Text() {
			return fmt.Sprintf("low(%s)", n.Text)
		}
	}
	return fmt.Sprintf("argL%d", a.Index)
}

// sign warns where an argument that the kernel takes as a signed number is compared
// with a negative one, or asked to be below 0: comparisons are without sign.
func (t Types) sign(e *syntax.Binary) {
	arg, isArg := e.X.(*syntax.Arg)
	k, isNumber := e.Y.(*syntax.Number)
	op := e.Op
	if !isArg || !isNumber { // the other way round, perhaps
		arg, isArg = e.Y.(*syntax.Arg)
		k, isNumber = e.X.(*syntax.Number)
		op = map[syntax.Op]syntax.Op{syntax.OpLt: syntax.OpGt, syntax.OpGt: syntax.OpLt, syntax.OpLe: syntax.OpGe, syntax.OpGe: syntax.OpLe}[op]
	}
	if !isArg || !isNumber {
		return
	}
	bits := t.Signed[arg.Index]
	if bits == 0 || arg.Half == syntax.High || (arg.Half == syntax.Full) != (bits == 64) {
		return
	}
	least := uint64(1) << (bits - 1) // of the negative numbers
	value := k.Value & (least<<1 - 1)
	switch op {
	case syntax.OpLt, syntax.OpGe:
		if value != 0 && value < least {
			return
		}
	case syntax.OpLe, syntax.OpGt:
		if value < least {
			return
		}
	default:
		return
	}
	t.Diags.Warnf(e.At, "signed-comparison", "the kernel takes this argument as a signed number, and comparisons are without sign").Hint =
		fmt.Sprintf("negative numbers are those from %#x up", least)
}

// least32 is the least number of 32 bits, extended by its sign.
const least32 = 1<<64 - 1<<31

// fits checks a constant that is used in 32 bits.
func (t Types) fits(e syntax.Expr) {
	n, ok := e.(*syntax.Number)
	if ok && n.Value > math.MaxUint32 && n.Value < least32 {
		t.Diags.Errorf(n.At, "constant-range", "%#x does not fit in the 32 bits of half an argument", n.Value)
	}
}

// narrow warns of a constant that no argument can reach.
func (t Types) narrow(arg, e syntax.Expr) {
	n, ok := e.(*syntax.Number)
	if !ok || n.Value <= math.MaxUint32 || t.Narrow == "" {
		return
	}
	if a, ok := arg.(*syntax.Arg); ok {
		t.Diags.Warnf(n.At, "narrow-argument", "on %s arg%d has 32 bits and never is %#x", t.Narrow, a.Index, n.Value).Hint =
			fmt.Sprintf("compare %s, or use a block for the architecture", t.low(a))
	}
}
