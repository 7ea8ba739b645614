package lang_test

import "testing"

// TestDuplicates is about second rules for a syscall: what matters is what they
// mean, not how they are written.
func TestDuplicates(t *testing.T) {
	for _, c := range [][2]string{
		{"1", "true"},
		{"arg0 == 1", "(arg0 == 0 + 1)"},
		{"arg0 == 1 || arg0 == 2", "arg0 == 2 || arg0 == 1"},
		{"in(arg0, 1, 2, 3)", "arg0 >= 1 && arg0 < 4"},
		{"arg0 == 1 && arg1 == 2", "!(arg1 != 2 || arg0 != 1)"},
		{"arg0 == 1; return EPERM", "arg0 == 1"}, // EPERM is the default
		{"return 13", "return EACCES"},
	} {
		refuse(t, "read: "+c[0]+"\nread: "+c[1], "2:1: warning[repeated-rule]")
	}
	for _, c := range [][2]string{
		{"1", "arg0 == 1"},
		{"arg0 == 1", "argL0 == 1"},
		{"arg0 == 1", "arg0 == 1; return EACCES"},
	} {
		refuse(t, "read: "+c[0]+"\nread: "+c[1], "2:1: error[duplicate-rule]")
	}
	refuse(t, "read: 1\nremove read", "2:8: error[nothing-to-remove]") // its own
	refuse(t, "read, read: 1", "1:7: warning[repeated-rule]")
	refuse(t, "group @a = read, write\n@a: 1\nread: 1\nwrite: return 5", "3:1: warning[repeated-rule]", "4:1: error[duplicate-rule]")
	refuse(t, "read: 1\narch x86_64 {\n read: return 5\n}") // replaced
	refuse(t, "arch x86_64 {\n read: return 5\n}\nread: 1")
	refuse(t, "arch x86_64 {\n read: return 5\n}\narch x86_64 {\n read: 1\n}", "5:2: error[duplicate-rule]")
	refuse(t, "ARCHES = x86_64, i386\narch x86_64 {\n read: return 5\n}\narch i386 {\n read: 1\n}")
}

// TestErrnoNumbers checks that errnos have the numbers of the architecture they
// are for; those for all others have the first target's.
func TestErrnoNumbers(t *testing.T) {
	text := "read: return ENOSYS\nDEFAULT_POLICY = enosys\nDEFAULT_BADARCH = ENOSYS\nARCHES = "
	expect(t, text+"x86_64, mips64le", "x86_64 read() => 38", "mips64le read() => 89", "mips64le write() => 89", "i386 read() => 38", "x32 read() => 38")
	expect(t, text+"mips64le, x86_64", "x86_64 write() => 38", "mips64le read() => 89", "i386 read() => 89")
}

// TestLeaves checks where decisions say that they come from.
func TestLeaves(t *testing.T) {
	text := "DEFAULT_POSITIVE = allow\nDEFAULT_NEGATIVE = EPERM\nDEFAULT_POLICY = kill\nDEFAULT_BADARCH = trap\nDEFAULT_X32 = ENOSYS\n" +
		"f(x) = arg0 == x\nread: f(1)\nsocket {\n  arg0 == 1 -> allow\n  arg0 == 2 -> log\n}\nwrite: return 5\n"
	p := mustLoad(t, text)
	for call, line := range map[string]int{
		"read(1) => allow": 7, "read(2) => EPERM": 7,
		"socket(1) => allow": 9, "socket(2) => log": 10, "socket(3) => EPERM": 8,
		"write() => 5": 12, "close() => kill": 3, "i386 read() => trap": 4, "x32 read() => ENOSYS": 5,
	} {
		d, want := parseCall(t, p, call)
		got, span := p.Eval(&d)
		if got != want || span.Position().Line != line {
			t.Errorf("%s: %s at line %d, want line %d", call, got, span.Position().Line, line)
		}
	}
}

// TestIdleActions is about the actions of rules that hold on no target.
func TestIdleActions(t *testing.T) {
	for text, want := range map[string]string{
		"when cap(CAP_SYS_ADMIN) {\nread: return 4096\n}":               "2:14: error[bad-action]",
		"when cap(CAP_SYS_ADMIN) {\nread[+5000]: arg1 == 1\n}":          "2:7: error[bad-action]",
		"when cap(CAP_SYS_ADMIN) {\nread[-trap(1 << 16)]: arg1 == 1\n}": "2:12: error[bad-action]",
		"big = 9000\nwhen cap(CAP_SYS_ADMIN) {\nread: return big\n}":    "3:14: error[bad-action]",
		"arch i386 {\nread {\narg1 == 1 -> errno(-1)\n}\n}":             "3:20: error[bad-action]",
		"arch i386 {\nread: arg1 == 1; return 2000 * 3\n}":              "2:25: error[bad-action]",
		"arch i386 {\nread: return 1 / 0\n}":                            "2:16: error[division-by-zero]",
	} {
		refuse(t, text, want)
	}
	for _, text := range []string{
		"when cap(CAP_SYS_ADMIN) {\nread: return 4095\n}",
		"arch i386 {\nread[+EACCES, -trap(0xffff)]: arg1 == 1\n}",
	} {
		refuse(t, text)
	}
}
