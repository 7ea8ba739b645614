package lang_test

import (
	"testing"

	"secco/lang"
	"secco/source"
)

// TestGoseccoDocument holds every example of gosecco's language document to the
// meaning that the document gives it. Its samples repeat syscalls for
// illustration, so each is a policy of its own.
func TestGoseccoDocument(t *testing.T) {
	t.Run("default actions", func(t *testing.T) {
		p := "DEFAULT_POSITIVE = trace\nDEFAULT_NEGATIVE = 42\nDEFAULT_POLICY = kill\nread: arg0 == 1"
		expect(t, p, "read(1) => trace", "read(2) => 42", "write(1) => kill_thread")
	})
	t.Run("assignment", func(t *testing.T) {
		p := "var1 = 412 * 3\nread: arg0 == var1"
		expect(t, p, "read(1236) => allow", "read(1235) => EPERM", "read(0x1000004d4) => EPERM")
	})
	t.Run("macros", func(t *testing.T) {
		macros := "var2 = arg0 == 5 && arg1 == 42; return 6\nf(x) = x == 5\ng(y) = y == 6\n"
		expect(t, macros+"read: f(arg0) || g(arg0) || g(arg1)",
			"read(5) => allow", "read(6) => allow", "read(0, 6) => allow", "read(0, 5) => EPERM", "read(4, 7) => EPERM")
		expect(t, macros+"read: var2", "read(5, 42) => allow", "read(5, 41) => 6", "read(4, 42) => 6")
	})
	t.Run("boolean rule", func(t *testing.T) {
		expect(t, "read: arg0 == 1 || 42 + 5 == arg1", "read(1, 0) => allow", "read(0, 47) => allow", "read(0, 46) => EPERM")
	})
	t.Run("return", func(t *testing.T) {
		expect(t, "read: return 42", "read(0) => 42", "read(42) => 42")
	})
	t.Run("expression and return", func(t *testing.T) {
		expect(t, "read: arg0==1; return 55", "read(1) => allow", "read(0) => 55")
	})
	t.Run("own actions", func(t *testing.T) {
		expect(t, "read[+trace, -kill] : 1 == 2", "read(1) => kill")
		expect(t, "read[-kill,+trace]: 1 == 1", "read(1) => trace")
		expect(t, "read[+42] : arg0 == 1", "read(1) => 42", "read(0) => EPERM")
		expect(t, "read[-55] : arg0 > 1", "read(2) => allow", "read(1) => 55")
	})
	t.Run("equal rules", func(t *testing.T) {
		expect(t, "read: arg0 == 1\nread: arg0 == 1", "read(1) => allow", "read(0) => EPERM")
	})
	t.Run("numbers", func(t *testing.T) {
		expect(t, "read: in(arg0, 0777, 42, 0xFEFE, 0XfeFF, 0b101)",
			"read(511) => allow", "read(42) => allow", "read(65278) => allow", "read(65279) => allow", "read(5) => allow", "read(777) => EPERM")
		expect(t, "read: arg0 == 0 - 1", "read(0xffffffffffffffff) => allow", "read(0xffffffff) => EPERM")
	})
	t.Run("compile-time arithmetic", func(t *testing.T) {
		expect(t, "read: arg0 == 1 << 56", "read(0x100000000000000) => allow", "read(0) => EPERM", "read(0x1000000) => EPERM")
	})
	t.Run("full arguments", func(t *testing.T) {
		expect(t, "read: arg0 == 32", "read(32) => allow", "read(0x100000020) => EPERM")
		expect(t, "read: arg0 < 32", "read(31) => allow", "read(32) => EPERM", "read(0x100000001) => EPERM")
		expect(t, "read: arg0 == arg1", "read(0x500000001, 0x500000001) => allow", "read(0x500000001, 1) => EPERM")
		expect(t, "read: arg0 >= arg5", "read(0x500000001, 1, 0, 0, 0, 0x500000001) => allow", "read(0x400000009, 0, 0, 0, 0, 0x500000001) => EPERM")
		refuse(t, "read: arg0 + 1 == 2", "1:7: error[full-argument]")
	})
	t.Run("halves", func(t *testing.T) {
		expect(t, "read: argH0 == 5 && argL5 == 7", "read(0x5ffffffff, 0, 0, 0, 0, 0xf00000007) => allow", "read(5, 0, 0, 0, 0, 7) => EPERM")
	})
	t.Run("inclusion", func(t *testing.T) {
		expect(t, "read: in(arg0, 1,2,3,4)", "read(1) => allow", "read(4) => allow", "read(5) => EPERM", "read(0x100000001) => EPERM")
		expect(t, "read: notIn(arg0, 1, 2, 3, 4)", "read(1) => EPERM", "read(5) => allow", "read(0x100000001) => allow")
		expect(t, "read: IN(arg0, 1,\t 2) || NOTIN(arg1, 5)", "read(1, 5) => allow", "read(3, 5) => EPERM")
	})
	t.Run("always", func(t *testing.T) {
		expect(t, "read: 1", "read(0) => allow", "write(0) => kill_process")
		expect(t, "read : 1 ", "read(0) => allow")
	})
	t.Run("bit set", func(t *testing.T) {
		expect(t, "read: arg0 &? 0x500000001", "read(0x500000003) => allow", "read(0x500000002) => EPERM", "read(0x100000001) => EPERM")
	})
}

// TestGoseccoPrecedence shows each line of the document's table of precedence,
// by a value that another order would not give.
func TestGoseccoPrecedence(t *testing.T) {
	for _, c := range []string{
		"true || true && false",            // && before ||
		"2 == 3 || 3 == 3 && 2 == 2",       //
		"1 | 2 == 3",                       // | before ==
		"7 & 3 < 4",                        // & before <
		"1 ^ 3 & 1 == 0",                   // & before ^ before ==
		"1 | 3 ^ 1 == 3",                   // ^ before |
		"6 & 1 << 1 == 2",                  // << before &
		"1 << 1 + 1 == 4",                  // + before <<
		"2 + 3 * 4 == 14",                  // * before +
		"~0 * 2 == 0 - 2",                  // ~ before *
		"!false && false == false || true", // refused below: conditions are not compared
	}[:10] {
		expect(t, "read: "+c, "read(0) => allow")
	}
	refuse(t, "read: !false == false", "1:7: error[type-mismatch]", "1:17: error[type-mismatch]")
	refuse(t, "read: 1 == 1 == 1", "1:14: error[chained-comparison]")
	refuse(t, "read: 1 < 2 < 3", "1:13: error[chained-comparison]")
	refuse(t, "read: 1 == 2 < 3", "1:12: error[type-mismatch]")
}

// TestGoseccoPrograms holds each place where gosecco's program falls behind its
// document to the document.
func TestGoseccoPrograms(t *testing.T) {
	t.Run("left-associative", func(t *testing.T) {
		expect(t, "read: arg0 == 10 - 3 - 2", "read(5) => allow", "read(9) => EPERM")
		expect(t, "read: arg0 == 100 / 10 / 5", "read(2) => allow", "read(50) => EPERM")
		expect(t, "read: argL0 - 3 - 2 == 5", "read(10) => allow", "read(6) => EPERM")
		expect(t, "read: arg0 == 1 << 2 << 3", "read(32) => allow", "read(65536) => EPERM")
	})
	t.Run("false", func(t *testing.T) {
		expect(t, "read: false", "read(0) => EPERM")
		expect(t, "read[-kill]: FALSE", "read(0) => kill")
	})
	t.Run("complement", func(t *testing.T) {
		expect(t, "read: ~argL0 == 0xfffffffe", "read(1) => allow", "read(0xfffffffe) => EPERM")
		expect(t, "read: argL2 & ~0x4C02 == 0", "read(0, 0, 0x4c02) => allow", "read(0, 0, 0x4c03) => EPERM", "read(0, 0, 0x80000000) => EPERM")
	})
	t.Run("return", func(t *testing.T) {
		expect(t, "read: return 42", "read(0) => 42")
		expect(t, "read: return 0", "read(0) => errno(0)")
	})
	t.Run("return is for the false side", func(t *testing.T) {
		expect(t, "read: arg0 == 1; return 55", "read(1) => allow", "read(2) => 55")
		expect(t, "read[+trace, -kill]: arg0 == 1; return 55", "read(1) => trace", "read(2) => 55")
	})
	t.Run("in on full arguments", func(t *testing.T) {
		expect(t, "read: in(arg0, 1, 0x500000001)", "read(1) => allow", "read(0x500000001) => allow", "read(0x500000000) => EPERM")
		expect(t, "read: in(arg0 & ~1, 4, arg1)", "read(5) => allow", "read(9, 8) => allow", "read(9, 9) => EPERM")
	})
	t.Run("hygiene", func(t *testing.T) {
		expect(t, "x = 7\nf(x) = arg0 == x\nread: f(5)", "read(5) => allow", "read(7) => EPERM")
		expect(t, "f(x) = arg0 == x\nx = 7\nread: f(5)", "read(5) => allow", "read(7) => EPERM")
		expect(t, "x = 5\nf(y) = arg0 == y + x\ng(x) = f(x)\nread: g(1)", "read(6) => allow", "read(2) => EPERM")
		expect(t, "x = 1\ny = x\nx = 2\nread: arg0 == y\nwrite: arg0 == x", "read(1) => allow", "read(2) => EPERM", "write(2) => allow")
		expect(t, "x = 1\nx = x + 1\nread: arg0 == x", "read(2) => allow")
	})
	t.Run("errors, not crashes", func(t *testing.T) {
		refuse(t, "read: arg0 == 1/0", "1:16: error[division-by-zero]")
		refuse(t, "read: arg0 == 1 % 0", "1:17: error[division-by-zero]")
		refuse(t, "x = 1/0", "1:6: error[division-by-zero]")
		refuse(t, "f(x) = arg0 == x\nread: f(1, 2)", "2:7: error[arity]")
		refuse(t, "f(x) = arg0 == x\nread: f", "2:7: error[arity]")
		refuse(t, "DEFAULT_POSITIVE = arg0", "1:20: error[bad-action]")
		refuse(t, "read: arg0 == ", "1:15: error[syntax]")
	})
	t.Run("order on 64 bits", func(t *testing.T) {
		for op, want := range map[string][3]string{
			"<": {"allow", "EPERM", "EPERM"}, "<=": {"allow", "allow", "EPERM"},
			">": {"EPERM", "EPERM", "allow"}, ">=": {"EPERM", "allow", "allow"},
		} {
			expect(t, "read: arg0 "+op+" 0x500000005",
				"read(0x500000004) => "+want[0], "read(0x4ffffffff) => "+want[0], "read(9) => "+want[0],
				"read(0x500000005) => "+want[1],
				"read(0x500000006) => "+want[2], "read(0x600000000) => "+want[2], "read(0xffffffffffffffff) => "+want[2])
		}
	})
	t.Run("x32 and other architectures", func(t *testing.T) {
		p := "DEFAULT_BADARCH = trap\nDEFAULT_X32 = ENOSYS\nread: 1"
		expect(t, p, "read(0) => allow", "x32 read(0) => ENOSYS", "i386 read(0) => trap", "aarch64 read(0) => trap",
			"x86_64 0x40000000() => ENOSYS", "x86_64 0x80000000() => ENOSYS", "x86_64 0xffffffff() => kill_process")
		expect(t, "read: 1", "x32 read(0) => kill_thread", "i386 read(0) => kill_thread")
		expect(t, "DEFAULT_BADARCH = log\nread: 1", "x32 read(0) => log", "i386 read(0) => log")
		opts := usual
		opts.Defaults.BadArch, opts.Defaults.X32 = "trap", "ENOSYS"
		expectWith(t, "read: 1", opts, "x32 read(0) => ENOSYS", "i386 read(0) => trap")
	})
	t.Run("numbers beyond 64 bits", func(t *testing.T) {
		expect(t, "read: arg0 == 18446744073709551615", "read(0xffffffffffffffff) => allow")
		refuse(t, "read: arg0 == 18446744073709551616", "1:15: error[number-range]")
		refuse(t, "read: arg0 == 0x1ffffffffffffffff", "1:15: error[number-range]")
	})
	t.Run("modulo", func(t *testing.T) {
		expect(t, "read: argL0 % 10 == 3", "read(13) => allow", "read(14) => EPERM", "read(0xffffffff) => EPERM", "read(4294967293) => allow")
		expect(t, "read: argL0 % argL1 == 3", "read(13, 5) => allow", "read(13, 4) => EPERM", "read(13, 0) => kill_thread")
	})
	t.Run("first line", func(t *testing.T) {
		refuse(t, "raed: 1", "1:1: error[unknown-syscall]")
	})
}

// TestComposition is about what a caller puts together.
func TestComposition(t *testing.T) {
	definitions := source.NewFile("<inline>", "is_std(fd) = in(fd, 0, 1, 2)")
	files := []*source.File{source.NewFile("a", "limit = 5\nread: is_std(arg0)"), source.NewFile("b", "write: arg0 < limit")}
	opts := usual
	opts.Definitions = []*source.File{definitions}
	p, diags := lang.Load(files, opts)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	for _, c := range []string{"read(2) => allow", "read(3) => EPERM", "write(4) => allow", "write(5) => EPERM"} {
		d, want := parseCall(t, p, c)
		if got, span := p.Eval(&d); got != want {
			t.Errorf("%s: %s by %s", c, got, span)
		}
	}
	opts.Definitions = []*source.File{source.NewFile("defs", "read: 1")}
	if _, diags := lang.Load(files, opts); len(diags) == 0 || diags[0].Code != "definitions-only" {
		t.Error("a rule among the definitions:", diags)
	}
}
