package oci_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/runtime-spec/specs-go"

	"secco/oci"
	"secco/source"
)

const spoDocuments = `# Two profiles, and what is kept beside them.
apiVersion: v1
kind: Namespace
metadata: {name: apps}
---
apiVersion: security-profiles-operator.x-k8s.io/v1
kind: SeccompProfile
metadata:
  name: runtime
spec:
  defaultAction: SCMP_ACT_KILL
  syscalls:
  - {action: SCMP_ACT_ALLOW, names: [execve, exit_group]}
---
apiVersion: security-profiles-operator.x-k8s.io/v1beta1
kind: SeccompProfile
metadata:
  name: web
  annotations: {for: the shop}
spec:
  baseProfileName: runtime
  defaultAction: "SCMP_ACT_ERRNO"
  architectures: [SCMP_ARCH_X86_64, SCMP_ARCH_X86]
  flags: [SECCOMP_FILTER_FLAG_LOG]
  disabled: false
  syscalls:
  - action: SCMP_ACT_ALLOW
    names: &files
    - read
    - write
    - execve
  - action: SCMP_ACT_ERRNO
    errnoRet: 0x26
    names: [clone3]
  - action: SCMP_ACT_ALLOW
    names: [personality]
    args:
    - {index: 0, op: SCMP_CMP_EQ}
    - {index: 1, op: SCMP_CMP_MASKED_EQ, value: 0x10, valueTwo: 16}
`

// The first version had a field that the later ones have not.
func TestOldSPO(t *testing.T) {
	text := func(version string) *source.File {
		return source.NewFile("p.yaml", "apiVersion: security-profiles-operator.x-k8s.io/"+version+"\nkind: SeccompProfile\nmetadata: {name: a}\n"+
			"spec:\n  targetWorkload: shop\n  defaultAction: SCMP_ACT_LOG\n")
	}
	got, diags := oci.ParseSPO(text("v1alpha1"), oci.SPOOptions{})
	if len(diags) > 0 || got.DefaultAction != specs.ActLog {
		t.Errorf("%+v, %v", got, diags)
	}
	for _, version := range []string{"v1beta1", "v1"} {
		got, diags = oci.ParseSPO(text(version), oci.SPOOptions{})
		if want := `p.yaml:5:3: error[unknown-field]: no field named "targetWorkload" here`; got != nil || diags.Error() != want {
			t.Errorf("%s: %v, want %s", version, diags, want)
		}
	}
}

func TestSPO(t *testing.T) {
	file := source.NewFile("p.yaml", spoDocuments)
	got, diags := oci.ParseSPO(file, oci.SPOOptions{Name: "web"})
	if got == nil || len(diags) > 0 {
		t.Fatal(diags)
	}
	errno := uint(38)
	want := &specs.LinuxSeccomp{
		DefaultAction: specs.ActErrno,
		Architectures: []specs.Arch{specs.ArchX86_64, specs.ArchX86},
		Flags:         []specs.LinuxSeccompFlag{specs.LinuxSeccompFlagLog},
		Syscalls: []specs.LinuxSyscall{
			{Names: []string{"execve", "exit_group"}, Action: specs.ActAllow},
			{Names: []string{"read", "write", "execve"}, Action: specs.ActAllow},
			{Names: []string{"clone3"}, Action: specs.ActErrno, ErrnoRet: &errno},
			{Names: []string{"personality"}, Action: specs.ActAllow, Args: []specs.LinuxSeccompArg{
				{Index: 0, Op: specs.OpEqualTo}, {Index: 1, Op: specs.OpMaskedEqual, Value: 16, ValueTwo: 16},
			}},
		},
	}
	if diff := cmp.Diff(want, got.Spec()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for place, at := range map[string]source.Span{
		"p.yaml:22:18": got.DefaultSpan, "p.yaml:23:19": got.Architectures[0].Span, "p.yaml:27:5": got.Syscalls[1].Span,
		"p.yaml:30:7": got.Syscalls[1].Names[1].Span, "p.yaml:13:38": got.Syscalls[0].Names[0].Span,
	} {
		if at.Position().String() != place {
			t.Errorf("%q is at %s, not at %s", at.Text(), at.Position(), place)
		}
	}
}

// TestSPOForms reads the same profile in the forms that people keep them in.
func TestSPOForms(t *testing.T) {
	const spec = `{"defaultAction": "SCMP_ACT_LOG", "syscalls": [{"action": "SCMP_ACT_TRAP", "names": ["ptrace"]}]}`
	object := `{"apiVersion": "security-profiles-operator.x-k8s.io/v1", "kind": "SeccompProfile", "metadata": {"name": "a"}, "status": {"status": "Installed"}, "spec": ` + spec + `}`
	want, diags := oci.Parse(source.NewFile("spec", spec))
	if want == nil {
		t.Fatal(diags)
	}
	for name, text := range map[string]string{
		"JSON":         object,
		"tabs":         strings.ReplaceAll(object, ` "`, "\n\t\""),
		"a List":       `{"apiVersion": "v1", "kind": "List", "items": [{"kind": "Pod"}, ` + object + `], "metadata": {"resourceVersion": ""}}`,
		"disabled":     strings.Replace(object, `"spec": {`, `"spec": {"state": "Disabled", `, 1),
		"empty fields": strings.Replace(object, `"spec": {`, `"spec": {"baseProfileName": "", "listenerPath": "", "flags": null, `, 1),
		"empty ones":   "---\n---\n" + object + "\n---\n",
		"CRLF":         "apiVersion: security-profiles-operator.x-k8s.io/v1\r\nkind: SeccompProfile\r\nspec:\r\n  defaultAction: SCMP_ACT_LOG\r\n  syscalls: [{action: SCMP_ACT_TRAP, names: [ptrace]}]\r\n",
	} {
		got, diags := oci.ParseSPO(source.NewFile("p", text), oci.SPOOptions{})
		if got == nil {
			t.Errorf("%s: %v", name, diags)
		} else if diff := cmp.Diff(want.Spec(), got.Spec()); diff != "" {
			t.Errorf("%s: -want +got:\n%s", name, diff)
		}
	}
}

// TestSPOBase has profiles that build on others: in the file, beside it, on each
// other.
func TestSPOBase(t *testing.T) {
	profile := func(name, base string, rules ...string) string {
		return fmt.Sprintf("apiVersion: security-profiles-operator.x-k8s.io/v1\nkind: SeccompProfile\nmetadata: {name: %s}\nspec:\n  defaultAction: SCMP_ACT_TRAP\n  baseProfileName: %q\n  syscalls: [%s]\n---\n",
			name, base, strings.Join(rules, ", "))
	}
	const read, write = "{action: SCMP_ACT_ALLOW, names: [read]}", "{action: SCMP_ACT_ALLOW, names: [write, read]}"
	const readZero = "{action: SCMP_ACT_ALLOW, names: [read], args: [{index: 0, op: SCMP_CMP_EQ, value: 0}]}"
	beside := map[string]string{
		"lower.yaml": profile("lower", "lowest", write),
		"ring.yaml":  profile("ring", "ring2", read), "ring2.yaml": profile("ring2", "ring", read),
		"other.yaml": profile("another", ""), "broken.yaml": "a: [",
		"lowest.yaml": profile("lowest", "", "{action: SCMP_ACT_LOG, names: [close]}"),
	}
	var deep strings.Builder
	for i := range 20 {
		deep.WriteString(profile(fmt.Sprint("d", i), fmt.Sprint("d", i+1), read))
	}
	for _, c := range []struct {
		text string
		want string // the names of its syscalls, or the error
	}{
		{profile("a", "b", read) + profile("b", ""), "read"},
		{profile("a", "b", read) + profile("b", "", write), "write read read"},
		{profile("a", "lower", read), "close write read read"},
		{profile("a", "b", read) + profile("b", "", readZero), `p:6:20: error[base-profile]: the profile and its base "b" have different rules for read: what the operator makes of that is not documented`},
		{profile("a", "missing"), `p:6:20: error[base-profile]: the base profile "missing" is not in this file, and not beside it: no file`},
		{profile("a", "oci://registry.example/p:v1"), `p:6:20: error[base-profile]: the base profile "oci://registry.example/p:v1" is not on this machine`},
		{profile("a", "../lower"), `p:6:20: error[base-profile]: the base profile "../lower" is not on this machine`},
		{profile("a", "a"), `p:6:20: error[base-profile]: the profile "a" builds on itself`},
		{profile("a", "ring"), `ring2.yaml:6:20: error[base-profile]: the profile "ring" builds on itself`},
		{profile("a", "other"), `p:6:20: error[base-profile]: the base profile "other" is not in other.yaml`},
		{profile("a", "broken"), `broken.yaml:1:1: error[syntax]: did not find expected node content`},
		{profile("a", "d0") + deep.String(), `error[base-profile]: more than 10 profiles build on each other`},
	} {
		got, diags := oci.ParseSPO(source.NewFile("p", c.text), oci.SPOOptions{Name: "a", Find: func(_ *source.File, name string) (*source.File, error) {
			if text, ok := beside[name]; ok {
				return source.NewFile(name, text), nil
			}
			return nil, fmt.Errorf("no file")
		}})
		if got == nil {
			if !strings.Contains(diags.Error(), c.want) {
				t.Errorf("got %v, want %s", diags, c.want)
			}
			continue
		}
		var names []string
		for _, s := range got.Syscalls {
			for _, n := range s.Names {
				names = append(names, n.Name)
			}
		}
		if strings.Join(names, " ") != c.want {
			t.Errorf("got %s, want %s", names, c.want)
		}
	}
	if _, diags := oci.ParseSPO(source.NewFile("p", profile("a", "b")), oci.SPOOptions{}); !strings.Contains(diags.Error(), `the base profile "b" is not in this file`) {
		t.Error(diags)
	}
}

// TestSPODocument tells what is wrong with the objects around a profile.
func TestSPODocument(t *testing.T) {
	const top = "apiVersion: security-profiles-operator.x-k8s.io/v1\nkind: SeccompProfile\n"
	two := top + "metadata: {name: a}\nspec: {defaultAction: SCMP_ACT_LOG}\n---\n" + top + "metadata: {name: b}\nspec: {defaultAction: SCMP_ACT_LOG}\n"
	for _, c := range []struct{ name, text, want string }{
		{"", two, `p:6:1: error[several-filters]: there are several filters: say which of "a", "b" is meant`},
		{"c", two, `p:1:1: error[unknown-filter]: there is no filter "c": there is "a", "b"`},
		{"b", two, ""},
		{"", "kind: Pod\n", `p:1:7: error[wrong-kind]: this is a Pod and no SeccompProfile`},
		{"", "kind: SeccompProfile\nspec: {defaultAction: SCMP_ACT_LOG}", `p:1:1: error[missing-field]: the field "apiVersion" is missing`},
		{"", "apiVersion: v1\nkind: SeccompProfile\nspec: {defaultAction: SCMP_ACT_LOG}", `p:1:13: error[wrong-kind]: apiVersion is security-profiles-operator.x-k8s.io/v1, v1beta1 or v1alpha1, not "v1"`},
		{"", top, `p:1:1: error[missing-field]: the field "spec" is missing`},
		{"", top + "spec: {}", `p:3:7: error[missing-field]: the field "defaultAction" is missing`},
		{"", top + "spec: {defaultAction: SCMP_ACT_LOG, archMap: []}", `p:3:37: error[unknown-field]: no field named "archMap" here`},
		{"", top + "spec: {defaultAction: SCMP_ACT_LOG, defaultErrnoRet: 1}", `error[unknown-field]: no field named "defaultErrnoRet" here`},
		{"", top + "spec: {defaultAction: SCMP_ACT_LOG, syscalls: [{names: [read]}]}", `p:3:48: error[missing-field]: the field "action" is missing`},
		{"", top + "spec: {defaultAction: SCMP_ACT_LOG, syscalls: [{action: SCMP_ACT_TRAP, names: []}]}", `p:3:79: error[missing-field]: an entry names at least one syscall`},
		{"", top + "spec: {defaultAction: SCMP_ACT_LOG, syscalls: [{action: SCMP_ACT_TRAP, name: read}]}", `error[unknown-field]: no field named "name" here`},
		{"", top + "spec: {defaultAction: SCMP_ACT_LOG, syscalls: [{action: SCMP_ACT_TRAP, names: [read], args: [{index: 6, op: SCMP_CMP_EQ}]}]}", `error[out-of-range]: 6 is no whole number from 0 to 5`},
		{"", top + "spec: {defaultAction: SCMP_ACT_LOG, syscalls: [{action: SCMP_ACT_TRAP, names: [read], args: [{index: 1.0, op: SCMP_CMP_EQ}]}]}", `error[out-of-range]: 1.0 is no whole number from 0 to 5`},
		{"", top + "spec: {defaultAction: SCMP_ACT_LOG, syscalls: [{action: SCMP_ACT_TRAP, names: [read], args: [{index: 1, value: 0x8000000000000000, op: SCMP_CMP_EQ}]}]}", `error[out-of-range]: a SeccompProfile's numbers are below 2^63, 0x8000000000000000 is not`},
		{"", top + "spec: {defaultAction: SCMP_ACT_LOG, syscalls: [{action: SCMP_ACT_TRAP, names: [5]}]}", `p:3:80: error[wrong-type]: expected a string, found a number`},
		{"", top + "spec: {defaultAction: yes}", `p:3:23: error[unknown-action]: no action named "yes"`},
		{"", top + "spec: {defaultAction: true}", `p:3:23: error[wrong-type]: expected a string, found a boolean`},
		{"", top + "spec: {defaultAction: !!binary aGk=}", `error[wrong-type]: a value of the type !!binary has no place here`},
		{"", top + "spec: {1: 2}", `p:3:8: error[wrong-type]: a field's name is text, this is "1"`},
		{"", top + "kind: SeccompProfile\n", `p:3:1: error[duplicate-field]: a second field "kind"`},
		{"", top + "spec: &a {defaultAction: *a}", `p:3:26: error[too-deep]: values are nested more than 64 deep`},
		{"", "[]", `p:1:1: error[wrong-type]: expected an object, found an array`},
		{"", "", `p:1:1: error[syntax]: there is nothing in this file`},
		{"", "a: [1,", `error[syntax]: did not find expected`},
		{"", strings.Repeat("[", 20000), `error[syntax]`},
		{"", top + "spec: " + strings.Repeat("[", 70) + strings.Repeat("]", 70), `error[too-deep]: values are nested more than 64 deep`},
		{"", top + "status: &a [" + strings.Repeat("x, ", 1000) + "]\nspec: [" + strings.Repeat("*a, ", 1000) + "]", `error[too-large]: there are more than 262144 values in this file`},
	} {
		got, diags := oci.ParseSPO(source.NewFile("p", c.text), oci.SPOOptions{Name: c.name})
		if c.want == "" && got != nil {
			continue
		}
		if got != nil || !strings.Contains(diags.Error(), c.want) {
			t.Errorf("%.80q: %v, %.300v; want %s", c.text, got != nil, diags, c.want)
		}
		if slices.ContainsFunc(diags, func(d source.Diagnostic) bool { return d.Span.IsZero() }) {
			t.Errorf("%.80q: a finding without a place: %v", c.text, diags)
		}
	}
}

func FuzzSPO(f *testing.F) {
	f.Add(spoDocuments)
	f.Add("{apiVersion: security-profiles-operator.x-k8s.io/v1, kind: List, items: [{kind: &a SeccompProfile, spec: {baseProfileName: *a, syscalls: [{args: [{value: 0b1}]}]}}]}")
	f.Fuzz(func(t *testing.T, text string) {
		for _, name := range []string{"", "web"} {
			p, diags := oci.ParseSPO(source.NewFile("fuzz", text), oci.SPOOptions{Name: name})
			if (p == nil) != diags.HasErrors() {
				t.Fatalf("%v, %v", p, diags)
			}
			for _, d := range diags {
				_ = d.String()
			}
		}
	})
}
