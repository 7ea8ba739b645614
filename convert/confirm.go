package convert

import (
	"context"
	"fmt"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"secco/convert/libseccomp"
	"secco/linux"
	"secco/policy"
	"secco/policy/prove"
)

// confirmTime bounds how long libseccomp may take for one profile.
const confirmTime = 20 * time.Second

// confirm has the libseccomp that is built in make its programs of a profile,
// and proves that they do what the policy says, but for the syscalls that it is
// too old to know, which it lists. It returns libseccomp's version.
func confirm(p *policy.Policy, profile *specs.LinuxSeccomp, native linux.Arch) (version string, unknown []libseccomp.Unknown, err error) {
	if version, err = libseccomp.Version(); err != nil {
		return "", nil, err
	}
	expected, unknown, err := libseccomp.Known(p)
	if err != nil {
		return version, nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), confirmTime)
	defer cancel()
	for _, tree := range []bool{false, true} {
		program, err := libseccomp.BuildContext(ctx, profile, libseccomp.Options{Tree: &tree, Native: native})
		if err != nil {
			return version, unknown, err
		}
		filter, err := prove.Program(program)
		if err != nil {
			return version, unknown, err
		}
		result, err := prove.Equivalent(prove.Policy(expected), filter, prove.Options{})
		if err != nil {
			return version, unknown, err
		}
		switch result.Verdict {
		case prove.Equal:
		case prove.Different:
			return version, unknown, fmt.Errorf("libseccomp %s makes something else of it: %s", version, result.Witness)
		default:
			return version, unknown, &UndecidedError{result.Reason}
		}
	}
	return version, unknown, nil
}
