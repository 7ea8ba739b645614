package container

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"secco/hook"
	"secco/hook/inject"
	"secco/linux"
	"secco/oci"
)

// Level says how a finding of [Doctor] is.
type Level string

// The levels.
const (
	Fine    Level = "ok"
	Note    Level = "note"    // one of the ways in can't be used, or is worth a look
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
// stands in ptrace's way, the runtimes and engines, the ways in that follow, and
// what of secco is set up there.
func Doctor(h Host) []Finding {
	d := doctor{root: h.Root}
	d.kernel()
	d.security()
	d.programs()
	d.ways()
	d.setup()
	return d.findings
}

type doctor struct {
	root     string
	findings []Finding

	support  hook.Support
	runtimes []string // of those whose needs are known, the ones that are here
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
	d.support = hook.Probe()
	s := d.support
	if !s.Filter {
		d.add(Problem, "kernel", "filters need CONFIG_SECCOMP_FILTER, and an outer filter that allows seccomp(2)", "no filter can be installed: %v", s.Err)
		return
	}
	d.add(Fine, "kernel", "", "a filter was installed and refused what it should; flags: %v", s.Flags)
	if s.Flags&hook.TSYNC == 0 {
		d.add(Note, "kernel", "use secco-wrap, which needs no TSYNC", "no TSYNC: filters can't be put on all threads of a process")
	}
	if !slices.Contains(s.Actions, linux.KillProcess) {
		d.add(Note, "kernel", "Linux 4.14 has it", "no kill_process: it acts as kill_thread")
	}
	if own := status("Seccomp"); own == "2" {
		d.add(Note, "kernel", "run secco doctor on the host, outside of containers", "this process is under a filter itself, which may hide things")
	}
	if os.Geteuid() != 0 {
		d.add(Note, "kernel", "run secco doctor as root", "not root: what follows is what this user can do")
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

// security says which security modules are there: they may forbid a runtime's
// hooks to trace.
func (d *doctor) security() {
	switch scope := d.read("/proc/sys/kernel/yama/ptrace_scope"); scope {
	case "":
		d.add(Fine, "security", "", "no Yama: nothing but capabilities restricts ptrace")
	case "3":
		d.add(Note, "security", "set kernel.yama.ptrace_scope below 3 at the next boot, or do without secco-hook install and gate --installed", "Yama's ptrace_scope is 3: nothing can be traced until the next boot")
	default:
		d.add(Fine, "security", "", "Yama's ptrace_scope is %s: root may trace", scope)
	}
	modules := d.read("/sys/kernel/security/lsm")
	if modules == "" {
		modules = "not known, /sys/kernel/security is not mounted"
	}
	d.add(Fine, "security", "", "security modules: %s", modules)
	if d.read("/sys/fs/selinux/enforce") == "1" {
		d.add(Note, "security", "where secco-hook install fails over permissions, look for secco-hook in SELinux's log (ausearch -m avc)", "SELinux enforces: its policy has to let the runtime's hooks trace containers")
	}
	if strings.EqualFold(d.read("/sys/module/apparmor/parameters/enabled"), "Y") {
		d.add(Fine, "security", "", "AppArmor is on; hooks of runtimes that it does not confine are not confined either")
	}
}

// programs are looked for in PATH.
var programs = []string{"runc", "crun", "podman", "docker", "dockerd", "containerd", "crio", "kubelet", "bwrap"}

func (d *doctor) programs() {
	found := 0
	for _, name := range programs {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		found++
		if err := checkSeccomp(path, name); err != nil {
			d.add(Problem, "runtimes", "install a crun with libseccomp, or runc", "%v", err)
		}
		if name == "runc" || name == "crun" {
			d.runtimes = append(d.runtimes, name)
		}
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		out, err := exec.CommandContext(ctx, path, "--version").Output()
		cancel()
		if err != nil {
			d.add(Note, "runtimes", "", "%s does not say its version: %v", path, err)
			continue
		}
		text, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
		if name == "runc" || name == "crun" {
			if v, err := programLibseccomp(path)(); err == nil {
				text += fmt.Sprintf(", libseccomp %v", v)
				d.judgeLibseccomp(name, v)
			} else {
				d.add(Note, "runtimes", `policies that refuse new syscalls take "libseccomp" in the settings of secco`, "the libseccomp of %s is not known: %v", path, err)
			}
		}
		d.add(Fine, "runtimes", "", "%s: %s", path, text)
	}
	if found == 0 {
		d.add(Note, "runtimes", "", "no container runtime or engine is in PATH")
	}
}

// judgeLibseccomp warns of releases that get 64-bit comparisons wrong.
func (d *doctor) judgeLibseccomp(name string, v oci.Libseccomp) {
	if mended, _ := oci.ParseLibseccomp("2.4.0"); v.Compare(mended) < 0 {
		d.add(Problem, "runtimes", "update libseccomp to 2.4 or newer", "%s has libseccomp %v, which gets comparisons of 64-bit arguments wrong (CVE-2019-9893)", name, v)
	}
}

// ways says which of the ways in can be used.
func (d *doctor) ways() {
	if !d.support.Filter {
		return
	}
	d.add(Fine, "ways", "", "secco-wrap works")
	if d.support.Gate {
		d.add(Fine, "ways", "", "secco-wrap --gate works: a notification was answered")
	} else {
		d.add(Note, "ways", "it takes Linux 5.5 and no other listener above this process", "secco-wrap --gate does not work: %v", d.support.GateErr)
	}
	if len(d.runtimes) > 0 {
		d.add(Fine, "ways", "", "secco-runtime can wrap %s", strings.Join(d.runtimes, " and "))
	} else {
		d.add(Note, "ways", "install runc or crun", "secco-runtime has no runtime to wrap")
	}
	const advice = "use a profile (secco-runtime, precreate) or secco-wrap instead"
	if err := inject.Supported(); err == nil {
		d.add(Fine, "ways", "", "secco-hook install and gate --installed work: a process was traced, its filters suspended and read")
	} else if runtime.GOARCH == "amd64" || runtime.GOARCH == "arm64" {
		d.add(Note, "ways", advice, "secco-hook install and gate --installed do not work: %v", err)
	} else {
		d.add(Note, "ways", advice, "secco-hook install does not work: %v", err)
	}
}
