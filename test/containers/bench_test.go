package containers

import (
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"secco/bpf"
)

// BenchmarkWrap is the time from starting secco-wrap to the end of a payload that
// ends at once, against the payload alone.
func BenchmarkWrap(b *testing.B) {
	dir := policyDir(b, map[string]string{"p.secco": noUname, "gate.secco": noExec})
	if err := os.WriteFile(filepath.Join(dir, "p.bpf"), bpf.Encode(load(b, dir).Program, binary.NativeEndian), 0o644); err != nil {
		b.Fatal(err)
	}
	payload := filepath.Join(dir, "exits")
	if err := os.WriteFile(payload, elf(exits), 0o755); err != nil {
		b.Fatal(err)
	}
	wrap := filepath.Join(bin, "secco-wrap")
	text := filepath.Join(dir, "text.secco") // without a program beside it
	copyFile(b, filepath.Join(dir, "p.secco"), text)
	for _, c := range []struct {
		name    string
		command []string
	}{
		{"payload-alone", []string{payload}},
		{"program", []string{wrap, "--policy", filepath.Join(dir, "p.bpf"), payload}},
		{"text", []string{wrap, "--policy", text, payload}},
		{"shipped-web-server", []string{wrap, "--policy", "web-server", payload}},
		{"gate", []string{wrap, "--gate", "--policy", filepath.Join(dir, "gate.secco"), payload}},
	} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				exec.Command(c.command[0], c.command[1:]...).Run()
			}
		})
	}
}

// BenchmarkContainer is the time of a whole container, by the ways in and without,
// and with a hook that does nothing.
func BenchmarkContainer(b *testing.B) {
	for _, name := range []string{"runc", "crun"} {
		b.Run(name, func(b *testing.B) {
			rt := findRuntime(b, name)
			without, nothing := way{name: "without"}, way{name: "no-op-hook"}
			for _, w := range append([]way{without, nothing}, ways...) {
				b.Run(w.name, func(b *testing.B) {
					dir := policyDir(b, map[string]string{"p.secco": w.policy})
					for b.Loop() {
						c := newBundle(b, "true")
						path, global := w.apply(b, c, rt, dir)
						if w.name == nothing.name {
							c.spec.Hooks = &specs.Hooks{CreateRuntime: []specs.Hook{{Path: "/bin/true"}}}
						}
						c.run(path, global...)
					}
				})
			}
		})
	}
}
