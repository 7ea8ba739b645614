package policies_test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"secco/hook/policies"
)

// sha256sum understands what Sums writes.
func TestSums(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "web.secco"), []byte(text))
	write(t, filepath.Join(dir, "web.bpf"), encoded(program))
	vouch(t, dir, "web")
	check := exec.Command("sha256sum", "--strict", "-c", "web.sha256")
	check.Dir = dir
	if out, err := check.CombinedOutput(); err != nil || string(out) != "web.secco: OK\nweb.bpf: OK\n" {
		t.Errorf("%v: %s", err, out)
	}
}

// No program stands for a text that says more than a program can.
func TestSumsRefuses(t *testing.T) {
	for _, c := range []struct{ more, want string }{
		{"FLAGS = log\n", "p.secco:5: no program stands for a policy that says how"},
		{"NO_NEW_PRIVS = 1\n", "says how"},
		{"include \"other.secco\"\n", "another file"},
		{"base docker-default\n", "another file"},
		{"arch x86_64 { include \"other.secco\" }\n", "another file"},
		{"when kernel >= 3.17 {\n\twrite: 1\n}\n", "guards"},
		{"arch x86_64 { when cap(CAP_SYS_ADMIN) {\n\twrite: 1\n} }\n", "guards"},
		{"write: nonsense(\n", "p.secco:6"},
	} {
		if sums, err := policies.Sums("p", []byte(text+c.more), encoded(program)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: want %q: %v, %s", c.more, c.want, err, sums)
		}
	}
	if _, err := policies.Sums("p", []byte("\xef\xbb\xbfNO_NEW_PRIVS = 1\n"+text), encoded(program)); err == nil {
		t.Error("behind a byte order mark NO_NEW_PRIVS is not seen")
	}
	if _, err := policies.Sums("p", []byte(text+"# when, include, NO_NEW_PRIVS\n"), encoded(program)); err != nil {
		t.Errorf("a comment: %v", err)
	}
}

func TestSumsFile(t *testing.T) {
	for _, c := range []struct{ text, program, file, name string }{
		{"web.secco", "web.bpf", "web.sha256", "web"},
		{"/etc/secco/web.secco", "/etc/secco/web.bpf", "/etc/secco/web.sha256", "web"},
		{"./web.secco", "web.bpf", "web.sha256", "web"},
		{"web.secco", "other.bpf", "", ""},
		{"a/web.secco", "web.bpf", "", ""},
		{"web.txt", "web.bpf", "", ""},
		{"web.secco", "web.bin", "", ""},
		{"web.secco", "", "", ""},
		{"a b.secco", "a b.bpf", "", ""},
		{".secco", ".bpf", "", ""},
	} {
		file, name, err := policies.SumsFile(c.text, c.program)
		if file != c.file || name != c.name || (err == nil) != (c.file != "") {
			t.Errorf("%s, %s: %s, %s, %v", c.text, c.program, file, name, err)
		}
	}
}
