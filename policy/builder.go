package policy

import (
	"slices"

	"secco/linux"
	"secco/source"
)

// Builder makes expressions and nodes, each only once. Graphs of different
// Builders must not be mixed. The zero Builder is ready for use; it is not safe
// for concurrent use.
type Builder struct {
	exprs map[Expr]*Expr
	nodes map[nodeKey]*Node
}

type nodeKey struct {
	action  linux.Action
	cmp     Cmp
	x, y    *Expr
	yes, no *Node
	span    source.Span // of leaves only
}

// Const returns the constant k.
func (b *Builder) Const(k uint32) *Expr { return b.expr(Expr{Op: OpConst, K: k}) }

// Word returns the value of a word of the call.
func (b *Builder) Word(w linux.Word) *Expr { return b.expr(Expr{Op: OpWord, W: w}) }

func (b *Builder) expr(e Expr) *Expr {
	if have, ok := b.exprs[e]; ok {
		return have
	}
	if b.exprs == nil {
		b.exprs = map[Expr]*Expr{}
	}
	made := e
	made.id = int32(len(b.exprs))
	if e.X != nil {
		made.tree = min(e.X.tree+e.Y.tree+1, large)
		made.divides = e.X.divides || e.Y.divides || e.Op == OpDiv && (!e.Y.IsConst() || e.Y.K == 0)
	}
	b.exprs[e] = &made
	return &made
}

// Binary returns x op y, op being one of OpAdd to OpRsh. Constants are folded
// and neutral elements dropped. A shift's count is taken modulo 32: a mask is
// put around one that is no constant, for not every machine's shifts do that.
func (b *Builder) Binary(op Op, x, y *Expr) *Expr {
	if op == OpLsh || op == OpRsh {
		y = b.Binary(OpAnd, y, b.Const(31))
	}
	if x.IsConst() && y.IsConst() && !(op == OpDiv && y.K == 0) {
		return b.Const(op.apply(x.K, y.K))
	}
	switch op {
	case OpAdd, OpMul, OpAnd, OpOr, OpXor:
		if x.IsConst() || (!y.IsConst() && y.id < x.id) {
			x, y = y, x
		}
	}
	if y.IsConst() {
		switch {
		case y.K == 0 && op != OpMul && op != OpAnd && op != OpDiv,
			y.K == 1 && (op == OpMul || op == OpDiv),
			y.K == 0xffffffff && op == OpAnd:
			return x
		case op == OpAnd && x.Op == OpAnd && x.Y.IsConst():
			return b.Binary(OpAnd, x.X, b.Const(x.Y.K&y.K))
		}
		// x & 0 and x * 0 fold only where x can't divide by zero on the way.
		if y.K == 0 && (op == OpMul || op == OpAnd) && !x.divides {
			return b.Const(0)
		}
		if y.K == 0xffffffff && op == OpOr && !x.divides {
			return y
		}
	}
	return b.expr(Expr{Op: op, X: x, Y: y})
}

// Not returns the complement of x.
func (b *Builder) Not(x *Expr) *Expr { return b.Binary(OpXor, x, b.Const(0xffffffff)) }

// Mod returns the remainder x % y, out of the operations that seccomp has.
func (b *Builder) Mod(x, y *Expr) *Expr {
	if y.IsConst() && y.K != 0 && y.K&(y.K-1) == 0 {
		return b.Binary(OpAnd, x, b.Const(y.K-1))
	}
	return b.Binary(OpSub, x, b.Binary(OpMul, b.Binary(OpDiv, x, y), y))
}

// divisors returns the divisors in the expressions that may be zero, each once,
// in the order in which they are computed.
func divisors(exprs ...*Expr) []*Expr {
	var list []*Expr
	seen := map[*Expr]bool{}
	var walk func(e *Expr)
	walk = func(e *Expr) {
		if !e.divides || seen[e] {
			return
		}
		seen[e] = true
		walk(e.X)
		walk(e.Y)
		if e.Op == OpDiv && (!e.Y.IsConst() || e.Y.K == 0) && !slices.Contains(list, e.Y) {
			list = append(list, e.Y)
		}
	}
	for _, e := range exprs {
		walk(e)
	}
	return list
}

// Leaf returns the leaf of an action, decided by the rule at span.
func (b *Builder) Leaf(a linux.Action, span source.Span) *Node {
	return b.node(nodeKey{action: a, span: span}, span)
}

// Test returns the test "x cmp y". Where the outcome is known or does not
// matter it is the successor itself. A divisor in x or y that may be zero gets a
// test before it that leads to kill_thread, which is what the kernel does there;
// so no graph ever divides by zero.
func (b *Builder) Test(cmp Cmp, x, y *Expr, yes, no *Node, span source.Span) *Node {
	n := b.test(cmp, x, y, yes, no, span)
	if !x.divides && !y.divides {
		return n
	}
	zero, guards := b.Const(0), divisors(x, y)
	for i := len(guards) - 1; i >= 0; i-- {
		n = b.test(CmpEq, guards[i], zero, b.Leaf(linux.KillThread, span), n, span)
	}
	return n
}

func (b *Builder) test(cmp Cmp, x, y *Expr, yes, no *Node, span source.Span) *Node {
	if yes == no {
		return yes
	}
	if x.IsConst() && y.IsConst() {
		return choose(cmp.Holds(x.K, y.K), yes, no)
	}
	if x == y && cmp != CmpSet {
		return choose(cmp != CmpGt, yes, no)
	}
	if x.IsConst() || (!y.IsConst() && y.id < x.id) { // constants to the right, else by age
		switch cmp {
		case CmpGt: // k > y is not y >= k
			return b.test(CmpGe, y, x, no, yes, span)
		case CmpGe:
			return b.test(CmpGt, y, x, no, yes, span)
		}
		return b.test(cmp, y, x, yes, no, span)
	}
	if y.IsConst() {
		switch {
		case cmp == CmpGe && y.K == 0:
			return yes
		case cmp == CmpGt && y.K == 0xffffffff, cmp == CmpSet && y.K == 0:
			return no
		case cmp == CmpGt:
			return b.test(CmpGe, x, b.Const(y.K+1), yes, no, span)
		case cmp == CmpGe && y.K == 0xffffffff:
			return b.test(CmpEq, x, y, yes, no, span)
		case cmp == CmpGe && y.K == 1, cmp == CmpSet && y.K == 0xffffffff:
			return b.test(CmpEq, x, b.Const(0), no, yes, span)
		}
	}
	return b.node(nodeKey{cmp: cmp, x: x, y: y, yes: yes, no: no}, span)
}

func choose(cond bool, yes, no *Node) *Node {
	if cond {
		return yes
	}
	return no
}

func (b *Builder) node(k nodeKey, span source.Span) *Node {
	if have, ok := b.nodes[k]; ok {
		return have
	}
	if b.nodes == nil {
		b.nodes = map[nodeKey]*Node{}
	}
	n := &Node{Action: k.action, Cmp: k.cmp, X: k.x, Y: k.y, Yes: k.yes, No: k.no, Span: span, id: int32(len(b.nodes))}
	b.nodes[k] = n
	return n
}
