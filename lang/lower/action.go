package lower

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"secco/lang/syntax"
	"secco/linux"
	"secco/source"
)

// Action returns what an expanded action stands for, and whether it stands for
// anything.
func Action(a *syntax.Action, diags *source.Diagnostics) (linux.Action, bool) {
	kinds := [...]linux.Action{
		syntax.Errno: linux.Errno, syntax.Allow: linux.Allow, syntax.Log: linux.Log, syntax.Notify: linux.Notify,
		syntax.Trace: linux.Trace, syntax.Trap: linux.Trap,
		syntax.KillThread: linux.KillThread, syntax.KillProcess: linux.KillProcess,
	}
	kind := kinds[a.Kind]
	if a.Data == nil {
		return kind, true
	}
	limit, what := uint64(math.MaxUint16), "the data of an action"
	if kind == linux.Errno {
		limit, what = linux.MaxErrno, "an errno"
	}
	if _, unknown := a.Data.(*syntax.Name); unknown {
		return 0, false // reported
	}
	n, ok := a.Data.(*syntax.Number)
	switch {
	case !ok:
		diags.Errorf(a.Data.Span(), "bad-action", "%s has to be a constant", what)
	case n.Value > limit:
		shown := strconv.FormatUint(n.Value, 10)
		if int64(n.Value) < 0 {
			shown = strconv.FormatInt(int64(n.Value), 10)
		}
		d := diags.Errorf(n.At, "bad-action", "%s is a number from 0 to %d, not %s", what, limit, shown)
		if action, ok := ForeignAction(n.At.Text()); ok {
			d.Hint = fmt.Sprintf("did you mean %q?", action)
		} else if kind == linux.Errno && -n.Value <= linux.MaxErrno {
			d.Hint = "the kernel negates it: " + strings.TrimLeft(n.At.Text(), "- ")
		}
	default:
		return kind.With(uint16(n.Value)), true
	}
	return 0, false
}
