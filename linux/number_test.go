package linux_test

import (
	"testing"

	"secco/linux"
)

func TestNumber(t *testing.T) {
	for _, c := range []struct {
		arch linux.Arch
		name string
		nr   uint32
		ok   bool
	}{
		{linux.X86_64, "read", 0, true},
		{linux.X86_64, "socketcall", 0, false},
		{linux.X86_64, "syscall_500", 500, true},
		{linux.X86_64, "syscall_0x1f4", 500, true},
		{linux.X86_64, "syscall_0x1F4", 500, true},
		{linux.X86_64, "syscall_0xffffffff", 0xffffffff, true},
		{linux.X86_64, "syscall_0x40000000", 0, false}, // x32's
		{linux.X32, "syscall_0x40000fff", 0x40000fff, true},
		{linux.X32, "syscall_0xffffffff", 0, false},
		{linux.ARM64, "syscall_0x40000000", 0x40000000, true},
		{linux.X86_64, "syscall_0", 0, false}, // read
		{linux.X86_64, "syscall_0x100000000", 0, false},
		{linux.X86_64, "syscall_0500", 0, false},
		{linux.X86_64, "syscall_1_000", 0, false},
		{linux.X86_64, "syscall_", 0, false},
		{linux.X86_64, "syscall_-1", 0, false},
		{0, "syscall_500", 0, false},
	} {
		nr, ok := c.arch.Number(c.name)
		if ok != c.ok || ok && nr != c.nr {
			t.Errorf("%s %s: %d, %v", c.arch, c.name, nr, ok)
		}
	}
	for _, a := range linux.Arches() {
		for _, nr := range []uint32{0, 1, 500, 0x40000001, 0x40000fff, 0xfffffffe, 0xffffffff} {
			if a == linux.X86_64 && linux.IsX32(nr) || a == linux.X32 && !linux.IsX32(nr) {
				continue
			}
			if got, ok := a.Number(a.NumberName(nr)); !ok || got != nr {
				t.Errorf("%s: %d is called %s, which is %d", a, nr, a.NumberName(nr), got)
			}
		}
	}
	if !linux.NumberKnown("read") || !linux.NumberKnown("syscall_1") || linux.NumberKnown("syscall_x") || linux.NumberKnown("raed") {
		t.Error("what is known is wrong")
	}
}
