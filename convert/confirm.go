package convert

import (
	"context"
	"fmt"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"secco/convert/libseccomp"
	"secco/policy"
	"secco/policy/prove"
)

// confirmTime bounds how long libseccomp may take for one profile.
const confirmTime = 20 * time.Second

// confirm has the libseccomp that is built in make its programs of a profile,
// and proves that they do what the policy says. It returns libseccomp's version.
func confirm(p *policy.Policy, profile *specs.LinuxSeccomp) (version string, err error) {
	if version, err = libseccomp.Version(); err != nil {
		return "", err
	}
	expected, _, err := libseccomp.Known(p)
	if err != nil {
		return version, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), confirmTime)
	defer cancel()
	for _, tree := range []bool{false, true} {
		program, err := libseccomp.BuildContext(ctx, profile, libseccomp.Options{Tree: &tree})
		if err != nil {
			return version, err
		}
		filter, err := prove.Program(program)
		if err != nil {
			return version, err
		}
		result, err := prove.Equivalent(prove.Policy(expected), filter, prove.Options{})
		if err != nil {
			return version, err
		}
		switch result.Verdict {
		case prove.Equal:
		case prove.Different:
			return version, fmt.Errorf("libseccomp %s makes something else of it: %s", version, result.Witness)
		default:
			return version, fmt.Errorf("not proved: %s", result.Reason)
		}
	}
	return version, nil
}
