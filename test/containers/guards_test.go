package containers

import "testing"

// What a policy's guards say of a container is true of its processes: secco-wrap,
// which asks the kernel inside, and what reads config.json outside agree.
func TestGuards(t *testing.T) {
	dir := policyDir(t, map[string]string{"p.secco": "DEFAULT_POSITIVE = allow\nDEFAULT_POLICY = allow\nuname: return EXFULL\n" +
		"when cap(CAP_KILL) && kernel >= 3.17 {\n\tuname: 1\n}\n"})
	eachRuntime(t, func(t *testing.T, rt runtime) {
		for _, name := range []string{"wrap", "hook install", "secco-runtime"} {
			b := newBundle(t, "payload")
			path, global := wayNamed(name).apply(t, b, rt, dir)
			expect(t, b.run(path, global...), 3, "uname ok\n", "") // CAP_KILL is among a bundle's
			b.id += "-none"
			b.spec.Linux.Seccomp = nil
			b.spec.Process.Capabilities = nil
			expect(t, b.run(path, global...), 3, "uname EXFULL\n", "")
		}
	})
}
