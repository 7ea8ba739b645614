// Package linux holds the facts about the kernel that secco stands on:
// architectures, syscall numbers and prototypes, constants, errnos, filter
// actions and the data that a filter sees.
//
// The tables (files that begin with z) are generated from the committed facts
// in facts/, whose versions [TablesDate] and [TablesSources] state.
package linux

import "strings"

// Arch is a syscall ABI: a table of syscall numbers together with the
// AUDIT_ARCH value under which a filter sees them. x32 is an Arch of its own
// although it shares its AUDIT_ARCH value with x86_64. The zero Arch is invalid.
type Arch uint8

// The architectures that secco knows.
const (
	X86_64 Arch = iota + 1
	X32
	I386
	ARM
	ARM64
	RISCV64
	S390X
	PPC64
	PPC64LE
	LOONG64
	MIPS64LE

	numArches = iota + 1
)

// X32Bit is set in the numbers of x32 syscalls (__X32_SYSCALL_BIT).
const X32Bit = 0x40000000

type archFacts struct {
	name    string
	aliases []string // lower case
	audit   uint32   // AUDIT_ARCH_* of linux/audit.h
	big     bool
	bits    int
}

var archTable = [numArches]archFacts{
	X86_64:   {"x86_64", []string{"amd64", "x86-64"}, 0xC000003E, false, 64},
	X32:      {"x32", nil, 0xC000003E, false, 64},
	I386:     {"i386", []string{"386", "x86", "i686"}, 0x40000003, false, 32},
	ARM:      {"arm", []string{"armhf", "armv7", "armv7l"}, 0x40000028, false, 32},
	ARM64:    {"aarch64", []string{"arm64"}, 0xC00000B7, false, 64},
	RISCV64:  {"riscv64", nil, 0xC00000F3, false, 64},
	S390X:    {"s390x", nil, 0x80000016, true, 64},
	PPC64:    {"ppc64", nil, 0x80000015, true, 64},
	PPC64LE:  {"ppc64le", []string{"ppc64el"}, 0xC0000015, false, 64},
	LOONG64:  {"loongarch64", []string{"loong64"}, 0xC0000102, false, 64},
	MIPS64LE: {"mips64le", []string{"mipsel64", "mips64el"}, 0xC0000008, false, 64},
}

// Arches returns every architecture, in a fixed order.
func Arches() []Arch {
	all := make([]Arch, 0, numArches-1)
	for a := X86_64; a < numArches; a++ {
		all = append(all, a)
	}
	return all
}

// ParseArch finds an architecture by its kernel name, Go name or Debian name, or
// what uname -m says, in any case.
func ParseArch(name string) (Arch, bool) {
	name = strings.ToLower(name)
	for a := X86_64; a < numArches; a++ {
		if archTable[a].name == name {
			return a, true
		}
		for _, alias := range archTable[a].aliases {
			if alias == name {
				return a, true
			}
		}
	}
	return 0, false
}

// ArchOf returns the architecture whose table a call with this AUDIT_ARCH value
// and number is looked up in. Under AUDIT_ARCH_X86_64 the numbers from
// [X32Bit] up are x32's, but for 0xffffffff, which is x86_64's: a tracer that
// skips a call sets it.
func ArchOf(audit, nr uint32) (Arch, bool) {
	for a := X86_64; a < numArches; a++ {
		if archTable[a].audit != audit || a == X32 {
			continue
		}
		if a == X86_64 && IsX32(nr) {
			return X32, true
		}
		return a, true
	}
	return 0, false
}

// IsX32 reports whether a number under AUDIT_ARCH_X86_64 is x32's.
func IsX32(nr uint32) bool { return nr >= X32Bit && nr != 0xffffffff }

// Valid reports whether a is one of the architectures above.
func (a Arch) Valid() bool { return a > 0 && a < numArches }

// String returns the kernel's name, such as "x86_64" or "aarch64".
func (a Arch) String() string {
	if !a.Valid() {
		return "invalid architecture"
	}
	return archTable[a].name
}

// Audit returns the AUDIT_ARCH value that a filter finds in seccomp_data.arch.
func (a Arch) Audit() uint32 { return archTable[a].audit }

// BigEndian reports the byte order, which decides where a 64-bit argument's
// halves lie.
func (a Arch) BigEndian() bool { return archTable[a].big }

// Bits returns the width in bits of a syscall argument as the kernel takes it:
// 32 or 64. x32 passes 64.
func (a Arch) Bits() int { return archTable[a].bits }
