package eval

import (
	"fmt"

	"secco/lang/syntax"
	"secco/linux"
)

// guard evaluates the condition of when.
func (e *Evaluator) guard(x syntax.Expr) bool {
	switch x := x.(type) {
	case *syntax.Paren:
		return e.guard(x.X)
	case *syntax.Unary:
		return !e.guard(x.X)
	case *syntax.Call: // cap(NAME)
		for _, c := range e.opts.Capabilities {
			if c == x.Args[0].(*syntax.Name).Text {
				return true
			}
		}
		return false
	case *syntax.Binary:
		switch x.Op {
		case syntax.OpAnd:
			return e.guard(x.X) && e.guard(x.Y)
		case syntax.OpOr:
			return e.guard(x.X) || e.guard(x.Y)
		}
		have, want := version(e.opts.Kernel), version(x.Y.Span().Text())
		return binary(x.Op, value{kind: constant, n: have}, value{kind: constant, n: want}).b
	}
	panic(fmt.Sprintf("eval: no guard %T", x))
}

// version returns a version of the kernel as one number.
func version(text string) uint64 {
	var major, minor uint64
	if n, _ := fmt.Sscanf(text, "%d.%d", &major, &minor); n == 0 {
		panic("eval: no version " + text)
	}
	return major<<32 | minor
}

// isNewer reports whether a number was no syscall in the baseline's kernel.
func (e *Evaluator) isNewer(arch linux.Arch, nr uint32) bool {
	if len(e.baseline) == 0 {
		return false
	}
	at := e.baseline[0]
	for _, b := range e.baseline[1:] {
		if b.place.better(at.place) {
			at = b
		}
	}
	kernel, err := linux.ParseVersion(at.version)
	if err != nil {
		panic(err)
	}
	name, ok := arch.SyscallName(nr)
	if !ok {
		return true
	}
	present, _ := linux.Present(arch, name, kernel)
	return !present
}
