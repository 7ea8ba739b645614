// Package spo checks the SeccompProfile documents that secco writes for the
// security-profiles-operator against that project's own CustomResourceDefinition.
// SECCO_SPO_CRD names the CRD's file. The package is in a module of its own, so
// that the validator's weight stays out of secco's.
package spo

import (
	"bytes"
	"encoding/json"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"sigs.k8s.io/yaml"
)

const root = "../.."

func TestDocumentsPassTheCRD(t *testing.T) {
	schema := crd(t, "v1")
	secco := build(t)
	for _, args := range [][]string{
		{"web-server"},
		{"no-network"},
		{"pure"},
		{"{inline}DEFAULT_POSITIVE=allow\nDEFAULT_NEGATIVE=EPERM\nDEFAULT_POLICY=EPERM\nread: arg0 == 3\nwrite: arg1 > 0x7fffffff\nioctl: return EINVAL\n"},
		{"--arch", "x86_64,x32,i386", "{inline}DEFAULT_POSITIVE=allow\nDEFAULT_NEGATIVE=kill\nDEFAULT_POLICY=kill\nread, write, exit_group: 1\n"},
		{"{inline}DEFAULT_POSITIVE=log\nDEFAULT_NEGATIVE=trap\nDEFAULT_POLICY=allow\nptrace: 1\nkexec_load: return kill_process\nmount: return ENOSYS\n"},
	} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			document := run(t, secco, append([]string{"convert", "--to", "spo"}, args...)...)
			if err := schema.Validate(decode(t, document)); err != nil {
				t.Errorf("%v\n%s", err, document)
			}
		})
	}
}

// TestTheCheckCanFail spoils a good document in every way that the schema knows.
func TestTheCheckCanFail(t *testing.T) {
	schema := crd(t, "v1")
	good := string(run(t, build(t), "convert", "--to", "spo",
		"{inline}DEFAULT_POSITIVE=allow\nDEFAULT_NEGATIVE=EPERM\nDEFAULT_POLICY=EPERM\nread: arg0 == 3\n"))
	if err := schema.Validate(decode(t, []byte(good))); err != nil {
		t.Fatal(err)
	}
	spoil := func(change func(spec map[string]any)) any {
		document := decode(t, []byte(good)).(map[string]any)
		change(document["spec"].(map[string]any))
		return document
	}
	syscall := func(spec map[string]any) map[string]any { return spec["syscalls"].([]any)[0].(map[string]any) }
	for name, document := range map[string]any{
		"unknown field":     spoil(func(s map[string]any) { s["defaultErrnoRet"] = json.Number("1") }),
		"no default action": spoil(func(s map[string]any) { delete(s, "defaultAction") }),
		"action":            spoil(func(s map[string]any) { s["defaultAction"] = "SCMP_ACT_FORBID" }),
		"operator":          spoil(func(s map[string]any) { syscall(s)["args"].([]any)[0].(map[string]any)["op"] = "EQ" }),
		"value beyond int64": spoil(func(s map[string]any) {
			syscall(s)["args"].([]any)[0].(map[string]any)["value"] = json.Number("9223372036854775808")
		}),
		"architectures twice": spoil(func(s map[string]any) { s["architectures"] = []any{"SCMP_ARCH_X86", "SCMP_ARCH_X86"} }),
	} {
		if err := schema.Validate(document); err == nil {
			t.Errorf("%s: passes", name)
		}
	}
}

// crd compiles the schema of one version, made as strict as the API server is
// with unknown fields, sets and sizes of integers.
func crd(t *testing.T, version string) *jsonschema.Schema {
	t.Helper()
	name := os.Getenv("SECCO_SPO_CRD")
	if name == "" {
		t.Fatal("SECCO_SPO_CRD must name the file of the operator's CRD seccompprofiles.security-profiles-operator.x-k8s.io")
	}
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	spec := decode(t, text).(map[string]any)["spec"].(map[string]any)
	for _, v := range spec["versions"].([]any) {
		v := v.(map[string]any)
		if v["name"] != version {
			continue
		}
		schema := v["schema"].(map[string]any)["openAPIV3Schema"].(map[string]any)
		properties := schema["properties"].(map[string]any)
		properties["metadata"] = map[string]any{"type": "object", "required": []any{"name"}, "properties": map[string]any{
			"name": map[string]any{"type": "string", "pattern": `^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$`},
		}}
		tighten(schema)
		schema["required"] = []any{"apiVersion", "kind", "metadata", "spec"}
		properties["apiVersion"] = map[string]any{"enum": []any{spec["group"].(string) + "/" + version}}
		properties["kind"] = map[string]any{"enum": []any{spec["names"].(map[string]any)["kind"]}}
		c := jsonschema.NewCompiler()
		c.DefaultDraft(jsonschema.Draft7)
		c.AssertFormat()
		for name, bits := range map[string]uint{"int32": 31, "int64": 63} {
			c.RegisterFormat(&jsonschema.Format{Name: name, Validate: integer(bits)})
		}
		if err := c.AddResource("crd.json", schema); err != nil {
			t.Fatal(err)
		}
		compiled, err := c.Compile("crd.json")
		if err != nil {
			t.Fatal(err)
		}
		return compiled
	}
	t.Fatalf("%s has no version %s", name, version)
	return nil
}

// integer checks a format of signed integers.
func integer(bits uint) func(any) error {
	limit := new(big.Int).Lsh(big.NewInt(1), bits)
	return func(v any) error {
		number, ok := v.(json.Number)
		if !ok {
			return nil
		}
		n, ok := new(big.Int).SetString(number.String(), 10)
		if !ok || n.Cmp(limit) >= 0 || n.Cmp(new(big.Int).Neg(limit)) < 0 {
			return os.ErrInvalid
		}
		return nil
	}
}

// tighten writes out what the API server does beyond JSON schema.
func tighten(schema any) {
	switch s := schema.(type) {
	case map[string]any:
		if properties, ok := s["properties"].(map[string]any); ok {
			if _, set := s["additionalProperties"]; !set {
				s["additionalProperties"] = false
			}
			for _, p := range properties {
				tighten(p)
			}
		}
		if s["x-kubernetes-list-type"] == "set" {
			s["uniqueItems"] = true
		}
		tighten(s["items"])
	}
}

func decode(t *testing.T, text []byte) any {
	t.Helper()
	data, err := yaml.YAMLToJSONStrict(text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func build(t *testing.T) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "secco")
	cmd := exec.Command("go", "build", "-tags", "libseccomp", "-o", bin, "./cmd/secco")
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return bin
}

func run(t *testing.T, name string, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(name, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, stderr.String())
	}
	return out
}
