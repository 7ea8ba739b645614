package lang

import (
	"slices"

	"secco/lang/syntax"
	"secco/policy"
)

// settings returns what the unit says about how the filter is installed.
func (l *loader) settings() policy.Settings {
	var out policy.Settings
	from := l.unit.Settings
	if from.Flags != nil {
		for _, n := range from.Flags.Names {
			out.Flags = append(out.Flags, n.Text)
		}
		slices.Sort(out.Flags)
		out.Flags = slices.Compact(out.Flags)
	}
	if from.NoNewPrivs != nil {
		value := from.NoNewPrivs.Value
		out.NoNewPrivs = &value
	}
	if from.Listener != nil {
		out.ListenerPath = from.Listener.Text
	}
	if from.Metadata != nil {
		out.ListenerMetadata = from.Metadata.Text
	}
	return out
}

// baseline gives the syscalls that came after the baseline's kernel, and the
// numbers that are no syscalls, DEFAULT_NEWER. That is the default then; what the
// kernel had gets DEFAULT_POLICY by rules.
func (t *target) baseline(out *policy.Target) {
	stated, newer := t.unit.Settings.Baseline, t.defaults[syntax.DefaultNewer]
	if stated == nil && !newer.known {
		return
	}
	if stated == nil {
		t.diags.Errorf(newer.span, "missing-baseline", "DEFAULT_NEWER is set without a BASELINE").Hint = "such as: BASELINE = 5.15"
		return
	}
	if !newer.known {
		t.missing(syntax.DefaultNewer, stated.At, "for the syscalls that came after the BASELINE")
		return
	}
	t.diags.Errorf(stated.At, "missing-baseline", "not known")
}
