package container_test

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"secco/hook/container"
	"secco/test/alive"
)

// findings runs Doctor on a root directory with these files, and returns its
// findings on some topics.
func findings(t *testing.T, files map[string]string, topics ...string) string {
	t.Helper()
	if err := alive.Check(); err != nil {
		t.Fatal(err) // Doctor would hang
	}
	root := t.TempDir()
	for path, text := range files {
		mode := os.FileMode(0o644)
		if strings.HasPrefix(text, "#!") {
			mode = 0o755
		}
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(text, "# for all") {
			if err := os.Chmod(path, 0o666); err != nil {
				t.Fatal(err)
			}
		}
	}
	var text strings.Builder
	for _, f := range container.Doctor(container.Host{Root: root}) {
		if slices.Contains(topics, f.Topic) && (os.Getuid() == 0 || !strings.Contains(f.Text, "can be changed by others than root")) {
			text.WriteString(string(f.Level) + " " + f.Text + "\n")
		}
		if f.Level == container.Problem && f.Advice == "" {
			t.Errorf("no advice: %v", f)
		}
	}
	return text.String()
}

func wantLines(t *testing.T, text string, wanted ...string) {
	t.Helper()
	for _, want := range wanted {
		if !strings.Contains("\n"+text, "\n"+want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

const open = "DEFAULT_POSITIVE = allow\nDEFAULT_NEGATIVE = allow\nDEFAULT_POLICY = allow\n"

func TestDoctorHooks(t *testing.T) {
	file := func(path, stage, args string) string {
		return `{"version":"1.0.0","hook":{"path":"` + path + `","args":["secco-hook",` + args + `]},"when":{"always":true},"stages":["` + stage + `"]}`
	}
	const dir = "etc/containers/oci/hooks.d/"
	text := findings(t, map[string]string{
		dir + "good.json":                              file("/opt/secco-hook", "prestart", `"install","--default","web"`),
		dir + "build.json":                             file("/opt/secco-hook", "precreate", `"precreate","--default","web"`),
		dir + "open.json":                              file("/missing/secco-hook", "precreate", `"precreate"`),
		dir + "open2.json":                             file("/missing/secco-hook", "createRuntime", `"install"`),
		dir + "mode.json":                              file("/opt/plain/secco-hook", "prestart", `"install"`),
		dir + "policy.json":                            file("/opt/secco-hook", "prestart", `"gate","--stricter-than=/etc/secco/gone.secco"`),
		dir + "none.json":                              file("/opt/secco-hook", "prestart", `"install"`),
		dir + "other.json":                             file("/missing/another", "prestart", `"x"`),
		dir + "broken.json":                            "{",
		"etc/containers/containers.conf":               "[engine]\n# hooks_dir = [\"/no\"]\nhooks_dir = [\"/etc/containers/oci/hooks.d\",\n \"/own/hooks\"]\n",
		"own/hooks/a.json":                             file("/missing/secco-hook", "precreate", `"precreate"`),
		"usr/share/containers/oci/hooks.d/unread.json": file("/opt/secco-hook", "prestart", `"install","--default","web"`),
		"no/a.json":                                    file("/no/secco-hook", "precreate", `"precreate"`),
		"etc/secco/web.secco":                          open,
		"opt/secco-hook":                               "#!x",
		"opt/plain/secco-hook":                         "x",
	}, "hooks")
	const missing = ".json calls /missing/secco-hook, which is not there to be executed (no such file or directory): "
	wantLines(t, text,
		"ok /etc/containers/oci/hooks.d/good.json calls /opt/secco-hook at prestart\n",
		"note /etc/containers/oci/hooks.d/good.json: crun does without hooks where it restores",
		"note /etc/containers/oci/hooks.d/build.json: podman does without the hook where it builds images and where it restores",
		"problem /etc/containers/oci/hooks.d/open"+missing+"podman, and CRI-O once it is started again, start containers WITHOUT the policy\n",
		"problem /usr/share/containers/oci/hooks.d/unread.json is where no engine reads hooks: containers start WITHOUT the policy\n",
		"problem /own/hooks/a"+missing+"podman, and CRI-O",
		"problem /etc/containers/oci/hooks.d/open2"+missing+"podman, and CRI-O",
		"problem /etc/containers/oci/hooks.d/mode.json calls /opt/plain/secco-hook, which is not there to be executed (permission denied): no container can start\n",
		"problem /etc/containers/oci/hooks.d/policy.json: no container starts: open /etc/secco/gone.secco: no such file or directory\n",
		"note /etc/containers/oci/hooks.d/none.json: containers without the annotation dev.secco.policy do not start",
		"problem /etc/containers/oci/hooks.d/broken.json: ",
	)
	if strings.Contains(text, "another") || strings.Contains(text, "/no/") || strings.Contains(text, "problem /etc/containers/oci/hooks.d/good") {
		t.Errorf("what isn't secco's, or is right, is told of:\n%s", text)
	}
}

// A file for podman in a directory that CRI-O reads as well keeps CRI-O from starting.
func TestDoctorPrecreate(t *testing.T) {
	const usr, own = "usr/share/containers/oci/hooks.d/secco.json", "etc/containers/oci/hooks.d/secco.json"
	file := `{"version":"1.0.0","hook":{"path":"/opt/secco-hook","args":["secco-hook","precreate","--default","web"]},"when":{"always":true},"stages":["precreate"]}`
	for _, c := range []struct{ at, crio, want string }{
		{usr, "", "problem /" + usr + " is for the stage precreate"},
		{own, "", "problem /" + own + " is where no engine reads hooks"},
		{own, "hooks_dir = [\"/etc/containers/oci/hooks.d\"]\n", "problem /" + own + " is for the stage precreate"},
		{usr, "hooks_dir = [\"/etc/containers/oci/hooks.d\"]\n", ""},
	} {
		text := findings(t, map[string]string{
			c.at: file, "etc/crio/crio.conf": c.crio, "opt/secco-hook": "#!x", "etc/secco/web.secco": open,
		}, "hooks")
		if !strings.Contains(text, c.want) || c.want == "" && strings.Contains(text, "problem") {
			t.Errorf("%s, crio.conf %q: want %q\n%s", c.at, c.crio, c.want, text)
		}
	}
	conf := map[string]string{own: file, "etc/containers/containers.conf": "hooks_dir = [\"/etc/containers/oci/hooks.d\"]\n", "etc/crio/crio.conf": "", "opt/secco-hook": "#!x", "etc/secco/web.secco": open}
	if text := findings(t, conf, "hooks"); strings.Contains(text, "problem") {
		t.Errorf("podman alone reads it:\n%s", text)
	}
	if text := findings(t, map[string]string{usr: file, "opt/secco-hook": "#!x", "etc/secco/web.secco": open}, "hooks"); strings.Contains(text, "problem") {
		t.Errorf("without CRI-O:\n%s", text)
	}
}

func TestDoctorEngines(t *testing.T) {
	text := findings(t, map[string]string{
		"etc/docker/daemon.json": `{"default-runtime":"a","runtimes":{"a":{"path":"/opt/secco-runtime","runtimeArgs":["--secco-default=web"]},
			"b":{"path":"/missing/secco-runtime"},"c":{"path":"/opt/secco-runtime","runtimeArgs":["--secco-policy=gone"]},"runc":{"path":"/missing/runc"}}}`,
		"etc/containerd/config.toml":      "BinaryName = \"/opt/secco-runtime\"\n# BinaryName = \"/x/secco-runtime\"\n",
		"etc/crio/crio.conf.d/secco.conf": "runtime_path = \"/gone/secco-runtime\"\nhooks_dir = [\"/etc/secco-hooks.d\"]\n",
		"etc/secco/web.secco":             open,
		"opt/secco-runtime":               "#!x",
	}, "docker", "engines")
	wantLines(t, text,
		"ok runtime \"a\" is the default\n",
		"note BuildKit calls runc whatever the default runtime is",
		"problem runtime \"b\" is /missing/secco-runtime",
		"note runtime \"c\" is not the default",
		"problem runtime \"c\": no container starts: no policy \"gone\"",
		"ok /etc/containerd/config.toml names /opt/secco-runtime\n",
		"note /etc/containerd/config.toml: containers without the annotation",
		"problem /etc/crio/crio.conf.d/secco.conf names /gone/secco-runtime, which is not there",
	)
	if strings.Contains(text, "/missing/runc") || strings.Contains(text, "/x/") || strings.Contains(text, "hooks.d") {
		t.Errorf("what isn't secco's is told of:\n%s", text)
	}
}

func TestDoctorPolicies(t *testing.T) {
	files := map[string]string{
		"etc/secco/web.secco":    open,
		"etc/secco/web.bpf":      "\x06\x00\x00\x00\x00\x00\x05\x00", // errno 0
		"etc/secco/wrong.secco":  "nonsense",
		"etc/secco/other.secco":  open,
		"etc/secco/other.bpf":    "\x06\x00\x00\x00\x00\x00\x05\x00",
		"etc/secco/same.secco":   strings.ReplaceAll(open, "allow", "kill_process") + "DEFAULT_BADARCH = kill_process\nDEFAULT_X32 = kill_process\n",
		"etc/secco/same.bpf":     "\x06\x00\x00\x00\x00\x00\x00\x80", // kill_process
		"etc/secco/privs.secco":  open + "NO_NEW_PRIVS = 1\n",
		"etc/secco/privs.bpf":    "\x06\x00\x00\x00\x00\x00\xff\x7f", // allow
		"etc/secco/shared.secco": open + "# for all\n",
		"etc/secco/hook.conf":    `{"nonsense": 1}`,
		"etc/secco/README":       "",
	}
	for _, name := range []string{"other", "same", "privs"} { // whoever wrote it
		text, program := files["etc/secco/"+name+".secco"], files["etc/secco/"+name+".bpf"]
		files["etc/secco/"+name+".sha256"] = fmt.Sprintf("%x  %s.secco\n%x  %s.bpf\n", sha256.Sum256([]byte(text)), name, sha256.Sum256([]byte(program)), name)
	}
	text := findings(t, files, "policies")
	wantLines(t, text,
		"problem /etc/secco/hook.conf: /etc/secco/hook.conf: json: unknown field \"nonsense\"\n",
		"problem /etc/secco: containers that are to have \"wrong\" do not start: /etc/secco/wrong.secco:1:",
		"note /etc/secco/web.bpf is not used: web.sha256 does not say",
		"problem /etc/secco/privs.bpf is used in place of privs.secco, which says how it is to be installed",
		"problem /etc/secco/other.bpf is used in place of other.secco, and does something else: ",
		"ok /etc/secco has other, privs, same, shared, web\n",
	)
	if strings.Contains(text, "same.bpf") {
		t.Errorf("a program that does what the text says is told of:\n%s", text)
	}
	if os.Getuid() == 0 {
		wantLines(t, text, "problem /etc/secco/shared.secco can be changed by others than root (owner 0, mode -rw-rw-rw-)\n")
	}
	if text := findings(t, nil, "policies", "hooks", "docker", "engines"); text != "" {
		t.Errorf("where nothing is set up: %s", text)
	}
}
