package container_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"secco/hook/container"
	"secco/test/alive"
)

func TestDoctorHooks(t *testing.T) {
	if err := alive.Check(); err != nil {
		t.Fatal(err) // Doctor would hang
	}
	root := t.TempDir()
	write := func(path, text string, mode os.FileMode) {
		t.Helper()
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	file := func(path, stage string) string {
		return `{"version":"1.0.0","hook":{"path":"` + path + `"},"when":{"always":true},"stages":["` + stage + `"]}`
	}
	dir := "etc/containers/oci/hooks.d/"
	write(dir+"good.json", file("/opt/secco-hook", "prestart"), 0o644)
	write(dir+"open.json", file("/missing/secco-hook", "precreate"), 0o644)
	write(dir+"closed.json", file("/missing/secco-hook", "createRuntime"), 0o644)
	write(dir+"mode.json", file("/opt/plain/secco-hook", "prestart"), 0o644)
	write(dir+"other.json", file("/missing/another", "prestart"), 0o644)
	write(dir+"broken.json", "{", 0o644)
	write("opt/secco-hook", "x", 0o755)
	write("opt/plain/secco-hook", "x", 0o644)
	write("etc/docker/daemon.json", `{"default-runtime":"a","runtimes":{"a":{"path":"/opt/secco-runtime"},"b":{"path":"/missing/secco-runtime"},"c":{"path":"/opt/secco-runtime"},"runc":{"path":"/missing/runc"}}}`, 0o644)
	write("opt/secco-runtime", "x", 0o755)

	var text strings.Builder
	for _, f := range container.Doctor(container.Host{Root: root}) {
		if f.Topic == "hooks" || f.Topic == "docker" {
			text.WriteString(string(f.Level) + " " + f.Text + "\n")
		}
	}
	for _, want := range []string{
		"ok /etc/containers/oci/hooks.d/good.json calls /opt/secco-hook at prestart\n",
		"problem /etc/containers/oci/hooks.d/open.json calls /missing/secco-hook, which is not there to be executed (no such file or directory): podman starts containers WITHOUT the policy\n",
		"problem /etc/containers/oci/hooks.d/closed.json calls /missing/secco-hook, which is not there to be executed (no such file or directory): no container can start\n",
		"problem /etc/containers/oci/hooks.d/mode.json calls /opt/plain/secco-hook, which is not there to be executed (permission denied): no container can start\n",
		"problem /etc/containers/oci/hooks.d/broken.json: ",
		"ok runtime \"a\" is the default\n",
		"problem runtime \"b\" is /missing/secco-runtime",
		"note runtime \"c\" is not the default",
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in\n%s", want, text.String())
		}
	}
	if strings.Contains(text.String(), "another") || strings.Contains(text.String(), "/missing/runc") {
		t.Errorf("what isn't secco's is none of its business:\n%s", text.String())
	}
}
