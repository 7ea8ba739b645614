package oci

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	moby "github.com/moby/profiles/seccomp"
	"github.com/opencontainers/runtime-spec/specs-go"

	"secco/linux"
	"secco/source"
)

// TestParseErrors has one profile for each way of being wrong, and what is said
// of it.
func TestParseErrors(t *testing.T) {
	entry := func(fields string) string {
		return `{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{` + fields + `}]}`
	}
	arg := func(fields string) string {
		return entry(`"names": ["read"], "action": "SCMP_ACT_ALLOW", "args": [{` + fields + `}]`)
	}
	for name, tc := range map[string]struct{ text, want string }{
		"empty":             {"", "p.json:1:1: error[json-syntax]"},
		"blank":             {" \n ", "p.json:2:2: error[json-syntax]"},
		"cut":               {`{"defaultAction": "SCMP_ACT_`, "p.json:1:29: error[json-syntax]"},
		"comma":             {"{\n\"defaultAction\": \"SCMP_ACT_ALLOW\",\n}", "p.json:3:1: error[json-syntax]"},
		"comment":           {"// no\n{}", "p.json:1:1: error[json-syntax]"},
		"junk":              {`{"defaultAction": "SCMP_ACT_ALLOW"} {}`, "p.json:1:37: error[json-syntax]"},
		"binary":            {"\x7fELF\x02\x01", "p.json:1:1: error[json-syntax]"},
		"not UTF-8":         {"{\"\xff\": 1}", "p.json:1:3: error[json-syntax]"},
		"NUL":               {"{\x00}", "p.json:1:2: error[json-syntax]"},
		"NUL in a name":     {entry(`"names": ["read\u0000x"], "action": "SCMP_ACT_ALLOW"`), "p.json:1:61: error[json-syntax]"},
		"array":             {`[]`, "p.json:1:1: error[wrong-type]"},
		"null":              {`null`, "p.json:1:1: error[wrong-type]"},
		"deep":              {strings.Repeat("[", 100000), "error[too-deep]"},
		"deep objects":      {strings.Repeat(`{"a":`, 100000), "error[too-deep]"},
		"many":              {"[" + strings.Repeat("0,", 1<<20) + "0]", "error[too-large]"},
		"huge":              {strings.Repeat(" ", 16<<20+1), "error[too-large]"},
		"no default":        {`{"syscalls": []}`, "p.json:1:1: error[missing-field]: the field \"defaultAction\" is missing"},
		"unconfined":        {`{}`, "error[missing-field]"},
		"unknown field":     {`{"defaultAction": "SCMP_ACT_ALLOW", "sycalls": []}`, `p.json:1:37: error[unknown-field]: no field named "sycalls" here`},
		"field's case":      {`{"DefaultAction": "SCMP_ACT_ALLOW"}`, `error[unknown-field]`},
		"duplicate":         {`{"defaultAction": "SCMP_ACT_ALLOW", "defaultAction": "SCMP_ACT_KILL"}`, "p.json:1:37: error[duplicate-field]"},
		"hidden duplicate":  {`{"defaultAction": "SCMP_ACT_ALLOW", "default\u0041ction": "SCMP_ACT_KILL"}`, "p.json:1:37: error[duplicate-field]"},
		"action":            {`{"defaultAction": "allow"}`, "p.json:1:19: error[unknown-action]"},
		"action's type":     {`{"defaultAction": 1}`, "error[wrong-type]: expected a string, found a number"},
		"errno":             {`{"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 4095}`, "error[bad-errno]: errnoRet 4095 is above 4094"},
		"errno's range":     {`{"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 65536}`, "error[out-of-range]"},
		"negative errno":    {`{"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": -1}`, "error[out-of-range]"},
		"errno of allow":    {`{"defaultAction": "SCMP_ACT_ALLOW", "defaultErrnoRet": 1}`, "error[bad-errno]: SCMP_ACT_ALLOW takes no errnoRet"},
		"errno's name":      {`{"defaultAction": "SCMP_ACT_ERRNO", "defaultErrno": "ENOPE"}`, "error[bad-errno]"},
		"two errnos":        {`{"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 1, "defaultErrno": "ENOSYS"}`, "error[bad-errno]: ENOSYS is 38"},
		"arch":              {`{"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["x86_64"]}`, "error[unknown-arch]"},
		"archMap too":       {`{"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86"], "archMap": [{"architecture": "SCMP_ARCH_X86"}]}`, "error[conflicting-fields]"},
		"flag":              {`{"defaultAction": "SCMP_ACT_ALLOW", "flags": ["SECCOMP_FILTER_FLAG_NEW_LISTENER"]}`, "error[unknown-flag]"},
		"metadata alone":    {`{"defaultAction": "SCMP_ACT_ALLOW", "listenerMetadata": "x"}`, "error[conflicting-fields]"},
		"no names":          {entry(`"names": [], "action": "SCMP_ACT_ALLOW"`), "error[missing-field]: an entry names at least one syscall"},
		"empty name":        {entry(`"names": [""], "action": "SCMP_ACT_ALLOW"`), "error[unknown-syscall]"},
		"name and names":    {entry(`"name": "read", "names": ["write"], "action": "SCMP_ACT_ALLOW"`), "error[conflicting-fields]"},
		"no action":         {entry(`"names": ["read"]`), `error[missing-field]: the field "action" is missing`},
		"null name":         {entry(`"names": [null], "action": "SCMP_ACT_ALLOW"`), "error[wrong-type]"},
		"entry's type":      {`{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": ["read"]}`, "p.json:1:50: error[wrong-type]: expected an object, found a string"},
		"index":             {arg(`"index": 6, "value": 1, "op": "SCMP_CMP_EQ"`), "error[out-of-range]: 6 is no whole number from 0 to 5"},
		"fraction":          {arg(`"index": 0, "value": 1.5, "op": "SCMP_CMP_EQ"`), "error[out-of-range]"},
		"exponent":          {arg(`"index": 0, "value": 1e3, "op": "SCMP_CMP_EQ"`), "error[out-of-range]"},
		"value's range":     {arg(`"index": 0, "value": 18446744073709551616, "op": "SCMP_CMP_EQ"`), "error[out-of-range]"},
		"value's type":      {arg(`"index": 0, "value": "1", "op": "SCMP_CMP_EQ"`), "error[wrong-type]"},
		"operator":          {arg(`"index": 0, "value": 1, "op": "=="`), "error[unknown-operator]"},
		"no value":          {arg(`"index": 0, "op": "SCMP_CMP_EQ"`), `error[missing-field]: the field "value" is missing`},
		"capability":        {entry(`"names": ["read"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["SYS_ADMIN"]}`), "error[unknown-capability]"},
		"guard's arch":      {entry(`"names": ["read"], "action": "SCMP_ACT_ALLOW", "includes": {"arches": ["x86_64"]}`), "error[unknown-arch]"},
		"kernel":            {entry(`"names": ["read"], "action": "SCMP_ACT_ALLOW", "excludes": {"minKernel": "4"}`), "error[bad-kernel]"},
		"no seccomp":        {`{"ociVersion": "1.0.2", "linux": {}}`, "p.json:1:34: error[no-seccomp]"},
		"no linux":          {`{"ociVersion": "1.0.2"}`, "error[no-seccomp]"},
		"config unconfined": {`{"linux": {"seccomp": {}}}`, "error[missing-field]"},
	} {
		t.Run(name, func(t *testing.T) {
			p, diags := Parse(source.NewFile("p.json", tc.text))
			if p != nil {
				t.Fatal("a profile is returned")
			}
			if !strings.Contains(diags.Error(), tc.want) {
				t.Errorf("got  %s\nwant %s", diags, tc.want)
			}
		})
	}
}

// Docker's name of old is as good as absent where it is empty.
func TestEmptyName(t *testing.T) {
	p, diags := Parse(source.NewFile("p.json", `{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"name": "", "names": ["read"], "action": "SCMP_ACT_ALLOW"}]}`))
	if len(diags) > 0 || len(p.Syscalls) != 1 || len(p.Syscalls[0].Names) != 1 || p.Syscalls[0].Names[0].Name != "read" {
		t.Errorf("%+v, %v", p, diags)
	}
	_, diags = Parse(source.NewFile("p.json", `{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"name": "", "action": "SCMP_ACT_ALLOW"}]}`))
	if want := "p.json:1:50: error[missing-field]: an entry names at least one syscall"; diags.Error() != want {
		t.Errorf("%v, want %s", diags, want)
	}
}

// What people write beside the fields changes nothing.
func TestRemarks(t *testing.T) {
	p, diags := Parse(source.NewFile("p.json", `{"$schema": "x", "_comment": ["a"], "description": {}, "comment": null, "//": 1, "defaultAction": "SCMP_ACT_ERRNO",
		"archMap": [{"architecture": "SCMP_ARCH_X86_64", "comment": ""}],
		"syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW", "_security_note": "b", "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_EQ", "comments": []}]}]}`))
	if len(diags) > 0 {
		t.Fatal(diags)
	}
	if len(p.Syscalls) != 1 || len(p.Syscalls[0].Args) != 1 || len(p.ArchMap) != 1 {
		t.Errorf("%+v", p)
	}
	for _, name := range []string{"note", "Comment", "schema", "names_", ""} {
		if IsRemark(name) {
			t.Errorf("%q is a remark", name)
		}
	}
}

func TestParse(t *testing.T) {
	const seccomp = `{
	"defaultAction": "SCMP_ACT_ERRNO",
	"defaultErrnoRet": 38,
	"architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"],
	"flags": ["SECCOMP_FILTER_FLAG_LOG"],
	"listenerPath": "/run/agent.sock",
	"listenerMetadata": "m",
	"syscalls": [
		{"names": ["read", "write"], "action": "SCMP_ACT_ALLOW"},
		{"names": ["socket"], "action": "SCMP_ACT_ERRNO", "errnoRet": 0, "args": [
			{"index": 0, "value": 18446744073709551615, "valueTwo": 2, "op": "SCMP_CMP_MASKED_EQ"}
		]}
	]
}`
	enosys, zero := uint(38), uint(0)
	want := &specs.LinuxSeccomp{
		DefaultAction: specs.ActErrno, DefaultErrnoRet: &enosys,
		Architectures: []specs.Arch{specs.ArchX86_64, specs.ArchX86},
		Flags:         []specs.LinuxSeccompFlag{specs.LinuxSeccompFlagLog},
		ListenerPath:  "/run/agent.sock", ListenerMetadata: "m",
		Syscalls: []specs.LinuxSyscall{
			{Names: []string{"read", "write"}, Action: specs.ActAllow},
			{Names: []string{"socket"}, Action: specs.ActErrno, ErrnoRet: &zero, Args: []specs.LinuxSeccompArg{
				{Index: 0, Value: 1<<64 - 1, ValueTwo: 2, Op: specs.OpMaskedEqual},
			}},
		},
	}
	for name, text := range map[string]string{
		"profile": seccomp,
		"config":  `{"ociVersion": "1.2.0", "process": {"args": ["x"], "x": null}, "linux": {"namespaces": [{}], "seccomp": ` + seccomp + `}}`,
	} {
		f := source.NewFile(name, text)
		p, diags := Parse(f)
		if p == nil {
			t.Fatal(diags)
		}
		if diff := cmp.Diff(want, p.Spec()); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", name, diff)
		}
		if got := p.Syscalls[0].Names[1].Span; got.Text() != `"write"` || !strings.HasSuffix(got.String(), ":9") && name == "profile" {
			t.Errorf("%s: the second name stands at %s: %s", name, got, got.Text())
		}
		if got := p.DefaultSpan.Text(); got != `"SCMP_ACT_ERRNO"` {
			t.Errorf("%s: the default action stands at %s", name, got)
		}
	}
}

// TestMarshal reads back what it writes, and writes the same again.
func TestMarshal(t *testing.T) {
	spec, err := moby.GetDefaultProfile(&specs.Spec{Process: &specs.Process{Capabilities: &specs.LinuxCapabilities{Bounding: DefaultCaps()}}})
	if err != nil {
		t.Fatal(err)
	}
	first, err := Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}
	p, diags := Parse(source.NewFile("default.json", string(first)))
	if p == nil {
		t.Fatal(diags)
	}
	if diff := cmp.Diff(spec, p.Spec()); diff != "" {
		t.Errorf("(-written +read)\n%s", diff)
	}
	second, err := Marshal(p.Spec())
	if err != nil {
		t.Fatal(err)
	}
	if string(first) != string(second) || !strings.HasSuffix(string(first), "}\n") {
		t.Error("a second writing differs from the first, or has no newline at its end")
	}
	for _, bad := range []*specs.LinuxSeccomp{nil, {}} {
		if text, err := Marshal(bad); err == nil {
			t.Errorf("%v is written as %s", bad, text)
		}
	}
}

// TestResolve checks Docker's guards and the old form of names.
func TestResolve(t *testing.T) {
	const profile = `{"defaultAction": "SCMP_ACT_ERRNO", "archMap": [
		{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"]},
		{"architecture": "SCMP_ARCH_AARCH64", "subArchitectures": null}], "syscalls": [
		{"name": "chmod", "action": "SCMP_ACT_ALLOW", "args": null, "comment": "old"},
		{"names": ["syslog"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_SYSLOG", "CAP_KILL"]}},
		{"names": ["ptrace"], "action": "SCMP_ACT_ALLOW", "excludes": {"caps": ["CAP_SYS_ADMIN", "CAP_SYSLOG"]}},
		{"names": ["bpf"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "5.10"}, "excludes": {}},
		{"names": ["acct"], "action": "SCMP_ACT_ALLOW", "excludes": {"minKernel": "5.10", "arches": ["arm64"]}},
		{"names": ["sync"], "action": "SCMP_ACT_ALLOW", "includes": {"arches": ["amd64", "x32"]}}]}`
	p, diags := Parse(source.NewFile("p.json", profile))
	if p == nil {
		t.Fatal(diags)
	}
	for name, tc := range map[string]struct {
		host Host
		want string
	}{
		"default":   {Host{}, "[SCMP_ARCH_X86_64 SCMP_ARCH_X86] chmod ptrace bpf sync"},
		"caps":      {Host{Caps: []string{"CAP_SYSLOG", "CAP_KILL"}}, "[SCMP_ARCH_X86_64 SCMP_ARCH_X86] chmod syslog bpf sync"},
		"one cap":   {Host{Caps: []string{"CAP_SYSLOG"}}, "[SCMP_ARCH_X86_64 SCMP_ARCH_X86] chmod bpf sync"},
		"old":       {Host{Kernel: Kernel{5, 9}}, "[SCMP_ARCH_X86_64 SCMP_ARCH_X86] chmod ptrace acct sync"},
		"just new":  {Host{Kernel: Kernel{5, 10}}, "[SCMP_ARCH_X86_64 SCMP_ARCH_X86] chmod ptrace bpf sync"},
		"new":       {Host{Kernel: Kernel{6, 1}}, "[SCMP_ARCH_X86_64 SCMP_ARCH_X86] chmod ptrace bpf sync"},
		"arm64 old": {Host{Arch: linux.ARM64, Kernel: Kernel{4, 1}}, "[SCMP_ARCH_AARCH64] chmod ptrace"},
	} {
		resolved, diags := p.Resolve(tc.host)
		if len(diags) > 0 {
			t.Fatal(diags)
		}
		spec := resolved.Spec()
		got := fmt.Sprint(spec.Architectures)
		for _, s := range spec.Syscalls {
			got += " " + strings.Join(s.Names, ",")
		}
		if got != tc.want {
			t.Errorf("%s: got %s, want %s", name, got, tc.want)
		}
	}
	if _, diags := p.Resolve(Host{Caps: []string{"CAP_NONE"}}); !diags.HasErrors() {
		t.Error("an unknown capability is taken")
	}
}

func FuzzParse(f *testing.F) {
	f.Add(`{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 1, "value": 2, "op": "SCMP_CMP_EQ"}]}]}`)
	f.Add(`{"ociVersion": "1", "linux": {"seccomp": {"defaultAction": "SCMP_ACT_ALLOW", "archMap": [{"architecture": "SCMP_ARCH_X86"}]}}}`)
	f.Add("{\"\\ud800\": [1e9, -0, null")
	f.Fuzz(func(t *testing.T, text string) {
		p, diags := Parse(source.NewFile("fuzz", text))
		if (p == nil) != diags.HasErrors() {
			t.Fatalf("a profile with errors, or neither: %v", diags)
		}
		for _, d := range diags {
			_ = d.String()
		}
		if p == nil {
			return
		}
		resolved, _ := p.Resolve(Host{})
		out, err := Marshal(resolved.Spec())
		if err != nil {
			t.Fatal(err)
		}
		if again, diags := Parse(source.NewFile("again", string(out))); again == nil {
			t.Fatalf("what was written can't be read: %v\n%s", diags, out)
		}
	})
}
