package container_test

import (
	"slices"
	"strings"
	"testing"

	"secco/bpf"
	"secco/hook/container"
	"secco/linux"
)

func listed(verdict, other linux.Action, names ...string) bpf.Program {
	p := bpf.Program{{Op: bpf.LdW, K: linux.WordNR.Offset(false)}}
	for i, n := range names {
		nr, ok := linux.X86_64.Syscall(n)
		if !ok {
			panic(n)
		}
		p = append(p, bpf.Instruction{Op: bpf.JeqK, K: nr, Jt: uint8(len(names) - i)})
	}
	return append(p, bpf.Instruction{Op: bpf.RetK, K: uint32(other)}, bpf.Instruction{Op: bpf.RetK, K: uint32(verdict)})
}

func TestLintStartup(t *testing.T) {
	native, _ := linux.ParseArch("amd64")
	for _, name := range container.StartupRuntimes() {
		for _, nnp := range []bool{true, false} {
			needs := container.StartupNeeds(name, nnp)
			if len(needs) == 0 {
				t.Fatalf("%s needs nothing", name)
			}
			for _, n := range needs {
				if _, ok := native.Syscall(n); !ok {
					t.Errorf("%s needs %s, which %v lacks", name, n, native)
				}
			}
			if ds := container.LintStartup(listed(linux.Allow, linux.Errno.With(1), needs...), native, name, nnp); ds != nil {
				t.Errorf("%s: all it needs is allowed: %v", name, ds)
			}
			for i, n := range needs {
				others := append(append([]string{}, needs[:i]...), needs[i+1:]...)
				ds := container.LintStartup(listed(linux.Allow, linux.KillProcess, others...), native, name, nnp)
				if len(ds) != 1 || ds.HasErrors() || !strings.Contains(ds[0].Message, n+" (kill_process)") {
					t.Errorf("%s without %s: %v", name, n, ds)
				}
			}
		}
	}
	if ds := container.LintStartup(listed(linux.Allow, linux.Errno.With(1), container.StartupNeeds("runc:1.1.5", false)...), native, "runc", false); len(ds) != 1 ||
		!strings.Contains(ds[0].Message, "statx") || strings.Contains(ds[0].Message, "openat2") {
		t.Errorf("%v: want newer runc's needs, but for what it can do without", ds)
	}
	for name, want := range map[string]bool{"crun": true, "crun:1.28": true, "crun:1.14.1": true, "crun:1.14": false, "crun:1.8.1": false, "crun:v1.21.0": true, "crun:?": true} {
		if got := slices.Contains(container.StartupNeeds(name, true), "close_range"); got != want {
			t.Errorf("%s needs close_range: %t", name, got)
		}
	}
	if ds := container.LintStartup(listed(linux.Allow, linux.Errno.With(1), "close", "execve"), native, "crun", true); ds != nil {
		t.Errorf("%v: crun gets on without close_range", ds)
	}
	if container.StartupNeeds("unknown", true) != nil || container.LintStartup(listed(linux.Allow, 0), native, "unknown", true) != nil {
		t.Error("an unknown runtime has needs")
	}
}
