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
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	moby "github.com/moby/profiles/seccomp"
	"github.com/opencontainers/runtime-spec/specs-go"

	"secco/bpf"
	"secco/compiler/decompile"
	"secco/convert"
	"secco/convert/libseccomp"
	"secco/hook"
	"secco/lang"
	"secco/linux"
	"secco/oci"
	"secco/policy"
	"secco/policy/prove"
	"secco/source"
)

// TestRuntimes has real runtimes load profiles and reads back from the kernel
// what they loaded: libseccomp's program to the instruction, behind what the
// runtime puts before it; proved equal to what secco says of both.
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
	kills := *all
	kills.DefaultAction, kills.DefaultErrnoRet = specs.ActKillProcess, nil
	kills.Architectures = append(slices.Clone(all.Architectures), specs.ArchAARCH64)
	for _, command := range []string{"runc", "crun"} {
		runtime := versionOf(t, command)
		for name, profile := range map[string]*specs.LinuxSeccomp{"docker": all, "docker, native": &alone, "docker, kill": &kills, "few": few} {
			t.Run(command+", "+name, func(t *testing.T) {
				profile := known(t, profile)
				loaded := filterOf(t, command, profile)
				library(t, profile, loaded)
				asBuilt(t, profile, runtime, loaded)
				asRead(t, profile, runtime, loaded)
				again := asProfile(t, asText(t, loaded), runtime)
				equal(t, program(t, filterOf(t, command, again)), loaded)
			})
		}
		// What libseccomp is too old to know stays with secco's tables out of the
		// comparison, but not with its own.
		t.Run(command+", new calls", func(t *testing.T) {
			newest := *few
			newest.DefaultAction = specs.ActErrno
			newest.Architectures = []specs.Arch{specs.ArchX86_64}
			newest.Syscalls = append(slices.Clone(all.Syscalls), specs.LinuxSyscall{Names: []string{"listns"}, Action: specs.ActAllow})
			asBuilt(t, &newest, runtime, filterOf(t, command, &newest))
		})
	}
}

// versionOf returns a runtime with the version that is installed.
func versionOf(t *testing.T, command string) oci.Runtime {
	t.Helper()
	out, err := exec.Command(command, "--version").Output()
	if err != nil {
		missing(t, "needs %s: %v", command, err)
	}
	version := regexp.MustCompile(`version ([0-9]+\.[0-9]+(\.[0-9]+)?)`).FindSubmatch(out)
	if version == nil {
		t.Fatalf("%s has no version: %s", command, out)
	}
	runtime, err := oci.ParseRuntime(command + ":" + string(version[1]))
	if err != nil {
		t.Fatal(err)
	}
	return runtime
}

// known returns a profile without the names that libseccomp is too old to know.
func known(t *testing.T, profile *specs.LinuxSeccomp) *specs.LinuxSeccomp {
	t.Helper()
	out := *profile
	out.Syscalls = nil
	for _, entry := range profile.Syscalls {
		entry.Names = slices.DeleteFunc(slices.Clone(entry.Names), func(name string) bool {
			for _, a := range []linux.Arch{linux.X86_64, linux.X32, linux.I386} {
				_, _, known, err := libseccomp.Syscall(a, name)
				if err != nil {
					t.Fatal(err)
				}
				if _, ours := a.Syscall(name); ours && !known {
					return true
				}
			}
			return false
		})
		if len(entry.Names) > 0 {
			out.Syscalls = append(out.Syscalls, entry)
		}
	}
	return &out
}

// library checks that a loaded program ends in libseccomp's, instruction for
// instruction.
func library(t *testing.T, profile *specs.LinuxSeccomp, loaded bpf.Program) {
	t.Helper()
	for _, tree := range []bool{true, false} { // runc has had one since 1.2
		built, err := libseccomp.Build(profile, libseccomp.Options{Tree: &tree})
		if err != nil {
			t.Fatal(err)
		}
		if n := len(loaded) - len(built); n >= 0 && slices.Equal(loaded[n:], built) {
			t.Logf("%d instructions before the %d of libseccomp's", n, len(built))
			return
		}
	}
	t.Error("libseccomp makes another program")
}

// asBuilt proves that a loaded program does what Build makes for the runtime.
func asBuilt(t *testing.T, profile *specs.LinuxSeccomp, runtime oci.Runtime, loaded bpf.Program) {
	t.Helper()
	built, err := libseccomp.Build(profile, libseccomp.Options{Runtime: runtime})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, program(t, built), loaded)
}

// asRead proves that a loaded program does what the profile is read as.
func asRead(t *testing.T, profile *specs.LinuxSeccomp, runtime oci.Runtime, loaded bpf.Program) {
	t.Helper()
	p, diags := convert.FromOCI(oci.FromSpec(profile), convert.Options{Host: oci.Host{Runtime: runtime}})
	if p == nil {
		t.Fatal(diags)
	}
	equal(t, prove.Policy(p), loaded)
}

// asText proves that a loaded program does what the text says that is made of it,
// and returns the text's policy.
func asText(t *testing.T, loaded bpf.Program) *policy.Policy {
	t.Helper()
	p, err := decompile.Program(loaded, decompile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	text, err := decompile.Text(p, decompile.TextOptions{})
	if err != nil {
		t.Fatal(err)
	}
	p, diags := lang.Load([]*source.File{source.NewFile("loaded.secco", text)}, lang.Options{})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	equal(t, prove.Policy(p), loaded)
	return p
}

// asProfile returns the profile that a runtime loads as a policy's filter.
func asProfile(t *testing.T, p *policy.Policy, runtime oci.Runtime) *specs.LinuxSeccomp {
	t.Helper()
	profile, err := convert.ToOCI(p, convert.Options{Host: oci.Host{Runtime: runtime}})
	if err != nil {
		t.Fatal(err)
	}
	return profile
}

func program(t *testing.T, p bpf.Program) prove.Filter {
	t.Helper()
	filter, err := prove.Program(p)
	if err != nil {
		t.Fatal(err)
	}
	return filter
}

func equal(t *testing.T, want prove.Filter, loaded bpf.Program) {
	t.Helper()
	result, err := prove.Equivalent(want, program(t, loaded), prove.Options{})
	if err != nil || result.Verdict != prove.Equal {
		t.Errorf("%v %v %v", result.Verdict, result.Witness, err)
	}
}

func missing(t *testing.T, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
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
			missing(t, "needs root and %s: %v", name, err)
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
