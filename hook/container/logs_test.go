package container_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"secco/hook"
	"secco/hook/container"
)

// Who answers a policy's notifications is for the policy to say, not for a container.
func TestListeners(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "p.secco"), "DEFAULT_POLICY = allow\nmkdirat: return notify\n")
	text, err := container.Precreate(strings.NewReader(`{"annotations":{"mark":"x","run.oci.seccomp.receiver":"/x","run.oci.seccomp.plugins":"/x","run.oci.seccomp_bpf_data":"AA=="}}`),
		container.Choice{Dir: dir, Default: "p"})
	if err != nil {
		t.Fatal(err)
	}
	var config struct{ Annotations map[string]string }
	if err := json.Unmarshal(text, &config); err != nil || len(config.Annotations) != 1 || config.Annotations["mark"] != "x" {
		t.Errorf("%v, %v", config.Annotations, err)
	}
	writeFile(t, filepath.Join(dir, "config.json"), string(text))
	if err := container.Gate(&specs.State{Bundle: dir}, container.Choice{Dir: dir, Default: "p"}); !errors.Is(err, hook.ErrNotifies) {
		t.Errorf("the gate: %v", err)
	}
}

func TestNoNewPrivs(t *testing.T) {
	for text, want := range map[string]bool{
		`{"process":{"noNewPrivileges":true}}`: true, `{"process":{}}`: false, `{"process":null}`: false, `{}`: false,
	} {
		c, err := container.ParseConfig([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := c.NoNewPrivs(); got != want || err != nil {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	// crun reads neither.
	for _, text := range []string{`{"process":{"NoNewPrivileges":true}}`, `{"Process":{"noNewPrivileges":true}}`, `{"process":{"noNewPrivileges":1}}`} {
		c, err := container.ParseConfig([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := c.NoNewPrivs(); err == nil {
			t.Errorf("%s: %v", text, got)
		}
	}
}

// Errors reach the log that the runtime would write, in whatever form it is named.
func TestLogs(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, c := range []struct {
		args []string
		file string
	}{
		{[]string{"--log=a", "--nonsense", "create", "x"}, "a"},
		{[]string{"--nonsense", "--log", "b", "create", "x"}, "b"}, // behind what is wrong
		{[]string{"--nonsense", "create", "--log=c", "x"}, ""},
		{[]string{"--log=file:d", "--nonsense", "create", "x"}, "d"},
		{[]string{"--log=journald:e", "--nonsense", "create", "x"}, ""},
		{[]string{"--log=syslog:f", "--nonsense", "create", "x"}, ""},
	} {
		inv, err := container.Parse(c.args)
		if err == nil {
			t.Fatalf("%q is accepted", c.args)
		}
		_ = inv.Report(err) // there may be no system log
		files, _ := filepath.Glob("*")
		if strings.Join(files, " ") != c.file {
			t.Errorf("%q: files %q, want %q", c.args, files, c.file)
		}
		for _, f := range files {
			if text, _ := os.ReadFile(f); !strings.Contains(string(text), "--nonsense") {
				t.Errorf("%q: %s", c.args, text)
			}
			os.Remove(f)
		}
	}
}
