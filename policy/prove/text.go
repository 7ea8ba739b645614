package prove

import (
	"fmt"
	"strings"

	"secco/linux"
	"secco/policy/diagram"
)

// CallString returns a call as people read it, such as
// "x86_64 socket(AF_NETLINK, SOCK_RAW, 9)": arguments up to the last that isn't
// zero.
func CallString(d *linux.SeccompData) string {
	n := len(d.Args)
	for n > 0 && d.Args[n-1] == 0 {
		n--
	}
	names := diagram.Namer(func(int, uint64, bool) (string, bool) { return "", false })
	if arch, ok := linux.ArchOf(d.Arch, d.NR); ok {
		names = diagram.NamesOf(arch, d.NR)
	}
	args := make([]string, n)
	for i := range args {
		name, ok := names(i, d.Args[i], false)
		if args[i] = number(d.Args[i]); ok {
			args[i] = name
		}
	}
	text := fmt.Sprintf("%s(%s)", callName(d.Arch, d.NR), strings.Join(args, ", "))
	if d.IP != 0 {
		text += fmt.Sprintf(" at %#x", d.IP)
	}
	return text
}

func number(k uint64) string {
	if k < 10 {
		return fmt.Sprint(k)
	}
	return fmt.Sprintf("%#x", k)
}

// callName returns architecture and syscall.
func callName(audit, nr uint32) string {
	arch, ok := linux.ArchOf(audit, nr)
	if !ok {
		return fmt.Sprintf("arch %#x, syscall %d", audit, nr)
	}
	if name, ok := arch.SyscallName(nr); ok {
		return fmt.Sprintf("%s %s", arch, name)
	}
	return fmt.Sprintf("%s syscall %d", arch, nr)
}

// CallsString returns a slice as people read it.
func CallsString(c diagram.Calls) string {
	if c.Arch.Lo == c.Arch.Hi && c.NR.Lo == c.NR.Hi {
		return callName(c.Arch.Lo, c.NR.Lo)
	}
	arch := archString(c)
	switch c.NR {
	case diagram.All():
		return arch
	case diagram.One(c.NR.Lo):
		return fmt.Sprintf("%s syscall %d", arch, c.NR.Lo)
	}
	return fmt.Sprintf("%s syscalls %d to %d", arch, c.NR.Lo, c.NR.Hi)
}

// archString returns the architectures of a slice.
func archString(c diagram.Calls) string {
	if c.Arch.Lo != c.Arch.Hi {
		return fmt.Sprintf("arch %#x to %#x", c.Arch.Lo, c.Arch.Hi)
	}
	if a, ok := linux.ArchOf(c.Arch.Lo, c.NR.Lo); ok {
		return a.String()
	}
	return fmt.Sprintf("arch %#x", c.Arch.Lo)
}
