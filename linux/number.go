package linux

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// numberPrefix begins what stands for a number without a name, as strace has it.
const numberPrefix = "syscall_"

// rangeMark stands between the ends of a range of numbers.
const rangeMark = ".."

// parseNumber returns the number that a text such as syscall_0x1f4 stands for.
func parseNumber(name string) (nr uint32, ok bool) {
	digits, ok := strings.CutPrefix(name, numberPrefix)
	if !ok {
		return 0, false
	}
	return parseDigits(digits)
}

func parseDigits(digits string) (nr uint32, ok bool) {
	if strings.Contains(digits, "_") || len(digits) > 1 && digits[0] == '0' && digits[1] != 'x' {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 0, 32)
	return uint32(n), err == nil
}

// parseRange returns the ends of a range such as syscall_470..511; open is what
// syscall_470.. ends with.
func parseRange(name string, open uint32) (lo, hi uint32, ok bool) {
	first, last, ok := strings.Cut(name, rangeMark)
	if !ok {
		return 0, 0, false
	}
	if lo, ok = parseNumber(first); !ok {
		return 0, 0, false
	}
	if hi = open; last != "" {
		hi, ok = parseDigits(last)
	}
	return lo, hi, ok && lo <= hi
}

// Number returns the number of a syscall as policies name it: by its name, or as
// syscall_N where N has no name on the architecture. Numbers of x32's are none of
// x86_64's.
func (a Arch) Number(name string) (nr uint32, ok bool) {
	if nr, ok = a.Syscall(name); ok {
		return nr, true
	}
	nr, ok = parseNumber(name)
	if !ok || !a.owns(nr) {
		return 0, false
	}
	_, named := a.SyscallName(nr)
	return nr, !named
}

// Numbers returns the numbers that a name in a policy stands for: that of a
// syscall, as Number has it, or a range, which is syscall_470..511 or, for all
// further ones, syscall_470.. with names or without. The ends of a range are numbers
// of the architecture; those of x32's between two of x86_64's are not in it.
func (a Arch) Numbers(name string) (lo, hi uint32, ok bool) {
	if lo, ok = a.Number(name); ok {
		return lo, lo, true
	}
	lo, hi, ok = parseRange(name, a.last())
	return lo, hi, ok && a.owns(lo) && a.owns(hi)
}

// owns reports whether a number is one of the architecture's, and not of the one
// that it shares its AUDIT_ARCH value with.
func (a Arch) owns(nr uint32) bool {
	switch a {
	case X86_64:
		return !IsX32(nr)
	case X32:
		return IsX32(nr)
	}
	return a.Valid()
}

// last returns the largest number of the architecture.
func (a Arch) last() uint32 {
	if a == X32 {
		return math.MaxUint32 - 1
	}
	return math.MaxUint32
}

// NumberName returns what policies call a number: its name, or syscall_N.
func (a Arch) NumberName(nr uint32) string {
	if name, ok := a.SyscallName(nr); ok {
		return name
	}
	return fmt.Sprintf("%s%#x", numberPrefix, nr)
}

// RangeName returns what policies call the numbers of the architecture from lo to
// hi.
func (a Arch) RangeName(lo, hi uint32) string {
	switch {
	case lo == hi:
		return a.NumberName(lo)
	case hi == a.last():
		return fmt.Sprintf("%s%#x%s", numberPrefix, lo, rangeMark)
	}
	return fmt.Sprintf("%s%#x%s%#x", numberPrefix, lo, rangeMark, hi)
}

// NumberKnown reports whether a name is that of a syscall of any architecture, or
// stands for a number or a range of them.
func NumberKnown(name string) bool {
	if SyscallKnown(name) {
		return true
	}
	_, number := parseNumber(name)
	_, _, several := parseRange(name, math.MaxUint32)
	return number || several
}
