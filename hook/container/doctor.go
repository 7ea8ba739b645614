package container

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"secco/hook"
	"secco/linux"
)

// Level says how a finding of [Doctor] is.
type Level string

// The levels.
const (
	Fine    Level = "ok"
	Note    Level = "note"    // one of the ways in can't be used
	Problem Level = "problem" // something that is set up does not do what it should
)

// A Finding is one thing that [Doctor] found out.
type Finding struct {
	Level  Level  `json:"level"`
	Topic  string `json:"topic"` // such as "kernel" or "hooks"
	Text   string `json:"text"`
	Advice string `json:"advice,omitempty"` // what to do about it
}

// A Host is what Doctor looks at. The zero Host is this machine.
type Host struct {
	Root string // before the paths of files; for tests
}

// Doctor finds out what works on a host by trying it: the kernel's features, what
// stands in ptrace's way, the runtimes and engines, and what of secco is set up
// there.
func Doctor(h Host) []Finding {
	var d doctor
	d.root = h.Root
	d.kernel()
	d.tracing()
	d.runtimes()
	d.hooks()
	d.docker()
	return d.findings
}

type doctor struct {
	root     string
	findings []Finding
}

func (d *doctor) add(level Level, topic, advice, format string, args ...any) {
	d.findings = append(d.findings, Finding{level, topic, fmt.Sprintf(format, args...), advice})
}

func (d *doctor) read(path string) string {
	text, err := os.ReadFile(filepath.Join(d.root, path))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

func (d *doctor) kernel() {
	var u unix.Utsname
	if err := unix.Uname(&u); err == nil {
		d.add(Fine, "kernel", "", "Linux %s on %s", unix.ByteSliceToString(u.Release[:]), unix.ByteSliceToString(u.Machine[:]))
	}
	s := hook.Probe()
	if !s.Filter {
		d.add(Problem, "kernel", "filters need CONFIG_SECCOMP_FILTER, and an outer filter that allows seccomp(2)", "no filter can be installed: %v", s.Err)
		return
	}
	d.add(Fine, "kernel", "", "a filter was installed and refused what it should; flags %v", s.Flags)
	if s.Flags&hook.TSYNC == 0 {
		d.add(Note, "kernel", "use secco-wrap, which needs no TSYNC", "no TSYNC: filters can't be put on all threads of a process")
	}
	if !slices.Contains(s.Actions, linux.KillProcess) {
		d.add(Note, "kernel", "Linux 4.14 has it", "no kill_process: it acts as kill_thread")
	}
	if s.Flags&hook.NewListener == 0 || !slices.Contains(s.Actions, linux.Notify) {
		d.add(Note, "kernel", "Linux 5.5 has them", "no user notifications: secco-wrap --gate does not work")
	}
	if own := status("Seccomp"); own == "2" {
		d.add(Note, "kernel", "run secco doctor on the host", "this process is under a filter itself, which may hide things")
	}
}

// status returns a field of this thread's status file.
func status(field string) string {
	text, err := os.ReadFile("/proc/thread-self/status")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, field+":"); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// tracing finds out whether secco-hook install can work, by reading the filters
// of a process that is made for it.
func (d *doctor) tracing() {
	const advice = "use a profile (secco-runtime, precreate) or secco-wrap instead of secco-hook install"
	if lsm := d.read("/sys/kernel/security/lsm"); lsm != "" {
		d.add(Fine, "tracing", "", "security modules: %s", lsm)
	}
	if scope := d.read("/proc/sys/kernel/yama/ptrace_scope"); scope == "3" {
		d.add(Note, "tracing", advice, "Yama's ptrace_scope is 3: nothing can be traced until the next boot")
	}
	child := exec.Command("sleep", "10")
	if err := child.Start(); err != nil {
		d.add(Note, "tracing", "", "not tried: %v", err)
		return
	}
	_, err := hook.ReadFilters(child.Process.Pid)
	_ = child.Process.Kill() // it may have ended
	_ = child.Wait()
	if err != nil {
		d.add(Note, "tracing", advice, "processes can't be traced, or their filters not be read: %v", err)
		return
	}
	d.add(Fine, "tracing", "", "processes can be traced and their filters read")
}

func (d *doctor) runtimes() {
	found := 0
	for _, name := range []string{"runc", "crun", "podman", "docker", "dockerd", "containerd", "crio", "kubelet", "bwrap"} {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		found++
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		out, err := exec.CommandContext(ctx, path, "--version").Output()
		cancel()
		if err != nil {
			d.add(Problem, "runtimes", "", "%s does not say its version: %v", path, err)
			continue
		}
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		text := lines[0]
		for _, l := range lines[1:] {
			if strings.Contains(l, "libseccomp") || strings.Contains(l, "SECCOMP") {
				text += ", " + strings.TrimSpace(l)
			}
		}
		d.add(Fine, "runtimes", "", "%s: %s", path, text)
	}
	if found == 0 {
		d.add(Note, "runtimes", "", "no container runtime or engine is in PATH")
	}
}

// hookDirs are where podman and CRI-O read hooks from.
var hookDirs = []string{"/usr/share/containers/oci/hooks.d", "/etc/containers/oci/hooks.d", "/run/containers/oci/hooks.d"}

// hooks finds hook files whose program is missing. At the stage precreate podman
// goes on without it, and the container runs as if there were none.
func (d *doctor) hooks() {
	for _, dir := range hookDirs {
		paths, _ := filepath.Glob(filepath.Join(d.root, dir, "*.json"))
		for _, path := range paths {
			shown := strings.TrimPrefix(path, d.root)
			text, err := os.ReadFile(path)
			var f HookFile
			if err == nil {
				err = json.Unmarshal(text, &f)
			}
			if err != nil {
				d.add(Problem, "hooks", "mend or remove it", "%s: %v", shown, err)
				continue
			}
			if !strings.Contains(filepath.Base(f.Hook.Path), "secco") {
				continue
			}
			if err := executable(filepath.Join(d.root, f.Hook.Path)); err != nil {
				text := "no container can start"
				if slices.Contains(f.Stages, "precreate") {
					text = "podman starts containers WITHOUT the policy"
				}
				d.add(Problem, "hooks", "install secco-hook there, or remove the file", "%s calls %s, which is not there to be executed (%v): %s", shown, f.Hook.Path, err, text)
				continue
			}
			d.add(Fine, "hooks", "", "%s calls %s at %s", shown, f.Hook.Path, strings.Join(f.Stages, ", "))
		}
	}
}

func executable(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return errors.Unwrap(err)
	}
	if !info.Mode().IsRegular() || info.Mode().Perm()&0o111 == 0 {
		return fs.ErrPermission
	}
	return nil
}

// docker looks at the runtimes that dockerd is told of.
func (d *doctor) docker() {
	const path = "/etc/docker/daemon.json"
	text := d.read(path)
	if text == "" {
		return
	}
	var config struct {
		Default  string `json:"default-runtime"`
		Runtimes map[string]struct{ Path string }
	}
	if err := json.Unmarshal([]byte(text), &config); err != nil {
		d.add(Problem, "docker", "", "%s: %v", path, err)
		return
	}
	for name, r := range config.Runtimes {
		if !strings.Contains(filepath.Base(r.Path), "secco") {
			continue
		}
		if err := executable(filepath.Join(d.root, r.Path)); err != nil {
			d.add(Problem, "docker", "install secco-runtime there", "runtime %q is %s, which is not there to be executed (%v): its containers can't start", name, r.Path, err)
		} else if config.Default != name {
			d.add(Note, "docker", `set "default-runtime" in `+path, "runtime %q is not the default: only containers with --runtime=%s get a policy", name, name)
		} else {
			d.add(Fine, "docker", "", "runtime %q is the default", name)
		}
	}
}
