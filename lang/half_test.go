package lang_test

import (
	"strings"
	"testing"

	"secco/lang"
	"secco/source"
)

// TestHalves is about low(x) and high(x).
func TestHalves(t *testing.T) {
	expect(t, "ARCHES = x86_64, i386\nsocket(domain, type): low(domain) == 1 && high(type) == 2",
		"x86_64 socket(0x700000001, 0x200000000) => allow", "x86_64 socket(1, 2) => EPERM", "i386 socketcall() => kill_process",
		"i386 socket(0x700000001, 0x200000000) => EPERM") // there the upper half is 0
	expect(t, "is(x, v) = low(x) == v\nread: is(arg0, 5)\nwrite(fd): is(fd, 6)\nx = arg2\nclose: low((x)) == -1",
		"read(0x100000005) => allow", "write(0x100000006) => allow", "write(5) => EPERM", "close(0, 0, 0xffffffff) => allow")
	expect(t, "lseek(fd, offset): low(offset) % 512 == 0 && low(offset) + high(offset) > 0",
		"lseek(0, 512) => allow", "lseek(0, 0x100000000) => allow", "lseek(0, 0) => EPERM")

	// A policy's own macros come first.
	expect(t, "low(x) = x == 7\nhigh(a, b) = a == b\nread: low(arg0)\nwrite: high(arg0, arg1)",
		"read(7) => allow", "read(8) => EPERM", "write(4, 4) => allow")
	expect(t, "read: low(arg0) == 5\nlow(x) = x == 7\nwrite: low(arg0)", "read(0x100000005) => allow", "write(7) => allow")

	for text, want := range map[string]string{
		"read: low(argL0) == 1":         "1:11: error[type-mismatch]",
		"read: low(5) == 5":             "1:11: error[type-mismatch]",
		"read: low(arg0 & 1) == 1":      "1:11: error[type-mismatch]",
		"read: low(low(arg0)) == 1":     "1:11: error[type-mismatch]",
		"read: high(arg0 == 1) == 1":    "1:12: error[type-mismatch]",
		"read: low() == 1":              "1:7: error[arity]",
		"read: low(arg0, arg1) == 1":    "1:7: error[arity]",
		"read: low(nothing) == 1":       "1:11: error[unknown-name]",
		"read: LOW(arg0) == 1":          "1:7: error[unknown-name]",
		"read: low(arg0) == 1 << 40":    "1:20: error[constant-range]",
		"read: low(arg0)":               "1:7: error[not-condition]",
		"read(low): low(low) == 1":      "1:12: error[not-macro]",
		"low = 5\nread: low(arg0) == 1": "2:7: error[arity]",
		"test read(low(arg0)) => allow": "1:11: error[not-constant]",
	} {
		refuse(t, text, want)
	}
}

// TestWideHint checks that what a warning proposes keeps the name that was written,
// and ends the warning.
func TestWideHint(t *testing.T) {
	for text, want := range map[string]string{
		"socket(domain): domain == AF_UNIX":              "low(domain)",
		"socket(domain): arg0 == AF_UNIX":                "argL0",
		"is(x) = x == 1\nsocket(domain): is(domain)":     "low(domain)",
		"socket(domain, type): domain * 2 == 4":          "low(domain)", // an error
		"ARCHES = i386\nsocket(family): family == 1<<40": "low(family)",
	} {
		load := func(text string) source.Diagnostics {
			_, diags := lang.Load([]*source.File{source.NewFile("test", text)}, usual)
			return diags
		}
		diags := load(text)
		if len(diags) != 1 || !strings.Contains(diags[0].Hint, want) {
			t.Errorf("%q: %s, want a hint at %s", text, diags, want)
		}
	}
}
