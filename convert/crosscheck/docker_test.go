//go:build libseccomp && cgo

package crosscheck

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	moby "github.com/moby/profiles/seccomp"
	"github.com/opencontainers/runtime-spec/specs-go"

	"secco/bpf"
	"secco/compiler"
	"secco/compiler/decompile"
	"secco/convert"
	"secco/convert/libseccomp"
	"secco/oci"
	"secco/policy"
	"secco/policy/prove"
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

// TestDockerDefaultBack decompiles what secco and libseccomp make of Docker's
// default profile: to a policy that is proved to do the same, in at most twice the
// lines that the import of the profile takes.
func TestDockerDefaultBack(t *testing.T) {
	p, diags := convert.FromOCI(dockerDefault(t), convert.Options{})
	if p == nil {
		t.Fatal(diags)
	}
	imported := textOf(t, p)
	programs := map[string]bpf.Program{}
	for name, opts := range map[string]compiler.Options{"for speed": {}, "for size": {Optimize: compiler.Size}} {
		out, err := compiler.Compile(p, opts)
		if err != nil {
			t.Fatal(err)
		}
		programs[name] = out.Program
	}
	resolved, diags := dockerDefault(t).Resolve(oci.Host{})
	if len(diags) > 0 {
		t.Fatal(diags)
	}
	for _, tree := range []bool{false, true} {
		program, err := libseccomp.Build(resolved.Spec(), libseccomp.Options{Tree: &tree})
		if err != nil {
			t.Fatal(err)
		}
		programs[fmt.Sprintf("libseccomp, tree %v", tree)] = program
	}
	for name, program := range programs {
		back, err := decompile.Program(program, decompile.Options{})
		if err != nil {
			t.Fatal(err)
		}
		text := textOf(t, back)
		filter, err := prove.Program(program)
		if err != nil {
			t.Fatal(err)
		}
		result, err := prove.Equivalent(filter, prove.Policy(load(t, text, nil)), prove.Options{})
		if err != nil || result.Verdict != prove.Equal {
			t.Errorf("%s: %v %v %v", name, result.Verdict, result.Witness, err)
		}
		lines, most := strings.Count(text, "\n"), 2*strings.Count(imported, "\n")
		t.Logf("%s: %d lines, of %d", name, lines, most)
		if lines > most {
			t.Errorf("%s: too many lines\n%s", name, text)
		}
		for _, words := range []string{
			"clone: arg0 & (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET) == 0\n",
			"clone3: return ENOSYS\n",
			"personality: in(arg0, PER_LINUX, PER_LINUX32, UNAME26, 0x20008, 0xffffffff)\n",
			"socket: notIn(arg0, AF_ALG, AF_VSOCK)\n",
		} {
			if !strings.Contains(text, words) {
				t.Errorf("%s: no %q in\n%s", name, words, text)
			}
		}
	}
}

func textOf(t *testing.T, p *policy.Policy) string {
	t.Helper()
	text, err := decompile.Text(p, decompile.TextOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return text
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
