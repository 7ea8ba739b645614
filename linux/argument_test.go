package linux

import (
	"slices"
	"strings"
	"testing"
)

func TestArgumentText(t *testing.T) {
	for _, c := range []struct {
		arch Arch
		call string
		arg  int
		k    uint64
		mask bool
		want string
	}{
		{X86_64, "socket", 0, 10, false, "AF_INET6"},
		{X86_64, "socket", 0, 1, false, "AF_UNIX"},
		{X86_64, "socket", 0, 10, true, ""},
		{X86_64, "socket", 0, 1<<32 | 10, false, ""},
		{X86_64, "socket", 2, 10, false, ""},
		{X86_64, "clone", 0, 0x10020000, false, "CLONE_NEWNS | CLONE_NEWUSER"},
		{X86_64, "clone", 0, 0x10020000, true, "(CLONE_NEWNS | CLONE_NEWUSER)"},
		{X86_64, "clone", 0, 0, true, ""},
		{X86_64, "clone", 0, 1 << 60, false, ""},
		{S390X, "clone", 0, 0x10000000, false, ""},
		{X86_64, "openat", 2, 0x41, false, "O_WRONLY | O_CREAT"},
		{MIPS64LE, "openat", 2, 0x101, false, "O_WRONLY | O_CREAT"},
		{X86_64, "no_such_call", 0, 1, false, ""},
		{0, "socket", 0, 1, false, ""},
		{X86_64, "ioctl", 1, 0x5401, false, "TCGETS"},
		{X86_64, "ioctl", 1, 0xae01, false, "KVM_CREATE_VM"},
		{X86_64, "ioctl", 1, 0xffffffff, false, ""}, // KVM_IRQ_ROUTING_XEN_EVTCHN_PRIO_2LEVEL
		{X86_64, "kill", 1, 9, false, "SIGKILL"},
		{X86_64, "kill", 1, 0, false, ""}, // SIG_BLOCK
		{X86_64, "rt_sigprocmask", 0, 0, false, "SIG_BLOCK"},
	} {
		if got, ok := c.arch.ArgumentText(c.call, c.arg, c.k, c.mask); got != c.want || ok != (c.want != "") {
			t.Errorf("%v %s argument %d, %#x: %q, want %q", c.arch, c.call, c.arg, c.k, got, c.want)
		}
	}
}

// Whatever is said has to mean its number, on every architecture; and what has
// names at all has to have some that exist.
func TestArgumentTextMeansItsNumber(t *testing.T) {
	for arg, n := range namings() {
		names := 0
		for _, a := range Arches() {
			for prefix := range strings.FieldsSeq(n.prefixes) {
				for _, k := range a.withPrefix(prefix) {
					text, ok := a.ArgumentText(arg.name, arg.arg, k, false)
					if !ok {
						continue
					}
					names++
					var value uint64
					for name := range strings.SplitSeq(strings.TrimPrefix(strings.Trim(text, "()"), "~("), " | ") {
						v, ok := a.Constant(strings.TrimPrefix(name, "~"))
						if !ok {
							t.Errorf("%v %s argument %d: there is no %s", a, arg.name, arg.arg, name)
						}
						value |= v
					}
					if strings.HasPrefix(text, "~") {
						value = ^value
					}
					if value != k {
						t.Errorf("%v %s argument %d: %s is %#x, not %#x", a, arg.name, arg.arg, text, value, k)
					}
				}
			}
		}
		if names == 0 {
			t.Errorf("%s argument %d: no name begins with any of %s", arg.name, arg.arg, n.prefixes)
		}
	}
	for _, name := range preferred {
		if !slices.ContainsFunc(Arches(), func(a Arch) bool { _, ok := a.Constant(name); return ok }) {
			t.Errorf("there is no %s to prefer", name)
		}
	}
}
