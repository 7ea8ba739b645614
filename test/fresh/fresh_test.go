//go:build long

package fresh

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestFreshDebian makes a Debian, which takes minutes: it is for `make test-all`.
func TestFreshDebian(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("making a Debian needs root")
	}
	dir, err := os.MkdirTemp("", "secco-fresh")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("./debian", dir, "scripts/run", "make test")
	cmd.Env = os.Environ()
	for i, v := range cmd.Env {
		if strings.HasPrefix(v, "SECCO_LONG=") {
			cmd.Env[i] = "CI=true"
		}
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v; the system is in %s\n%s", err, dir, out)
	}
	for _, want := range []string{"done: the program is out/web-server.bpf", " 0 failed"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Error(err)
	}
}
