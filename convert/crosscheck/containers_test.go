//go:build libseccomp && cgo

package crosscheck

import (
	"context"
	"os"
	"testing"
	"time"

	"secco/convert"
	"secco/oci"
	"secco/source"
)

// podmanCaps are what Podman gives a container by default.
var podmanCaps = []string{
	"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_NET_BIND_SERVICE",
	"CAP_SETFCAP", "CAP_SETGID", "CAP_SETPCAP", "CAP_SETUID", "CAP_SYS_CHROOT",
}

// TestContainersDefault compares the program of the containers project's default
// profile with the one that libseccomp builds.
func TestContainersDefault(t *testing.T) {
	text, err := os.ReadFile("testdata/containers-common.json")
	if err != nil {
		t.Fatal(err)
	}
	profile, diags := oci.Parse(source.NewFile("containers-common.json", string(text)))
	if profile == nil {
		t.Fatal(diags)
	}
	for name, tc := range map[string]struct {
		caps []string
		// unsure is set where not every libseccomp gets the rules right, so that
		// the one at hand has to say so.
		unsure bool
	}{
		"Docker's caps": {nil, false},
		"Podman's caps": {podmanCaps, true},
		"admin":         {append([]string{"CAP_SYS_ADMIN", "CAP_AUDIT_WRITE"}, podmanCaps...), false},
	} {
		t.Run(name, func(t *testing.T) {
			opts := convert.Options{Host: oci.Host{Caps: tc.caps}, WithoutLibseccomp: true}
			p, diags := convert.FromOCI(profile, opts)
			if (p == nil) != tc.unsure {
				t.Fatalf("without libseccomp: %v", diags)
			}
			opts.WithoutLibseccomp = false
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			report, err := VerifyProfile(ctx, profile, opts)
			if err != nil {
				t.Fatal(err)
			}
			if err := report.Err(); err != nil || !report.Proved {
				t.Errorf("proved: %v; %v", report.Proved, err)
			}
			t.Logf("libseccomp %s: %d calls, %d instructions against %d", report.Version, report.Calls, len(report.Program), len(report.Libseccomp))
		})
	}
}

// TestNotConfirmed has a profile of which libseccomp makes something stricter
// than it says: asking it doesn't make it right.
func TestNotConfirmed(t *testing.T) {
	const text = `{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
		{"names": ["read"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "op": "SCMP_CMP_LT", "value": 4294967296}]},
		{"names": ["read"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "op": "SCMP_CMP_GT", "value": 2147483648}]}]}`
	profile, diags := oci.Parse(source.NewFile("p.json", text))
	if profile == nil {
		t.Fatal(diags)
	}
	p, diags := convert.FromOCI(profile, convert.Options{})
	if p != nil || !diags.HasErrors() || diags[0].Hint == "" {
		t.Errorf("got %v", diags)
	}
}
