package convert

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	moby "github.com/moby/profiles/seccomp"

	"secco/compiler"
	"secco/convert/libseccomp"
	"secco/lang"
	"secco/linux"
	"secco/oci"
	"secco/policy/prove"
	"secco/profiles"
	"secco/source"
)

// dockerVersion is that of the module, with its date.
const dockerVersion, dockerDate = "v0.2.3", "2026-05-06"

// dockerJSON returns Docker's default profile, as it is published.
func dockerJSON(t *testing.T) *source.File {
	t.Helper()
	text, err := json.MarshalIndent(moby.DefaultProfile(), "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	return source.NewFile("default.json", string(text)+"\n")
}

func containersJSON(t *testing.T) *source.File {
	t.Helper()
	text, err := os.ReadFile("crosscheck/testdata/containers-common.json")
	if err != nil {
		t.Fatal(err)
	}
	return source.NewFile("containers.json", string(text))
}

func parse(t *testing.T, f *source.File) *oci.Profile {
	t.Helper()
	p, diags := oci.Parse(f)
	if p == nil {
		t.Fatal(diags)
	}
	return p
}

// capabilities are sets for which texts and profiles are compared: none, Docker's,
// all that the profiles ask for, each of those alone, and some pairs.
func capabilities(p *oci.Profile) [][]string {
	var all []string
	seen := map[string]bool{}
	for _, s := range p.Syscalls {
		for _, g := range []*oci.Guard{s.Includes, s.Excludes} {
			if g == nil {
				continue
			}
			for _, c := range g.Caps {
				if !seen[c] {
					seen[c] = true
					all = append(all, c)
				}
			}
		}
	}
	sets := [][]string{{}, oci.DefaultCaps(), all, {"CAP_SYS_ADMIN", "CAP_BPF"}, {"CAP_BPF", "CAP_PERFMON"}, {"CAP_SYS_ADMIN", "CAP_AUDIT_WRITE"}}
	for _, c := range all {
		sets = append(sets, []string{c})
	}
	return sets
}

// mustMean fails unless a text, compiled for a machine and container, is proved to
// do what the profile means there.
func mustMean(t *testing.T, text *source.File, profile *oci.Profile, host oci.Host) {
	t.Helper()
	want, diags := FromOCI(profile, Options{Host: host})
	if want == nil {
		t.Fatal(diags)
	}
	opts := lang.Options{Capabilities: host.Caps, Kernel: host.Kernel.String()}
	for _, target := range want.Targets {
		opts.Targets = append(opts.Targets, target.Arch)
	}
	got, diags := lang.Load([]*source.File{text}, opts)
	if got == nil {
		t.Fatalf("%s: %v", host.Native(), diags)
	}
	for _, d := range diags {
		if d.Code != "wide-comparison" { // the profiles do that, and it is told
			t.Errorf("%s: %s", host.Native(), d)
		}
	}
	out, err := compiler.Compile(got, compiler.Options{})
	if err != nil {
		t.Fatal(err)
	}
	program, err := prove.Program(out.Program)
	if err != nil {
		t.Fatal(err)
	}
	res, err := prove.Equivalent(prove.Policy(want), program, prove.Options{})
	if err != nil || res.Verdict != prove.Equal {
		t.Errorf("%s with %s: %v %v", host.Native(), host.Caps, res, err)
	}
}

// TestDefaultProfiles turns the default profiles of Docker and of the containers
// project to text that people can review, and proves what it compiles to equal
// for each architecture and for a table of capabilities and kernels.
func TestDefaultProfiles(t *testing.T) {
	machines := []linux.Arch{linux.X86_64, linux.ARM64, linux.RISCV64, linux.LOONG64, linux.PPC64LE, linux.I386, linux.ARM}
	kernels := []oci.Kernel{{Major: 4, Minor: 7}, {Major: 6, Minor: 1}}
	for name, file := range map[string]*source.File{"docker": dockerJSON(t), "containers": containersJSON(t)} {
		profile := parse(t, file)
		sets := capabilities(profile)
		for _, machine := range machines {
			t.Run(name+" "+machine.String(), func(t *testing.T) {
				sets, kernels := sets, kernels
				if name == "containers" && (!libseccomp.Available || machine != linux.X86_64) {
					// Without CAP_AUDIT_WRITE only libseccomp can say whether it gets the rules
					// right, and it does for its own machine: so with that capability alone.
					for _, caps := range sets {
						if slices.Contains(caps, "CAP_AUDIT_WRITE") {
							text := reviewable(t, profile, file, SeccoOptions{Arches: []linux.Arch{machine}, Caps: caps})
							mustMean(t, text, profile, oci.Host{Arch: machine, Caps: caps, Kernel: kernels[1]})
						}
					}
					return
				}
				text := reviewable(t, profile, file, SeccoOptions{Arches: []linux.Arch{machine}})
				if !strings.Contains(text.Text(), "when cap(CAP_SYS_ADMIN)") {
					t.Errorf("no guard in\n%s", text.Text())
				}
				if machine != linux.X86_64 {
					sets = sets[:3]
				}
				if name == "containers" {
					kernels = kernels[1:] // it has no guard on them, and asking libseccomp takes its time
				}
				for _, caps := range sets {
					for _, kernel := range kernels {
						mustMean(t, text, profile, oci.Host{Arch: machine, Caps: caps, Kernel: kernel})
					}
				}
			})
		}
	}
}

// reviewable returns a profile's text, which has to be short and in parts with
// titles.
func reviewable(t *testing.T, profile *oci.Profile, file *source.File, opts SeccoOptions) *source.File {
	t.Helper()
	text, _, err := ToSecco(profile, opts)
	if err != nil {
		t.Fatal(err)
	}
	if lines, of := strings.Count(text, "\n"), strings.Count(file.Text(), "\n"); lines >= of/2 {
		t.Errorf("%d lines, the profile has %d", lines, of)
	}
	for _, part := range []string{"# files, directories", "# network\n", "# signals\n"} {
		if !strings.Contains(text, part) {
			t.Errorf("no %q in\n%s", part, text)
		}
	}
	return source.NewFile("text", text)
}

// TestDockerDefault holds that the shipped policy is what Docker's default profile
// means. With -update it writes it.
func TestDockerDefault(t *testing.T) {
	profile := parse(t, dockerJSON(t))
	header := fmt.Sprintf(`What Docker allows a container by default, as of %s.
Made of the default profile in github.com/moby/profiles/seccomp %s (Apache-2.0), for
kernels from 4.8, and for both x86_64 and aarch64: --arch aarch64,arm for the latter.
What it allows depends on the container's capabilities, which --caps states. Docker's default:
%s`, dockerDate, dockerVersion, strings.Join(oci.DefaultCaps(), ", "))
	machines := []linux.Arch{linux.X86_64, linux.ARM64}
	text, diags, err := ToSecco(profile, SeccoOptions{Arches: machines, Kernel: oci.Kernel{Major: 4, Minor: 8}, Header: header})
	if err != nil || len(diags) > 0 {
		t.Fatal(err, diags)
	}
	const path = "../profiles/docker-default.secco"
	if *update {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	shipped, _ := profiles.Lookup("docker-default")
	if *update {
		shipped = []byte(text)
	}
	if string(shipped) != text {
		t.Errorf("%s is stale: run go test ./convert -run TestDockerDefault -update", path)
	}
	mod, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(mod), "github.com/moby/profiles/seccomp "+dockerVersion) {
		t.Error("the module has another version: set dockerVersion and dockerDate")
	}
	for _, machine := range machines {
		for _, caps := range capabilities(profile) {
			mustMean(t, source.NewFile("docker-default", string(shipped)), profile, oci.Host{Arch: machine, Caps: caps, Kernel: oci.Kernel{Major: 6, Minor: 1}})
		}
	}
}

// TestToSecco has profiles whose guards are hard to say.
func TestToSecco(t *testing.T) {
	entry := func(names, action, rest string) string {
		return fmt.Sprintf(`{"names": [%s], "action": "SCMP_ACT_%s"%s}`, names, action, rest)
	}
	caps := func(field string, list ...string) string {
		text, _ := json.Marshal(list)
		return fmt.Sprintf(`, %q: {"caps": %s}`, field, text)
	}
	kernel := func(field, version string) string { return fmt.Sprintf(`, %q: {"minKernel": %q}`, field, version) }
	for name, c := range map[string]struct {
		entries []string
		want    string // part of the text, or of the error
	}{
		"both ways":        {[]string{entry(`"read"`, "ALLOW", caps("includes", "CAP_BPF")), entry(`"read"`, "TRAP", caps("excludes", "CAP_BPF"))}, "read: return trap\n\nwhen cap(CAP_BPF) {\n    read: 1\n}"},
		"only without":     {[]string{entry(`"read"`, "ALLOW", caps("excludes", "CAP_BPF"))}, "read: 1\n\nwhen cap(CAP_BPF) {\n    read: return EPERM\n}"},
		"both":             {[]string{entry(`"read"`, "ALLOW", caps("includes", "CAP_BPF", "CAP_CHOWN"))}, "when cap(CAP_BPF) && cap(CAP_CHOWN) {"},
		"neither":          {[]string{entry(`"read"`, "ALLOW", caps("excludes", "CAP_BPF", "CAP_CHOWN"))}, "when cap(CAP_BPF) || cap(CAP_CHOWN) {\n    read: return EPERM"},
		"kernels":          {[]string{entry(`"read"`, "ALLOW", kernel("includes", "4.8")), entry(`"read"`, "LOG", kernel("includes", "5.3")), entry(`"read"`, "TRAP", kernel("excludes", "4.8"))}, "when kernel >= 4.8 {\n    read: 1\n}"},
		"older":            {[]string{entry(`"read"`, "ALLOW", kernel("excludes", "4.8"))}, "when kernel >= 4.8 {\n    read: return EPERM"},
		"first wins":       {[]string{entry(`"read"`, "ALLOW", caps("includes", "CAP_BPF")), entry(`"read"`, "TRAP", "")}, "read: return trap\n\nwhen cap(CAP_BPF) {\n    read: 1\n}"},
		"conditions":       {[]string{entry(`"read"`, "ALLOW", `, "args": [{"index": 0, "op": "SCMP_CMP_EQ", "value": 1}]`+caps("excludes", "CAP_BPF")), entry(`"read"`, "ALLOW", caps("includes", "CAP_BPF"))}, "read: arg0 == 1\n\nwhen cap(CAP_BPF) {\n    read: 1\n}"},
		"a multiplexer":    {[]string{entry(`"socket"`, "ALLOW", caps("includes", "CAP_BPF"))}, "when cap(CAP_BPF) {"},
		"arches of guards": {[]string{entry(`"read"`, "ALLOW", `, "includes": {"arches": ["arm64"]}`), entry(`"write"`, "ALLOW", `, "includes": {"arches": ["amd64"]}`)}, "\nwrite: 1\n"},
		"a comment":        {[]string{entry(`"read"`, "ALLOW", `, "comment": "one\ntwo\u202e\u0007 # three"`)}, "# one\n# two # three\nread: 1"},
		"undefined":        {[]string{entry(`"read"`, "ALLOW", `, "args": [{"index": 0, "op": "SCMP_CMP_EQ", "value": 1}]`+caps("includes", "CAP_BPF")), entry(`"read"`, "LOG", `, "args": [{"index": 1, "op": "SCMP_CMP_EQ", "value": 1}]`)}, "error[undefined-overlap]"},
		"too many":         {[]string{entry(`"read"`, "ALLOW", caps("includes", "CAP_BPF", "CAP_CHOWN", "CAP_KILL", "CAP_MKNOD", "CAP_LEASE", "CAP_FOWNER", "CAP_FSETID"))}, "depends on more than 6 guards"},
	} {
		t.Run(name, func(t *testing.T) {
			file := source.NewFile("p.json", `{"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86"], "syscalls": [`+strings.Join(c.entries, ",\n")+`]}`)
			profile := parse(t, file)
			text, _, err := ToSecco(profile, SeccoOptions{WithoutLibseccomp: true})
			if err != nil {
				if !strings.Contains(err.Error(), c.want) {
					t.Errorf("%v; want %s", err, c.want)
				}
				return
			}
			if !strings.Contains(text, c.want) {
				t.Errorf("no\n%s\nin\n%s", c.want, text)
			}
			for _, set := range capabilities(profile) {
				for _, k := range []oci.Kernel{{Major: 4, Minor: 7}, {Major: 4, Minor: 8}, {Major: 5, Minor: 3}} {
					mustMean(t, source.NewFile("text", text), profile, oci.Host{Caps: set, Kernel: k})
				}
			}
		})
	}
}

// TestToSeccoProves holds that a text that does not mean the profile is found.
func TestToSeccoProves(t *testing.T) {
	profile := parse(t, dockerJSON(t))
	text, _, err := ToSecco(profile, SeccoOptions{Caps: []string{}, Kernel: oci.Kernel{Major: 6}})
	if err != nil {
		t.Fatal(err)
	}
	want, diags := FromOCI(profile, Options{Host: oci.Host{Caps: []string{}, Kernel: oci.Kernel{Major: 6}}})
	if want == nil {
		t.Fatal(diags)
	}
	for _, change := range [][2]string{{"socketpair: 1", "socketpair: return EACCES"}, {"uname: 1", "uname: 1\nreboot: 1"}, {"CLONE_NEWUSER | ", ""}} {
		changed := strings.Replace(text, change[0], change[1], 1)
		got, diags := lang.Load([]*source.File{source.NewFile("text", changed)}, lang.Options{})
		if got == nil || changed == text {
			t.Fatal(change, diags)
		}
		if res, err := prove.Equivalent(prove.Policy(want), prove.Policy(got), prove.Options{}); err != nil || res.Verdict != prove.Different {
			t.Errorf("%q: %v %v", change, res, err)
		}
	}
}
