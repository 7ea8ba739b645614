package containers

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A dockerd is Docker's daemon, started for one test.
type dockerd struct {
	t      testing.TB
	socket string
}

// startDocker starts a daemon without a network, with this daemon.json. A prefix
// is what the daemon is started by.
func startDocker(t testing.TB, config string, prefix ...string) *dockerd {
	t.Helper()
	need(t, "docker", "dockerd", "containerd", "runc")
	dir := t.TempDir()
	open(dir) // for user namespaces
	configFile := filepath.Join(dir, "daemon.json")
	if err := os.WriteFile(configFile, []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	d := &dockerd{t, "unix://" + filepath.Join(dir, "docker.sock")}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	command := slices.Concat(prefix, []string{"dockerd", "--data-root", filepath.Join(dir, "data"), "--exec-root", filepath.Join(dir, "exec"), "-p", filepath.Join(dir, "pid"), "-H", d.socket,
		"--iptables=false", "--ip6tables=false", "--bridge=none", "--config-file", configFile})
	cmd := exec.Command(command[0], command[1:]...)
	startDaemon(t, cmd, log, dir, func() bool { return d.try("version").code == 0 })
	return d
}

// startDaemon starts an engine's daemon, which keeps all it has below dir, and waits
// until it answers. It ends with the test.
func startDaemon(t testing.TB, cmd *exec.Cmd, log *os.File, dir string, answers func() bool) {
	t.Helper()
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(unix.SIGTERM)
		stopped := time.AfterFunc(20*time.Second, func() { cmd.Process.Kill() })
		cmd.Wait()
		stopped.Stop()
		log.Close()
		unmountBelow(dir)
	})
	for range 300 {
		if answers() {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	text, _ := os.ReadFile(log.Name())
	t.Fatalf("%v does not answer: %s", cmd, text)
}

func (d *dockerd) command(args ...string) *exec.Cmd {
	cmd := exec.Command("docker", append([]string{"-H", d.socket}, args...)...)
	cmd.Env = append(os.Environ(), "DOCKER_BUILDKIT=0", "DOCKER_CONFIG="+filepath.Dir(strings.TrimPrefix(d.socket, "unix://")))
	return cmd
}

func (d *dockerd) try(args ...string) result { return runCommand(d.t, d.command(args...)) }

// do runs docker, which must succeed.
func (d *dockerd) do(t testing.TB, args ...string) result {
	t.Helper()
	r := d.try(args...)
	if r.code != 0 {
		t.Fatalf("docker %q: %v", args, r)
	}
	return r
}

// importRoot makes an image of a directory.
func (d *dockerd) importRoot(root, name string) {
	d.t.Helper()
	tar := exec.Command("tar", "-C", root, "-c", ".")
	load := d.command("import", "-", name)
	pipe, err := tar.StdoutPipe()
	if err != nil {
		d.t.Fatal(err)
	}
	var out bytes.Buffer
	load.Stdin, load.Stdout, load.Stderr = pipe, &out, &out
	if err := tar.Start(); err != nil {
		d.t.Fatal(err)
	}
	if err := load.Run(); err != nil {
		d.t.Fatalf("docker import: %v: %s", err, out.String())
	}
	if err := tar.Wait(); err != nil {
		d.t.Fatal(err)
	}
}

// anyProcess reports whether there is a process with such a command line.
func anyProcess(is func(cmdline string) bool) bool {
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	return slices.ContainsFunc(files, func(f string) bool {
		text, _ := os.ReadFile(f)
		return is(string(text))
	})
}

// unmountBelow takes off what engines leave mounted.
func unmountBelow(dir string) {
	mounts, _ := os.ReadFile("/proc/self/mounts")
	lines := strings.Split(string(mounts), "\n")
	for i := len(lines) - 1; i >= 0; i-- {
		if f := strings.Fields(lines[i]); len(f) > 1 && strings.HasPrefix(f[1], dir+"/") {
			unix.Unmount(f[1], unix.MNT_DETACH)
		}
	}
}

// TestDocker puts filters on Docker's containers by the runtime wrapper and by
// secco-wrap as entrypoint.
func TestDocker(t *testing.T) {
	dir := policyDir(t, map[string]string{"web.secco": fromDocs(t, "web.secco"), "noexec.secco": noExec})
	wrapper := filepath.Join(bin, "secco-runtime")
	// The documented configuration, and a runtime whose policy is missing.
	config := fromDocs(t, "daemon.json", "/usr/bin/secco-runtime", wrapper, "/etc/secco", dir)
	more := fmt.Sprintf(`"runtimes": {"missing": {"path": %q, "runtimeArgs": ["--secco-dir=%s", "--secco-default=missing"]}, `, wrapper, dir)
	d := startDocker(t, strings.Replace(config, `"runtimes": {`, more, 1))
	d.importRoot(rootfs(t), "base")
	docker := func(args ...string) result {
		t.Helper()
		return d.try(append([]string{"run", "--rm", "--network=none"}, args...)...)
	}

	t.Run("without", func(t *testing.T) { expect(t, docker("--runtime=runc", "base", "payload"), 3, "uname ok\n", "") })
	t.Run("default runtime", func(t *testing.T) {
		expect(t, docker("base", "payload"), 3, saw, "")
		expect(t, docker("--security-opt", "seccomp=unconfined", "base", "payload"), 3, saw, "")
		expect(t, docker("--user", "1000", "--cap-drop=ALL", "--security-opt", "no-new-privileges", "base", "payload"), 3, saw, "")
	})
	t.Run("exec", func(t *testing.T) {
		d.do(t, "run", "-d", "--network=none", "--name=filtered", "base", "sleep", "60")
		expect(t, d.try("exec", "filtered", "payload"), 3, saw, "")
		d.do(t, "rm", "-f", "filtered")
	})
	t.Run("policy missing", func(t *testing.T) {
		r := docker("--runtime=missing", "base", "payload")
		if r.code == 0 || r.code == 3 || !strings.Contains(r.stderr, `no policy "missing"`) {
			t.Errorf("want docker to show the reason: %v", r)
		}
	})
	t.Run("entrypoint", func(t *testing.T) {
		mount := "-v" + dir + ":/secco:ro"
		expect(t, docker("--runtime=runc", mount, "base", "secco-wrap", "--policy", "/secco/web.secco", "payload"), 3, saw, "")
		expect(t, docker("--runtime=runc", mount, "--user=1000", "base", "secco-wrap", "--policy", "/secco/web.secco", "payload"), 3, saw, "")
		expect(t, docker("--runtime=runc", mount, "base", "secco-wrap", "--gate", "--policy", "/secco/noexec.secco", "payload"), 3, saw+"unshare EPERM\nexec fork/exec /bin/true", "")
	})
}

// A podman is one with storage of its own.
type podman struct {
	t      testing.TB
	global []string
}

func newPodman(t testing.TB, flags ...string) *podman {
	t.Helper()
	need(t, "podman", "conmon")
	dir := t.TempDir()
	p := &podman{t, append([]string{"--root", filepath.Join(dir, "root"), "--runroot", filepath.Join(dir, "run"), "--tmpdir", filepath.Join(dir, "tmp"),
		"--cgroup-manager=cgroupfs", "--events-backend=none", "--storage-driver=vfs"}, flags...)}
	t.Cleanup(func() {
		// What conmon calls behind a container that has ended writes there as well.
		for range 200 {
			if !anyProcess(func(cmdline string) bool { return strings.Contains(cmdline, dir) }) {
				break
			}
			time.Sleep(50 * time.Millisecond)
		}
		unmountBelow(dir)
	})
	return p
}

func (p *podman) try(args ...string) result {
	p.t.Helper()
	return run(p.t, "podman", slices.Concat(p.global, args)...)
}

func (p *podman) run(args ...string) result {
	p.t.Helper()
	return p.try(slices.Concat([]string{"run", "--rm", "--network=none"}, podmanLimits, args)...)
}

// podmanLimits are flags for where podman's own limits are above this machine's.
var podmanLimits = []string{"--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1000:1000"}

// hooksDir writes a directory of one hook for podman, as secco-hook config prints
// it.
func hooksDir(t testing.TB, stage string, args ...string) string {
	t.Helper()
	r := run(t, filepath.Join(bin, "secco-hook"), slices.Concat([]string{"config", "--engine", "podman", "--stage", stage, "--"}, args)...)
	if r.code != 0 {
		t.Fatal(r)
	}
	d := t.TempDir()
	if err := os.WriteFile(filepath.Join(d, "secco.json"), []byte(r.stdout), 0o644); err != nil {
		t.Fatal(err)
	}
	return d
}

// TestPodman puts filters on podman's containers by hooks.d and by the runtime
// wrapper.
func TestPodman(t *testing.T) {
	dir := policyDir(t, map[string]string{"p.secco": noUname, "noexec.secco": noExec})
	rt := findRuntime(t, "runc").path
	root := rootfs(t)
	t.Run("precreate", func(t *testing.T) {
		p := newPodman(t, "--runtime", rt, "--hooks-dir", hooksDir(t, "precreate", "precreate", "--dir", dir, "--default", "p"))
		expect(t, p.run("--rootfs", root, "payload"), 3, saw, "")
		expect(t, p.run("--security-opt", "seccomp=unconfined", "--rootfs", root, "payload"), 3, saw, "")
		r := p.run("--annotation", "dev.secco.policy=missing", "--rootfs", root, "payload")
		if r.code == 0 || r.code == 3 || strings.Contains(r.stdout, "uname") {
			t.Errorf("started without the policy that it asked for: %v", r)
		}
	})
	t.Run("hook missing", func(t *testing.T) { // as documented
		write := func(stage, path string) (hooks string) {
			file := run(t, filepath.Join(bin, "secco-hook"), "config", "--stage", stage, "--path", path)
			hooks = t.TempDir()
			if err := os.WriteFile(filepath.Join(hooks, "secco.json"), []byte(file.stdout), 0o644); err != nil || file.code != 0 {
				t.Fatal(err, file)
			}
			return hooks
		}
		misnamed := t.TempDir()
		if err := os.Rename(filepath.Join(hooksDir(t, "precreate", "precreate", "--dir", dir, "--default", "p"), "secco.json"), filepath.Join(misnamed, "secco.conf")); err != nil {
			t.Fatal(err)
		}
		for _, hooks := range []string{write("precreate", "/missing/secco-hook"), write("createRuntime", "/missing/secco-hook"), misnamed, "/missing"} {
			expect(t, newPodman(t, "--runtime", rt, "--hooks-dir", hooks).run("--rootfs", root, "payload"), 3, "uname ok\n", "")
		}
		unusable := filepath.Join(t.TempDir(), "secco-hook")
		if err := os.WriteFile(unusable, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		for _, stage := range []string{"precreate", "createRuntime"} {
			r := newPodman(t, "--runtime", rt, "--hooks-dir", write(stage, unusable)).run("--rootfs", root, "payload")
			if r.code == 3 || !strings.Contains(r.stderr, "permission denied") {
				t.Errorf("%s: started: %v", stage, r)
			}
		}
	})
	t.Run("directories", func(t *testing.T) { // which of them podman reads, without and with the documented configuration
		for _, c := range []struct {
			parent, conf, want string
		}{
			{"usr/share/containers", "", saw},
			{"etc/containers", "", "uname ok\n"},
			{"usr/share/containers", fromDocs(t, "secco.conf"), saw},
			{"etc/containers", fromDocs(t, "secco.conf"), saw},
		} {
			over := t.TempDir() // what is laid over the directories for this podman
			conf := filepath.Join(over, "etc/containers/containers.conf.d")
			for _, d := range []string{conf, filepath.Join(over, "usr/share/containers"), filepath.Join(over, c.parent, "oci"), filepath.Join(over, "work/etc"), filepath.Join(over, "work/usr")} {
				if err := os.MkdirAll(d, 0o755); err != nil {
					t.Fatal(err)
				}
			}
			if c.conf != "" {
				if err := os.WriteFile(filepath.Join(conf, "secco.conf"), []byte(c.conf), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Rename(hooksDir(t, "precreate", "precreate", "--dir", dir, "--default", "p"), filepath.Join(over, c.parent, "oci/hooks.d")); err != nil {
				t.Fatal(err)
			}
			const mount = `mount -t overlay overlay -o "lowerdir=/etc/containers,upperdir=$1/etc/containers,workdir=$1/work/etc" /etc/containers &&
				mount -t overlay overlay -o "lowerdir=/usr/share/containers,upperdir=$1/usr/share/containers,workdir=$1/work/usr" /usr/share/containers &&
				shift && exec podman "$@"`
			p := newPodman(t, "--runtime", rt)
			args := slices.Concat([]string{"-m", "sh", "-c", mount, "sh", over}, p.global, []string{"run", "--rm", "--network=none"}, podmanLimits, []string{"--rootfs", root, "payload"})
			expect(t, run(t, "unshare", args...), 3, c.want, "")
		}
	})
	t.Run("install", func(t *testing.T) {
		p := newPodman(t, "--runtime", rt, "--hooks-dir", hooksDir(t, "prestart", "install", "--dir", dir, "--default", "noexec"))
		expect(t, p.run("--rootfs", root, "payload"), 3, saw, "")
		awaitNone(t)
	})
	t.Run("gate", func(t *testing.T) {
		p := newPodman(t, "--runtime", rt, "--hooks-dir", hooksDir(t, "prestart", "gate", "--stricter-than", filepath.Join(dir, "p.secco")))
		r := p.run("--security-opt", "seccomp=unconfined", "--rootfs", root, "payload")
		if r.code == 3 || !strings.Contains(r.stderr, "unconfined") {
			t.Errorf("started unconfined: %v", r)
		}
		// CRI-O reads the same files.
		file := run(t, filepath.Join(bin, "secco-hook"), "config", "--engine", "crio", "--stage", "createRuntime", "--", "gate", "--stricter-than", filepath.Join(dir, "p.secco"))
		crio := t.TempDir()
		if err := os.WriteFile(filepath.Join(crio, "secco.json"), []byte(file.stdout), 0o644); err != nil {
			t.Fatal(err)
		}
		r = newPodman(t, "--runtime", rt, "--hooks-dir", crio).run("--security-opt", "seccomp=unconfined", "--rootfs", root, "payload")
		if r.code == 3 || !strings.Contains(r.stderr, "unconfined") {
			t.Errorf("started unconfined: %v", r)
		}
		// podman's own profile has rules that libseccomp may get wrong
		r = p.run("--rootfs", root, "payload")
		if r.code == 3 || !strings.Contains(r.stderr, "can't be judged") {
			t.Errorf("started with a profile that can't be judged: %v", r)
		}
	})
	t.Run("runtime wrapper", func(t *testing.T) {
		wrapper := script(t, filepath.Join(bin, "secco-runtime"), "--secco-runtime="+rt, "--secco-dir="+dir, "--secco-default=p")
		p := newPodman(t, "--runtime", wrapper)
		expect(t, p.run("--rootfs", root, "payload"), 3, saw, "")
	})
}
