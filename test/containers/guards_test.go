package containers

import (
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// What guards, a policy's and a Docker profile's, say of a container is true of its
// processes: secco-wrap, which asks the kernel inside, and what reads config.json
// outside agree.
func TestGuards(t *testing.T) {
	files := map[string]string{
		"p.secco": "DEFAULT_POSITIVE = allow\nDEFAULT_POLICY = allow\nuname: return EXFULL\n" +
			"when cap(CAP_KILL) && kernel >= 3.17 {\n\tuname: 1\n}\n",
		"p.json": `{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
			{"names": ["uname"], "action": "SCMP_ACT_ERRNO", "errnoRet": 54, "excludes": {"caps": ["CAP_KILL"]}}]}`,
	}
	eachRuntime(t, func(t *testing.T, rt runtime) {
		for file, text := range files {
			dir := policyDir(t, map[string]string{file: text})
			for _, name := range []string{"wrap", "hook install", "secco-runtime"} {
				w := wayNamed(name)
				w.entry = slices.Clone(w.entry)
				for i, arg := range w.entry {
					w.entry[i] = strings.Replace(arg, "p.secco", file, 1)
				}
				b := newBundle(t, "payload")
				path, global := w.apply(t, b, rt, dir)
				expect(t, b.run(path, global...), 3, "uname ok\n", "") // CAP_KILL is among a bundle's
				b.id += "-none"
				b.spec.Linux.Seccomp = nil
				b.spec.Process.Capabilities = &specs.LinuxCapabilities{}
				expect(t, b.run(path, global...), 3, "uname EXFULL\n", "")
				if w.entry != nil {
					continue
				}
				// With none named runc leaves a container all or nothing: 1.3.6 and 1.1.5.
				b.id += "-named"
				b.spec.Linux.Seccomp = nil
				b.spec.Process.Capabilities = nil
				if r := b.run(path, global...); r.code == 0 || strings.Contains(r.stdout, "uname") {
					t.Errorf("started: %v", r)
				}
			}
		}
	})
}
