package containers

import (
	"encoding/base64"
	"encoding/binary"
	"path/filepath"
	"slices"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"secco/bpf"
	"secco/hook/container"
	"secco/hook/policies"
)

// A way is one of the ways in: how a policy is put on a container.
type way struct {
	name string
	// policy is the text that the way puts on; uname gives EXFULL in each.
	policy string
	// entry stands before the payload's command.
	entry []string
	// hook is called at stage. Its arguments are secco-hook's, and DIR in them is
	// the directory of policies.
	stage string
	hook  []string
	// profiled is whether the container is to have the policy as its profile, as far
	// as it has no other.
	profiled bool
	// wrapper is whether secco-runtime is the runtime.
	wrapper bool
	// annotated is whether the program is to be in crun's annotation.
	annotated bool

	// exact is whether the kernel is to hold the compiled program itself; else it is
	// what libseccomp makes of the policy's profile.
	exact bool
	// noExec is whether the payload may not execute anything.
	noExec bool
}

var ways = []way{
	{name: "wrap", policy: noUname, exact: true, entry: []string{"/bin/secco-wrap", "--policy", "/secco/p.secco", "--"}},
	{name: "wrap --gate", policy: noExec, exact: true, noExec: true, entry: []string{"/bin/secco-wrap", "--gate", "--policy", "/secco/p.secco", "--"}},
	{name: "hook install", policy: noExec, exact: true, noExec: true, stage: "createRuntime", hook: []string{"install", "--dir", "DIR", "--default", "p"}},
	{name: "hook install (prestart)", policy: noExec, exact: true, noExec: true, stage: "prestart", hook: []string{"install", "--dir", "DIR", "--default", "p"}},
	{name: "hook gate", policy: noUname, profiled: true, stage: "createRuntime", hook: []string{"gate", "--stricter-than", "DIR/p.secco"}},
	{name: "hook gate --installed", policy: noUname, profiled: true, stage: "createRuntime", hook: []string{"gate", "--installed", "--stricter-than", "DIR/p.secco"}},
	{name: "hook precreate", policy: noUname, stage: "precreate", hook: []string{"precreate", "--dir", "DIR", "--default", "p"}},
	{name: "secco-runtime", policy: noUname, wrapper: true},
	{name: "crun's annotation", policy: noUname, exact: true, annotated: true},
}

// wayNamed returns one of the ways.
func wayNamed(name string) way {
	return ways[slices.IndexFunc(ways, func(w way) bool { return w.name == name })]
}

// gates reports whether the way refuses containers by their profile.
func (w way) gates() bool { return len(w.hook) > 0 && w.hook[0] == "gate" }

// hookArgs returns the hook's arguments for a directory of policies.
func (w way) hookArgs(dir string) []string {
	args := slices.Clone(w.hook)
	for i, a := range args {
		if rest, ok := cutDir(a); ok {
			args[i] = dir + rest
		}
	}
	return args
}

func cutDir(arg string) (string, bool) {
	if len(arg) < 3 || arg[:3] != "DIR" {
		return arg, false
	}
	return arg[3:], true
}

// apply puts the way's policy, p.secco of a directory, on a bundle, and returns
// what is to be run as the runtime.
func (w way) apply(t testing.TB, b *bundle, rt runtime, dir string) (path string, global []string) {
	t.Helper()
	if w.entry != nil {
		b.mount(dir, "/secco")
		b.spec.Process.Args = slices.Concat(w.entry, b.spec.Process.Args)
	}
	if w.profiled && b.spec.Linux.Seccomp == nil {
		b.spec.Linux.Seccomp = profileOf(t, dir)
	}
	if w.annotated {
		if b.spec.Linux.Seccomp == nil {
			b.spec.Linux.Seccomp = &specs.LinuxSeccomp{DefaultAction: specs.ActAllow}
		}
		b.annotate(programAnnotation, programText(t, dir))
	}
	h := hookOf(w.hookArgs(dir)...)
	switch w.stage {
	case "createRuntime":
		b.spec.Hooks = &specs.Hooks{CreateRuntime: []specs.Hook{h}}
	case "prestart":
		b.spec.Hooks = &specs.Hooks{Prestart: []specs.Hook{h}}
	case "precreate":
		b.precreate = []specs.Hook{h}
	}
	if w.wrapper {
		return filepath.Join(bin, "secco-runtime"), wrapperFlags(rt, dir)
	}
	return rt.path, nil
}

// wrapperFlags are secco-runtime's own.
func wrapperFlags(rt runtime, dir string) []string {
	return []string{"--secco-runtime=" + rt.path, "--secco-dir=" + dir, "--secco-default=p"}
}

func hookOf(args ...string) specs.Hook {
	return specs.Hook{Path: filepath.Join(bin, "secco-hook"), Args: append([]string{"secco-hook"}, args...)}
}

const programAnnotation = "run.oci.seccomp_bpf_data"

// programText returns the policy's program as crun's annotation takes it.
func programText(t testing.TB, dir string) string {
	t.Helper()
	return base64.StdEncoding.EncodeToString(bpf.Encode(load(t, dir).Program, binary.NativeEndian))
}

// profileOf returns a policy as the profile that secco makes of it.
func profileOf(t testing.TB, dir string) *specs.LinuxSeccomp {
	t.Helper()
	p, _, err := container.Profile(load(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func load(t testing.TB, dir string) *policies.Filter {
	t.Helper()
	return loadFile(t, filepath.Join(dir, "p.secco"))
}

func loadFile(t testing.TB, path string) *policies.Filter {
	t.Helper()
	f, err := policies.Store{}.LoadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func (b *bundle) annotate(name, value string) {
	if b.spec.Annotations == nil {
		b.spec.Annotations = map[string]string{}
	}
	b.spec.Annotations[name] = value
}
