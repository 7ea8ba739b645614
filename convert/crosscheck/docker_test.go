//go:build libseccomp && cgo

package crosscheck

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	moby "github.com/moby/profiles/seccomp"
	"github.com/opencontainers/runtime-spec/specs-go"

	"secco/convert"
	"secco/oci"
	"secco/source"
)

// dockerDefault returns Docker's default profile, read by us.
func dockerDefault(t *testing.T) *oci.Profile {
	t.Helper()
	text, err := json.MarshalIndent(moby.DefaultProfile(), "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	profile, diags := oci.Parse(source.NewFile("default.json", string(text)))
	if profile == nil {
		t.Fatal(diags)
	}
	return profile
}

// TestDockerDefault compares the program of Docker's default profile with the
// one that libseccomp builds, for several sets of capabilities.
func TestDockerDefault(t *testing.T) {
	for name, caps := range map[string][]string{
		"default caps": nil,
		"no caps":      {},
		"admin":        {"CAP_SYS_ADMIN", "CAP_SYS_PTRACE", "CAP_BPF", "CAP_SYSLOG"},
	} {
		t.Run(name, func(t *testing.T) {
			opts := convert.Options{Host: oci.Host{Caps: caps}, WithoutLibseccomp: true}
			profile := dockerDefault(t)
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			report, err := VerifyProfile(ctx, profile, opts)
			if err != nil {
				t.Fatal(err)
			}
			if err := report.Err(); err != nil {
				t.Error(err)
			}
			if !report.Proved {
				t.Errorf("not proved: %s", report.Undecided)
			}
			t.Logf("libseccomp %s: %d calls, %d instructions against %d, unknown there: %v", report.Version, report.Calls, len(report.Program), len(report.Libseccomp), report.Unknown)
			resolvedAsDocker(t, caps)
		})
	}
}

// resolvedAsDocker compares Resolve with what Docker does.
func resolvedAsDocker(t *testing.T, caps []string) {
	t.Helper()
	if caps == nil {
		caps = oci.DefaultCaps()
	}
	spec := &specs.Spec{Process: &specs.Process{Capabilities: &specs.LinuxCapabilities{Bounding: caps}}}
	want, err := moby.GetDefaultProfile(spec)
	if err != nil {
		t.Fatal(err)
	}
	got, diags := dockerDefault(t).Resolve(oci.Host{Caps: caps})
	if len(diags) > 0 {
		t.Fatal(diags)
	}
	if diff := cmp.Diff(want, got.Spec()); diff != "" {
		t.Errorf("Resolve differs from Docker (-docker +secco):\n%s", diff)
	}
}

// TestDockerDefaultThereAndBack converts what was read back to a profile.
func TestDockerDefaultThereAndBack(t *testing.T) {
	p, diags := convert.FromOCI(dockerDefault(t), convert.Options{})
	if p == nil {
		t.Fatal(diags)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	report, err := Verify(ctx, p, convert.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := report.Err(); err != nil {
		t.Error(err)
	}
	if !report.Proved {
		t.Errorf("not proved: %s", report.Undecided)
	}
}
