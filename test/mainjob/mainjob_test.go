// Package mainjob holds the test that `make run` does what it says, and that the
// profile it writes starts real containers under runc and crun, where the web
// server works and what its policy forbids fails.
package mainjob

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
)

const root = "../.."

// mainJob runs scripts/run once and returns what it printed.
var mainJob = sync.OnceValues(func() (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, root+"/scripts/run").CombinedOutput()
	return string(out), err
})

func TestMainJob(t *testing.T) {
	out, err := mainJob()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{
		"$ secco compile web-server -o out/web-server.bpf",
		"out/web-server.json: ",
		"policy = program: ",
		"policy = profile through libseccomp ",
		"socket, socketpair: in(argL0, AF_UNIX, AF_INET, AF_INET6)",
		"errno(EPERM)",
		"Linux version",
		"mkfifo: cannot create fifo 'out/pipe': Operation not permitted",
		"done: ",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
}

// payload starts the server, asks it for a page, and tries what a server has no
// business with. A line "NAME: N" says with which code each ended.
const payload = `
httpd -p 127.0.0.1:8080 -h /www; echo "httpd: $?"
wget -q -O - http://127.0.0.1:8080/page; echo "wget: $?"
ls /www >/dev/null; echo "ls: $?"
try() { name=$1; shift; "$@" 2>&1; echo "$name: $?"; }
try mkfifo mkfifo /tmp/pipe
try mount mount -t tmpfs none /mnt
try unshare unshare -u true
try hostname hostname other
try chroot chroot / true
`

// want holds how the payload's steps end: without a profile, which shows that
// nothing else refuses them, and with it.
var want = map[string]struct{ free, filtered bool }{
	"httpd":    {true, true},
	"wget":     {true, true},
	"ls":       {true, true},
	"mkfifo":   {true, false},
	"mount":    {true, false},
	"unshare":  {true, false},
	"hostname": {true, false},
	"chroot":   {true, false},
}

func TestContainers(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("starting containers needs root")
	}
	if out, err := mainJob(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	text, err := os.ReadFile(root + "/out/web-server.json")
	if err != nil {
		t.Fatal(err)
	}
	profile := &specs.LinuxSeccomp{}
	if err := json.Unmarshal(text, profile); err != nil {
		t.Fatal(err)
	}
	for _, runtime := range []string{"runc", "crun"} {
		for _, noNewPrivileges := range []bool{true, false} {
			name := fmt.Sprintf("%s,noNewPrivileges=%v", runtime, noNewPrivileges)
			t.Run(name+",unfiltered", func(t *testing.T) {
				check(t, container(t, runtime, nil, noNewPrivileges), false)
			})
			t.Run(name, func(t *testing.T) {
				check(t, container(t, runtime, profile, noNewPrivileges), true)
			})
		}
	}
}

// check compares how the steps ended with what was expected.
func check(t *testing.T, out string, filtered bool) {
	t.Helper()
	ended := map[string]string{}
	for line := range strings.Lines(out) {
		if name, code, ok := strings.Cut(strings.TrimSpace(line), ": "); ok {
			if _, step := want[name]; step {
				ended[name] = code
			}
		}
	}
	for name, w := range want {
		code, ok := ended[name]
		works := w.free
		if filtered {
			works = w.filtered
		}
		if !ok || (code == "0") != works {
			t.Errorf("%s ended with %q, expected to work: %v\n%s", name, code, works, out)
		}
	}
	if !strings.Contains(out, "the page\n") {
		t.Errorf("the server did not send its page\n%s", out)
	}
	if filtered && !strings.Contains(out, "Operation not permitted") {
		t.Errorf("nothing was refused with EPERM\n%s", out)
	}
}

// container runs the payload in a container and returns what it prints.
func container(t *testing.T, runtime string, profile *specs.LinuxSeccomp, noNewPrivileges bool) string {
	t.Helper()
	bundle := t.TempDir()
	rootfs(t, filepath.Join(bundle, "rootfs"))
	config, err := json.Marshal(spec(profile, noNewPrivileges))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(bundle, "config.json"), config, 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{runtime, "--root", filepath.Join(bundle, "state"), "run", "--bundle", bundle, fmt.Sprintf("secco-mainjob-%d-%s", os.Getpid(), filepath.Base(bundle))}
	if runtime == "crun" { // it refuses a machine with both versions of cgroups
		args = append([]string{"unshare", "-m", "sh", "-c", `umount /sys/fs/cgroup/unified 2>/dev/null; exec "$@"`, "crun"}, args...)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, args[0], args[1:]...).CombinedOutput()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(out)
}

// rootfs makes a root file system of busybox and the server's page.
func rootfs(t *testing.T, dir string) {
	t.Helper()
	for _, d := range []string{"bin", "www", "tmp", "mnt", "proc", "dev"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	busybox, err := os.ReadFile("/bin/busybox")
	if err != nil {
		t.Fatalf("busybox-static is missing (scripts/setup test installs it): %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "bin/busybox"), busybox, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"sh", "httpd", "wget", "ls", "mkfifo", "mount", "unshare", "hostname", "chroot", "true"} {
		if err := os.Symlink("busybox", filepath.Join(dir, "bin", name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "www/page"), []byte("the page\n"), 0o644); err != nil {
		t.Fatal(err)
	}
}

// spec returns the container's config.json. It has the capabilities that the
// forbidden calls need, so that only the profile is in their way.
func spec(profile *specs.LinuxSeccomp, noNewPrivileges bool) *specs.Spec {
	caps := []string{"CAP_SYS_ADMIN", "CAP_SYS_CHROOT", "CAP_MKNOD", "CAP_NET_BIND_SERVICE", "CAP_KILL", "CAP_SETUID", "CAP_SETGID"}
	return &specs.Spec{
		Version: "1.0.2",
		Process: &specs.Process{
			Args:            []string{"/bin/sh", "-c", payload},
			Env:             []string{"PATH=/bin"},
			Cwd:             "/",
			NoNewPrivileges: noNewPrivileges,
			Capabilities:    &specs.LinuxCapabilities{Bounding: caps, Effective: caps, Permitted: caps},
		},
		Root: &specs.Root{Path: "rootfs"},
		Mounts: []specs.Mount{
			{Destination: "/proc", Type: "proc", Source: "proc"},
			{Destination: "/dev", Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "mode=755"}},
		},
		Linux: &specs.Linux{
			Namespaces: []specs.LinuxNamespace{
				{Type: specs.PIDNamespace}, {Type: specs.MountNamespace}, {Type: specs.UTSNamespace},
				{Type: specs.IPCNamespace}, {Type: specs.NetworkNamespace},
			},
			Seccomp: profile,
		},
	}
}
