package oci

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"sync"

	"secco/linux"
)

// Runtime is the container runtime that a profile is handed to, as far as it
// puts something of its own before the program that libseccomp builds. The zero
// Runtime is none: what is said of a profile is then said of that program alone.
type Runtime struct {
	name    string
	version [3]int // zero is the newest
}

// Crun and Runc are the runtimes that are known, in their newest versions.
var (
	Crun = Runtime{name: "crun"}
	Runc = Runtime{name: "runc"}
)

var runtimeText = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(none|crun|runc)(?::v?([0-9]{1,5})\.([0-9]{1,5})(?:\.([0-9]{1,5}))?)?$`)
})

// ParseRuntime reads a runtime's name: none, crun or runc, the latter two with a
// version behind a colon where it is not the newest: runc:1.1.5.
func ParseRuntime(text string) (Runtime, error) {
	m := runtimeText().FindStringSubmatch(text)
	if m == nil || m[1] == "none" && m[2] != "" {
		return Runtime{}, fmt.Errorf("%q is no runtime: known are none, crun, runc, and one with its version, such as runc:1.1.5", text)
	}
	if m[1] == "none" {
		return Runtime{}, nil
	}
	r := Runtime{name: m[1]}
	for i, digits := range m[2:] {
		r.version[i], _ = strconv.Atoi(digits) // up to five digits, or none
	}
	if r.name == "runc" && m[2] != "" && r.before(1, 0, 0) {
		return Runtime{}, fmt.Errorf("runc %s is older than what is known of runc, which begins with 1.0.0", text[len("runc:"):])
	}
	return r, nil
}

// String returns what ParseRuntime reads.
func (r Runtime) String() string {
	switch {
	case r.name == "":
		return "none"
	case r.version == [3]int{}:
		return r.name
	}
	return fmt.Sprintf("%s:%d.%d.%d", r.name, r.version[0], r.version[1], r.version[2])
}

func (r Runtime) before(version ...int) bool {
	return r.version != [3]int{} && slices.Compare(r.version[:], version) < 0
}

// Stubs returns the architectures on which the runtime answers the newest calls
// itself: on each of them, numbers above the largest that the profile names get
// ENOSYS, whatever the default is. There is nothing of that where the profile
// names none of the architecture's calls but number 0.
//
// runc does it where the default action is to refuse, on the architectures that
// are listed, and since 1.1.15 on the native one, too.
func (r Runtime) Stubs(fallback linux.Action, listed []linux.Arch, native linux.Arch) []linux.Arch {
	switch fallback.Kind() {
	case linux.Allow, linux.Log, linux.Trace:
		return nil
	}
	if r.name != "runc" {
		return nil
	}
	var arches []linux.Arch
	for _, a := range listed {
		if !slices.Contains(arches, a) {
			arches = append(arches, a)
		}
	}
	if !slices.Contains(arches, native) && !r.before(1, 1, 15) {
		arches = append(arches, native)
	}
	return arches
}

// StubsZero reports whether number 0 of an architecture with a stub gets ENOSYS
// as well: on s390x unknown numbers arrive as that.
func (r Runtime) StubsZero(a linux.Arch) bool { return a == linux.S390X && !r.before(1, 1, 3) }

// Trees reports whether the runtime has libseccomp search syscall numbers by a
// binary tree for a profile that names so many syscalls.
func (r Runtime) Trees(names int) bool { return r.name != "crun" && !r.before(1, 2, 0) && names > 32 }
