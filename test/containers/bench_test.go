package containers

import (
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"secco/bpf"
	"secco/test/alive"
)

// A contender is one of several commands that are timed in turn. prepare makes
// what one call of it needs.
type contender struct {
	name    string
	prepare func() *exec.Cmd
}

// compare times contenders, one after the other in every round. It reports how
// long the first one takes and how much longer the others do in the same round,
// as medians in milliseconds.
func compare(b *testing.B, contenders []contender) {
	b.Helper()
	times := make([][]float64, len(contenders))
	for b.Loop() {
		for i, c := range contenders {
			if err := alive.Settle(); err != nil {
				b.Fatal(err)
			}
			cmd := c.prepare()
			start := time.Now()
			err := cmd.Run()
			took := float64(time.Since(start)) / 1e6
			if err == nil || cmd.ProcessState.ExitCode() != 42 {
				b.Fatalf("%s: %v does not end as its payload does: %v", c.name, cmd.Args, err)
			}
			if i > 0 {
				took -= times[0][len(times[0])-1]
			}
			times[i] = append(times[i], took)
		}
	}
	b.ReportMetric(0, "ns/op") // it would be the sum of all
	for i, c := range contenders {
		slices.Sort(times[i])
		unit := "-more-ms"
		if i == 0 {
			unit = "-ms"
		}
		b.ReportMetric(times[i][len(times[i])/2], strings.ReplaceAll(c.name, " ", "-")+unit)
	}
}

// BenchmarkWrap is what secco-wrap adds to a payload that ends at once.
func BenchmarkWrap(b *testing.B) {
	dir := policyDir(b, map[string]string{"p.secco": noUname, "gate.secco": noExec, "text.secco": noUname})
	program := filepath.Join(dir, "p.bpf")
	if err := os.WriteFile(program, bpf.Encode(load(b, dir).Program, binary.NativeEndian), 0o644); err != nil {
		b.Fatal(err)
	}
	payload := filepath.Join(dir, "exits")
	if err := os.WriteFile(payload, elf(exits), 0o755); err != nil {
		b.Fatal(err)
	}
	command := func(name string, args ...string) contender {
		return contender{name, func() *exec.Cmd { return exec.Command(args[0], args[1:]...) }}
	}
	wrap := filepath.Join(bin, "secco-wrap")
	compare(b, []contender{
		command("payload", payload),
		command("program", wrap, "--policy", program, payload),
		command("text", wrap, "--policy", filepath.Join(dir, "text.secco"), payload),
		command("web-server", wrap, "--policy", "web-server", payload),
		command("gate", wrap, "--gate", "--policy", filepath.Join(dir, "gate.secco"), payload),
	})
}

// BenchmarkContainer is what the ways in add to a whole container, and what a hook
// does that does nothing.
func BenchmarkContainer(b *testing.B) {
	dir := b.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "exits"), elf(exits), 0o755); err != nil {
		b.Fatal(err)
	}
	for _, name := range []string{"runc", "crun"} {
		b.Run(name, func(b *testing.B) {
			rt := findRuntime(b, name)
			contenders := []contender{}
			for _, w := range append([]way{{name: "container"}, {name: "no-op hook"}}, ways...) {
				if _, impossible := cannot[w.name][name]; impossible {
					continue
				}
				policy := policyDir(b, map[string]string{"p.secco": w.policy})
				contenders = append(contenders, contender{w.name, func() *exec.Cmd {
					c := newBundle(b, "/payload/exits")
					c.mount(dir, "/payload")
					path, global := w.apply(b, c, rt, policy)
					if w.name == "no-op hook" {
						// It reads its input: crun fails where a hook doesn't.
						c.spec.Hooks = &specs.Hooks{CreateRuntime: []specs.Hook{{Path: "/bin/dd", Args: []string{"dd", "of=/dev/null", "status=none"}}}}
					}
					c.write()
					return exec.Command(path, slices.Concat(global, []string{"--root", filepath.Join(c.dir, "state"), "run", "--bundle", c.dir, c.id})...)
				}})
			}
			compare(b, contenders)
		})
	}
}
