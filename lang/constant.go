package lang

import (
	"secco/lang/check"
	"secco/lang/syntax"
	"secco/lang/unify"
	"secco/linux"
	"secco/source"
)

// Constant returns the value of a constant expression of the language, such as
// O_WRONLY | O_CREAT or 1 << 12, on an architecture.
func Constant(f *source.File, arch linux.Arch) (value uint64, diags source.Diagnostics) {
	l := &loader{}
	e, diags := syntax.ParseExpr(f)
	if e == nil {
		return 0, diags
	}
	l.unit, l.diags = check.Constant(e, arch)
	u := unify.Unifier{Arch: arch, Defs: l.unit.Defs, Unknown: l.unit.Unknown, Diags: &l.diags, Steps: &l.steps}
	k := l.constant(&u, e, "the value")
	if k == nil || l.diags.HasErrors() {
		return 0, l.diags
	}
	return *k, l.diags
}
