package linux

// Param is one argument of a syscall as the kernel's function declares it.
type Param struct {
	Name   string // "" where the ABI leaves a register unused
	Type   string // C type, such as "const char *"
	Bits   int    // of the register that the kernel reads: 16, 32 or 64
	Signed bool
}

// Prototype returns what a syscall takes, one Param for each argument register
// that it uses, on x86_64, or, of calls that it lacks, on the first other architecture
// that has them (see [Arches]). ok is false where the kernel declares nothing, as for calls
// that it no longer implements. The slice must not be changed.
func Prototype(name string) (params []Param, ok bool) {
	for a := X86_64; a < numArches; a++ {
		if params, ok = a.Prototype(name); ok {
			return params, true
		}
	}
	return nil, false
}

// Prototype returns what a syscall takes on one architecture. Some differ:
// s390x swaps the first two arguments of clone, x32 reads 32 bits of many, and 32-bit
// architectures pass 64-bit values as two, lower half first. The slice must not be
// changed.
func (a Arch) Prototype(name string) (params []Param, ok bool) {
	i, ok := syscallIndex(name)
	if !ok || !a.Valid() || prototypeTables[a][i] == 0 {
		return nil, false
	}
	return signatures[prototypeTables[a][i]], true
}
