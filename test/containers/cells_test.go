package containers

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// How each engine runs the container of a cell.

// bundle returns the bundle of a cell and what is to be run as its runtime.
func (c cell) bundle(t *testing.T, rt runtime) (b *bundle, path string, global []string) {
	t.Helper()
	b = newBundle(t, c.payload.args...)
	if c.payload.set != nil {
		c.payload.set(t, b)
	}
	b.spec.Process.Env = append(b.spec.Process.Env, c.env)
	b.open()
	path, global = c.way.apply(t, b, rt, c.dir)
	b.write()
	return b, path, global
}

func bundleCells(name string) func(t *testing.T) func(t *testing.T, c cell) *exec.Cmd {
	return func(t *testing.T) func(t *testing.T, c cell) *exec.Cmd {
		rt := findRuntime(t, name)
		return func(t *testing.T, c cell) *exec.Cmd {
			b, path, global := c.bundle(t, rt)
			t.Cleanup(func() { b.delete(path, global...) })
			return exec.Command(path, slices.Concat(global, []string{"--root", filepath.Join(b.dir, "state"), "run", "--bundle", b.dir, b.id})...)
		}
	}
}

// containerdCells runs bundles by ctr, under runc, or crun where it is crun's way.
func containerdCells(t *testing.T) func(t *testing.T, c cell) *exec.Cmd {
	runc, crun := findRuntime(t, "runc"), findRuntime(t, "crun")
	d := startContainerd(t, "version = 2\n")
	return func(t *testing.T, c cell) *exec.Cmd {
		rt := runc
		if c.way.annotated {
			rt = crun
		}
		b, path, global := c.bundle(t, rt)
		if global != nil {
			path = script(t, path, global...)
		}
		return d.command("run", "--rm", "--config", filepath.Join(b.dir, "config.json"), "--runc-binary", path, b.id)
	}
}

// engineFlags are the flags that docker run and podman run have for a cell alike.
func (c cell) engineFlags(t *testing.T) []string {
	t.Helper()
	flags := append([]string{"run", "--rm", "-i", "--network=none", "--env", c.env}, c.payload.flags...)
	if !c.payload.newPrivs {
		flags = append(flags, "--security-opt=no-new-privileges")
	}
	if c.way.entry != nil {
		flags = append(flags, "--volume", c.dir+":/secco:ro")
	}
	profile := "unconfined"
	switch {
	case c.payload.otherProfile:
		return flags // the engine's own
	case c.way.profiled:
		profile = writeProfile(t, profileOf(t, c.dir))
	case c.way.annotated: // crun reads the annotation only where there is a profile
		profile = writeProfile(t, &specs.LinuxSeccomp{DefaultAction: specs.ActAllow})
	}
	return append(flags, "--security-opt=seccomp="+profile)
}

func writeProfile(t *testing.T, p *specs.LinuxSeccomp) (path string) {
	t.Helper()
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "profile.json")
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// podmanCells has podman use crun, as it does if not told otherwise, and gives it
// hooks by a directory.
func podmanCells(t *testing.T) func(t *testing.T, c cell) *exec.Cmd {
	rt := findRuntime(t, "crun")
	p := newPodman(t)
	root := rootfs(t)
	return func(t *testing.T, c cell) *exec.Cmd {
		path := rt.path
		if c.way.wrapper {
			path = script(t, filepath.Join(bin, "secco-runtime"), wrapperFlags(rt, c.dir)...)
		}
		args := slices.Concat(p.global, []string{"--runtime", path})
		if c.way.hook != nil {
			args = append(args, "--hooks-dir", hooksDir(t, c.way.stage, c.way.hookArgs(c.dir)...))
		}
		args = slices.Concat(args, c.engineFlags(t), podmanLimits)
		if c.payload.remapped {
			args = append(args, "--uidmap=0:100000:65536", "--gidmap=0:100000:65536")
		}
		if c.way.annotated {
			args = append(args, "--annotation", programAnnotation+"="+programText(t, c.dir))
		}
		return exec.Command("podman", slices.Concat(args, []string{"--rootfs", root}, c.way.entry, c.payload.args)...)
	}
}

// dockerCells has a daemon with a runtime for each of the ways: secco-runtime, and
// the documentation's script that adds a hook. User namespaces take another
// daemon.
func dockerCells(t *testing.T) func(t *testing.T, c cell) *exec.Cmd {
	type settings struct {
		Path string   `json:"path"`
		Args []string `json:"runtimeArgs,omitempty"`
	}
	policies := t.TempDir() // the runtimes' settings are fixed: the cells' policies come here
	open(policies)
	runtimes := map[string]settings{"crun": {Path: findRuntime(t, "crun").path}}
	for _, w := range ways {
		switch {
		case w.wrapper:
			runtimes["wrapper"] = settings{filepath.Join(bin, "secco-runtime"), wrapperFlags(runtime{path: "runc"}, policies)}
		case w.hook != nil && w.stage != "precreate":
			runtimes[runtimeName(w)] = settings{Path: runcWithHook(t, w.stage, w.hookArgs(policies))}
		}
	}
	config := func(more map[string]any) string {
		more["runtimes"] = runtimes
		text, err := json.Marshal(more)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	start := func(config string, prefix ...string) *dockerd {
		d := startDocker(t, config, prefix...)
		d.importRoot(rootfs(t), "base")
		return d
	}
	plain := start(config(map[string]any{}))
	var remapped *dockerd
	return func(t *testing.T, c cell) *exec.Cmd {
		copyFile(t, filepath.Join(c.dir, "p.secco"), filepath.Join(policies, "p.secco"))
		d := plain
		if c.payload.remapped {
			if remapped == nil {
				// The ids are in files of this daemon's alone.
				ids := filepath.Join(policies, "ids")
				if err := os.WriteFile(ids, []byte("daemon:100000:65536\n"), 0o644); err != nil {
					t.Fatal(err)
				}
				remapped = start(config(map[string]any{"userns-remap": "daemon"}), "unshare", "-m", "sh", "-c",
					`mount --bind "$0" /etc/subuid && mount --bind "$0" /etc/subgid && exec "$@"`, ids)
			}
			d = remapped
		}
		args := c.engineFlags(t)
		switch {
		case c.way.stage == "precreate":
			return exec.Command("dockerd", "--validate", "--hooks-dir=/etc/containers/oci/hooks.d")
		case c.way.annotated:
			args = append(args, "--runtime=crun", "--annotation", programAnnotation+"="+programText(t, c.dir))
		case c.way.wrapper:
			args = append(args, "--runtime=wrapper")
		case c.way.hook != nil:
			args = append(args, "--runtime="+runtimeName(c.way))
		}
		return d.command(slices.Concat(args, []string{"base"}, c.way.entry, c.payload.args)...)
	}
}

// dockerAnnotates reports whether Docker is one that hands annotations on, as 24.0
// and newer ones do.
var dockerAnnotates = sync.OnceValue(func() bool {
	out, _ := exec.Command("dockerd", "--version").Output()
	m := regexp.MustCompile(`version (\d+)\.`).FindSubmatch(out)
	if m == nil {
		return false
	}
	major, _ := strconv.Atoi(string(m[1]))
	return major >= 24
})

func runtimeName(w way) string {
	return strings.Trim(strings.NewReplacer(" ", "-", "(", "", ")", "", "--", "").Replace(w.name), "-")
}

// runcWithHook is the documentation's script of this name with another hook.
func runcWithHook(t testing.TB, stage string, hook []string) (path string) {
	t.Helper()
	text, err := os.ReadFile("../../docs/examples/runc-with-hook")
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "runc-with-hook")
	changed := strings.NewReplacer(
		"stage=createRuntime", "stage="+stage,
		`hook="install --dir /etc/secco --default web"`, fmt.Sprintf("hook=%q", strings.Join(hook, " ")),
		"/usr/bin/secco-hook", filepath.Join(bin, "secco-hook"),
	).Replace(string(text))
	if err := os.WriteFile(path, []byte(changed), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}
