package containers

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"secco/bpf"
	"secco/linux"
)

// The wrapper gives a container its policy, whatever profile it had.
func TestRuntimeWrapper(t *testing.T) {
	wrapper := filepath.Join(bin, "secco-runtime")
	dir := policyDir(t, map[string]string{"default.secco": noUname, "open.secco": allowAll})
	eachRuntime(t, func(t *testing.T, rt runtime) {
		global := []string{"--secco-runtime=" + rt.path, "--secco-dir=" + dir, "--secco-default=default"}
		t.Run("unconfined", func(t *testing.T) {
			b := newBundle(t, "payload", "x")
			expect(t, b.run(rt.path), 3, "uname ok\n", "") // without the wrapper
			expect(t, b.run(wrapper, global...), 3, "uname EXFULL\n", "")
		})
		t.Run("annotation", func(t *testing.T) {
			b := newBundle(t, "payload")
			b.spec.Annotations = map[string]string{"dev.secco.policy": "open"}
			expect(t, b.run(wrapper, global...), 3, "uname ok\n", "")
			b = newBundle(t, "uname")
			b.spec.Annotations = map[string]string{"dev.secco.policy": "../open"}
			r := b.run(wrapper, global...)
			if r.code != 1 || r.stdout != "" || !strings.Contains(r.stderr, "no policy's name") {
				t.Error(r)
			}
		})
		t.Run("another profile", func(t *testing.T) {
			b := newBundle(t, "payload")
			b.spec.Linux.Seccomp = &specs.LinuxSeccomp{DefaultAction: specs.ActAllow}
			expect(t, b.run(wrapper, global...), 3, "uname EXFULL\n", "")
		})
		t.Run("exec", func(t *testing.T) {
			b := newBundle(t, "sleep", "60")
			b.write()
			root := append(append([]string{}, global...), "--root", filepath.Join(b.dir, "state"))
			defer b.delete(wrapper, global...)
			// detached: the container keeps what it is given, so no pipes of ours
			out, err := os.Create(filepath.Join(b.dir, "out"))
			if err != nil {
				t.Fatal(err)
			}
			defer out.Close()
			r := detached(t, out, wrapper, append(root, "run", "--detach", "--bundle", b.dir, b.id)...)
			if r.code != 0 {
				t.Fatal(r)
			}
			expect(t, run(t, wrapper, append(root, "exec", b.id, "payload")...), 3, "uname EXFULL\n", "")
			expect(t, run(t, wrapper, append(root, "state", b.id)...), 0, `"running"`, "")
			expect(t, run(t, wrapper, append(root, "kill", b.id, "KILL")...), 0, "", "")
		})
		t.Run("precompiled beside the text", func(t *testing.T) {
			dir := policyDir(t, map[string]string{"p.secco": noUname})
			program := bpf.Encode(bpf.Program{{Op: bpf.RetK, K: uint32(linux.Allow)}}, binary.NativeEndian)
			if err := os.WriteFile(filepath.Join(dir, "p.bpf"), program, 0o644); err != nil {
				t.Fatal(err)
			}
			b := newBundle(t, "payload")
			expect(t, b.run(wrapper, "--secco-runtime="+rt.path, "--secco-policy="+filepath.Join(dir, "p.secco")), 3, "uname EXFULL\n", "")
		})
		t.Run("a bundle that the runtime alone sees", func(t *testing.T) {
			b := newBundle(t, "payload")
			b.write()
			for _, args := range [][]string{{"-b" + b.dir}, {"-b=" + b.dir}, {"-dbx=y"}, {"--bund", b.dir}, {"--new", "--bundle=" + b.dir}} {
				r := run(t, wrapper, slices.Concat(global, []string{"--root", filepath.Join(b.dir, "state"), "run"}, args, []string{b.id})...)
				if r.code != 1 || r.stdout != "" || !strings.Contains(r.stderr, args[0]) {
					t.Error(r)
				}
			}
		})
		t.Run("log", func(t *testing.T) {
			b := newBundle(t, "uname")
			log := filepath.Join(b.dir, "log.json")
			r := b.run(wrapper, "--secco-runtime="+rt.path, "--secco-dir="+dir, "--secco-default=missing", "--log", log, "--log-format", "json")
			if r.code != 1 || r.stdout != "" {
				t.Error(r)
			}
			text, err := os.ReadFile(log)
			if err != nil || !strings.Contains(string(text), `"level":"error"`) || !strings.Contains(string(text), `no policy \"missing\"`) {
				t.Errorf("log: %s, %v", text, err)
			}
		})
	})
	t.Run("runtime missing", func(t *testing.T) {
		b := newBundle(t, "uname")
		r := b.run(wrapper, "--secco-runtime=/missing/runc", "--secco-dir="+dir, "--secco-default=default")
		expect(t, r, 1, "", "/missing/runc")
		r = b.run(wrapper, "--secco-runtime="+wrapper, "--secco-dir="+dir, "--secco-default=default")
		expect(t, r, 1, "", "is the wrapper itself")
	})
	t.Run("flags", func(t *testing.T) {
		expect(t, run(t, wrapper, "--secco-help"), 0, "usage: secco-runtime", "")
		expect(t, run(t, wrapper, "--secco-nonsense=x", "state", "x"), 1, "", "no such flag")
		expect(t, run(t, wrapper, "--secco-policy", "state", "x"), 1, "", "--secco-policy")
	})
}

// detached runs a command whose children outlive it: they write to a file.
func detached(t testing.TB, out *os.File, name string, args ...string) result {
	t.Helper()
	r := run(t, "sh", append([]string{"-c", `"$@" >` + out.Name() + ` 2>&1 </dev/null`, "sh", name}, args...)...)
	text, err := os.ReadFile(out.Name())
	if err != nil {
		t.Fatal(err)
	}
	r.stderr += string(text)
	return r
}
