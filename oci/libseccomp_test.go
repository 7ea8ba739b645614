package oci

import (
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"secco/linux"
)

func TestLibseccompTable(t *testing.T) {
	for _, a := range linux.Arches() {
		for _, s := range a.Syscalls() {
			if _, ok := libseccompTable()[s.Name]; !ok {
				t.Errorf("libseccomp.txt is stale: no %s", s.Name)
			}
		}
	}
	for name, want := range map[string]string{"read": "2.3.0", "clone3": "2.4.2", "close_range": "2.5.2", "mseal": "2.5.6", "open_tree_attr": "2.6.1", "nonsense": "a release to come"} {
		if got := LibseccompWith(linux.X86_64, name).String(); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	if got := LibseccompWith(linux.ARM64, "clone3").String(); got != "2.4.4" {
		t.Errorf("clone3 on arm64: %s", got)
	}
}

func TestLibseccompFor(t *testing.T) {
	rule := func(action specs.LinuxSeccompAction, names ...string) specs.LinuxSyscall {
		return specs.LinuxSyscall{Names: names, Action: action}
	}
	for _, c := range []struct {
		fallback specs.LinuxSeccompAction
		rules    []specs.LinuxSyscall
		release  string
		left     int // names, under 2.5.4
	}{
		{specs.ActAllow, []specs.LinuxSyscall{rule(specs.ActErrno, "mkdir", "mseal", "close_range")}, "2.5.6", 2},
		{specs.ActAllow, []specs.LinuxSyscall{rule(specs.ActErrno, "mkdir", "nonsense")}, "2.3.0", 2}, // no call at all
		{specs.ActErrno, []specs.LinuxSyscall{rule(specs.ActAllow, "mkdir", "mseal")}, "2.3.0", 2},
		{specs.ActErrno, []specs.LinuxSyscall{rule(specs.ActAllow, "mkdir"), rule(specs.ActKillProcess, "mseal")}, "2.5.6", 1},
		{specs.ActLog, []specs.LinuxSyscall{rule(specs.ActTrap, "futex_wait"), rule(specs.ActAllow, "mseal")}, "2.5.5", 1},
	} {
		p := &specs.LinuxSeccomp{DefaultAction: c.fallback, Architectures: []specs.Arch{specs.ArchX86}, Syscalls: c.rules}
		if v, name := LibseccompFor(p, linux.X86_64); v.String() != c.release {
			t.Errorf("%v: %v for %s, want %s", c.rules, v, name, c.release)
		}
		v, err := ParseLibseccomp("2.5.4")
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, r := range v.Enforced(p, linux.X86_64).Syscalls {
			n += len(r.Names)
		}
		if n != c.left {
			t.Errorf("%v: %d names are left of %v, want %d", c.rules, n, v, c.left)
		}
	}
	for _, text := range []string{"", "2", "2.5.4.1", "2.x", "-2.5"} {
		if _, err := ParseLibseccomp(text); err == nil {
			t.Errorf("%q is a release", text)
		}
	}
}
