package lang

import (
	"fmt"
	"slices"
	"strings"

	"secco/lang/syntax"
	"secco/linux"
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
	kernel, err := linux.ParseVersion(stated.Version.Text)
	if err != nil || kernel.Compare(firstBaseline) < 0 {
		t.diags.Errorf(stated.Version.At, "bad-version", "the first kernel with filters is %s", firstBaseline)
		return
	}
	if (linux.Version{Major: kernel.Major, Minor: kernel.Minor}).Compare(linux.TablesKernel) > 0 {
		t.diags.Errorf(stated.Version.At, "bad-version", "it is not known which syscalls %s has: the newest known kernel is %s", kernel, linux.TablesKernel)
		return
	}
	var open []string // neither known to be there nor not to be
	for _, s := range t.Arch.Syscalls() {
		if _, ok := out.Rules[s.NR]; ok || t.InRange(s.NR) {
			continue
		}
		present, known := linux.Present(t.Arch, s.Name, kernel)
		switch {
		case !known:
			open = append(open, s.Name)
		case present:
			out.Rules[s.NR] = out.Default
		}
	}
	if n := len(open); n > 8 {
		open = append(open[:8], fmt.Sprintf("%d others", n-8))
	}
	if open != nil {
		t.diags.Errorf(stated.At, "unknown-release", "it is not known whether %s had %s on %s", kernel, strings.Join(open, ", "), t.Arch).
			Hint = "give them a rule"
	}
	out.Default = t.builder.Leaf(newer.action, newer.span)
}

// firstBaseline is the first kernel with filters.
var firstBaseline = linux.Version{Major: 3, Minor: 5}
