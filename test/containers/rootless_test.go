package containers

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestRootless runs containers from within a user namespace, as rootless engines do:
// what takes no privileges works there, and what does says so.
func TestRootless(t *testing.T) {
	eachRuntime(t, func(t *testing.T, rt runtime) {
		enter := "exec unshare --user --map-root-user --mount \"$@\""
		if rt.name == "crun" && hybrid() { // inside nobody can hide the second generation from it
			rt.path, _ = exec.LookPath("crun")
			enter = "umount /sys/fs/cgroup/unified; " + enter
		}
		for _, w := range ways {
			if _, impossible := cannot[w.name][rt.name]; impossible {
				continue
			}
			t.Run(w.name, func(t *testing.T) {
				b := newBundle(t, "payload")
				path, global := w.apply(t, b, rt, policyDir(t, map[string]string{"p.secco": w.policy}))
				b.write()
				args := slices.Concat([]string{"-m", "sh", "-c", enter, "sh", path}, global, []string{"--root", b.dir + "/state", "run", "--bundle", b.dir, b.id})
				r := run(t, "unshare", args...)
				switch privileged := slices.Contains(w.hook, "install") || slices.Contains(w.hook, "--installed"); {
				case !privileged:
					expect(t, r, 3, saw, "")
				case r.code == 0 || strings.Contains(r.stdout, "uname"):
					t.Errorf("started: %v", r)
				case rt.name == "runc": // crun shows nothing of what hooks say
					expect(t, r, 1, "", "it takes CAP_SYS_ADMIN in the initial user namespace")
				}
			})
		}
	})
}
