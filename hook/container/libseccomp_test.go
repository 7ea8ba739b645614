package container_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"secco/hook/container"
)

// A crun that was built without libseccomp ignores profiles.
func TestWithoutLibseccomp(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "p.secco"), "DEFAULT_POLICY = allow\nmkdir: return EPERM\n")
	path := filepath.Join(dir, "config.json")
	for says, want := range map[string]string{
		"crun version 1.21\n+SYSTEMD +CAP +YAJL": "was built without libseccomp", "crun version 1.21\n+SYSTEMD +SECCOMP +YAJL": "",
	} {
		writeFile(t, path, `{"ociVersion":"1.0.2"}`)
		crun := filepath.Join(t.TempDir(), "crun") // says what such a crun says of itself
		if err := os.WriteFile(crun, []byte("#!/bin/sh\necho '"+says+"'\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		_, err := container.Wrapper{Runtime: crun, Choice: container.Choice{Dir: dir, Default: "p"}}.Prepare(container.Invocation{Command: "run", Config: path})
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", says, err)
		}
	}
}

// A runtime skips what its libseccomp doesn't know: what a policy refuses of that must
// not come to be allowed.
func TestLibseccomp(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "deny.secco"), "DEFAULT_POLICY = allow\nmkdirat: return EPERM\nmseal: return EPERM\n")
	writeFile(t, filepath.Join(dir, "allow.secco"), "DEFAULT_POLICY = EPERM\nexecve: return allow\nmseal: return allow\n")
	writeFile(t, filepath.Join(dir, "kill.secco"), "DEFAULT_POLICY = EPERM\nexecve: return allow\nmseal: return kill_process\n")
	for _, c := range []struct{ policy, libseccomp, want string }{
		{"deny", "2.5.4", "libseccomp 2.5.4 doesn't know mseal, which takes 2.5.6"},
		{"deny", "2.5.6", ""},
		{"deny", "2.6.1", ""},
		{"deny", "x", "no release of libseccomp"},
		{"deny", "", "the runtime's is not known"}, // true is no runtime
		{"allow", "2.5.4", ""},                     // stricter than it should be, at most
		{"allow", "", ""},
		{"kill", "2.5.4", "doesn't know mseal"},
	} {
		path := filepath.Join(t.TempDir(), "config.json")
		writeFile(t, path, `{"ociVersion":"1.0.2"}`)
		choice := container.Choice{Dir: dir, Default: c.policy, Libseccomp: c.libseccomp}
		_, err := container.Wrapper{Runtime: "true", Choice: choice}.Prepare(container.Invocation{Command: "run", Config: path})
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s, libseccomp %q: %v, want %q", c.policy, c.libseccomp, err, c.want)
		}
		if text, _ := os.ReadFile(path); strings.Contains(string(text), "seccomp") != (err == nil) {
			t.Errorf("%s, libseccomp %q: %v, and left behind %s", c.policy, c.libseccomp, err, text)
		}
	}
	writeFile(t, filepath.Join(dir, "config.json"), `{"linux":{"seccomp":{"defaultAction":"SCMP_ACT_ALLOW","architectures":["`+nativeName+`"],
		"syscalls":[{"names":["mkdirat","mseal"],"action":"SCMP_ACT_ERRNO"}]}}}`)
	for libseccomp, want := range map[string]string{
		"2.5.4": "as libseccomp 2.5.4 reads it, which doesn't know mseal, is less strict", "": "as libseccomp 2.3.0 reads it", "2.6.0": "",
	} {
		err := container.Gate(&specs.State{Bundle: dir}, container.Choice{Dir: dir, Default: "deny", Libseccomp: libseccomp})
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("gate, libseccomp %q: %v, want %q", libseccomp, err, want)
		}
	}
}
