//go:build libseccomp && cgo

// Package loaded compares what real runtimes load for a profile with what
// convert/libseccomp builds.
package loaded

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	moby "github.com/moby/profiles/seccomp"
	"github.com/opencontainers/runtime-spec/specs-go"

	"secco/bpf"
	"secco/convert"
	"secco/convert/libseccomp"
	"secco/hook"
	"secco/oci"
	"secco/policy/prove"
)

// TestRuntimes has real runtimes load profiles and reads back from the kernel
// what they loaded: the program that Build returns, to the instruction; under runc
// behind the stub that it puts in front where a profile names architectures.
func TestRuntimes(t *testing.T) {
	caps := &specs.LinuxCapabilities{Bounding: oci.DefaultCaps()}
	all, err := moby.GetDefaultProfile(&specs.Spec{Process: &specs.Process{Capabilities: caps}})
	if err != nil {
		t.Fatal(err)
	}
	alone := *all
	alone.Architectures = nil
	few := &specs.LinuxSeccomp{DefaultAction: specs.ActAllow, Syscalls: []specs.LinuxSyscall{
		{Names: []string{"personality"}, Action: specs.ActErrno, Args: []specs.LinuxSeccompArg{{Index: 0, Op: specs.OpGreaterThan, Value: 1 << 33}}},
		{Names: []string{"acct", "swapon"}, Action: specs.ActTrap},
		{Names: []string{"mount"}, Action: specs.ActAllow},
		{Names: []string{"quotactl"}, Action: specs.ActErrno, Args: []specs.LinuxSeccompArg{
			{Index: 0, Op: specs.OpEqualTo, Value: 3}, {Index: 0, Op: specs.OpEqualTo, Value: 5},
		}},
	}}
	for _, runtime := range []string{"runc", "crun"} {
		for name, profile := range map[string]*specs.LinuxSeccomp{"docker": all, "docker, native": &alone, "few": few} {
			t.Run(runtime+", "+name, func(t *testing.T) {
				loaded := filterOf(t, runtime, profile)
				stub, ok := 0, false
				for _, tree := range []bool{true, false} { // runc has had one since 1.2
					built, err := libseccomp.Build(profile, libseccomp.Options{Tree: &tree})
					if err != nil {
						t.Fatal(err)
					}
					t.Logf("tree %v: %d instructions loaded, %d built", tree, len(loaded), len(built))
					if n := len(loaded) - len(built); n >= 0 && slices.Equal(loaded[n:], built) {
						stub, ok = n, true
					}
				}
				if !ok || stub > 0 && runtime == "crun" {
					t.Errorf("%s loaded something else than Build returns", runtime)
				}
				if stub == 0 || profile.Architectures == nil { // then the stub has nothing to do
					asRead(t, profile, loaded)
				}
			})
		}
	}
}

// asRead proves that a loaded program does what the profile is read as.
func asRead(t *testing.T, profile *specs.LinuxSeccomp, loaded bpf.Program) {
	t.Helper()
	p, diags := convert.FromOCI(oci.FromSpec(profile), convert.Options{})
	if p == nil {
		t.Fatal(diags)
	}
	known, _, err := libseccomp.Known(p)
	if err != nil {
		t.Fatal(err)
	}
	filter, err := prove.Program(loaded)
	if err != nil {
		t.Fatal(err)
	}
	result, err := prove.Equivalent(prove.Policy(known), filter, prove.Options{})
	if err != nil || result.Verdict != prove.Equal {
		t.Errorf("%v %v %v", result.Verdict, result.Witness, err)
	}
}

// filterOf starts a container with a profile and returns the one filter that its
// process has.
func filterOf(t *testing.T, runtime string, profile *specs.LinuxSeccomp) bpf.Program {
	t.Helper()
	command := []string{runtime}
	if runtime == "crun" { // it refuses mixed cgroup hierarchies
		command = []string{"unshare", "-m", "sh", "-c", `umount /sys/fs/cgroup/unified 2>/dev/null; exec crun "$@"`, "sh"}
	}
	for _, name := range []string{runtime, "busybox"} {
		if _, err := exec.LookPath(name); err != nil || os.Getuid() != 0 {
			if os.Getenv("CI") == "true" {
				t.Fatalf("needs root and %s: %v", name, err)
			}
			t.Skipf("needs root and %s: %v", name, err)
		}
	}
	dir := t.TempDir()
	bundle(t, dir, profile)
	id := fmt.Sprintf("secco-crosscheck-%d-%d", os.Getpid(), time.Now().UnixNano())
	invoke := func(args ...string) error {
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
		defer cancel()
		args = append(append(slices.Clone(command), "--root", filepath.Join(dir, "state")), args...)
		cmd := exec.CommandContext(ctx, args[0], args[1:]...)
		log, err := os.Create(filepath.Join(dir, "log"))
		if err != nil {
			return err
		}
		defer log.Close()
		cmd.Stdout, cmd.Stderr = log, log
		if err := cmd.Run(); err != nil {
			text, _ := os.ReadFile(log.Name())
			return fmt.Errorf("%v: %w: %s", args, err, text)
		}
		return nil
	}
	pidFile := filepath.Join(dir, "pid")
	t.Cleanup(func() { invoke("delete", "--force", id) })
	if err := invoke("run", "--detach", "--bundle", dir, "--pid-file", pidFile, id); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(pidFile)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	// crun comes back while its process is still on the way to the filter and to
	// the command.
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		comm, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
		if err != nil || time.Now().After(deadline) {
			t.Fatalf("the container's process is %q, %v", comm, err)
		}
		if string(comm) == "busybox\n" {
			break
		}
	}
	filters, err := hook.ReadFilters(pid)
	if err != nil {
		t.Fatal(err)
	}
	if len(filters) != 1 {
		t.Fatalf("the container has %d filters", len(filters))
	}
	return filters[0]
}

// bundle writes a bundle whose process sleeps.
func bundle(t *testing.T, dir string, profile *specs.LinuxSeccomp) {
	t.Helper()
	rootfs := filepath.Join(dir, "rootfs")
	for _, sub := range []string{"bin", "proc", "dev", "sys"} {
		if err := os.MkdirAll(filepath.Join(rootfs, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile(busybox)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(rootfs, "bin/busybox"), program, 0o755); err != nil {
		t.Fatal(err)
	}
	config, err := json.Marshal(&specs.Spec{
		Version: "1.0.2",
		Root:    &specs.Root{Path: "rootfs", Readonly: true},
		Process: &specs.Process{
			Args: []string{"/bin/busybox", "sleep", "60"}, Cwd: "/", Env: []string{"PATH=/bin"}, NoNewPrivileges: true,
			Capabilities: &specs.LinuxCapabilities{},
		},
		Mounts: []specs.Mount{{Destination: "/proc", Type: "proc", Source: "proc"}},
		Linux: &specs.Linux{
			Namespaces: []specs.LinuxNamespace{{Type: specs.PIDNamespace}, {Type: specs.MountNamespace}, {Type: specs.IPCNamespace}},
			Seccomp:    profile,
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "config.json"), config, 0o644); err != nil {
		t.Fatal(err)
	}
}
