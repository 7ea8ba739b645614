//go:build libseccomp && cgo

package crosscheck

import (
	"context"
	"os"
	"slices"
	"testing"
	"time"

	"secco/convert"
	"secco/oci"
	"secco/policy"
	"secco/policy/diagram"
	"secco/policy/prove"
	"secco/source"
)

// podmanCaps are what Podman gives a container by default.
var podmanCaps = []string{
	"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_NET_BIND_SERVICE",
	"CAP_SETFCAP", "CAP_SETGID", "CAP_SETPCAP", "CAP_SETUID", "CAP_SYS_CHROOT",
}

// containersDefault returns the containers project's default profile.
func containersDefault(t *testing.T) *oci.Profile {
	t.Helper()
	text, err := os.ReadFile("testdata/containers-common.json")
	if err != nil {
		t.Fatal(err)
	}
	profile, diags := oci.Parse(source.NewFile("containers-common.json", string(text)))
	if profile == nil {
		t.Fatal(diags)
	}
	return profile
}

// TestContainersDefault compares the program of the containers project's default
// profile with the one that libseccomp builds.
func TestContainersDefault(t *testing.T) {
	profile := containersDefault(t)
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

// TestDockerAgainstContainers lists the differences between the two projects'
// defaults. Every sample call must be told by the list to be treated alike or
// differently, as it is, and people must be able to read it.
func TestDockerAgainstContainers(t *testing.T) {
	profile := containersDefault(t)
	docker, diags := convert.FromOCI(dockerDefault(t), convert.Options{})
	if docker == nil {
		t.Fatal(diags)
	}
	containers, diags := convert.FromOCI(profile, convert.Options{})
	if containers == nil {
		t.Fatal(diags)
	}
	report, err := prove.Differences(prove.Policy(docker), prove.Policy(containers), prove.Options{})
	if err != nil || len(report.Undecided) > 0 {
		t.Fatal(err, report.Undecided)
	}
	for _, d := range report.Differences {
		if d.Vague != "" {
			t.Errorf("%s: %s", prove.CallsString(d.Calls), d.Vague)
		}
	}
	changes := report.Changes()
	if len(changes) < 5 || len(changes) > 25 {
		t.Errorf("%d changes\n%s", len(changes), report)
	}
	calls, differ := 0, 0
	for _, p := range []*policy.Policy{docker, containers} {
		for call := range policy.Samples(p) {
			a, _ := docker.Eval(&call)
			b, _ := containers.Eval(&call)
			calls++
			listed := false
			for _, d := range report.Differences {
				if !d.Calls.Has(&call) || !slices.ContainsFunc(d.When, func(t diagram.Term) bool { return t.Has(&call) }) {
					continue
				}
				if listed = true; d.A != a.Effect() || d.B != b.Effect() {
					t.Fatalf("%s: %v and %v are listed as %v and %v", prove.CallString(&call), a, b, d.A, d.B)
				}
			}
			if listed != (a.Effect() != b.Effect()) {
				t.Fatalf("%s: %v and %v, listed: %v", prove.CallString(&call), a, b, listed)
			}
			if listed {
				differ++
			}
		}
	}
	t.Logf("%d changes, %d calls tried, %d of them differ\n%s", len(changes), calls, differ, report)
	if differ < 200 {
		t.Errorf("only %d of %d calls differ", differ, calls)
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
