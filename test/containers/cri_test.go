//go:build long

package containers

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"secco/bpf"
	"secco/hook"
	"secco/hook/container"
	"secco/hook/policies"
	"secco/linux"
	"secco/policy/prove"
)

// TestCRI asks containerd for pods as a kubelet does, with the documented
// configurations: secco-runtime, and a hook in the runtime's base_runtime_spec. It
// is among the long campaigns, for the API's client takes its time to compile.
func TestCRI(t *testing.T) {
	dir := policyDir(t, map[string]string{
		"web.secco": fromDocs(t, "web.secco"), "open.secco": allowAll, "noexec.secco": noExec,
	})
	store := policies.Store{Dir: dir, Shipped: true}
	settings := filepath.Join(t.TempDir(), "runtime.conf")
	if err := os.WriteFile(settings, []byte(fromDocs(t, "runtime.conf", "/etc/secco", dir)), 0o644); err != nil {
		t.Fatal(err)
	}
	wrapper := script(t, filepath.Join(bin, "secco-runtime"), "--secco-config="+settings)
	fixed := script(t, filepath.Join(bin, "secco-runtime"), "--secco-policy=web", "--secco-dir="+dir)
	// The base of the documentation's second configuration.
	base := t.TempDir()
	spec := run(t, "ctr", "oci", "spec")
	if err := os.WriteFile(filepath.Join(base, "config.json"), []byte(spec.stdout), 0o644); err != nil || spec.code != 0 {
		t.Fatal(err, spec)
	}
	if r := run(t, filepath.Join(bin, "secco-hook"), "inject", base, "--", "install", "--dir", dir, "--default", "noexec"); r.code != 0 {
		t.Fatal(r)
	}

	d := startContainerd(t, fromDocs(t, "config.toml", "/usr/bin/secco-runtime", wrapper)+
		fromDocs(t, "hook.toml", "/etc/containerd/secco.json", filepath.Join(base, "config.json"))+fmt.Sprintf(`
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.fixed]
  runtime_type = "io.containerd.runc.v2"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.fixed.options]
    BinaryName = %q
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.confused] # passes on what no pod should set
  runtime_type = "io.containerd.runc.v2"
  pod_annotations = ["*"]
  container_annotations = ["*"]
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.confused.options]
    BinaryName = %q
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "docker.io/library/base:latest"
  restrict_oom_score_adj = true
`, fixed, wrapper))
	if r := d.try("-n", "k8s.io", "images", "import", imageOf(t, rootfs(t))); r.code != 0 {
		t.Fatal(r)
	}
	e := &cri{t, buildCRI(t), d}

	type filters struct{ pause, container string } // the policies that they are, "" for none
	for _, c := range []struct {
		name, handler        string
		pod, container       map[string]string // annotations
		want                 filters
		stdout, exec, refuse string
	}{
		{name: "without", handler: "runc", stdout: "uname ok\n", exec: "uname ok\n"},
		{name: "default policy", handler: "secco", want: filters{"pause", "web"}, stdout: saw, exec: saw},
		{name: "policy of the pod", handler: "secco", pod: asks("open"), want: filters{"pause", "open"}, stdout: "uname ok\n", exec: "uname ok\n"},
		{name: "policy of the container is not asked for", handler: "secco", container: asks("open"), want: filters{"pause", "web"}, stdout: saw, exec: saw},
		{name: "missing policy", handler: "secco", pod: asks("missing"), refuse: `no policy "missing"`},
		{name: "path for a policy", handler: "secco", pod: asks("../web"), refuse: "no policy's name"},
		{name: "fixed policy", handler: "fixed", pod: asks("open"), want: filters{"web", "web"}, stdout: saw, exec: saw},
		// It may do little more than pause: the payload, in Go, doesn't get far.
		{name: "container that says it is a pause container", handler: "confused", want: filters{"pause", "pause"},
			pod:       map[string]string{"io.kubernetes.cri.container-type": "sandbox"},
			container: map[string]string{"io.kubernetes.cri.container-type": "sandbox", "io.kubernetes.cri-o.ContainerType": "sandbox"}},
		// containerd takes its base for the pods' containers alone, not for pause
		// containers. Processes that enter later are not filtered.
		{name: "hook", handler: "secco-hook", want: filters{"", "noexec"}, stdout: saw, exec: "uname ok\n"},
		{name: "hook, policy of the pod", handler: "secco-hook", pod: asks("web"), want: filters{"", "web"}, stdout: saw, exec: "uname ok\n"},
		{name: "hook, missing policy", handler: "secco-hook", pod: asks("missing"), refuse: `no policy "missing"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, r := e.run(t, c.handler, c.pod, c.container, "sleep", "100")
			if c.refuse != "" {
				if r.code == 0 || !strings.Contains(r.stderr, c.refuse) {
					t.Errorf("want a pod that doesn't start, for %q: %v", c.refuse, r)
				}
				return
			}
			if r.code != 0 {
				t.Fatal(r)
			}
			isOf(t, p.PodPid, store, c.want.pause)
			isOf(t, p.ContainerPid, store, c.want.container)
			r = e.do(t, "exec", p.Container, "payload")
			if c.want.container == "pause" {
				if r.code == 3 {
					t.Error(r)
				}
				e.remove(t, p)
				return
			}
			expect(t, r, 3, c.exec, "")
			e.remove(t, p)

			p, r = e.run(t, c.handler, c.pod, c.container, "payload")
			if r.code != 0 {
				t.Fatal(r)
			}
			expect(t, e.do(t, "wait", p.Container), 3, "", "")
			if log, err := os.ReadFile(p.log); err != nil || !strings.Contains(string(log), c.stdout) {
				t.Errorf("want %q: %s, %v", c.stdout, log, err)
			}
			e.remove(t, p)
			awaitNone(t)
		})
	}
}

func asks(policy string) map[string]string { return map[string]string{"dev.secco.policy": policy} }

// isOf proves that what the kernel holds of a process is one of the policies; that
// it holds none where the name is empty.
func isOf(t *testing.T, pid int, store policies.Store, name string) {
	t.Helper()
	var got []bpf.Program
	var err error
	for range 100 { // until the hook's supervisor has let go of it
		if got, err = hook.ReadFilters(pid); err == nil {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if err != nil {
		t.Fatalf("process %d: %v", pid, err)
	}
	if name == "" {
		if len(got) != 0 {
			t.Errorf("process %d has %d filters", pid, len(got))
		}
		return
	}
	f, err := store.Load(name)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 {
		t.Fatalf("process %d has %d filters, and should have %s", pid, len(got), name)
	}
	is, err := prove.Program(got[0])
	if err != nil {
		t.Fatal(err)
	}
	var same bool
	var witnesses []*prove.Witness
	for _, model := range []bpf.Program{f.Program, behindStub(t, f)} {
		want, err := prove.Program(model)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := prove.Equivalent(is, want, prove.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if answer.Verdict == prove.Equal {
			same = true
		} else {
			witnesses = append(witnesses, answer.Witness)
		}
	}
	if !same {
		t.Errorf("the filter of process %d is not %s: %v", pid, name, witnesses)
	}
}

// behindStub returns a policy's program as runc has it loaded where the default is
// restrictive (docs/profiles.md): x86_64's numbers above the highest one that the
// profile names get ENOSYS.
func behindStub(t *testing.T, f *policies.Filter) bpf.Program {
	t.Helper()
	profile, _, err := container.Profile(f)
	if err != nil {
		t.Fatal(err)
	}
	var highest uint32
	for _, s := range profile.Syscalls {
		for _, name := range s.Names {
			if nr, ok := linux.X86_64.Syscall(name); ok {
				highest = max(highest, nr)
			}
		}
	}
	return slices.Concat(bpf.Program{
		{Op: bpf.LdW, K: linux.WordArch.Offset(false)},
		{Op: bpf.JeqK, K: linux.X86_64.Audit(), Jf: 4},
		{Op: bpf.LdW, K: linux.WordNR.Offset(false)},
		{Op: bpf.JsetK, K: linux.X32Bit, Jt: 2}, // x32, which the profile leaves out
		{Op: bpf.JgtK, K: highest, Jf: 1},
		{Op: bpf.RetK, K: uint32(linux.Errno.With(uint16(unix.ENOSYS)))},
		{Op: bpf.LdImm},
	}, f.Program)
}

// A cri is a client of an engine's CRI.
type cri struct {
	t       *testing.T
	program string
	engine  *containerd
}

func buildCRI(t *testing.T) (program string) {
	t.Helper()
	program = filepath.Join(t.TempDir(), "cri")
	build := exec.Command("go", "build", "-o", program, ".")
	build.Dir = "cri"
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return program
}

func (e *cri) do(t *testing.T, args ...string) result {
	t.Helper()
	return run(t, e.program, append([]string{e.engine.socket}, args...)...)
}

// A pod is one that runs.
type pod struct {
	Pod, Container       string
	PodPid, ContainerPid int
	log                  string
}

// run starts a pod on the node's network, with one container.
func (e *cri) run(t *testing.T, handler string, podAnnotations, annotations map[string]string, command ...string) (p pod, r result) {
	t.Helper()
	dir := t.TempDir()
	id := fmt.Sprintf("secco-test-%d-%d", os.Getpid(), bundles.Add(1))
	write := func(name string, v any) string {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	type object = map[string]any
	node := object{"network": 2, "pid": 1, "ipc": 0} // as NamespaceMode counts: NODE, CONTAINER, POD
	podFile := write("pod.json", object{
		"metadata":      object{"name": id, "namespace": "default", "uid": id},
		"log_directory": dir, "annotations": podAnnotations,
		"linux": object{"security_context": object{"namespace_options": node}},
	})
	containerFile := write("container.json", object{
		"metadata": object{"name": "payload"}, "image": object{"image": "docker.io/library/base:latest"},
		"command": command, "log_path": "log", "annotations": annotations,
		"linux": object{"security_context": object{"namespace_options": node, "no_new_privs": true}},
	})
	r = e.do(t, "run", handler, podFile, containerFile)
	if r.code == 0 {
		if err := json.Unmarshal([]byte(r.stdout), &p); err != nil {
			t.Fatal(err, r)
		}
		p.log = filepath.Join(dir, "log")
		t.Cleanup(func() { e.do(t, "remove", p.Pod) }) // where the test ends before it does
	}
	return p, r
}

func (e *cri) remove(t *testing.T, p pod) {
	t.Helper()
	if r := e.do(t, "remove", p.Pod); r.code != 0 {
		t.Error(r)
	}
}

// imageOf makes an archive, as docker save does, of the image "base" with this root
// file system. Its command is that of a pause container.
func imageOf(t *testing.T, root string) (archive string) {
	t.Helper()
	dir := t.TempDir()
	layer := filepath.Join(dir, "layer.tar")
	if r := run(t, "tar", "-C", root, "-cf", layer, "."); r.code != 0 {
		t.Fatal(r)
	}
	text, err := os.ReadFile(layer)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		"config.json": fmt.Sprintf(`{"architecture":"amd64","os":"linux","config":{"Cmd":["/bin/sleep","1000"],"Env":["PATH=/bin"]},"rootfs":{"type":"layers","diff_ids":["sha256:%x"]}}`,
			sha256.Sum256(text)),
		"manifest.json": `[{"Config":"config.json","RepoTags":["docker.io/library/base:latest"],"Layers":["layer.tar"]}]`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	archive = filepath.Join(t.TempDir(), "image.tar")
	if r := run(t, "tar", "-C", dir, "-cf", archive, "."); r.code != 0 {
		t.Fatal(r)
	}
	return archive
}
