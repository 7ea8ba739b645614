package readers

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"secco/bpf"
	"secco/emulator"
	"secco/lang"
	"secco/linux"
	"secco/source"
)

var returnsAllow = bpf.Program{{Op: bpf.RetK, K: uint32(linux.Allow)}}

// One source of each kind, which allows read on x86_64 in some way.
var sources = map[Kind]*source.File{
	Secco:       source.NewFile("p", "DEFAULT_POSITIVE = allow\nDEFAULT_POLICY = kill\nread: 1\ntest read => allow\n"),
	BPF:         source.NewFile("p", string(bpf.Encode(returnsAllow, binary.LittleEndian))),
	Asm:         source.NewFile("p", "ret #0x7fff0000\n"),
	OCI:         source.NewFile("p", `{"defaultAction":"SCMP_ACT_ERRNO","architectures":["SCMP_ARCH_X86_64"],"syscalls":[{"names":["read"],"action":"SCMP_ACT_ALLOW"}]}`),
	SPO:         source.NewFile("p", "apiVersion: security-profiles-operator.x-k8s.io/v1\nkind: SeccompProfile\nspec: {defaultAction: SCMP_ACT_ERRNO, syscalls: [{names: [read], action: SCMP_ACT_ALLOW}]}\n"),
	Rkeene:      source.NewFile("p", "x86_64 {\nreturn allow\n}\n"),
	Minijail:    source.NewFile("p.policy", "read: allow\n"),
	Elastic:     source.NewFile("p", "seccomp:\n  default_action: errno\n  syscalls:\n  - action: allow\n    names: [read]\n"),
	Seccompiler: source.NewFile("p", `{"main":{"mismatch_action":"trap","match_action":"allow","filter":[{"syscall":"read"}]}}`),
}

func TestRead(t *testing.T) {
	read := linux.SeccompData{Arch: linux.X86_64.Audit()}
	for _, k := range Kinds() {
		for _, stated := range []Kind{"", k} {
			f, findings := Read([]*source.File{sources[k]}, Options{Kind: stated})
			if findings.HasErrors() {
				t.Errorf("%s: %v", k, findings)
				continue
			}
			var got linux.Action
			switch {
			case (f.Policy == nil) == (f.Program == nil):
				t.Errorf("%s: policy %v, program %v", k, f.Policy, f.Program)
				continue
			case f.Policy != nil:
				got, _ = f.Policy.Eval(&read)
			default:
				m, err := emulator.New(f.Program)
				if err != nil {
					t.Fatal(err)
				}
				got = m.Run(&read)
			}
			if got != linux.Allow || f.Kind != k || f.Name != sources[k].Name() {
				t.Errorf("%s: %s %s: read gets %v", k, f.Kind, f.Name, got)
			}
			if tests := len(f.Tests); tests != 1 && k == Secco {
				t.Errorf("%d tests", tests)
			}
		}
	}
}

func TestReadWrong(t *testing.T) {
	secco := sources[Secco]
	for name, c := range map[string]struct {
		files []*source.File
		opts  Options
		want  string
	}{
		"nothing":          {nil, Options{}, "error[no-source]"},
		"no kind":          {[]*source.File{secco}, Options{Kind: "toml"}, "error[unknown-kind]"},
		"several kinds":    {[]*source.File{secco, sources[OCI]}, Options{}, "error[usage]"},
		"several profiles": {[]*source.File{sources[OCI], sources[OCI]}, Options{}, "error[usage]"},
		"kernel":           {[]*source.File{secco}, Options{Options: lang.Options{Kernel: "5.15abc"}}, "error[bad-version]"},
		"kernel, none":     {[]*source.File{secco}, Options{Options: lang.Options{Kernel: "0.0"}}, "error[bad-version]"},
		"kernel, one part": {[]*source.File{secco}, Options{Options: lang.Options{Kernel: "5"}}, "error[bad-version]"},
		"half a program":   {[]*source.File{source.NewFile("p.bpf", "1234")}, Options{}, "error[invalid-program]: p.bpf: "},
		"invalid program":  {[]*source.File{source.NewFile("p.bpf", "\xff\xff\x00\x00\x00\x00\x00\x00")}, Options{}, "error[invalid-program]: p.bpf: "},
		"byte order":       {[]*source.File{sources[BPF]}, Options{Options: lang.Options{Targets: []linux.Arch{linux.S390X}}}, "error[invalid-program]: p: "},
		"assembler":        {[]*source.File{source.NewFile("p", "ret\nretx\n")}, Options{}, "p:1:4: error["},
		"profile":          {[]*source.File{source.NewFile("p", "{}")}, Options{}, "error["},
		"architecture":     {[]*source.File{sources[Elastic]}, Options{Options: lang.Options{Targets: []linux.Arch{200}}}, "error[unknown-arch]"},
		"capability":       {[]*source.File{sources[OCI]}, Options{Options: lang.Options{Capabilities: []string{"CAP_ALL"}}}, "error[unknown-capability]"},
		"minijail's":       {[]*source.File{sources[Minijail]}, Options{Options: lang.Options{Defaults: lang.Defaults{Policy: "permit"}}}, "<default-policy>:1:1: error["},
	} {
		f, findings := Read(c.files, c.opts)
		if f != nil || !strings.Contains(findings.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, findings, c.want)
		}
	}
}

// A guard sees the kernel's version as uname writes it.
func TestKernel(t *testing.T) {
	text := "DEFAULT_POSITIVE = allow\nDEFAULT_POLICY = kill\nwhen kernel >= 4.19 {\nread: 1\n}\n"
	for kernel, want := range map[string]linux.Action{"4.19.325-cip119+": linux.Allow, "4.18": linux.KillThread, "6.1.0-18-amd64": linux.Allow} {
		f, findings := Read([]*source.File{source.NewFile("p", text)}, Options{Options: lang.Options{Kernel: kernel}})
		if findings.HasErrors() {
			t.Errorf("%s: %v", kernel, findings)
			continue
		}
		if got, _ := f.Policy.Eval(&linux.SeccompData{Arch: linux.X86_64.Audit()}); got != want {
			t.Errorf("%s: read gets %v, want %v", kernel, got, want)
		}
	}
}

func TestWithin(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "more.secco"), []byte("read: 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	find, done, err := Within(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	load := func(text string) error {
		opts := lang.Options{Find: find, Defaults: lang.Defaults{Positive: "allow", Policy: "kill"}}
		_, findings := Read([]*source.File{source.NewFile(filepath.Join(dir, "p.secco"), text)}, Options{Options: opts})
		return findings.Err()
	}
	for text, ok := range map[string]bool{
		"include \"more.secco\"\n":    true,
		"base pure\n":                 true,
		"include \"../more.secco\"\n": false,
		"base nothing\n":              false,
	} {
		if err := load(text); (err == nil) != ok {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, _, err := Within(dir, filepath.Join(dir, "nothing")); err == nil {
		t.Error("a directory that is not there is opened")
	}
}

// A policy of minijail's includes files by where they are to be installed.
func TestInstalled(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"sandbox=1/p.policy":       "@include /usr/share/policy/app/common.policy\nclose: 1\n",
		"sandbox=1/common.policy":  "@include ./more.policy\nread: 1\nraed: 1\n",
		"sandbox=1/more.policy":    "write: 1\n",
		"sandbox=1/common.policy~": "",
	} {
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	own := filepath.Join(dir, "sandbox=1") + "/"
	name := own + "p.policy"
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	read := func(dirs ...string) source.Diagnostics {
		find, done, err := Within(append([]string{own}, dirs...)...)
		if err != nil {
			t.Fatal(err)
		}
		defer done()
		_, findings := Read([]*source.File{source.NewFile(name, string(text))}, Options{Options: lang.Options{Find: find}})
		return findings
	}
	missing := read()
	if want := "there is " + own + "common.policy: -I /usr/share/policy/app=" + strings.TrimSuffix(own, "/") + " has that directory stand for the other"; len(missing) != 1 || missing[0].Hint != want {
		t.Errorf("%v, %+v; want %s", missing, missing, want)
	}
	for _, at := range []string{"/usr/share/policy/app=", "/usr/share/policy/app/=", "/usr/share//policy/app="} {
		findings := read(at + strings.TrimSuffix(own, "/"))
		if want := own + `common.policy:3:1: error[unknown-syscall]: no syscall named "raed" on x86_64`; findings.Error() != want {
			t.Errorf("%s: %v, want %s", at, findings, want)
		}
	}
	if findings := read("/usr/share/policy=" + own); !strings.Contains(findings.Error(), "error[include]: no file") {
		t.Errorf("a directory that stands for another one: %v", findings)
	}
}
