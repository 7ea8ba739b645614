//go:build !libseccomp || !cgo

package libseccomp

import (
	"context"
	"errors"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"secco/linux"
	"secco/policy"
)

// TestNotBuilt checks that nothing is claimed where libseccomp isn't built in.
func TestNotBuilt(t *testing.T) {
	_, version := Version()
	_, _, _, syscall := Syscall(linux.X86_64, "read")
	_, build := Build(&specs.LinuxSeccomp{}, Options{})
	_, bounded := BuildContext(context.Background(), &specs.LinuxSeccomp{}, Options{})
	p := &policy.Policy{Targets: []*policy.Target{{Arch: linux.X86_64, Rules: map[uint32]*policy.Node{0: {}}}}}
	_, _, known := Known(p)
	for _, err := range []error{version, syscall, build, bounded, known} {
		if !errors.Is(err, ErrNotBuilt) {
			t.Errorf("got %v", err)
		}
	}
	if Available {
		t.Error("libseccomp is said to be available")
	}
}
