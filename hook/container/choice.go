package container

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"secco/convert"
	"secco/hook/policies"
	"secco/linux"
	"secco/oci"
	"secco/source"
)

// A Choice says which policy a container gets.
type Choice struct {
	// Policy is fixed: a name or a file. The container has no say then.
	Policy string
	// Dir is where names are looked up; the shipped policies stand behind it, but
	// for names that a container asks for.
	Dir string
	// Default is the name for containers that ask for none by annotation; empty
	// makes that an error.
	Default string
	// Sandbox is the name for pods' pause containers; empty is [SandboxPolicy].
	Sandbox string
	// Libseccomp is the release of libseccomp that the runtime has; where it is empty,
	// it is found out.
	Libseccomp string
}

// SandboxPolicy is the shipped policy for pods' pause containers. It lets them do
// no more than pause: the annotations by which they are known may come from an
// image, and to claim to be one must win a container nothing.
const SandboxPolicy = "pause"

// Load returns the filter for a container with these annotations, and these
// capabilities for guards. Where meaning is set, precompiled programs are passed
// over.
func (c Choice) Load(annotations map[string]string, capabilities func() ([]string, error), meaning bool) (*policies.Filter, error) {
	store := policies.Store{Dir: c.Dir, Shipped: true, Meaning: meaning, Capabilities: capabilities}
	if c.Policy != "" {
		if policies.IsName(c.Policy) {
			return store.Load(c.Policy)
		}
		return store.LoadFile(c.Policy)
	}
	if IsSandbox(annotations) {
		return store.Load(cmp.Or(c.Sandbox, SandboxPolicy))
	}
	if name, ok := annotations[PolicyAnnotation]; ok {
		store.Shipped = false
		f, err := store.Load(name)
		if err != nil {
			return nil, fmt.Errorf("annotation %s: %w", PolicyAnnotation, err)
		}
		return f, nil
	}
	if c.Default == "" {
		return nil, fmt.Errorf("no policy is configured, and the container has no annotation %s", PolicyAnnotation)
	}
	return store.Load(c.Default)
}

// Profile returns what a filter is as an OCI profile: exactly, or an error.
func Profile(f *policies.Filter) (*specs.LinuxSeccomp, source.Diagnostics, error) {
	if f.Profile != nil {
		return f.Profile.Spec(), f.Warnings, nil
	}
	if f.Policy == nil {
		return nil, nil, fmt.Errorf("%s is a program; a profile takes the policy's text", f.Name)
	}
	native, _ := linux.ParseArch(runtime.GOARCH)
	// A libseccomp that is built in here is not the runtime's, which is asked for
	// elsewhere (see enforceable).
	profile, err := convert.ToOCI(f.Policy, convert.Options{Host: oci.Host{Arch: native}, WithoutLibseccomp: true})
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", f.Name, err)
	}
	return profile, f.Warnings, nil
}

// apply makes the chosen policy the profile of a container, and returns it. find finds
// the runtime's libseccomp.
func (c Choice) apply(to *Config, find func() (oci.Libseccomp, error)) (*policies.Filter, error) {
	annotations, err := to.Annotations()
	if err != nil {
		return nil, err
	}
	if err := checkAnnotations(annotations); err != nil {
		return nil, err
	}
	f, err := c.Load(annotations, to.Capabilities, true)
	if err != nil {
		return nil, err
	}
	profile, _, err := Profile(f)
	if err != nil {
		return nil, err
	}
	if err := enforceable(profile, find); err != nil {
		return nil, fmt.Errorf("%s: %w", f.Name, err)
	}
	if err := to.SetSeccomp(unique(profile)); err != nil {
		return nil, err
	}
	if err := to.RemoveAnnotations(crunSeccomp...); err != nil {
		return nil, err
	}
	if want := f.Options.NoNewPrivs; want != nil && *want {
		return f, to.SetNoNewPrivs()
	}
	return f, nil
}

// IsSandbox reports whether a container is a pod's pause container, as
// Kubernetes' runtimes say by annotation. It holds the pod's namespaces and runs
// none of the pod's programs.
func IsSandbox(annotations map[string]string) bool {
	return annotations["io.kubernetes.cri.container-type"] == "sandbox" ||
		annotations["io.kubernetes.cri-o.ContainerType"] == "sandbox"
}

// Settings are those of /etc/secco/runtime.conf and /etc/secco/hook.conf, for
// where no arguments can be given.
type Settings struct {
	Runtime string `json:"runtime"` // the wrapped one's path
	Policy  string `json:"policy"`  // fixed for all containers
	Dir     string `json:"dir"`
	Default string `json:"default"`
	Sandbox string `json:"sandbox"` // of pods' pause containers
	// Libseccomp is the runtime's, where it can't be found out.
	Libseccomp string `json:"libseccomp"`
}

// ReadSettings reads a file of settings; one that is missing is empty.
func ReadSettings(path string) (s Settings, err error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if errors.Is(err, os.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return s, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return s, err
	}
	text, err := readRegular(f, info, 1<<20)
	if err != nil {
		return s, err
	}
	if err := strictJSON(text, &s); err != nil {
		return s, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

// strictJSON decodes one object, all of whose fields are known.
func strictJSON(text []byte, v any) error {
	if _, err := parseObject(text); err != nil {
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	return dec.Decode(v)
}
