package oci

import (
	"slices"
	"testing"

	"secco/linux"
)

func TestParseRuntime(t *testing.T) {
	for text, want := range map[string]string{
		"none": "none", "crun": "crun", "runc": "runc", "runc:1.1.5": "runc:1.1.5", "runc:v1.2": "runc:1.2.0", "crun:1.8.1": "crun:1.8.1",
	} {
		r, err := ParseRuntime(text)
		if err != nil || r.String() != want {
			t.Errorf("%s: got %s, %v", text, r, err)
		}
		if again, err := ParseRuntime(r.String()); err != nil || again != r {
			t.Errorf("%s: reads back as %s, %v", text, again, err)
		}
	}
	for _, text := range []string{"", "youki", "runc:", "runc:1", "none:1.2", "runc:1.0.0-rc93", "runc:0.1.1", "runc:1.2.3.4", "runc:123456.0", " runc", "RUNC"} {
		if r, err := ParseRuntime(text); err == nil {
			t.Errorf("%q is read as %s", text, r)
		}
	}
}

func TestStubs(t *testing.T) {
	both := []linux.Arch{linux.I386, linux.ARM64, linux.I386}
	for _, tc := range []struct {
		runtime  string
		fallback linux.Action
		listed   []linux.Arch
		want     []linux.Arch
	}{
		{"none", linux.KillProcess, both, nil},
		{"crun", linux.KillProcess, both, nil},
		{"runc", linux.KillProcess, both, []linux.Arch{linux.I386, linux.ARM64, linux.X86_64}},
		{"runc", linux.Errno.With(38), nil, []linux.Arch{linux.X86_64}},
		{"runc", linux.Trap, nil, []linux.Arch{linux.X86_64}},
		{"runc", linux.Trace.With(3), both, nil},
		{"runc", linux.Log, both, nil},
		{"runc", linux.Allow, both, nil},
		{"runc:1.1.14", linux.KillThread, both, []linux.Arch{linux.I386, linux.ARM64}},
		{"runc:1.1.14", linux.KillThread, nil, nil},
		{"runc:1.1.15", linux.KillThread, nil, []linux.Arch{linux.X86_64}},
	} {
		r, err := ParseRuntime(tc.runtime)
		if err != nil {
			t.Fatal(err)
		}
		if got := r.Stubs(tc.fallback, tc.listed, linux.X86_64); !slices.Equal(got, tc.want) {
			t.Errorf("%s, %s, %v: got %v, want %v", tc.runtime, tc.fallback, tc.listed, got, tc.want)
		}
	}
}
