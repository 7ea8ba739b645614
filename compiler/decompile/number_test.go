package decompile

import (
	"strings"
	"testing"

	"secco/linux"
	"secco/policy"
	"secco/policy/prove"
	"secco/source"
)

// What numbers get that have no rule of their own is said by the default action and
// ranges, in the places where they replace nothing else.
func TestRanges(t *testing.T) {
	const head = "DEFAULT_POSITIVE = allow\nDEFAULT_NEGATIVE = EPERM\nDEFAULT_POLICY = EPERM\n"
	for name, c := range map[string]struct {
		text string
		want []string // in the text, beside the head
	}{
		"further ones":          {"syscall_470..: return ENOSYS\nlistns, read: 1\n", []string{"\nlistns, read: 1\n", "\nsyscall_0x1d6..: return ENOSYS\n"}},
		"most get the default":  {"syscall_0..400: return 5\nread: 1\n", []string{"DEFAULT_POLICY = EIO", "\nread: 1\n", "\nsyscall_0x191..: return EPERM\n"}},
		"the last ones":         {"syscall_500..0x3fffffff: return 5\n", []string{"\nsyscall_0x1f4..0x3fffffff: return EIO\n"}},
		"a tracer's number":     {"syscall_0xffffffff..: return 5\n", []string{"\nsyscall_0xffffffff: return EIO\n"}},
		"conditions":            {"syscall_500..: arg0 == 5\n", []string{"\nsyscall_0x1f4..: arg0 == 5\n"}},
		"all have a condition":  {"syscall_0..: arg0 == 5\n", []string{"\nsyscall_0x0..[-EPERM]: arg0 == 5\n"}},
		"on every architecture": {"ARCHES = x86_64, i386\nsyscall_500..: return 5\n", []string{"\nsyscall_0x1f4..: return EIO\n"}},
		"on one":                {"ARCHES = x86_64, i386\narch i386 {\nsyscall_500..: return 5\n}\n", []string{"\narch i386 {\n    syscall_0x1f4..: return EIO\n}\n"}},
		// Outside of the blocks this would be replaced.
		"around a rule of both": {"ARCHES = x86_64, i386\nlistns: 1\narch i386 {\nsyscall_460..: return 5\nlistns: 1\n}\n", []string{"\narch i386 {\n", "    listns: 1\n"}},
		"x32's":                 {"ARCHES = x86_64, x32\narch x32 {\nsyscall_0x80000000..0xbfffffff: return 5\n}\n", []string{"\narch x32 {\n    syscall_0x80000000..0xbfffffff: return EIO\n}\n"}},
		"x32's and x86_64's":    {"ARCHES = x86_64, x32\nsyscall_500..: return 5\n", []string{"\narch x86_64 {\n    syscall_0x1f4..: return EIO\n}\n"}},
	} {
		want := load(t, head+c.text)
		text, err := Text(want, TextOptions{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, part := range c.want {
			if !strings.Contains(text, part) {
				t.Errorf("%s: no %q in\n%s", name, part, text)
			}
		}
		same(t, want, load(t, text))
	}
}

// x32 becomes a target where what its numbers get is more than an action.
func TestSplitX32(t *testing.T) {
	p := load(t, "DEFAULT_POSITIVE = allow\nDEFAULT_POLICY = EPERM\nread: 1\n")
	var b policy.Builder
	leaf := func(a linux.Action) *policy.Node { return b.Leaf(a, source.Span{}) }
	p.X32 = b.Test(policy.CmpSet, b.Word(linux.WordNR), b.Const(1<<31), leaf(linux.Log), leaf(linux.KillThread), source.Span{})
	text, err := Text(p, TextOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(text, "\narch x32 {\n    DEFAULT_POLICY = kill_thread\n    syscall_0x80000000..: return log\n}\n") {
		t.Error(text)
	}
	same(t, p, load(t, text))
}

func same(t *testing.T, a, b *policy.Policy) {
	t.Helper()
	r, err := prove.Equivalent(prove.Policy(a), prove.Policy(b), prove.Options{})
	if err != nil || r.Verdict != prove.Equal {
		t.Errorf("%v %v %v", r.Verdict, r.Witness, err)
	}
}
