package containers

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// withHandler returns the path of a crun with a handler in the directory where it
// looks for them: of the installed one, but for that directory's name.
func withHandler(t *testing.T, flags ...string) string {
	t.Helper()
	need(t, "gcc", "crun")
	dir, err := os.MkdirTemp("/tmp", "crun") // a name that fits in where the other was
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	library := filepath.Join(dir, "handler.so")
	if out, err := exec.Command("gcc", append(flags, "-shared", "-fPIC", "-o", library, "testdata/handler.c")...).CombinedOutput(); err != nil {
		t.Fatalf("gcc: %v\n%s", err, out)
	}
	path, _ := exec.LookPath("crun")
	program, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	at := regexp.MustCompile(`/[!-~]*/crun/handlers\x00`).FindIndex(program)
	if at == nil || at[1]-1-at[0] < len(dir) {
		missing(t, "this crun looks for no handlers, or in a directory of a short name")
	}
	copy(program[at[0]:], dir+strings.Repeat("/", at[1]-1-at[0]-len(dir)))
	changed := filepath.Join(t.TempDir(), "crun")
	if err := os.WriteFile(changed, program, 0o755); err != nil {
		t.Fatal(err)
	}
	return changed
}

// crunAt returns the crun of this path, ready to be called.
func crunAt(t *testing.T, path string) runtime {
	t.Helper()
	if !hybrid() {
		return runtime{"crun", path}
	}
	wrapper := filepath.Join(t.TempDir(), filepath.Base(path))
	script := "#!/bin/sh\nexec unshare -m sh -c 'umount /sys/fs/cgroup/unified; exec " + path + " \"$@\"' crun \"$@\"\n"
	if err := os.WriteFile(wrapper, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	return runtime{"crun", wrapper}
}

// A handler of crun's runs a payload that is never executed: filters that wait for
// that would stay suspended. By whatever it is chosen, no way in lets it.
func TestHandlers(t *testing.T) {
	dir := policyDir(t, map[string]string{"p.secco": noUname})
	policy := []string{"--dir", dir, "--default", "p"}
	hooks := map[string][]string{"install": {"install"}, "gate": {"gate"}, "gate --installed": {"gate", "--installed"}}
	start := func(t *testing.T, rt runtime, hook []string, annotation string) result {
		b := newBundle(t, "payload")
		b.spec.Linux.Seccomp = profileOf(t, dir)
		if name, value, ok := strings.Cut(annotation, "="); ok {
			b.annotate(name, value)
		}
		if hook != nil {
			b.spec.Hooks = &specs.Hooks{CreateRuntime: []specs.Hook{hookOf(append(hook, policy...)...)}}
		}
		return b.run(rt.path)
	}
	wrapped := func(t *testing.T, rt runtime, annotation string) result {
		b := newBundle(t, "payload")
		name, value, _ := strings.Cut(annotation, "=")
		b.annotate(name, value)
		return b.run(filepath.Join(bin, "secco-runtime"), "--secco-runtime="+rt.path, "--secco-dir="+dir, "--secco-default=p")
	}
	refused := func(t *testing.T, r result, reason string) {
		t.Helper()
		if r.code == 0 || r.code == 3 || r.stdout != "" || !strings.Contains(r.stderr, reason) {
			t.Error(r)
		}
	}
	t.Run("annotations", func(t *testing.T) {
		eachRuntime(t, func(t *testing.T, rt runtime) {
			for way, hook := range hooks { // what engines tell crun is none of it
				t.Run(way+" harmless", func(t *testing.T) {
					expect(t, start(t, rt, hook, "run.oci.keep_original_groups=1"), 3, "uname EXFULL", "")
				})
			}
			said := "run the payload by a handler"
			if rt.name == "crun" {
				rt = crunAt(t, withHandler(t))
				expect(t, start(t, rt, nil, "run.oci.handler=native"), 0, "handled: uname EXFULL", "")
				said = "" // crun drops what hooks say
			}
			for _, annotation := range []string{"run.oci.handler=native", "module.wasm.image/variant=compat", "krun.cpus=1", "run.oci.something-new=1"} {
				for way, hook := range hooks {
					t.Run(way+" "+annotation, func(t *testing.T) { refused(t, start(t, rt, hook, annotation), said) })
				}
				t.Run("secco-runtime "+annotation, func(t *testing.T) { refused(t, wrapped(t, rt, annotation), "run the payload by a handler") })
			}
		})
		precreate := exec.Command(filepath.Join(bin, "secco-hook"), append([]string{"precreate"}, policy...)...)
		precreate.Stdin = bytes.NewReader([]byte(`{"annotations":{"run.oci.handler":"native"}}`))
		refused(t, runCommand(t, precreate), "run the payload by a handler")
	})
	t.Run("a library", func(t *testing.T) { // of a handler that takes all containers
		rt := crunAt(t, withHandler(t, "-DALL"))
		expect(t, start(t, rt, nil, ""), 0, "handled: uname EXFULL", "")
		for _, way := range []string{"install", "gate --installed"} {
			t.Run(way, func(t *testing.T) { refused(t, start(t, rt, hooks[way], ""), "") })
		}
	})
	t.Run("a name", func(t *testing.T) {
		crun := withHandler(t)
		for _, name := range []string{"crun-native", "krun"} {
			path := filepath.Join(t.TempDir(), name)
			if err := os.Symlink(crun, path); err != nil {
				t.Fatal(err)
			}
			rt := crunAt(t, path)
			for way, hook := range hooks {
				t.Run(name+" "+way, func(t *testing.T) { refused(t, start(t, rt, hook, ""), "") })
			}
			t.Run(name+" secco-runtime", func(t *testing.T) { refused(t, wrapped(t, rt, "mark="), "runs payloads by a handler") })
		}
	})
	awaitNone(t)
}

// Hooks read the bundle's config.json: a runtime that was given another file is not
// judged by that one.
func TestAnotherConfig(t *testing.T) {
	dir := policyDir(t, map[string]string{"p.secco": noUname})
	crun := findRuntime(t, "crun")
	b := newBundle(t, "payload")
	hook := hookOf("gate", "--dir", dir, "--default", "p")
	b.spec.Hooks = &specs.Hooks{CreateRuntime: []specs.Hook{hook}}
	b.write() // without a profile
	other := filepath.Join(b.dir, "other.json")
	if err := os.Rename(filepath.Join(b.dir, "config.json"), other); err != nil {
		t.Fatal(err)
	}
	b.spec.Linux.Seccomp = profileOf(t, dir)
	b.write()
	state := filepath.Join(b.dir, "state")
	for _, flag := range []string{"--config=" + other, "-f" + other, "--conf=" + other} {
		if r := run(t, crun.path, "--root", state, "run", flag, "--bundle", b.dir, b.id); r.code == 3 || r.stdout != "" {
			t.Errorf("%s: %v", flag, r)
		}
		b.delete(crun.path)
	}
	expect(t, run(t, crun.path, "--root", state, "run", "--bundle", b.dir, b.id), 3, "uname EXFULL", "")
}
