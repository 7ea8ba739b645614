package container

import (
	"errors"
	"fmt"
	"runtime"

	"github.com/opencontainers/runtime-spec/specs-go"

	"secco/convert"
	"secco/linux"
	"secco/oci"
	"secco/policy/prove"
)

// Gate refuses a container whose profile is not proved to be at least as strict
// as a policy; the error holds a call that shows it. The profile is the one in
// config.json, as runtimes hand it to libseccomp.
func Gate(state *specs.State, choice Choice) error {
	if choice.Policy == "" && IsSandbox(state.Annotations) {
		return nil
	}
	want, err := choice.Load(state.Annotations, false)
	if err != nil {
		return err
	}
	config, err := configOf(state)
	if err != nil {
		return err
	}
	profile, err := config.Seccomp()
	if err != nil {
		return err
	}
	if profile == nil || profile.DefaultAction == "" {
		return fmt.Errorf("the container is unconfined, and must be at least as strict as %s", want.Name)
	}
	native, _ := linux.ParseArch(runtime.GOARCH)
	is, findings := convert.FromOCI(oci.FromSpec(profile), convert.Options{Host: oci.Host{Arch: native}})
	if err := findings.Err(); err != nil {
		return fmt.Errorf("the container's profile can't be judged: %w", err)
	}
	limit, err := prove.Program(want.Program)
	if err != nil {
		return err
	}
	answer, err := prove.AtLeastAsStrict(prove.Policy(is), limit, prove.Options{})
	if err != nil {
		return err
	}
	switch answer.Verdict {
	case prove.Equal, prove.Stricter:
		return nil
	case prove.Undecided:
		return fmt.Errorf("it could not be proved that the container's profile is at least as strict as %s: %s", want.Name, answer.Reason)
	case prove.Different:
		return fmt.Errorf("the container's profile is less strict than %s: %v", want.Name, answer.Witness)
	}
	return errors.New("no verdict")
}
