package containers

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"secco/hook/container"
)

// version returns a runtime's version.
func version(t testing.TB, rt runtime) string {
	t.Helper()
	m := regexp.MustCompile(`version (\d+\.\d+(?:\.\d+)?)`).FindStringSubmatch(run(t, rt.path, "--version").stdout)
	if m == nil {
		t.Fatalf("%s does not say its version", rt.path)
	}
	return m[1]
}

// sometimes are the calls that runc needs in some starts only, as Go's runtime has
// it, or on some machines.
var sometimes = []string{"clock_gettime", "epoll_ctl", "fcntl", "futex", "getpid", "getppid", "rt_sigreturn", "sched_yield"}

// TestStartupNeeds: a profile that allows what the table says a runtime needs, and
// the payload's one call, is enough to start a container, whatever else it kills
// for. Without one of them it doesn't start.
func TestStartupNeeds(t *testing.T) {
	eachRuntime(t, func(t *testing.T, rt runtime) {
		for _, noNewPrivs := range []bool{true, false} {
			needs := container.StartupNeeds(rt.name+":"+version(t, rt), noNewPrivs)
			leaveOut := []string{"", "execve"}
			if long() {
				leaveOut = append(leaveOut, needs...)
			}
			for _, left := range leaveOut {
				if slices.Contains(sometimes, left) {
					continue
				}
				t.Run(fmt.Sprintf("noNewPrivileges %t, without %q", noNewPrivs, left), func(t *testing.T) {
					dir := t.TempDir()
					if err := os.WriteFile(filepath.Join(dir, "exits"), elf(exits), 0o755); err != nil {
						t.Fatal(err)
					}
					b := newBundle(t, "/payload/exits")
					b.mount(dir, "/payload")
					b.spec.Process.NoNewPrivileges = noNewPrivs
					b.spec.Linux.Seccomp = &specs.LinuxSeccomp{DefaultAction: specs.ActKillProcess, Syscalls: []specs.LinuxSyscall{
						{Names: append(slices.DeleteFunc(slices.Clone(needs), func(n string) bool { return n == left }), "exit_group"), Action: specs.ActAllow},
					}}
					if r := b.run(rt.path); (r.code == 42) != (left == "") {
						t.Error(r)
					}
				})
			}
		}
	})
}
