package containers

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A containerd is a daemon started for one test.
type containerd struct {
	t      testing.TB
	dir    string
	socket string
}

// startContainerd starts a daemon with this config.toml.
func startContainerd(t testing.TB, config string) *containerd {
	t.Helper()
	need(t, "containerd", "ctr", "runc")
	dir := t.TempDir()
	open(dir) // for user namespaces
	c := &containerd{t, dir, filepath.Join(dir, "containerd.sock")}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	configFile := filepath.Join(dir, "config.toml")
	if err := os.WriteFile(configFile, []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("containerd", "--config", configFile, "--root", filepath.Join(dir, "root"), "--state", filepath.Join(dir, "state"), "--address", c.socket)
	startDaemon(t, cmd, log, dir, func() bool { return c.try("version").code == 0 })
	return c
}

func (c *containerd) command(args ...string) *exec.Cmd {
	return exec.Command("ctr", append([]string{"--address", c.socket}, args...)...)
}

// try gives the payload the byte that it waits for: ctr doesn't always pass the
// end of its standard input on.
func (c *containerd) try(args ...string) result {
	c.t.Helper()
	cmd := c.command(args...)
	cmd.Stdin = strings.NewReader("\n")
	return runCommand(c.t, cmd)
}

// script writes a script that calls a command with these arguments before its own,
// for engines that take no more than a path.
func script(t testing.TB, command string, args ...string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), filepath.Base(command))
	text := fmt.Sprintf("#!/bin/sh\nexec %s %s \"$@\"\n", command, strings.Join(args, " "))
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestContainerd puts a filter on a container that containerd starts, by the
// runtime wrapper with its settings in a file.
func TestContainerd(t *testing.T) {
	policies := policyDir(t, map[string]string{"web.secco": fromDocs(t, "web.secco")})
	settings := filepath.Join(t.TempDir(), "runtime.conf")
	if err := os.WriteFile(settings, []byte(fromDocs(t, "runtime.conf", "/etc/secco", policies)), 0o644); err != nil {
		t.Fatal(err)
	}
	// containerd passes no flags, so what would be /etc/secco/runtime.conf is named
	// by a script.
	wrapper := script(t, filepath.Join(bin, "secco-runtime"), "--secco-config="+settings)
	c := startContainerd(t, fromDocs(t, "config.toml", "/usr/bin/secco-runtime", wrapper))
	start := func(flags ...string) result {
		t.Helper()
		id := fmt.Sprintf("secco-test-%d-%d", os.Getpid(), bundles.Add(1)) // all daemons share runc's state
		return c.try(slices.Concat([]string{"run", "--rm"}, flags, []string{"--rootfs", rootfs(t), id, "/bin/payload"})...)
	}
	expect(t, start(), 3, "uname ok\n", "")
	expect(t, start("--runc-binary", wrapper), 3, saw, "")
	r := start("--runc-binary", wrapper, "--annotation", "dev.secco.policy=missing")
	if r.code == 0 || r.code == 3 || !strings.Contains(r.stderr, `no policy "missing"`) {
		t.Errorf("want containerd to show the reason: %v", r)
	}
}
