//go:build !libseccomp || !cgo

package libseccomp

import (
	"github.com/opencontainers/runtime-spec/specs-go"

	"secco/bpf"
	"secco/linux"
)

// Available reports whether libseccomp is built in.
const Available = false

// Version returns libseccomp's version, such as "2.5.4".
func Version() (string, error) { return "", ErrNotBuilt }

// Native returns this machine's architecture.
func Native() (linux.Arch, error) { return 0, ErrNotBuilt }

// Syscall returns the number that libseccomp knows a syscall under.
func Syscall(linux.Arch, string) (nr uint32, direct, known bool, err error) {
	return 0, false, false, ErrNotBuilt
}

// Build returns the program that libseccomp makes of a profile, behind what the
// runtime puts before it.
func Build(*specs.LinuxSeccomp, Options) (bpf.Program, error) { return nil, ErrNotBuilt }
