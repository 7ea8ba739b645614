package container_test

import (
	"encoding/base64"
	"encoding/binary"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"secco/bpf"
	"secco/hook/container"
	"secco/linux"
)

// nativeName is what profiles call this machine's architecture.
var nativeName = map[string]string{"amd64": "SCMP_ARCH_X86_64", "arm64": "SCMP_ARCH_AARCH64"}[runtime.GOARCH]

// The gate judges all that config.json may give a container as its filter.
func TestGate(t *testing.T) {
	policies, bundle := t.TempDir(), t.TempDir()
	writeFile(t, filepath.Join(policies, "p.secco"), "DEFAULT_POSITIVE = EPERM\nDEFAULT_NEGATIVE = allow\nDEFAULT_POLICY = allow\nuname: 1\n")
	writeFile(t, filepath.Join(policies, "killing.secco"), "DEFAULT_POSITIVE = allow\nDEFAULT_NEGATIVE = kill_process\nDEFAULT_POLICY = kill_process\nDEFAULT_BADARCH = kill_thread\nread, exit_group: 1\n")
	program := func(p bpf.Program) string {
		return `"run.oci.seccomp_bpf_data":"` + base64.StdEncoding.EncodeToString(bpf.Encode(p, binary.NativeEndian)) + `"`
	}
	strict := `{"defaultAction":"SCMP_ACT_ALLOW","architectures":["` + nativeName + `"],"syscalls":[{"names":["uname"],"action":"SCMP_ACT_ERRNO"}]}`
	const (
		open = `{"defaultAction":"SCMP_ACT_ALLOW"}`
		all  = `{"defaultAction":"SCMP_ACT_ERRNO"}`
	)
	allow, kill := bpf.Program{{Op: bpf.RetK, K: uint32(linux.Allow)}}, bpf.Program{{Op: bpf.RetK, K: uint32(linux.KillProcess)}}
	for _, c := range []struct{ name, annotations, linux, want string }{
		{"no profile", ``, `{}`, "unconfined"},
		{"no linux", ``, `null`, "unconfined"},
		{"empty profile", ``, `{"seccomp":{}}`, `"defaultAction" is missing`},
		{"open", ``, `{"seccomp":` + open + `}`, "less strict"},
		{"strict", ``, `{"seccomp":` + strict + `}`, ""},
		{"two profiles", ``, `{"seccomp":` + strict + `,"Seccomp":` + open + `}`, "twice"},
		{"a profile spelled otherwise", ``, `{"Seccomp":` + strict + `}`, `"Seccomp" is to be "seccomp"`},
		{"a field of the profile twice", ``, `{"seccomp":` + strings.Replace(strict, `"syscalls"`, `"syscalls":[],"syscalls"`, 1) + `}`, "is there twice"},
		{"a field of the profile spelled otherwise", ``, `{"seccomp":` + strings.Replace(strict, `"names"`, `"Names"`, 1) + `}`, `no field named "Names"`},
		{"a field that nobody knows", ``, `{"seccomp":` + strings.Replace(strict, `"names"`, `"nonsense":1,"names"`, 1) + `}`, "unknown-field"},
		{"crun's program, open", program(allow), `{"seccomp":` + strict + `}`, "the program of the annotation"},
		{"crun's program, strict", program(kill), `{"seccomp":` + strict + `}`, ""},
		{"crun's program twice", program(allow) + "," + program(kill), `{"seccomp":` + strict + `}`, "is there twice"},
		{"crun's program behind a NUL", strings.Replace(program(allow), `":`, `\u0000x":`, 1), `{"seccomp":` + strict + `}`, "holds a NUL"},
		{"a profile behind a NUL", ``, `{"seccomp\u0000":` + open + `,"seccomp":` + strict + `}`, "holds a NUL"},
		{"a name behind a NUL", ``, `{"seccomp":` + strings.Replace(strict, `uname`, `uname\u0000x`, 1) + `}`, "holds a NUL"},
		{"a number that is none of the field's", ``, `{"seccomp":` + strings.Replace(strict, `"names"`, `"errnoRet":4294967297,"names"`, 1) + `}`, "out-of-range"},
		{"a number that not all read", ``, `{"seccomp":` + strings.Replace(strict, `"names"`, `"errnoRet":1.0,"names"`, 1) + `}`, "out-of-range"},
		{"crun's program, without a profile", program(kill), `{}`, "unconfined"},
		{"crun's program, broken", `"run.oci.seccomp_bpf_data":"?"`, `{"seccomp":` + strict + `}`, "illegal base64"},
		{"crun's program, invalid", program(bpf.Program{{Op: bpf.LdImm}}), `{"seccomp":` + strict + `}`, "the program of the annotation"},
		{"killing by default", ``, `{"seccomp":{"defaultAction":"SCMP_ACT_KILL_PROCESS","architectures":["` + nativeName + `"],"syscalls":[{"names":["read","exit_group"],"action":"SCMP_ACT_ALLOW"}]}}`,
			"with what runc answers itself, is less strict"},
		{"pause container", `"io.kubernetes.cri.container-type":"sandbox"`, `{"seccomp":` + strict + `}`, "less strict than pause (shipped)"},
		{"pause container, strict", `"io.kubernetes.cri.container-type":"sandbox"`, `{"seccomp":` + all + `}`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			writeFile(t, filepath.Join(bundle, "config.json"), `{"ociVersion":"1.0.2","annotations":{`+c.annotations+`},"linux":`+c.linux+`}`)
			state := &specs.State{Bundle: bundle, Annotations: map[string]string{}}
			choice := container.Choice{Dir: policies, Default: "p"}
			if c.name == "killing by default" {
				choice.Default = "killing"
			}
			if strings.Contains(c.annotations, "sandbox") {
				state.Annotations["io.kubernetes.cri.container-type"] = "sandbox"
			}
			err := container.Gate(state, choice)
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
	// What crun has in its cache for the profile may be another's program. The init has it
	// open.
	writeFile(t, filepath.Join(bundle, "config.json"), `{"linux":{"seccomp":`+strict+`}}`)
	for want, p := range map[string]bpf.Program{"": kill, "from its cache, which may be another profile's, is less strict": allow} {
		path := filepath.Join(t.TempDir(), "seccomp.bpf")
		writeFile(t, path, string(bpf.Encode(p, binary.NativeEndian)))
		open, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		err = container.Gate(&specs.State{Bundle: bundle, Pid: os.Getpid()}, container.Choice{Dir: policies, Default: "p"})
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
		open.Close()
	}
	// Guards are about what the container can have.
	writeFile(t, filepath.Join(policies, "guarded.secco"), "DEFAULT_POLICY = allow\nuname: return EPERM\nwhen cap(CAP_SYS_ADMIN) {\n\tuname: return allow\n}\n")
	for bounding, want := range map[string]string{`"CAP_SYS_ADMIN"`: "", ``: "less strict", `"CAP_CHOWN"`: "less strict", `"sys_admin"`: "no capability to all runtimes"} {
		writeFile(t, filepath.Join(bundle, "config.json"), `{"process":{"capabilities":{"bounding":[`+bounding+`]}},"linux":{"seccomp":`+open+`}}`)
		err := container.Gate(&specs.State{Bundle: bundle}, container.Choice{Dir: policies, Default: "guarded"})
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("capabilities %s: %v, want %q", bounding, err, want)
		}
	}
	if err := os.Remove(filepath.Join(bundle, "config.json")); err != nil {
		t.Fatal(err)
	}
	if err := container.Gate(&specs.State{Bundle: bundle}, container.Choice{Dir: policies, Default: "p"}); err == nil {
		t.Error("a container without a config.json")
	}
}
