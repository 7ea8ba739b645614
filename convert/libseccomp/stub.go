//go:build libseccomp && cgo

package libseccomp

import (
	"errors"
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/seccomp/libseccomp-golang"

	"secco/bpf"
	"secco/linux"
	"secco/oci"
)

// stub returns what a runtime puts before libseccomp's program: a block for each
// architecture that answers ENOSYS to numbers above the largest that libseccomp
// has for one of the profile's names. Everything else falls through it.
func stub(profile *specs.LinuxSeccomp, runtime oci.Runtime, native linux.Arch) (bpf.Program, error) {
	var listed []linux.Arch
	for _, name := range profile.Architectures {
		a, _ := oci.ParseArch(name) // zero for one without tables
		listed = append(listed, a)
	}
	fallback, err := oci.ParseAction(profile.DefaultAction, profile.DefaultErrnoRet)
	if err != nil {
		return nil, err
	}
	enosys, _ := native.Constant("ENOSYS")
	refused := linux.Errno.With(uint16(enosys))
	var out bpf.Program
	for _, a := range runtime.Stubs(fallback, listed, native) {
		if !a.Valid() {
			return nil, fmt.Errorf("secco has no tables for all of %s", profile.Architectures)
		}
		largest, err := largestNumber(profile, a)
		if err != nil {
			return nil, err
		}
		if largest > 0 {
			out = append(out, block(a, largest, runtime.StubsZero(a), refused)...)
		}
	}
	return out, nil
}

// largestNumber returns the largest number that libseccomp has for a name, or 0.
// Those of calls behind a multiplexer are negative.
func largestNumber(profile *specs.LinuxSeccomp, arch linux.Arch) (largest uint32, err error) {
	for _, entry := range profile.Syscalls {
		for _, name := range entry.Names {
			switch n, err := seccomp.GetSyscallFromNameByArch(name, kernelArches[arch]); {
			case errors.Is(err, seccomp.ErrSyscallDoesNotExist):
			case err != nil:
				return 0, err
			case n > 0:
				largest = max(largest, uint32(n))
			}
		}
	}
	return largest, nil
}

// block returns the code that answers the newest calls of an architecture.
func block(a linux.Arch, largest uint32, zero bool, refused linux.Action) bpf.Program {
	body := bpf.Program{{Op: bpf.LdW, K: 0}}
	switch a {
	case linux.X86_64:
		body = append(body, bpf.Instruction{Op: bpf.JsetK, Jt: 2, K: linux.X32Bit})
	case linux.X32:
		body = append(body, bpf.Instruction{Op: bpf.JsetK, Jf: 2, K: linux.X32Bit})
	}
	if zero {
		body = append(body, bpf.Instruction{Op: bpf.JeqK, Jt: 1, K: 0})
	}
	body = append(body,
		bpf.Instruction{Op: bpf.JgtK, Jf: 1, K: largest},
		bpf.Instruction{Op: bpf.RetK, K: uint32(refused)},
	)
	return append(bpf.Program{
		{Op: bpf.LdW, K: 4},
		{Op: bpf.JeqK, Jf: uint8(len(body)), K: a.Audit()},
	}, body...)
}
