package container

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"secco/bpf"
)

// crun keeps the programs that libseccomp makes of profiles, from 1.14 on, and finds
// them again by a hash of the profile's strings and numbers in a row, with nothing
// between them and nothing of the rules' errnos. So profiles that differ may share a
// program: that of whichever was there first.

// unique returns a profile with a rule that no other profile has. It says what the
// default says of a call that the profile names anyway, and runtimes leave such rules
// out: nothing but the hash sees it. A profile without rules has nothing that another
// could be cut out of in another way.
func unique(profile *specs.LinuxSeccomp) *specs.LinuxSeccomp {
	if len(profile.Syscalls) == 0 || len(profile.Syscalls[0].Names) == 0 {
		return profile
	}
	var random [24]byte
	_, _ = rand.Read(random[:]) // never fails
	entry := specs.LinuxSyscall{Names: profile.Syscalls[0].Names[:1], Action: profile.DefaultAction}
	if entry.Action == specs.ActErrno || entry.Action == specs.ActTrace {
		entry.ErrnoRet = profile.DefaultErrnoRet
	}
	for i := range uint(3) {
		const exact = 1<<53 - 1 // in every parser of JSON
		value := binary.NativeEndian.Uint64(random[8*i:]) & exact
		entry.Args = append(entry.Args, specs.LinuxSeccompArg{Index: i, Value: value, Op: specs.OpEqualTo})
	}
	own := *profile
	own.Syscalls = append([]specs.LinuxSyscall{entry}, profile.Syscalls...)
	return &own
}

// preparedProgram returns the program that crun has prepared for a container's init, a
// file that this has open; nil where there is none yet. One that is there when hooks
// run, but for what the container's annotation holds, comes from the cache.
func preparedProgram(pid int) (bpf.Program, error) {
	links, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	if err != nil {
		return nil, err
	}
	for _, link := range links {
		path, err := os.Readlink(link)
		if errors.Is(err, fs.ErrNotExist) {
			continue // closed meanwhile
		}
		if err != nil {
			return nil, err
		}
		if filepath.Base(path) != "seccomp.bpf" {
			continue
		}
		f, err := os.OpenFile(link, os.O_RDONLY|unix.O_NONBLOCK, 0)
		if err != nil {
			return nil, err
		}
		raw, err := io.ReadAll(io.LimitReader(f, 1<<16*bpf.InstructionSize))
		if err = errors.Join(err, f.Close()); err != nil {
			return nil, err
		}
		if len(raw) > 0 {
			return bpf.Decode(raw, binary.NativeEndian)
		}
	}
	return nil, nil
}
