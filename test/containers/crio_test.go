//go:build crio

package containers

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"secco/hook"
	"secco/hook/policies"
)

// A crio is CRI-O's daemon, started for one test.
type crio struct {
	cri
	dir string
}

// commandOfCRIO returns the command of a daemon that keeps all that it has below a
// directory, with these hooks and with more configuration in crio.conf.d.
func commandOfCRIO(t *testing.T, dir, hooks, config string) *exec.Cmd {
	t.Helper()
	need(t, "crio", "pinns", "conmon", "podman", "runc")
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, d := range []string{"conf.d", "cni", "policies"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write("conf.d/10-secco.conf", config)
	signatures := write("policy.json", `{"default": [{"type": "insecureAcceptAnything"}]}`)
	file := write("crio.conf", fmt.Sprintf(`
[crio]
root = "%[1]s/root"
runroot = "%[1]s/runroot"
storage_driver = "vfs"
log_dir = "%[1]s/pods"
version_file = "%[1]s/version"
clean_shutdown_file = "%[1]s/clean.shutdown"
[crio.api]
listen = "%[1]s/crio.sock"
[crio.runtime]
cgroup_manager = "cgroupfs"
conmon_cgroup = "pod"
namespaces_dir = "%[1]s/namespaces"
container_exits_dir = "%[1]s/exits"
container_attach_socket_dir = "%[1]s/attach"
hooks_dir = [%[2]q]
default_runtime = "runc"
[crio.runtime.runtimes.runc]
runtime_path = %[4]q
monitor_cgroup = "pod"
[crio.runtime.runtimes.crun]
runtime_path = %[5]q
monitor_cgroup = "pod"
[crio.image]
pause_image = "docker.io/library/base:latest"
pause_command = ""
signature_policy = %[3]q
signature_policy_dir = "%[1]s/policies"
[crio.network]
network_dir = "%[1]s/cni"
plugin_dirs = ["%[1]s/cni"]
[crio.nri]
enable_nri = false
`, dir, hooks, signatures, forPods(t, "runc"), forPods(t, "crun")))
	return exec.Command("crio", "--config", file, "--config-dir", filepath.Join(dir, "conf.d"))
}

// forPods returns a runtime, or what calls it without the score that CRI-O gives pause
// containers, where that can't be given.
func forPods(t *testing.T, name string) string {
	t.Helper()
	rt := findRuntime(t, name)
	if os.WriteFile("/proc/thread-self/oom_score_adj", []byte("-1"), 0) == nil {
		os.WriteFile("/proc/thread-self/oom_score_adj", []byte("0"), 0)
		return rt.path
	}
	path := filepath.Join(t.TempDir(), name)
	text := `#!/bin/sh
bundle=
for arg; do
	[ "$bundle" != . ] || bundle=$arg
	case $arg in --bundle) bundle=. ;; esac
done
[ -z "$bundle" ] || sed -i 's/"oomScoreAdj": *-[0-9]*/"oomScoreAdj":0/' "$bundle/config.json"
exec ` + rt.path + ` "$@"
`
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// startCRIO starts a daemon with the image "base".
func startCRIO(t *testing.T, program, hooks, config string) *crio {
	t.Helper()
	dir, err := os.MkdirTemp("", "crio") // short, for its sockets
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	cmd := commandOfCRIO(t, dir, hooks, config)
	if r := run(t, "podman", "--root", filepath.Join(dir, "root"), "--runroot", filepath.Join(dir, "runroot"), "--storage-driver=vfs", "--events-backend=none",
		"load", "-i", imageOf(t, rootfs(t))); r.code != 0 {
		t.Fatal(r)
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	c := &crio{cri{program, filepath.Join(dir, "crio.sock")}, dir}
	startDaemon(t, cmd, log, dir, func() bool {
		_, err := os.Stat(c.socket)
		return err == nil
	})
	return c
}

// tooOld skips a test where a runtime does not read CRI-O's config.json.
func tooOld(t *testing.T, c *crio, handler string) {
	t.Helper()
	p, r := c.run(t, request{handler: handler, command: []string{"sleep", "1"}, shared: true})
	if r.code == 0 {
		c.remove(t, p)
	} else if strings.Contains(r.stderr, "unknown version specified") {
		t.Skipf("this %s is too old for this CRI-O", handler)
	}
}

// TestCRIO asks CRI-O for pods as a kubelet does, with what the documentation says of
// it: secco-runtime as a runtime, hooks in hooks.d, secco-wrap. No Debian has CRI-O:
//
//	PATH=$PATH:DIRECTORY_OF_CRIO_AND_PINNS go test -tags crio -run TestCRIO ./test/containers
func TestCRIO(t *testing.T) {
	dir := policyDir(t, map[string]string{
		"web.secco": fromDocs(t, "web.secco"), "open.secco": allowAll, "noexec.secco": noExec,
	})
	store := policies.Store{Dir: dir, Shipped: true}
	program := buildCRI(t)
	profile := filepath.Join(t.TempDir(), "web.json")
	if r := run(t, filepath.Join(bin, "secco"), "convert", filepath.Join(dir, "web.secco"), "--to", "oci", "-o", profile); r.code != 0 {
		t.Fatal(r)
	}
	sleep, payload := []string{"sleep", "100"}, []string{"payload"}
	// starts runs a pod and returns it; its container is to run under a policy, and
	// the pod's pause container under another one. "-" is not looked at.
	starts := func(t *testing.T, c *crio, q request, pause, container string) pod {
		t.Helper()
		if q.command == nil {
			q.command = sleep
		}
		p, r := c.run(t, q)
		if r.code != 0 {
			t.Fatal(r)
		}
		for range 100 { // until it has become its command
			if comm, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", p.ContainerPid)); string(comm) == "sleep\n" {
				break
			}
			time.Sleep(50 * time.Millisecond)
		}
		if pause != "-" {
			isOf(t, p.PodPid, store, pause)
		}
		if container != "-" {
			isOf(t, p.ContainerPid, store, container)
		}
		return p
	}
	// prints runs a pod to its end.
	prints := func(t *testing.T, c *crio, q request, want string) {
		t.Helper()
		q.command = payload
		p, r := c.run(t, q)
		if r.code != 0 {
			t.Fatal(r)
		}
		expect(t, c.do(t, "wait", p.Container), 3, "", "")
		if log, err := os.ReadFile(p.log); err != nil || !strings.Contains(string(log), want) {
			t.Errorf("want %q: %s, %v", want, log, err)
		}
		c.remove(t, p)
	}
	refuses := func(t *testing.T, c *crio, q request, want string) {
		t.Helper()
		q.command = payload
		if p, r := c.run(t, q); r.code == 0 || !strings.Contains(r.stderr, want) {
			log, _ := os.ReadFile(p.log)
			t.Errorf("want a pod that doesn't start, for %q: %v\n%s", want, r, log)
		}
	}

	t.Run("runtime", func(t *testing.T) {
		settings := filepath.Join(t.TempDir(), "runtime.conf")
		wrapper := script(t, filepath.Join(bin, "secco-runtime"), "--secco-config="+settings)
		fixed := script(t, filepath.Join(bin, "secco-runtime"), "--secco-runtime="+forPods(t, "runc"), "--secco-policy=web", "--secco-dir="+dir)
		if err := os.WriteFile(settings, []byte(strings.Replace(fromDocs(t, "runtime.conf", "/etc/secco", dir), `"runc"`, fmt.Sprintf("%q", forPods(t, "runc")), 1)), 0o644); err != nil {
			t.Fatal(err)
		}
		c := startCRIO(t, program, t.TempDir(), fromDocs(t, "10-secco.conf", "/usr/bin/secco-runtime", wrapper)+fmt.Sprintf(`
monitor_cgroup = "pod"
[crio.runtime.runtimes.fixed]
runtime_path = %q
monitor_cgroup = "pod"
`, fixed))
		for _, k := range []struct {
			name             string
			q                request
			pause, container string
			stdout           string
		}{
			{"without", request{handler: "runc"}, "-", "", "uname ok\n"},
			{"default policy", request{handler: "secco"}, "-", "web", saw},
			{"default runtime", request{}, "-", "web", saw},
			{"default policy, profile of the container's own", request{handler: "secco", profile: profile}, "-", "web", saw},
			{"pause container", request{handler: "secco", shared: true}, "pause", "web", saw},
			{"policy of the pod", request{handler: "secco", pod: asks("open"), shared: true}, "pause", "open", "uname ok\n"},
			{"policy of the container", request{handler: "secco", container: asks("open")}, "-", "open", "uname ok\n"},
			{"policy of a label", request{handler: "secco", labels: asks("open")}, "-", "open", "uname ok\n"},
			{"fixed policy", request{handler: "fixed", pod: asks("open"), shared: true}, "web", "web", saw},
			{"pod that says its containers are pause containers", request{handler: "secco", shared: true,
				pod: map[string]string{"io.kubernetes.cri-o.ContainerType": "sandbox"}}, "pause", "web", saw},
		} {
			t.Run(k.name, func(t *testing.T) {
				p := starts(t, c, k.q, k.pause, k.container)
				expect(t, c.do(t, "exec", p.Container, "payload"), 3, k.stdout, "")
				c.remove(t, p)
				prints(t, c, k.q, k.stdout)
			})
		}
		t.Run("refused", func(t *testing.T) {
			refuses(t, c, request{handler: "secco", pod: asks("missing")}, `no policy "missing"`)
			refuses(t, c, request{handler: "secco", pod: asks("../web")}, "no policy's name")
		})
		awaitNone(t)
	})
	t.Run("wrap", func(t *testing.T) {
		c := startCRIO(t, program, t.TempDir(), "")
		p := starts(t, c, request{handler: "runc", command: append([]string{"secco-wrap", "--policy", "no-network", "--"}, sleep...)}, "-", "no-network")
		c.remove(t, p)
	})

	hookFile := func(t *testing.T, path, stage string, args ...string) (hooks string) {
		t.Helper()
		all := append([]string{"config", "--engine", "crio", "--stage", stage, "--path", path, "--"}, args...)
		r := run(t, filepath.Join(bin, "secco-hook"), all...)
		if r.code != 0 {
			t.Fatal(r)
		}
		hooks = t.TempDir()
		if err := os.WriteFile(filepath.Join(hooks, "secco.json"), []byte(r.stdout), 0o644); err != nil {
			t.Fatal(err)
		}
		return hooks
	}
	secco := filepath.Join(bin, "secco-hook")
	for _, stage := range []string{"prestart", "createRuntime"} {
		t.Run("install, "+stage, func(t *testing.T) {
			c := startCRIO(t, program, hookFile(t, secco, stage, "install", "--dir", dir, "--default", "noexec"), "")
			for _, handler := range []string{"runc", "crun"} {
				t.Run(handler, func(t *testing.T) {
					tooOld(t, c, handler)
					p := starts(t, c, request{handler: handler, shared: true}, "-", "noexec")
					if got, err := hook.ReadFilters(p.PodPid); err != nil || len(got) != 1 { // CRI-O's own, and no hook's
						t.Errorf("the pause container has %d filters, %v", len(got), err)
					}
					expect(t, c.do(t, "exec", p.Container, "payload"), 3, "uname ok\n", "")
					c.remove(t, p)
					prints(t, c, request{handler: handler}, saw)
					p = starts(t, c, request{handler: handler, pod: asks("web")}, "-", "web")
					c.remove(t, p)
					p = starts(t, c, request{handler: handler, profile: profile}, "-", "-")
					expect(t, c.do(t, "exec", p.Container, "payload"), 3, saw, "") // under the profile alone
					c.remove(t, p)
					prints(t, c, request{handler: handler, profile: profile}, saw)
					refuses(t, c, request{handler: handler, pod: asks("missing")}, "create failed")
					refuses(t, c, request{handler: handler, pod: asks("../web")}, "create failed")
					awaitNone(t)
				})
			}
		})
	}
	for _, mode := range []string{"", "--installed"} {
		t.Run("gate "+mode, func(t *testing.T) {
			args := strings.Fields("gate " + mode + " --stricter-than " + filepath.Join(dir, "web.secco"))
			c := startCRIO(t, program, hookFile(t, secco, "createRuntime", args...), "")
			for _, handler := range []string{"runc", "crun"} {
				t.Run(handler, func(t *testing.T) {
					tooOld(t, c, handler)
					prints(t, c, request{handler: handler, profile: profile}, saw)
					if mode == "" {
						refuses(t, c, request{handler: handler}, "create failed")
						return
					}
					// It is let go on, and killed when it would run.
					p, r := c.run(t, request{handler: handler, command: payload})
					if log, _ := os.ReadFile(p.log); strings.Contains(string(log), "uname") {
						t.Errorf("ran: %v\n%s", r, log)
					}
				})
			}
			awaitNone(t)
		})
	}
	t.Run("hook missing", func(t *testing.T) {
		c := startCRIO(t, program, hookFile(t, "/missing/secco-hook", "createRuntime", "gate", "--stricter-than", "web"), "")
		prints(t, c, request{handler: "runc"}, "uname ok\n")
		// One that goes missing later.
		late := filepath.Join(t.TempDir(), "secco-hook")
		copyFile(t, secco, late)
		c = startCRIO(t, program, hookFile(t, late, "createRuntime", "install", "--dir", dir, "--default", "web"), "")
		prints(t, c, request{handler: "runc"}, saw)
		if err := os.Remove(late); err != nil {
			t.Fatal(err)
		}
		refuses(t, c, request{handler: "runc"}, "no such file")
	})
	t.Run("precreate", func(t *testing.T) {
		cmd := commandOfCRIO(t, t.TempDir(), hooksDir(t, "precreate", "precreate", "--dir", dir, "--default", "web"), "")
		kill := time.AfterFunc(20*time.Second, func() { cmd.Process.Signal(unix.SIGKILL) })
		defer kill.Stop()
		expect(t, runCommand(t, cmd), 1, "", `unknown stage`)
	})
}
