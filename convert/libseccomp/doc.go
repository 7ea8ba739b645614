// Package libseccomp builds the program that container runtimes would load for
// a profile: the profile's rules go to libseccomp in runc's order and with
// runc's options, and the program that comes out is handed back instead of being
// loaded. It is the second opinion on everything that secco writes as a profile.
//
// It needs cgo and the build tag libseccomp; built without them every call
// returns [ErrNotBuilt]. The stub that runc puts in front of libseccomp's
// program, which answers ENOSYS for numbers above the highest one named, is not
// part of it.
//
// Some rule sets keep libseccomp busy for ever, and nothing can stop a thread
// that is inside C: [Build] is for trusted input and short-lived processes,
// [BuildContext] gives up when told to but leaves that thread behind. A caller
// that must not leak runs Build in a child process that it can kill.
package libseccomp

import (
	"context"
	"errors"

	"github.com/opencontainers/runtime-spec/specs-go"

	"secco/bpf"
)

// ErrNotBuilt is returned by every call where libseccomp is not built in.
var ErrNotBuilt = errors.New("secco was built without libseccomp: the build tag libseccomp and cgo are needed")

// Options say how a program is built. The zero value is what runc does.
type Options struct {
	// Tree lets libseccomp search syscall numbers by a binary tree or keeps it
	// from it; nil is the choice of runc 1.2 and later, which goes by the number
	// of rules. runc 1.1 and crun 1.8 have none.
	Tree *bool
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
