package lang_test

import "testing"

// TestRanges is about the first and the last number that fit.
func TestRanges(t *testing.T) {
	expect(t, "read: argL0 == 0xffffffff", "read(0xffffffff) => allow")
	expect(t, "read: argL0 == 0xffffffff80000000", "read(0x80000000) => allow") // -2147483648
	expect(t, "read: argL0 == ~0x7fffffff", "read(0x80000000) => allow", "read(0x7fffffff) => EPERM")
	refuse(t, "read: argL0 == 0x100000000", "1:16: error[constant-range]")
	refuse(t, "read: argL0 == 0xffffffff7fffffff", "1:16: error[constant-range]")
	refuse(t, "read: 0x100000000 == argL0", "1:7: error[constant-range]")
	refuse(t, "read: argL0 - 0x100000000 == 0 || 0x100000000 - argL0 == 0", "1:15: error[constant-range]", "1:35: error[constant-range]")
	refuse(t, "read: 0x100000000 << argL0 == 0", "1:7: error[constant-range]")

	expect(t, "read: arg0 == 1 << 63 && argL1 << 31 == 0x80000000", "read(0x8000000000000000, 1) => allow")
	expect(t, "read: argL0 << argL1 == 2", "read(1, 1) => allow", "read(1, 33) => allow", "read(2, 32) => allow", "read(1, 0x100000001) => allow")
	refuse(t, "read: arg0 == 1 << 64", "1:20: error[shift-range]")
	refuse(t, "read: argL1 << 32 == 0", "1:16: error[shift-range]")

	expect(t, "read: return 4095\nwrite: return trap(65535)\nclose: return errno(0)", "read() => 4095", "write() => trap(65535)", "close() => errno(0)")
	refuse(t, "read: return 4096", "1:14: error[bad-action]")
	refuse(t, "read: return trace(65536)", "1:20: error[bad-action]")
}
