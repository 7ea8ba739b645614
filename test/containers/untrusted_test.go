package containers

import (
	"encoding/base64"
	"encoding/binary"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"secco/bpf"
	"secco/linux"
)

// Some engines hand a container the annotations of its image. They get it no more
// than it gets without: no program of its own, no policy from outside the
// directory, and as a pod's pause container a policy for those.
func TestUntrustedAnnotations(t *testing.T) {
	dir := policyDir(t, map[string]string{"p.secco": noUname})
	allow := base64.StdEncoding.EncodeToString(bpf.Encode(bpf.Program{{Op: bpf.RetK, K: uint32(linux.Allow)}}, binary.NativeEndian))
	open := &specs.LinuxSeccomp{DefaultAction: specs.ActAllow}
	eachRuntime(t, func(t *testing.T, rt runtime) {
		wrapper := []string{"--secco-runtime=" + rt.path, "--secco-dir=" + dir, "--secco-default=p"}
		start := func(t *testing.T, hook []string, name, value string) result {
			b := newBundle(t, "payload")
			b.spec.Linux.Seccomp = open
			b.annotate(name, value)
			if hook == nil {
				return b.run(filepath.Join(bin, "secco-runtime"), wrapper...)
			}
			b.spec.Linux.Seccomp = profileOf(t, dir)
			b.spec.Hooks = &specs.Hooks{CreateRuntime: []specs.Hook{hookOf(append(hook, "--dir", dir, "--default", "p")...)}}
			return b.run(rt.path)
		}
		for _, hook := range [][]string{nil, {"gate"}, {"install"}} {
			name := strings.Join(append([]string{"runtime-wrapper"}, hook...), "-")
			t.Run(name, func(t *testing.T) {
				t.Run("a program for crun", func(t *testing.T) {
					r := start(t, hook, "run.oci.seccomp_bpf_data", allow)
					if strings.Contains(r.stdout, "uname ok") || hook != nil && hook[0] == "gate" && r.code == 3 {
						t.Error(r)
					}
				})
				t.Run("a shipped policy", func(t *testing.T) {
					if r := start(t, hook, "dev.secco.policy", "no-network"); r.code == 3 || strings.Contains(r.stdout, "uname") {
						t.Error(r)
					}
				})
				t.Run("a pause container", func(t *testing.T) {
					// The payload is written in Go, which needs more than to pause.
					if r := start(t, hook, "io.kubernetes.cri.container-type", "sandbox"); r.code == 3 || strings.Contains(r.stdout, "uname") {
						t.Error(r)
					}
				})
			})
		}
		t.Run("pausing", func(t *testing.T) {
			b := newBundle(t, "sleep", "0.01")
			b.annotate("io.kubernetes.cri.container-type", "sandbox")
			expect(t, b.run(filepath.Join(bin, "secco-runtime"), wrapper...), 0, "", "")
		})
	})
	awaitNone(t)
}

// Of a config.json that runtimes read differently secco vouches for none: crun's
// strings end at a NUL, and of two fields of one name it takes the first.
func TestUntrustedJSON(t *testing.T) {
	dir := policyDir(t, map[string]string{"p.secco": noUname})
	allow := base64.StdEncoding.EncodeToString(bpf.Encode(bpf.Program{{Op: bpf.RetK, K: uint32(linux.Allow)}}, binary.NativeEndian))
	kill := base64.StdEncoding.EncodeToString(bpf.Encode(bpf.Program{{Op: bpf.RetK, K: uint32(linux.KillProcess)}}, binary.NativeEndian))
	eachRuntime(t, func(t *testing.T, rt runtime) {
		for _, c := range []struct{ name, from, to, want string }{
			{"a program behind a NUL", `"mark": ""`, `"run.oci.seccomp_bpf_data\u0000x": "` + allow + `"`, "holds a NUL"},
			{"two programs", `"mark": ""`, `"run.oci.seccomp_bpf_data": "` + allow + `", "run.oci.seccomp_bpf_data": "` + kill + `"`, "is there twice"},
			{"a profile behind a NUL", `"seccomp":`, `"seccomp\u0000": {"defaultAction": "SCMP_ACT_ALLOW"}, "seccomp":`, "holds a NUL"},
		} {
			t.Run(c.name, func(t *testing.T) {
				b := newBundle(t, "payload")
				b.annotate("mark", "")
				b.spec.Linux.Seccomp = profileOf(t, dir)
				b.replace = strings.NewReplacer(c.from, c.to)
				t.Logf("%s alone: %v", rt.name, b.run(rt.path))

				r := b.run(filepath.Join(bin, "secco-runtime"), "--secco-runtime="+rt.path, "--secco-dir="+dir, "--secco-default=p")
				if r.code != 1 || r.stdout != "" || !strings.Contains(r.stderr, c.want) {
					t.Errorf("secco-runtime: %v", r)
				}
				b.spec.Hooks = &specs.Hooks{CreateRuntime: []specs.Hook{hookOf("gate", "--dir", dir, "--default", "p")}}
				r = b.run(rt.path)
				if r.code == 3 || r.stdout != "" || rt.name == "runc" && !strings.Contains(r.stderr, c.want) { // crun drops what hooks say
					t.Errorf("the gate: %v", r)
				}
			})
		}
	})
	awaitNone(t)
}

// runc answers the newest numbers with ENOSYS, also where the profile kills; crun
// does as the profile says. The gate judges what the runtime that calls it does.
func TestGateJudgesWhatTheRuntimeAdds(t *testing.T) {
	dir := policyDir(t, map[string]string{"p.secco": "DEFAULT_POSITIVE = allow\nDEFAULT_NEGATIVE = kill_process\nDEFAULT_POLICY = kill_process\nread, write, exit_group: 1\n"})
	profile := profileOf(t, dir)
	eachRuntime(t, func(t *testing.T, rt runtime) {
		b := newBundle(t, "payload")
		b.spec.Linux.Seccomp = profile
		b.spec.Hooks = &specs.Hooks{CreateRuntime: []specs.Hook{hookOf("gate", "--dir", dir, "--default", "p")}}
		r := b.run(rt.path)
		if refused := strings.Contains(r.stderr, "less strict"); refused != (rt.name == "runc") {
			t.Error(r)
		}
	})
	awaitNone(t)
}
