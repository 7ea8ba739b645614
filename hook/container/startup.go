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
// without, before it drops privileges. clock_gettime is a call only where the vDSO
// can't tell the time, as in some virtual machines.
var startup = map[string]struct{ last, privileged []string }{
	"runc": {
		last: []string{"close", "openat", "futex", "write", "getpid", "epoll_ctl", "fstatfs", "getdents64", "rt_sigreturn", "fcntl", "execve", "clock_gettime"},
		privileged: []string{"chdir", "capget", "capset", "read", "prctl", "newfstatat", "fstat", "setgroups", "setgid", "setuid",
			"getcwd", "getppid", "faccessat2"},
	},
	"crun": {
		last: []string{"close", "execve"},
		privileged: []string{"chdir", "capget", "capset", "read", "prctl", "newfstatat", "fstat", "setgroups", "setgid", "setuid",
			"getcwd", "getppid", "faccessat2", "write", "openat", "setresgid", "setresuid", "rt_sigaction", "rt_sigprocmask"},
	},
}

// StartupRuntimes returns the runtimes whose needs are known, sorted.
func StartupRuntimes() []string { return []string{"crun", "runc"} }

// StartupNeeds returns the syscalls that a runtime makes under the container's
// own profile before its payload runs, sorted; nil for an unknown runtime.
func StartupNeeds(name string, noNewPrivs bool) []string {
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
		if found := hook.Verdicts(program, native, nr); found[len(found)-1].Rank() < linux.Trace.Rank() {
			refused = append(refused, fmt.Sprintf("%s (%v)", call, found[len(found)-1]))
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
