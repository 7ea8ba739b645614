package linux

import (
	"fmt"
	"strconv"
	"strings"
)

// numberPrefix begins what stands for a number without a name, as strace has it.
const numberPrefix = "syscall_"

// parseNumber returns the number that a text such as syscall_0x1f4 stands for.
func parseNumber(name string) (nr uint32, ok bool) {
	digits, ok := strings.CutPrefix(name, numberPrefix)
	if !ok || strings.Contains(digits, "_") || len(digits) > 1 && digits[0] == '0' && digits[1] != 'x' {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 0, 32)
	return uint32(n), err == nil
}

// Number returns the number of a syscall as policies name it: by its name, or as
// syscall_N where N has no name on the architecture. Numbers of x32's are none of
// x86_64's.
func (a Arch) Number(name string) (nr uint32, ok bool) {
	if nr, ok = a.Syscall(name); ok {
		return nr, true
	}
	nr, ok = parseNumber(name)
	if !ok || !a.Valid() || a == X86_64 && IsX32(nr) || a == X32 && !IsX32(nr) {
		return 0, false
	}
	_, named := a.SyscallName(nr)
	return nr, !named
}

// NumberName returns what policies call a number: its name, or syscall_N.
func (a Arch) NumberName(nr uint32) string {
	if name, ok := a.SyscallName(nr); ok {
		return name
	}
	return fmt.Sprintf("%s%#x", numberPrefix, nr)
}

// NumberKnown reports whether a name is that of a syscall of any architecture, or
// stands for a number.
func NumberKnown(name string) bool {
	_, ok := parseNumber(name)
	return ok || SyscallKnown(name)
}
