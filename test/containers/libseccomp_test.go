package containers

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"secco/hook/container"
)

// Runtimes leave out syscalls that are newer than their libseccomp and don't say so. A
// policy that refuses one doesn't come to less.
func TestNewerThanLibseccomp(t *testing.T) {
	dir := policyDir(t, map[string]string{"p.secco": noUname + "open_tree_attr: return EXFULL\n", "old.secco": noUname + "close_range: return EXFULL\n"})
	eachRuntime(t, func(t *testing.T, rt runtime) {
		wrapper := func(policy string, more ...string) result {
			return newBundle(t, "payload").run(filepath.Join(bin, "secco-runtime"), append(more, "--secco-runtime="+rt.path, "--secco-dir="+dir, "--secco-default="+policy)...)
		}
		if r := wrapper("p"); r.code != 1 || r.stdout != "" || !strings.Contains(r.stderr, "libseccomp") {
			t.Error(r)
		}
		more := []string{}
		if rt.name == "crun" && hybrid() {
			more = []string{"--secco-libseccomp=2.5.4"} // crun is behind a script here
		}
		expect(t, wrapper("old", more...), 3, "uname EXFULL", "")

		for policy, code := range map[string]int{"p": 1, "old": 3} {
			b := newBundle(t, "payload")
			b.spec.Linux.Seccomp = profileNamed(t, dir, policy)
			expect(t, b.run(rt.path), 3, "uname EXFULL", "") // the runtime doesn't mind
			b.spec.Hooks = &specs.Hooks{CreateRuntime: []specs.Hook{hookOf("gate", "--dir", dir, "--default", policy)}}
			if r := b.run(rt.path); (r.code == 3) != (code == 3) || rt.name == "runc" && code == 1 && !strings.Contains(r.stderr, "which doesn't know open_tree_attr") {
				t.Errorf("gate, %s: %v", policy, r)
			}
		}
	})
	awaitNone(t)
}

func profileNamed(t *testing.T, dir, name string) *specs.LinuxSeccomp {
	t.Helper()
	p, _, err := container.Profile(loadFile(t, filepath.Join(dir, name+".secco")))
	if err != nil {
		t.Fatal(err)
	}
	return p
}
