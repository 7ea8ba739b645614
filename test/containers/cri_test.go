//go:build long

package containers

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"secco/hook/policies"
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
	e := &cri{buildCRI(t), d.socket}

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
			p, r := e.run(t, request{handler: c.handler, pod: c.pod, container: c.container, command: []string{"sleep", "100"}})
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

			p, r = e.run(t, request{handler: c.handler, pod: c.pod, container: c.container, command: []string{"payload"}})
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
