package container

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"secco/bpf"
	"secco/emulator"
	"secco/hook"
	"secco/linux"
	"secco/source"
)

// A generation is the versions of a runtime that make the same calls under a
// container's own filter, before its payload is executed. With
// process.noNewPrivileges the filter is loaded last; without, before privileges are
// dropped.
type generation struct {
	runtime    string
	before     [3]int // the first version that is none; zero where all newer ones are some
	last       []string
	privileged []string // without noNewPrivileges, also
	mayFail    []string // those of them that it gets on without where they fail with an errno
}

// startup is what was found on x86_64 by leaving out one call after the other of
// profiles that kill for all the rest, and in traces, with runc 1.1.5, 1.2.9, 1.3.4,
// 1.3.6, 1.4.3 and 1.5.2 and crun 1.8.1, 1.21 and 1.28; that crun closes descriptors
// under the filter since 1.14.1 is from its history. Some of runc's calls depend on
// what Go's runtime happens to do; clock_gettime is a call only where the vDSO can't
// tell the time, as in some virtual machines. Of a runtime's generations the older
// stands first.
var startup = []generation{
	{
		runtime: "runc", before: [3]int{1, 2},
		last: []string{"close", "openat", "futex", "write", "getpid", "epoll_ctl", "fstatfs", "getdents64", "rt_sigreturn", "fcntl", "execve", "clock_gettime", "sched_yield"},
		privileged: []string{"chdir", "capget", "capset", "read", "prctl", "newfstatat", "fstat", "setgroups", "setgid", "setuid",
			"getcwd", "getppid", "faccessat2"},
	},
	{
		runtime: "runc",
		last: []string{"close", "openat", "openat2", "futex", "write", "getpid", "getppid", "epoll_ctl", "fstat", "fstatfs", "statx", "getdents64", "rt_sigreturn",
			"fcntl", "execve", "clock_gettime", "sched_yield"},
		privileged: []string{"chdir", "capget", "capset", "read", "prctl", "newfstatat", "setgroups", "setgid", "setuid",
			"getcwd", "faccessat2", "close_range", "tgkill"},
		mayFail: []string{"openat2"},
	},
	{
		runtime: "crun", before: [3]int{1, 14, 1},
		last:       []string{"close", "execve"},
		privileged: []string{"write", "capset", "prctl", "setresgid", "setresuid", "rt_sigaction", "rt_sigprocmask"},
	},
	{
		runtime:    "crun",
		last:       []string{"close", "close_range", "execve"},
		privileged: []string{"write", "capset", "prctl", "setresgid", "setresuid", "rt_sigaction", "rt_sigprocmask"},
		mayFail:    []string{"close_range"},
	},
}

// generationOf returns the generation of a runtime, which is the newest where no
// version stands behind a colon: "runc:1.1.5".
func generationOf(name string) (generation, bool) {
	name, text, _ := strings.Cut(name, ":")
	var version [3]int
	n, _ := fmt.Sscanf(strings.TrimPrefix(text, "v"), "%d.%d.%d", &version[0], &version[1], &version[2])
	for _, g := range startup {
		if g.runtime == name && (g.before == [3]int{} || n > 0 && slices.Compare(version[:], g.before[:]) < 0) {
			return g, true
		}
	}
	return generation{}, false
}

// StartupRuntimes returns the runtimes whose needs are known: a name alone means the
// newest, and each one that is followed by a version stands for older ones.
func StartupRuntimes() []string { return []string{"crun", "crun:1.14.0", "runc", "runc:1.1"} }

// StartupNeeds returns the syscalls that a runtime makes under the container's
// own profile before its payload runs, sorted; nil for an unknown runtime. Its
// version may stand behind a colon: "runc:1.1.5".
func StartupNeeds(name string, noNewPrivs bool) []string {
	g, ok := generationOf(name)
	if !ok {
		return nil
	}
	list := slices.Clone(g.last)
	if !noNewPrivs {
		list = append(list, g.privileged...)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// LintStartup warns where a program that is to become a container's profile
// refuses, on the machine's architecture, what a runtime needs to start the
// container. Programs that are put on by injection or by secco-wrap are not
// concerned.
func LintStartup(program bpf.Program, native linux.Arch, name string, noNewPrivs bool) source.Diagnostics {
	var refused []string
	g, _ := generationOf(name)
	for _, call := range StartupNeeds(name, noNewPrivs) {
		nr, ok := native.Syscall(call)
		if !ok {
			continue
		}
		found := hook.Verdicts(program, native, nr)
		mildest := found[len(found)-1]
		if mildest.Rank() < linux.Trace.Rank() && !(mildest.Kind() == linux.Errno && slices.Contains(g.mayFail, call)) {
			refused = append(refused, fmt.Sprintf("%s (%v)", call, mildest))
		}
	}
	if opens, ok := native.Syscall("openat"); ok && strings.HasPrefix(name, "runc") {
		// By the FIFO by which it is told to start the container.
		call := linux.SeccompData{NR: opens, Arch: native.Audit(), Args: [6]uint64{2: unix.O_WRONLY | unix.O_CLOEXEC}}
		if m, err := emulator.New(program); err == nil {
			if a := m.Run(&call).Effect(); a.Rank() < linux.Trace.Rank() && !slices.ContainsFunc(refused, func(s string) bool { return strings.HasPrefix(s, "openat ") }) {
				refused = append(refused, fmt.Sprintf("openat for writing (%v)", a))
			}
		}
	}
	if refused == nil {
		return nil
	}
	with := "with"
	if !noNewPrivs {
		with = "without"
	}
	var ds source.Diagnostics
	d := ds.Warnf(source.Span{}, "runtime-startup", "%s itself needs what the policy refuses, and may not start a container %s noNewPrivileges: %s",
		name, with, strings.Join(refused, ", "))
	d.Hint = "allow them, or put the policy on by secco-hook install or secco-wrap, which the runtime's own steps are not under"
	return ds
}
