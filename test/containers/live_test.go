//go:build libseccomp && cgo

package containers

import (
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	moby "github.com/moby/profiles/seccomp"

	"secco/linux"
)

// TestDockerLive proves that what the kernel holds for a container of Docker's is
// the profile that it was started with, by the command that a user would type.
func TestDockerLive(t *testing.T) {
	d := startDocker(t, "{}")
	d.importRoot(rootfs(t), "base")
	dir := t.TempDir()
	secco := filepath.Join(dir, "secco")
	if out, err := exec.Command("go", "build", "-tags", "libseccomp", "-o", secco, "../../cmd/secco").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	version := regexp.MustCompile(`version ([0-9]+\.[0-9]+\.[0-9]+)`).FindStringSubmatch(run(t, "runc", "--version").stdout)
	if version == nil {
		t.Fatal("runc has no version")
	}
	runc := "--runtime=runc:" + version[1]
	write := func(name, text string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	newest, err := json.Marshal(moby.DefaultProfile())
	if err != nil {
		t.Fatal(err)
	}
	var allowed []string // which every libseccomp of today knows
	for _, call := range linux.X86_64.Syscalls() {
		if call.NR < 335 && !slices.Contains([]string{"ptrace", "mount", "socket", "bpf"}, call.Name) {
			allowed = append(allowed, call.Name)
		}
	}
	names, err := json.Marshal(allowed)
	if err != nil {
		t.Fatal(err)
	}
	strict := write("strict.json", `{"defaultAction": "SCMP_ACT_KILL_PROCESS", "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"], "syscalls": [
		{"names": `+string(names)+`, "action": "SCMP_ACT_ALLOW"},
		{"names": ["socket"], "action": "SCMP_ACT_ERRNO", "errnoRet": 97, "args": [{"index": 0, "op": "SCMP_CMP_NE", "value": 1}]}]}`)
	for name, tc := range map[string]struct {
		flags []string
		// profile is what was given; without one it is what Docker hands to runc.
		profile string
		// read is set where libseccomp knows all names, so that the rules' meaning
		// is what is loaded.
		read bool
	}{
		"default":           {},
		"newest default":    {flags: []string{"--security-opt", "seccomp=" + write("newest.json", string(newest))}, profile: filepath.Join(dir, "newest.json")},
		"strict":            {flags: []string{"--security-opt", "seccomp=" + strict}, profile: strict, read: true},
		"without privilege": {flags: []string{"--security-opt", "no-new-privileges", "--user=1000", "--cap-drop=ALL"}},
	} {
		t.Run(name, func(t *testing.T) {
			id := strings.TrimSpace(d.do(t, append(append([]string{"run", "-d", "--network=none"}, tc.flags...), "base", "sleep", "60")...).stdout)
			defer d.do(t, "rm", "-f", id)
			pid := strings.TrimSpace(d.do(t, "inspect", "--format", "{{.State.Pid}}", id).stdout)
			profile := tc.profile
			if profile == "" {
				profile = d.config(id)
			}
			expect(t, run(t, secco, "prove", "pid:"+pid, profile, "--through=libseccomp", runc), 0, "equal\n", "")
			if tc.read {
				expect(t, run(t, secco, "prove", "pid:"+pid, profile, runc), 0, "equal\n", "")
			}
			text := filepath.Join(dir, "live.secco")
			expect(t, run(t, secco, "decompile", "pid:"+pid, "-o", text), 0, "", "")
			expect(t, run(t, secco, "prove", text, "pid:"+pid), 0, "equal\n", "")
			// Without runc's part it is another filter.
			if r := run(t, secco, "prove", "pid:"+pid, profile, "--through=libseccomp"); r.code != 1 || !strings.Contains(r.stdout, "errno(ENOSYS)") {
				t.Errorf("as if runc added nothing: %v", r)
			}
		})
	}
}

// config returns the config.json that Docker made for a container.
func (d *dockerd) config(id string) string {
	d.t.Helper()
	found := ""
	err := filepath.WalkDir(filepath.Join(filepath.Dir(strings.TrimPrefix(d.socket, "unix://")), "exec"), func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && entry.Name() == "rootfs" {
			return filepath.SkipDir
		}
		if err == nil && entry.Name() == "config.json" && strings.Contains(path, id) {
			found = path
		}
		return nil
	})
	if err != nil || found == "" {
		d.t.Fatalf("no config.json of %s: %v", id, err)
	}
	return found
}
