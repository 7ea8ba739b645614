package convert

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/opencontainers/runtime-spec/specs-go"
	"sigs.k8s.io/yaml"

	"secco/policy"
)

// ToSPO returns a policy as the SeccompProfile document (v1) of the
// security-profiles-operator. The error is a [*LossError] where there is no exact
// one: it has all limits of [ToOCI] and some of its own.
func ToSPO(p *policy.Policy, name string, opts Options) ([]byte, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	profile, err := ToOCI(p, opts)
	if err != nil {
		return nil, err
	}
	if losses := spoLosses(p, profile); len(losses) > 0 {
		return nil, &LossError{Form: "a SeccompProfile", Losses: losses}
	}
	profile.DefaultErrnoRet = nil // it is the default that the operator has, too
	document := struct {
		APIVersion string            `json:"apiVersion"`
		Kind       string            `json:"kind"`
		Metadata   map[string]string `json:"metadata"`
		Spec       any               `json:"spec"`
	}{"security-profiles-operator.x-k8s.io/v1", "SeccompProfile", map[string]string{"name": name}, profile}
	return yaml.Marshal(document)
}

// SPOPath returns the localhostProfile under which the operator installs the
// profile of this name.
func SPOPath(name string) string { return "operator/" + name + ".json" }

// spoArches are the architectures that the operator's schema has.
var spoArches = []specs.Arch{
	specs.ArchX86, specs.ArchX86_64, specs.ArchX32, specs.ArchARM, specs.ArchAARCH64, specs.ArchMIPS, specs.ArchMIPS64,
	specs.ArchMIPS64N32, specs.ArchMIPSEL, specs.ArchMIPSEL64, specs.ArchMIPSEL64N32, specs.ArchPPC, specs.ArchPPC64,
	specs.ArchPPC64LE, specs.ArchS390, specs.ArchS390X, specs.ArchPARISC, specs.ArchPARISC64, specs.ArchRISCV64,
}

var spoListener = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^/var/run/security-profiles-operator/[a-zA-Z0-9_\-\.]+$`)
})

// spoLosses returns what the operator's schema has no room for.
func spoLosses(p *policy.Policy, profile *specs.LinuxSeccomp) (losses []Loss) {
	if profile.DefaultErrnoRet != nil {
		losses = append(losses, Loss{
			Span:   p.Targets[0].Default.Span,
			Reason: fmt.Sprintf("its default errno is EPERM, not %d", *profile.DefaultErrnoRet),
			Help:   "DEFAULT_POLICY = EPERM, or name the other syscalls",
		})
	}
	for _, a := range profile.Architectures {
		if !slices.Contains(spoArches, a) {
			losses = append(losses, Loss{Reason: fmt.Sprintf("it has no architecture %s", a)})
		}
	}
	if profile.ListenerPath != "" && !spoListener().MatchString(profile.ListenerPath) {
		losses = append(losses, Loss{Reason: fmt.Sprintf("its listener path lies directly under /var/run/security-profiles-operator, unlike %q", profile.ListenerPath)})
	}
	for _, entry := range profile.Syscalls {
		for _, arg := range entry.Args {
			if arg.Value>>63 == 0 && arg.ValueTwo>>63 == 0 {
				continue
			}
			l := Loss{
				Syscall: strings.Join(entry.Names, ", "),
				Reason:  fmt.Sprintf("its values are below 2^63, and the rules need %s with %d and %d", arg.Op, arg.Value, arg.ValueTwo),
				Help:    "list single values, compare argL (the lower half), or install the OCI profile as a file",
			}
			for _, t := range p.Targets {
				if nr, ok := t.Arch.Syscall(entry.Names[0]); ok {
					l.Span = t.Root(nr).Span
					break
				}
			}
			losses = append(losses, l)
			break
		}
	}
	return losses
}

// ToPod returns the securityContext of a pod or container that uses an installed
// profile: a path below the kubelet's seccomp directory, such as
// "profiles/web.json", or [SPOPath].
func ToPod(localhostProfile string) ([]byte, error) {
	if err := checkLocalhost(localhostProfile); err != nil {
		return nil, err
	}
	return yaml.Marshal(map[string]any{"securityContext": map[string]any{"seccompProfile": map[string]any{
		"type":             "Localhost",
		"localhostProfile": localhostProfile,
	}}})
}

// checkLocalhost returns an error for what Kubernetes does not take as a
// descending relative path.
func checkLocalhost(p string) error {
	switch {
	case p == "":
		return fmt.Errorf("the profile's path is empty")
	case path.IsAbs(p):
		return fmt.Errorf("the profile's path %q is not relative to the kubelet's seccomp directory", p)
	case slices.Contains(strings.Split(p, "/"), ".."):
		return fmt.Errorf("the profile's path %q leaves the kubelet's seccomp directory", p)
	case strings.ContainsFunc(p, func(r rune) bool { return r < ' ' || r == 0x7f || r == 0xfffd }):
		return fmt.Errorf("the profile's path %q has control characters", p)
	}
	return nil
}

var dnsLabel = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`) })

// checkName returns an error for what is no name of a Kubernetes object.
func checkName(name string) error {
	ok := len(name) <= 253
	for _, label := range strings.Split(name, ".") {
		ok = ok && dnsLabel().MatchString(label)
	}
	if !ok {
		return fmt.Errorf("%q is no name for a Kubernetes object: lower-case letters, digits, '-' and '.', at most 253", name)
	}
	return nil
}
