package syntax

// Walk calls f for n and, where f returns true, for the nodes in it, in the
// order they were written. It does not go into the files that others include.
func Walk(n Node, f func(Node) bool) {
	if !f(n) {
		return
	}
	names := func(list []*Name) {
		for _, x := range list {
			Walk(x, f)
		}
	}
	action := func(a *Action) {
		if a != nil {
			Walk(a, f)
		}
	}
	expr := func(x Expr) {
		if x != nil {
			Walk(x, f)
		}
	}
	exprs := func(list []Expr) {
		for _, x := range list {
			Walk(x, f)
		}
	}
	stmts := func(list []Stmt) {
		for _, s := range list {
			Walk(s, f)
		}
	}
	switch n := n.(type) {
	case *Default:
		Walk(n.Name, f)
		Walk(n.Action, f)
	case *Arches:
		names(n.Names)
	case *Define:
		Walk(n.Name, f)
		names(n.Params)
		Walk(n.Body, f)
	case *Rule:
		names(n.Names)
		names(n.Params)
		first, second := n.Positive, n.Negative
		if first != nil && second != nil && second.At.Start() < first.At.Start() {
			first, second = second, first
		}
		action(first)
		action(second)
		if n.Body != nil {
			Walk(n.Body, f)
		}
		for _, a := range n.Arms {
			Walk(a, f)
		}
	case *ArchBlock:
		names(n.Arches)
		stmts(n.Stmts)
	case *Group:
		Walk(n.Name, f)
		names(n.Members)
	case *Flags:
		names(n.Names)
	case *Baseline:
		Walk(n.Version, f)
	case *Remove:
		names(n.Names)
	case *When:
		Walk(n.Cond, f)
		stmts(n.Stmts)
		stmts(n.Else)
	case *Test:
		if n.Arch != nil {
			Walk(n.Arch, f)
		}
		Walk(n.Syscall, f)
		for _, x := range n.Args {
			expr(x)
		}
		Walk(n.Action, f)
	case *Body:
		expr(n.Cond)
		action(n.Return)
	case *Arm:
		expr(n.Cond)
		action(n.Action)
	case *Action:
		expr(n.Data)
	case *Unary:
		Walk(n.X, f)
	case *Binary:
		Walk(n.X, f)
		Walk(n.Y, f)
	case *Call:
		Walk(n.Fun, f)
		exprs(n.Args)
	case *In:
		Walk(n.X, f)
		exprs(n.Set)
	case *Paren:
		Walk(n.X, f)
	}
}
