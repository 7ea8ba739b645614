package container

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"

	"secco/bpf"
	"secco/convert"
	"secco/hook"
	"secco/hook/policies"
	"secco/linux"
	"secco/oci"
	"secco/policy/prove"
	"secco/source"
)

// Gate refuses a container whose profile is not proved to be at least as strict
// as a policy; the error holds a call that shows it. The profile is the one in
// config.json, with what the runtime that calls the hook adds to it, where that is
// laxer: runc answers numbers that are newer than all in the profile with ENOSYS,
// even where the profile kills. Programs that crun takes in its place, from an
// annotation or from its cache, have to be as strict as well.
func Gate(state *specs.State, choice Choice) error {
	want, err := choice.limit(state)
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
	annotations, err := config.Annotations()
	if err != nil {
		return err
	}
	caller := os.Getppid()
	if err := checkRuntime(caller, state.Annotations, annotations); err != nil {
		return err
	}
	if args, err := commandLine(caller); err != nil {
		return err
	} else if err := checkSeccomp(fmt.Sprintf("/proc/%d/exe", caller), args[0]); err != nil {
		return err
	}
	if data, ok := annotations[crunProgram]; ok {
		if err := judgeAnnotation(data, want); err != nil {
			return err
		}
	}
	prepared, err := preparedProgram(state.Pid)
	if err != nil {
		return fmt.Errorf("the program that crun has prepared: %w", err)
	}
	if prepared != nil {
		if err := judgeProgram(prepared, "the program that crun takes from its cache, which may be another profile's,", want); err != nil {
			return err
		}
	}
	if profile == nil || profile.DefaultAction == "" {
		return fmt.Errorf("the container is unconfined, and must be at least as strict as %s", want.Name)
	}
	native, _ := linux.ParseArch(runtime.GOARCH)
	name := "the container's profile"
	if needs, call := oci.LibseccompFor(profile, native); needs != oci.OldestLibseccomp {
		has, err := choice.libseccomp(processLibseccomp(caller))()
		if err != nil {
			has = oci.OldestLibseccomp
		}
		if has.Compare(needs) < 0 {
			name += fmt.Sprintf(", as libseccomp %v reads it, which doesn't know %s,", has, call)
			profile = has.Enforced(profile, native)
		}
	}
	for _, by := range runtimesOf(caller) {
		is, findings := convert.FromOCI(oci.FromSpec(profile), convert.Options{Host: oci.Host{Arch: native, Runtime: by}})
		findings = slices.DeleteFunc(findings, func(d source.Diagnostic) bool { return d.Severity != source.Error })
		if err := findings.Err(); err != nil {
			return fmt.Errorf("the container's profile can't be judged: %s", err.Error()) // findings would be shown twice
		}
		what := name
		if by != (oci.Runtime{}) {
			what += fmt.Sprintf(", with what %v answers itself,", by)
		}
		if err := compare(prove.Policy(is), what, want.Program, want.Name); err != nil {
			return err
		}
	}
	return nil
}

// runtimesOf returns as what a profile has to be judged that a process installs:
// crun installs what libseccomp builds. runc, and what is not known, may put its
// own answers before that, on which architectures depends on its version; who is
// strict enough without any and with all of them is with some.
func runtimesOf(pid int) []oci.Runtime {
	if exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid)); err == nil && filepath.Base(exe) == "crun" {
		return []oci.Runtime{{}}
	}
	return []oci.Runtime{{}, oci.Runc}
}

// limit returns the policy that a container has to be as strict as. One with notify
// verdicts is none: what they come to is for whoever answers to say.
func (c Choice) limit(state *specs.State) (*policies.Filter, error) {
	f, err := c.Load(state.Annotations, capabilitiesOf(state), false)
	if err == nil && hook.Notifies(f.Program) {
		err = fmt.Errorf("%s: %w", f.Name, hook.ErrNotifies)
	}
	return f, err
}

// judgeAnnotation judges the program that crun takes in place of the profile.
func judgeAnnotation(data string, want *policies.Filter) error {
	const what = "the program of the annotation " + crunProgram
	raw, err := base64.StdEncoding.DecodeString(data)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	program, err := bpf.Decode(raw, binary.NativeEndian)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return judgeProgram(program, what, want)
}

func judgeProgram(program bpf.Program, what string, want *policies.Filter) error {
	is, err := prove.Program(program)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return compare(is, what, want.Program, want.Name)
}

// compare returns an error unless a filter is proved to be at least as strict as a
// program.
func compare(is prove.Filter, what string, limit bpf.Program, name string) error {
	bound, err := prove.Program(limit)
	if err != nil {
		return err
	}
	answer, err := prove.AtLeastAsStrict(is, bound, prove.Options{})
	if err != nil {
		return err
	}
	switch answer.Verdict {
	case prove.Equal, prove.Stricter:
		return nil
	case prove.Undecided:
		return fmt.Errorf("it could not be proved that %s is at least as strict as %s: %s", what, name, answer.Reason)
	case prove.Different:
		return fmt.Errorf("%s is less strict than %s: %v", what, name, answer.Witness)
	}
	return errors.New("no verdict")
}

// GateInstalled is [Gate] for what the kernel holds when the payload has been
// executed, before it runs, whatever config.json says: one of its filters has to be
// proved at least as strict as the policy, else the container is killed. The
// runtime has been let go on then, so the reason goes to a log file, if one is
// given. The supervisor is as for [Install].
func GateInstalled(state *specs.State, choice Choice, supervisor *exec.Cmd, log string) error {
	if log != "" && !filepath.IsAbs(log) {
		return fmt.Errorf("the log file's path %q is not absolute", log)
	}
	want, err := choice.limit(state)
	if err != nil {
		return err
	}
	config, err := configOf(state)
	if err != nil {
		return err
	}
	runtime, err := followed(state, config)
	if err != nil {
		return err
	}
	return start(supervisor, order{Pid: state.Pid, Runtime: runtime, Program: bpf.Encode(want.Program, binary.NativeEndian), Gate: true, Log: log})
}

// strictEnough returns nil if one of a process's filters, which the kernel asks
// all, is at least as strict as a program.
func strictEnough(filters []bpf.Program, limit bpf.Program) error {
	if len(filters) == 0 {
		return errors.New("the payload has no filter")
	}
	var failures []error
	for i, p := range filters {
		is, err := prove.Program(p)
		if err == nil {
			err = compare(is, fmt.Sprintf("filter %d of the payload", i), limit, "the policy")
		}
		if err == nil {
			return nil
		}
		failures = append(failures, err)
	}
	return errors.Join(failures...)
}
