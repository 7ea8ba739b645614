//go:build long || crio

package containers

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
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

// A cri is a client of an engine's CRI, which asks for pods as a kubelet does.
type cri struct {
	program, socket string
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
	return run(t, e.program, append([]string{e.socket}, args...)...)
}

// A request is for a pod on the node's network, with one container.
type request struct {
	handler                string
	pod, container, labels map[string]string // annotations of the two, and the container's labels
	profile                string            // a file; the container is unconfined without
	shared                 bool              // whether all have the pause container's PID namespace
	command                []string
}

// A pod is one that runs.
type pod struct {
	Pod, Container       string
	PodPid, ContainerPid int
	log                  string
}

// run starts a pod.
func (e *cri) run(t *testing.T, q request) (p pod, r result) {
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
	const base = "docker.io/library/base:latest"
	node := object{"network": 2, "pid": 1, "ipc": 0} // as NamespaceMode counts: NODE, CONTAINER, POD
	if q.shared {
		node["pid"] = 0
	}
	seccomp := object{"profile_type": 1} // Unconfined
	if q.profile != "" {
		seccomp = object{"profile_type": 2, "localhost_ref": q.profile}
	}
	podFile := write("pod.json", object{
		"metadata":      object{"name": id, "namespace": "default", "uid": id},
		"log_directory": dir, "annotations": q.pod,
		"linux": object{"security_context": object{"namespace_options": node}},
	})
	containerFile := write("container.json", object{
		"metadata": object{"name": "payload"}, "image": object{"image": base, "user_specified_image": base},
		"command": q.command, "log_path": "log", "annotations": q.container, "labels": q.labels,
		"linux": object{"security_context": object{"namespace_options": node, "no_new_privs": true, "seccomp": seccomp}},
	})
	r = e.do(t, "run", q.handler, podFile, containerFile)
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
