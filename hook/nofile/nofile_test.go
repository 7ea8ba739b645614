package nofile_test

import (
	"os"
	"os/exec"
	"testing"

	"secco/hook/nofile"
)

// Started with a soft limit of 77 this program sees 77, although the syscall
// package has raised it since.
func TestInitial(t *testing.T) {
	if os.Getenv("SECCO_NOFILE_TEST") != "" {
		if l, ok := nofile.Initial(); !ok || l.Soft != 77 || l.Hard <= 77 {
			t.Errorf("%+v, %t", l, ok)
		}
		return
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/bin/sh", "-c", `ulimit -Sn 77; exec "$0" -test.run=TestInitial`, self)
	cmd.Env = append(os.Environ(), "SECCO_NOFILE_TEST=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
