package linux

import "testing"

func TestSince(t *testing.T) {
	for _, c := range []struct {
		arch Arch
		name string
		want string
	}{
		{X86_64, "read", "1.0"}, {X86_64, "seccomp", "3.17"}, {X86_64, "membarrier", "4.3"}, {X86_64, "openat2", "5.6"},
		{I386, "socket", "4.3"}, {I386, "clock_gettime64", "5.1"}, {I386, "semget", "5.1"}, {X86_64, "semget", "2.0"},
		{X86_64, "clone3", "5.3"}, {ARM64, "clone3", "5.5"}, {LOONG64, "read", "5.19"}, {RISCV64, "read", "4.15"},
		{X32, "read", "3.4"}, {S390X, "pkey_alloc", "5.1"}, {MIPS64LE, "clone3", "5.4"}, {X86_64, "futex_waitv", "5.16"},
	} {
		v, ok := Since(c.arch, c.name)
		if !ok || v.String() != c.want {
			t.Errorf("Since(%v, %q) = %v, %v; want %s", c.arch, c.name, v, ok, c.want)
		}
	}
	if v, ok := Since(ARM, "seccomp"); ok {
		t.Errorf("Since(arm, seccomp) = %v, but no source tells it", v)
	}
	if _, _, ok := SinceSpan(X86_64, "socketcall"); ok {
		t.Error("x86_64 has socketcall since some release")
	}
}

func TestPresent(t *testing.T) {
	for _, c := range []struct {
		arch           Arch
		name, release  string
		present, known bool
	}{
		{X86_64, "clone3", "5.2", false, true}, {X86_64, "clone3", "5.3", true, true}, {X86_64, "clone3", "6.0", true, true},
		{X86_64, "socketcall", "6.0", false, true}, {X86_64, "no_such_call", "6.0", false, true},
		{ARM, "seccomp", "3.16", false, true}, {ARM, "seccomp", "4.0", false, false}, {ARM, "seccomp", "4.10", true, true},
	} {
		v, err := ParseVersion(c.release)
		if err != nil {
			t.Fatal(err)
		}
		if present, known := Present(c.arch, c.name, v); present != c.present || known != c.known {
			t.Errorf("Present(%v, %q, %v) = %v, %v; want %v, %v", c.arch, c.name, v, present, known, c.present, c.known)
		}
	}
}

// Every call has a span; it is one, and lies within the kernel's history.
func TestSpans(t *testing.T) {
	for _, a := range Arches() {
		exact := 0
		for _, s := range a.Syscalls() {
			from, by, ok := SinceSpan(a, s.Name)
			if !ok || from.Compare(by) > 0 || by == (Version{}) || by.Compare(TablesKernel) > 0 {
				t.Errorf("%v has %s since %v to %v, %v", a, s.Name, from, by, ok)
			}
			if from == by {
				exact++
			}
			// What a long-term release is known to have or lack is what matters most.
			if _, known := Present(a, s.Name, Version{5, 15, 0}); !known && s.NR < 0xf0000 && s.Name != "riscv_flush_icache" {
				t.Errorf("%v: whether 5.15 had %s is unknown: %v to %v", a, s.Name, from, by)
			}
		}
		t.Logf("%v: the release is known of %d of %d calls", a, exact, len(a.Syscalls()))
	}
}

// Numbers of x86_64 were given out in order of time: a later number with an
// earlier release is a mistake of the sources.
func TestSinceFollowsNumbers(t *testing.T) {
	// Numbers that are known to have been given out of order.
	out := map[string]bool{
		"fanotify_init": true, "fanotify_mark": true, "getcpu": true, "close_range": true, "quotactl_fd": true,
		"uretprobe": true, "uprobe": true, "map_shadow_stack": true,
	}
	var newest Version
	for _, s := range X86_64.Syscalls() {
		if s.NR < 290 || out[s.Name] {
			continue
		}
		from, by, _ := SinceSpan(X86_64, s.Name)
		if by.Compare(newest) < 0 {
			t.Errorf("%s (%d) is of %v, but a smaller number of %v", s.Name, s.NR, by, newest)
		}
		newest = from
	}
}

func TestVersion(t *testing.T) {
	for _, c := range []struct {
		text string
		want Version
	}{{"5", Version{5, 0, 0}}, {"5.15", Version{5, 15, 0}}, {"2.6.39", Version{2, 6, 39}}, {"0.99", Version{0, 99, 0}}} {
		if v, err := ParseVersion(c.text); err != nil || v != c.want {
			t.Errorf("ParseVersion(%q) = %v, %v", c.text, v, err)
		}
	}
	for _, text := range []string{"", ".", "5.", ".5", "5.x", "5.15.0.1", "256", "-1", "5.+1", "5 ", "５"} {
		if v, err := ParseVersion(text); err == nil {
			t.Errorf("ParseVersion(%q) = %v", text, v)
		}
	}
	ordered := []Version{{2, 6, 39}, {3, 0, 0}, {4, 9, 0}, {4, 10, 0}, {5, 0, 0}, {5, 0, 1}}
	for i, v := range ordered {
		for j, w := range ordered {
			if got := v.Compare(w); (got < 0) != (i < j) || (got == 0) != (i == j) {
				t.Errorf("%v.Compare(%v) = %d", v, w, got)
			}
		}
	}
	if s := (Version{2, 6, 39}).String() + " " + (Version{5, 0, 0}).String(); s != "2.6.39 5.0" {
		t.Error(s)
	}
}
