package linux

import (
	"sort"
	"strings"
)

//go:generate go run ./internal/gen

// Syscall is a syscall of one architecture; x32's number carries [X32Bit].
type Syscall struct {
	Name string
	NR   uint32
}

// Syscall returns the number of a syscall. Numbers on [X32] carry [X32Bit].
func (a Arch) Syscall(name string) (nr uint32, ok bool) {
	i, ok := syscallIndex(name)
	if !ok || !a.Valid() || syscallNumbers[a][i] < 0 {
		return 0, false
	}
	return a.bit() | uint32(syscallNumbers[a][i]), true
}

// SyscallName returns the name of a syscall number. On [X32] the number carries
// [X32Bit]. Of two names of one number (arm's sync_file_range2) it is the kernel
// table's.
func (a Arch) SyscallName(nr uint32) (string, bool) {
	if !a.Valid() || nr&X32Bit != a.bit() {
		return "", false
	}
	ids, numbers := syscallsByNumber[a], &syscallNumbers[a]
	nr &^= X32Bit
	i := sort.Search(len(ids), func(i int) bool { return uint32(numbers[ids[i]]) >= nr })
	if i == len(ids) || uint32(numbers[ids[i]]) != nr {
		return "", false
	}
	return syscallNames[ids[i]], true
}

// Syscalls returns every syscall of the architecture in order of their numbers,
// each number once.
func (a Arch) Syscalls() []Syscall {
	if !a.Valid() {
		return nil
	}
	all := make([]Syscall, len(syscallsByNumber[a]))
	for i, id := range syscallsByNumber[a] {
		all[i] = Syscall{syscallNames[id], a.bit() | uint32(syscallNumbers[a][id])}
	}
	return all
}

// SyscallKnown reports whether any architecture has a syscall of this name.
func SyscallKnown(name string) bool {
	_, ok := syscallIndex(name)
	return ok
}

func syscallIndex(name string) (int, bool) {
	return sort.Find(len(syscallNames), func(i int) int { return strings.Compare(name, syscallNames[i]) })
}

// bit returns what every syscall number of the architecture carries.
func (a Arch) bit() uint32 {
	if a == X32 {
		return X32Bit
	}
	return 0
}

type constant struct {
	name   string
	value  uint64 // or the index in constantRows, where it varies
	arches uint16 // 1<<Arch of those that have it
	kind   constantKind
}

type constantKind uint8

const (
	plain   constantKind = 0
	varies  constantKind = 1 << 0
	isErrno constantKind = 1 << 1

	everywhere = 1<<numArches - 1<<X86_64
)

type errno struct {
	n    uint16
	name string
}

// Constant returns the value of a constant by its Linux name, errnos included.
// A value that is negative in C is sign-extended to 64 bits.
func (a Arch) Constant(name string) (value uint64, ok bool) {
	i, ok := constantIndex(name)
	if !ok {
		return 0, false
	}
	return a.constantAt(i)
}

// constantAt is Constant for one of the table.
func (a Arch) constantAt(i int) (value uint64, ok bool) {
	if constantTable[i].arches>>a&1 == 0 {
		return 0, false
	}
	if constantTable[i].kind&varies != 0 {
		return constantRows[constantTable[i].value][a], true
	}
	return constantTable[i].value, true
}

// Constants returns the names of every constant of the architecture, sorted,
// errnos included.
func (a Arch) Constants() []string {
	var names []string
	for i := range constantTable {
		if constantTable[i].arches>>a&1 == 1 {
			names = append(names, constantTable[i].name)
		}
	}
	return names
}

func constantIndex(name string) (int, bool) {
	return sort.Find(len(constantTable), func(i int) int { return strings.Compare(name, constantTable[i].name) })
}

// Errno returns the number of an errno by its name.
func (a Arch) Errno(name string) (n uint16, ok bool) {
	i, ok := constantIndex(name)
	if !ok || constantTable[i].kind&isErrno == 0 {
		return 0, false
	}
	v, ok := a.Constant(name)
	return uint16(v), ok
}

// ErrnoName returns the name of an errno; of names that share the number the
// one in use (EAGAIN, not EWOULDBLOCK).
func (a Arch) ErrnoName(n uint16) (string, bool) {
	if !a.Valid() {
		return "", false
	}
	t := errnoTables[a]
	i := sort.Search(len(t), func(i int) bool { return t[i].n >= n })
	if i == len(t) || t[i].n != n {
		return "", false
	}
	return t[i].name, true
}
