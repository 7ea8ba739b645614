package containers

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"secco/hook/container"
)

// TestStartupNeeds: a profile that allows what the table says a runtime needs, and
// the payload's one call, is enough to start a container, whatever else it kills
// for. Without execve, which is in each table, it doesn't start.
func TestStartupNeeds(t *testing.T) {
	eachRuntime(t, func(t *testing.T, rt runtime) {
		for _, noNewPrivs := range []bool{true, false} {
			needs := container.StartupNeeds(rt.name, noNewPrivs)
			for _, c := range []struct {
				name    string
				names   []string
				started bool
			}{
				{"all", needs, true},
				{"no execve", slices.DeleteFunc(slices.Clone(needs), func(n string) bool { return n == "execve" }), false},
			} {
				t.Run(fmt.Sprintf("noNewPrivileges %t, %s", noNewPrivs, c.name), func(t *testing.T) {
					dir := t.TempDir()
					if err := os.WriteFile(filepath.Join(dir, "exits"), elf(exits), 0o755); err != nil {
						t.Fatal(err)
					}
					b := newBundle(t, "/payload/exits")
					b.mount(dir, "/payload")
					b.spec.Process.NoNewPrivileges = noNewPrivs
					b.spec.Linux.Seccomp = &specs.LinuxSeccomp{DefaultAction: specs.ActKillProcess, Syscalls: []specs.LinuxSyscall{
						{Names: append(slices.Clone(c.names), "exit_group"), Action: specs.ActAllow},
					}}
					if r := b.run(rt.path); (r.code == 42) != c.started {
						t.Errorf("started: %t, want %t: %v", r.code == 42, c.started, r)
					}
				})
			}
		}
	})
}
