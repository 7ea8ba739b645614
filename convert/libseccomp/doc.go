// Package libseccomp builds the program that container runtimes would load for
// a profile: the profile's rules go to libseccomp in runc's order and with
// runc's options, and the program that comes out is handed back instead of being
// loaded. It is the second opinion on everything that secco writes as a profile.
//
// What runc puts before that program, an answer of ENOSYS for numbers above the
// largest one named, is added where [Options] name it as the runtime.
//
// It needs cgo and the build tag libseccomp; built without them every call
// returns [ErrNotBuilt].
//
// Some rule sets keep libseccomp busy for ever, and nothing can stop a thread
// that is inside C: [Build] is for trusted input and short-lived processes,
// [BuildContext] gives up when told to but leaves that thread behind. A caller
// that must not leak runs Build in a child process that it can kill.
package libseccomp

import (
	"context"
	"errors"
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"

	"secco/bpf"
	"secco/linux"
	"secco/oci"
)

// ErrNotBuilt is returned by every call where libseccomp is not built in.
var ErrNotBuilt = errors.New("secco was built without libseccomp: the build tag libseccomp and cgo are needed")

// ArchError says that this libseccomp makes no programs for an architecture; most
// often it is too old to know it.
type ArchError struct {
	Arch string
	Err  error
}

func (e *ArchError) Error() string { return fmt.Sprintf("architecture %s: %v", e.Arch, e.Err) }

// Unwrap returns what libseccomp said.
func (e *ArchError) Unwrap() error { return e.Err }

// Options say how a program is built. With the zero value it is libseccomp's
// alone.
type Options struct {
	// Tree lets libseccomp search syscall numbers by a binary tree or keeps it
	// from it; nil is the runtime's choice, which goes by the number of rules.
	Tree *bool
	// Native is the architecture of the machine that the program is for, which
	// always has the rules; 0 is this machine's.
	Native linux.Arch
	// Runtime is the one whose program is wanted.
	Runtime oci.Runtime
}

// BuildContext is [Build], but returns when ctx is done. The thread that
// libseccomp runs on can't be stopped: it works on until the process ends, and
// no other build starts before it is through. After a timeout every later call
// waits for its own context in the same way.
func BuildContext(ctx context.Context, profile *specs.LinuxSeccomp, opts Options) (bpf.Program, error) {
	type result struct {
		program bpf.Program
		err     error
	}
	done := make(chan result, 1)
	go func() {
		program, err := Build(profile, opts)
		done <- result{program, err}
	}()
	select {
	case r := <-done:
		return r.program, r.err
	case <-ctx.Done():
		return nil, errors.Join(errors.New("libseccomp did not finish the program"), ctx.Err())
	}
}
