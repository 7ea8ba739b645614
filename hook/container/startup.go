package container

import (
	"fmt"
	"slices"
	"strings"

	"secco/bpf"
	"secco/hook"
	"secco/linux"
	"secco/source"
)

// What a runtime itself calls between loading a container's filter and executing
// the payload, on x86_64. With process.noNewPrivileges it loads the filter last;
// without, before it drops privileges. It was found by leaving out one call after
// the other of profiles that kill for all the rest, with runc 1.1.5, 1.2.9 and
// 1.3.4 and crun 1.8.1. Some of runc's calls depend on what Go's runtime happens to
// do; clock_gettime is a call only where the vDSO can't tell the time, as in some
// virtual machines.
var startup = map[string]struct{ last, privileged []string }{
	"runc:1.1": {
		last: []string{"close", "openat", "futex", "write", "getpid", "epoll_ctl", "fstatfs", "getdents64", "rt_sigreturn", "fcntl", "execve", "clock_gettime"},
		privileged: []string{"chdir", "capget", "capset", "read", "prctl", "newfstatat", "fstat", "setgroups", "setgid", "setuid",
			"getcwd", "getppid", "faccessat2"},
	},
	"runc": {
		last: []string{"close", "openat", "openat2", "futex", "write", "getpid", "getppid", "epoll_ctl", "fstat", "fstatfs", "statx", "getdents64", "rt_sigreturn",
			"fcntl", "execve", "clock_gettime"},
		privileged: []string{"chdir", "capget", "capset", "read", "prctl", "newfstatat", "setgroups", "setgid", "setuid",
			"getcwd", "faccessat2", "close_range", "tgkill"},
	},
	"crun": {
		last:       []string{"close", "execve"},
		privileged: []string{"write", "capset", "prctl", "setresgid", "setresuid", "rt_sigaction", "rt_sigprocmask"},
	},
}

// fallbacks are calls that runtimes get on without where they fail with an errno.
var fallbacks = []string{"openat2"}

// StartupRuntimes returns the runtimes whose needs are known, sorted. Of runc there
// are two generations: the name alone means 1.2 and newer.
func StartupRuntimes() []string { return []string{"crun", "runc", "runc:1.1"} }

// StartupNeeds returns the syscalls that a runtime makes under the container's
// own profile before its payload runs, sorted; nil for an unknown runtime. Its
// version may stand behind a colon: "runc:1.1.5".
func StartupNeeds(name string, noNewPrivs bool) []string {
	name, version, _ := strings.Cut(name, ":")
	if name == "runc" && (strings.HasPrefix(version+".", "1.0.") || strings.HasPrefix(version+".", "1.1.")) {
		name = "runc:1.1"
	}
	needs, ok := startup[name]
	if !ok {
		return nil
	}
	list := slices.Clone(needs.last)
	if !noNewPrivs {
		list = append(list, needs.privileged...)
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
	for _, call := range StartupNeeds(name, noNewPrivs) {
		nr, ok := native.Syscall(call)
		if !ok {
			continue
		}
		found := hook.Verdicts(program, native, nr)
		mildest := found[len(found)-1]
		if mildest.Rank() < linux.Trace.Rank() && !(mildest.Kind() == linux.Errno && slices.Contains(fallbacks, call)) {
			refused = append(refused, fmt.Sprintf("%s (%v)", call, mildest))
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
