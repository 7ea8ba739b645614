package linux

import (
	"strings"
	"testing"
)

func TestClosest(t *testing.T) {
	for _, c := range []struct{ name, want string }{
		{"opennat", "openat"}, {"raed", "read"}, {"READ", "read"}, {"sokcet", "socket"},
		{"xyzzyxyzzy", ""}, {"", ""}, {"q", ""}, {strings.Repeat("a", 1<<20), ""},
		{"socketcall", "socketpair"}, // socketcall is no call of x86_64
	} {
		if got, ok := X86_64.ClosestSyscall(c.name); got != c.want || ok != (c.want != "") {
			t.Errorf("ClosestSyscall(%.20q) = %q, %v; want %q", c.name, got, ok, c.want)
		}
	}
	if got, _ := Arch(0).ClosestSyscall("socketcal"); got != "socketcall" {
		t.Errorf("ClosestSyscall of any architecture = %q, want socketcall", got)
	}
	for _, c := range []struct{ name, want string }{
		{"AF_INTE", "AF_INET"}, {"af_inet6", "AF_INET6"}, {"EPREM", "EPERM"}, {"O_CLOEXECC", "O_CLOEXEC"},
	} {
		if got, _ := X86_64.ClosestConstant(c.name); got != c.want {
			t.Errorf("ClosestConstant(%q) = %q, want %q", c.name, got, c.want)
		}
	}
}

func TestClosestOf(t *testing.T) {
	known := []string{"compile", "convert", "FLAGS"}
	for name, want := range map[string]string{"compiel": "compile", "flag": "FLAGS", "bogus": "", "convert": "", "": ""} {
		if got, ok := Closest(name, known); got != want && ok || ok != (want != "") {
			t.Errorf("Closest(%q) = %q, %v; want %q", name, got, ok, want)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"a", "", 1}, {"", "ab", 2}, {"read", "read", 0}, {"raed", "read", 1}, {"kitten", "sitting", 3}, {"ca", "abc", 3}} {
		if got := distance(c.a, c.b); got != c.want {
			t.Errorf("distance(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
		if got := distance(c.b, c.a); got != c.want {
			t.Errorf("distance(%q, %q) = %d, want %d", c.b, c.a, got, c.want)
		}
	}
}
