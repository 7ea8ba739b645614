package linux

// Stand-ins with the final signatures; the generated tables replace this file.

type Syscall struct {
	Name string
	NR   uint32
}

func (a Arch) Syscall(name string) (nr uint32, ok bool)     { return 0, false }
func (a Arch) SyscallName(nr uint32) (string, bool)         { return "", false }
func (a Arch) Syscalls() []Syscall                          { return nil }
func SyscallKnown(name string) bool                         { return false }
func (a Arch) Constant(name string) (value uint64, ok bool) { return 0, false }
func (a Arch) Constants() []string                          { return nil }
func (a Arch) Errno(name string) (n uint16, ok bool)        { return 0, false }
func (a Arch) ErrnoName(n uint16) (string, bool)            { return "", false }
