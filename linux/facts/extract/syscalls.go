package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// x32Bit is what the headers add to x32's numbers and the facts leave out.
const x32Bit = 0x40000000

// pseudo are macros of unistd.h that name no syscall.
var pseudo = split("Linux Linux_syscalls N32_Linux N32_Linux_syscalls 64_Linux 64_Linux_syscalls O32_Linux O32_Linux_syscalls unused0 unused76 unused150 unused166 syscalls SYSCALL_BASE OABI_SYSCALL_BASE arch_specific_syscall BASE SYSCALL_MASK")

var numberMacro = regexp.MustCompile(`(?m)^#define (__(?:ARM_)?NR_)(\w+)[ \t]+\S`)

// syscalls returns the number of every syscall of one target by its name, as
// asm/unistd.h has them; x32's without the bit.
func (h *headers) syscalls(t target) (map[string]uint64, error) {
	const unit = "#include <asm/unistd.h>\n"
	text, stderr, err := h.gcc(t, unit, "-E", "-dM")
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %s", t.arch, err, stderr)
	}
	var macros []string
	for _, m := range numberMacro.FindAllStringSubmatch(text, -1) {
		if !slices.Contains(pseudo, m[2]) {
			macros = append(macros, m[1]+m[2])
		}
	}
	values, err := h.evaluate(t, unit, macros)
	if err != nil {
		return nil, err
	}
	numbers := make(map[string]uint64, len(values))
	for macro, nr := range values {
		name := strings.TrimPrefix(strings.TrimPrefix(macro, "__NR_"), "__ARM_NR_")
		if t.arch == "x32" {
			nr &^= x32Bit
		}
		numbers[name] = nr
	}
	return numbers, nil
}
