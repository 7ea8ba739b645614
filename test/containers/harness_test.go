// Package containers holds the tests that put filters on real containers, by
// every way in and under every runtime that is installed.
package containers

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"secco/test/alive"
)

// bin is where the commands are, built as they are shipped: pure Go and static.
var bin string

// scratch holds what all tests share.
var scratch string

func TestMain(m *testing.M) {
	alive.Main()
	var err error
	if scratch, err = os.MkdirTemp("", "secco-containers-"); err != nil {
		panic(err)
	}
	os.Chmod(scratch, 0o755) // for user namespaces
	bin = filepath.Join(scratch, "bin")
	build()
	code := m.Run()
	os.RemoveAll(scratch)
	os.Exit(code)
}

// build builds the commands, where SECCO_TEST_COMMANDS does not name a directory with
// those of a machine that has no compiler.
func build() {
	if built := os.Getenv("SECCO_TEST_COMMANDS"); built != "" {
		bin = built
		return
	}
	build := exec.Command("go", "build", "-trimpath", "-o", bin+"/", "./cmd/...", "./test/containers/payload")
	build.Dir = "../.."
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building the commands: %v\n%s", err, out)
		os.Exit(1)
	}
}

// long reports whether the long campaigns are to be run.
func long() bool { return os.Getenv("SECCO_LONG") != "" }

// missing skips a test for want of something, visibly; in CI everything must be
// there.
func missing(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

// need skips a test where a command isn't installed or this isn't root.
func need(t testing.TB, commands ...string) {
	t.Helper()
	if os.Getuid() != 0 {
		missing(t, "needs root")
	}
	for _, c := range commands {
		if _, err := exec.LookPath(c); err != nil {
			missing(t, "needs %s: %v", c, err)
		}
	}
}

// A result is what a command did.
type result struct {
	stdout, stderr string
	code           int
	took           time.Duration
}

func (r result) String() string {
	return fmt.Sprintf("exit %d after %v\nstdout: %s\nstderr: %s", r.code, r.took.Round(time.Millisecond), r.stdout, r.stderr)
}

// run runs a command to its end, if it has one.
func run(t testing.TB, name string, args ...string) result {
	t.Helper()
	return runCommand(t, exec.Command(name, args...))
}

// hangs is how long no command takes unless it hangs: hundreds of them run at once.
func hangs() time.Duration {
	if long() {
		return 10 * time.Minute
	}
	return time.Minute
}

func runCommand(t testing.TB, cmd *exec.Cmd) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	ctx, cancel := context.WithTimeout(context.Background(), hangs())
	defer cancel()
	start := time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	cmd.WaitDelay = hangs() / 2 // a busy machine takes its time to copy what is left
	stop := context.AfterFunc(ctx, func() { cmd.Process.Kill() })
	err := cmd.Wait()
	stop()
	r := result{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode(), time.Since(start)}
	var exit *exec.ExitError
	if ctx.Err() != nil {
		t.Fatalf("%v hangs: %v", cmd.Args, r)
	}
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("%v: %v: %v", cmd.Args, err, r)
	}
	return r
}

// A runtime is one of runc and crun, ready to be called.
type runtime struct {
	name string
	path string
}

// runtimes returns the runtimes that are installed; a missing one skips its
// subtests visibly.
func eachRuntime(t *testing.T, f func(t *testing.T, rt runtime)) {
	for _, name := range []string{"runc", "crun"} {
		t.Run(name, func(t *testing.T) { f(t, findRuntime(t, name)) })
	}
}

func findRuntime(t testing.TB, name string) runtime {
	t.Helper()
	need(t, name)
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatal(err)
	}
	if name == "crun" && hybrid() {
		path = crunWrapper(t, path)
	}
	return runtime{name, path}
}

// hybrid reports whether both generations of cgroups are mounted, which crun
// refuses.
func hybrid() bool {
	_, err := os.Stat("/sys/fs/cgroup/unified/cgroup.procs")
	return err == nil
}

var crunOnce sync.Once

// crunWrapper returns a script that hides the second generation from crun.
func crunWrapper(t testing.TB, crun string) string {
	t.Helper()
	path := filepath.Join(scratch, "crun")
	crunOnce.Do(func() {
		script := "#!/bin/sh\nexec unshare -m sh -c 'umount /sys/fs/cgroup/unified; exec " + crun + " \"$@\"' crun \"$@\"\n"
		if err := os.WriteFile(path, []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	})
	return path
}

var rootfsOnce sync.Once

// rootfs returns a root file system with busybox and the payloads.
func rootfs(t testing.TB) string {
	t.Helper()
	need(t, "busybox")
	root := filepath.Join(scratch, "rootfs")
	rootfsOnce.Do(func() {
		for _, d := range []string{"bin", "proc", "dev", "sys", "tmp", "etc", "run", "secco"} {
			if err := os.MkdirAll(filepath.Join(root, d), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		busybox, _ := exec.LookPath("busybox")
		copyFile(t, busybox, filepath.Join(root, "bin/busybox"))
		for _, applet := range []string{"sh", "true", "echo", "cat", "id", "uname", "sleep", "grep", "kill", "ps", "chroot"} {
			if err := os.Symlink("busybox", filepath.Join(root, "bin", applet)); err != nil {
				t.Fatal(err)
			}
		}
		copyFile(t, filepath.Join(bin, "secco-wrap"), filepath.Join(root, "bin/secco-wrap"))
		makePayloads(t, root)
		// In a user namespace nobody can make what engines mount on.
		for name, text := range map[string]string{
			"etc/passwd": "root:x:0:0::/:/bin/sh\n", "etc/hosts": "", "etc/resolv.conf": "", "etc/hostname": "", "run/.containerenv": "",
		} {
			if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	})
	return root
}

func copyFile(t testing.TB, from, to string) {
	t.Helper()
	in, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(out, in); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
}

var bundles atomic.Int64

// A bundle is a container that is yet to be run.
type bundle struct {
	t    testing.TB
	dir  string
	id   string
	spec *specs.Spec
	// precreate are hooks that runtimes don't know of.
	precreate []specs.Hook
	// replace changes the text of config.json to what no encoder writes.
	replace *strings.Replacer
}

// newBundle returns a bundle that runs a command as root with few capabilities.
func newBundle(t testing.TB, args ...string) *bundle {
	t.Helper()
	id := fmt.Sprintf("secco-test-%d-%d", os.Getpid(), bundles.Add(1))
	caps := []string{"CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"}
	spec := &specs.Spec{
		Version: "1.0.2",
		Root:    &specs.Root{Path: rootfs(t), Readonly: true},
		Process: &specs.Process{
			Args: args, Cwd: "/", Env: []string{"PATH=/bin"}, NoNewPrivileges: true,
			Capabilities: &specs.LinuxCapabilities{Bounding: caps, Effective: caps, Permitted: caps},
		},
		Hostname: "test",
		Mounts: []specs.Mount{
			{Destination: "/proc", Type: "proc", Source: "proc"},
			{Destination: "/dev", Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "strictatime", "mode=755", "size=65536k"}},
			{Destination: "/tmp", Type: "tmpfs", Source: "tmpfs"},
		},
		Linux: &specs.Linux{
			Namespaces: []specs.LinuxNamespace{{Type: specs.PIDNamespace}, {Type: specs.IPCNamespace}, {Type: specs.UTSNamespace}, {Type: specs.MountNamespace}},
		},
	}
	return &bundle{t: t, dir: t.TempDir(), id: id, spec: spec}
}

// write writes config.json.
func (b *bundle) write() {
	b.t.Helper()
	var config any = b.spec
	if b.precreate != nil {
		config = struct {
			*specs.Spec
			Hooks map[string][]specs.Hook `json:"hooks"`
		}{b.spec, map[string][]specs.Hook{"precreate": b.precreate}}
	}
	text, err := json.MarshalIndent(config, "", " ")
	if err != nil {
		b.t.Fatal(err)
	}
	if b.replace != nil {
		text = []byte(b.replace.Replace(string(text)))
	}
	if err := os.WriteFile(filepath.Join(b.dir, "config.json"), text, 0o644); err != nil {
		b.t.Fatal(err)
	}
}

// mount makes a directory of the host visible in the container.
func (b *bundle) mount(host, inside string) {
	b.spec.Mounts = append(b.spec.Mounts, specs.Mount{Destination: inside, Type: "bind", Source: host, Options: []string{"bind", "ro"}})
}

// run runs the container to its end. The runtime's own state is the bundle's.
func (b *bundle) run(rt string, global ...string) result {
	b.t.Helper()
	b.write()
	args := slices.Concat(global, []string{"--root", filepath.Join(b.dir, "state"), "run", "--bundle", b.dir, b.id})
	r := run(b.t, rt, args...)
	b.delete(rt, global...)
	return r
}

// delete removes what a failed start may have left.
func (b *bundle) delete(rt string, global ...string) {
	args := slices.Concat(global, []string{"--root", filepath.Join(b.dir, "state"), "delete", "--force", b.id})
	exec.Command("timeout", append([]string{"20", rt}, args...)...).Run()
}

// policyDir writes policies as text into a directory.
func policyDir(t testing.TB, texts map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range texts {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func expect(t testing.TB, r result, code int, stdout, stderr string) {
	t.Helper()
	if r.code != code || !strings.Contains(r.stdout, stdout) || !strings.Contains(r.stderr, stderr) {
		t.Errorf("want exit %d, stdout %q, stderr %q; got %v", code, stdout, stderr, r)
	}
}

// The policies that most tests use.
const (
	noUname = `DEFAULT_POSITIVE = EXFULL
DEFAULT_NEGATIVE = allow
DEFAULT_POLICY = allow
uname: 1
`
	noExec = `DEFAULT_POSITIVE = EPERM
DEFAULT_NEGATIVE = allow
DEFAULT_POLICY = allow
execve, execveat: 1
uname: return EXFULL
`
	allowAll = "DEFAULT_POSITIVE = allow\nDEFAULT_NEGATIVE = allow\nDEFAULT_POLICY = allow\n"
)

// fromDocs returns a block of docs/containers.md by the name that it has there,
// with the paths of an installation replaced by those of the test.
func fromDocs(t testing.TB, name string, replace ...string) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/containers.md")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile("(?ms)^```[a-z]+ " + regexp.QuoteMeta(name) + "\n(.*?)^```$").FindSubmatch(text)
	if m == nil {
		t.Fatalf("docs/containers.md has no %s", name)
	}
	return strings.NewReplacer(replace...).Replace(string(m[1]))
}
