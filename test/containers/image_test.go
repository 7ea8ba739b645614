//go:build long

package containers

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestImage builds the image of the repository's Dockerfile and the example that
// uses it, without a network, and runs both. It is among the long campaigns, for
// it compiles Go's library and all commands with an empty cache.
func TestImage(t *testing.T) {
	need(t, "go", "git", "busybox")
	d := startDocker(t, `{}`)
	d.importRoot(rootfs(t), "base")
	goImage(t, d)

	context := filepath.Join(t.TempDir(), "context")
	r := run(t, "sh", "-c", `mkdir "$1" && cd ../.. && git ls-files -co --exclude-standard -z | xargs -0 cp --parents -t "$1" && cd "$1" && go mod vendor`, "sh", context)
	if r.code != 0 {
		t.Fatal(r)
	}
	build := func(args ...string) {
		t.Helper()
		cmd := d.command(append([]string{"build", "--network=none"}, args...)...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("docker build %q: %v\n%s", args, err, out)
		}
	}
	build("--build-arg", "GO_IMAGE=go", "-t", "secco", context)
	docker := func(args ...string) result {
		t.Helper()
		return d.try(append([]string{"run", "--rm", "--network=none"}, args...)...)
	}
	expect(t, docker("secco", "profiles"), 0, "web-server", "")
	expect(t, docker("--entrypoint=/usr/bin/secco-hook", "secco", "--help"), 0, "install", "")
	expect(t, docker("--entrypoint=/usr/bin/secco-runtime", "secco", "--secco-help"), 0, "usage", "")
	expect(t, docker("--entrypoint=/usr/bin/secco-wrap", "secco", "--policy", "web-server", "/usr/bin/secco", "profiles"), 0, "web-server", "")

	build("--build-arg", "BASE=base", "-t", "web", "../../docs/examples")
	expect(t, docker("web"), 0, "started\nrefused\n", "")
	expect(t, docker("web", "payload"), 3, "uname ok\n", "")
	expect(t, docker("-e", "SECCO_POLICY=missing", "web"), 125, "", `no policy "missing"`)
}

// goImage makes the image "go" of this machine's Go and a shell.
func goImage(t *testing.T, d *dockerd) {
	t.Helper()
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	for _, dir := range []string{"bin", "tmp", "root", "usr/local"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	busybox, _ := exec.LookPath("busybox")
	copyFile(t, busybox, filepath.Join(root, "bin/busybox"))
	for _, applet := range []string{"sh", "mkdir", "cp"} {
		if err := os.Symlink("busybox", filepath.Join(root, "bin", applet)); err != nil {
			t.Fatal(err)
		}
	}
	r := run(t, "cp", "-a", strings.TrimSpace(string(out)), filepath.Join(root, "usr/local/go"))
	if r.code != 0 {
		t.Fatal(r)
	}
	d.importRoot(root, "plain-go")
	cmd := d.command("build", "-t", "go", "-")
	cmd.Stdin = strings.NewReader("FROM plain-go\nENV PATH=/usr/local/go/bin:/bin HOME=/root GOFLAGS=-mod=vendor GOTOOLCHAIN=local\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}
