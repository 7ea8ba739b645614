package container_test

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"secco/bpf"
	"secco/hook/container"
	"secco/linux"
)

func TestParse(t *testing.T) {
	for args, want := range map[string]container.Invocation{
		"":               {},
		"--version":      {},
		"state id":       {Command: "state"},
		"create id":      {Command: "create", Bundle: ".", Config: "config.json"},
		"create -b /b x": {Command: "create", Bundle: "/b", Config: "/b/config.json"},
		"--root /r --log /l --log-format json --systemd-cgroup create --bundle /b --pid-file /p --no-new-keyring id": {Command: "create", Bundle: "/b", Config: "/b/config.json", Log: "/l", LogFormat: "json"},
		"--log=/l --debug run --bundle=/b --config other.json id":                                                    {Command: "run", Bundle: "/b", Config: "/b/other.json", Log: "/l"},
		"-log /l run -f /c.json -b /b id":                                                                            {Command: "run", Bundle: "/b", Config: "/c.json", Log: "/l"},
		"--root create state id":                                                                                     {Command: "state"},
		"--new-flag=x run id":                                                                                        {Command: "run", Bundle: ".", Config: "config.json"},
		"--new-flag x state id":                                                                                      {Command: "x"},
		"exec --process /p id":                                                                                       {Command: "exec"},
		"run --preserve-fds 3 --bundle /b -- id":                                                                     {Command: "run", Bundle: "/b", Config: "/b/config.json"},
		"run -- --bundle":                                                                                            {Command: "run", Bundle: ".", Config: "config.json"},
		"run --bundle /a --bundle /b id":                                                                             {Command: "run", Bundle: "/b", Config: "/b/config.json"},
		"restore --bundle /b id":                                                                                     {Command: "restore", Bundle: "/b", Config: "/b/config.json"},
		"run -d -b /b -- -b/c":                                                                                       {Command: "run", Bundle: "/b", Config: "/b/config.json"},
		"run --pid-file --bundle=/a id":                                                                              {Command: "run", Bundle: ".", Config: "config.json"},
		"run --pid-file -- --bundle /b id":                                                                           {Command: "run", Bundle: "/b", Config: "/b/config.json"},
		"run -b --pid-file id":                                                                                       {Command: "run", Bundle: "--pid-file", Config: "--pid-file/config.json"},
		"run id --bundle /b":                                                                                         {Command: "run", Bundle: "/b", Config: "/b/config.json"},
		"run --bundle /b --new-flag id":                                                                              {Command: "run", Bundle: "/b", Config: "/b/config.json"},
		"run --new-flag=x --bundle /b - id":                                                                          {Command: "run", Bundle: "/b", Config: "/b/config.json"},
		"exec -b/b id":                                                                                               {Command: "exec"},
		"create --console-socket /bundle --no-pivot id":                                                              {Command: "create", Bundle: ".", Config: "config.json"},
	} {
		got, err := container.Parse(strings.Fields(args))
		if err != nil || got != want {
			t.Errorf("%q: %+v, %v; want %+v", args, got, err, want)
		}
	}
	for _, args := range []string{
		"--unknown run id", "--unknown x create --bundle /b id", "--log", "create --bundle", "create -b",
		"run --bund /b id", "run --b /b id", "run -db /b id", "run -b/b id", "run --conf=/c id", "run -f/c id",
		"run -b=/b id", "run -b/evil=dir id", "run -f=/c id", "run -fx=y id", "run -dbx=y id", "run -d=true id", "run -bundle /b id", "run -bundle=/b id", "run -config /c id",
		"run --new-flag --bundle=/b id", "run --new-flag -- --bundle /b id", "run --pid --bundle=/b id", "run -x -b /b id", "run --=x id", "restore -b/b id",
	} {
		if got, err := container.Parse(strings.Fields(args)); err == nil {
			t.Errorf("%q: %+v", args, got)
		}
	}
}

const config = `{"ociVersion":"1.0.2","process":{"args":["sh"],"noNewPrivileges":false,"x":1},"annotations":{"a":"b"},
"linux":{"namespaces":[{"type":"pid"}],"seccomp":{"defaultAction":"SCMP_ACT_ALLOW"},"new":{"kept":[1.0,2e3]}},"unknown":{"B":1,"a":2}}`

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o640); err != nil {
		t.Fatal(err)
	}
}

func TestPrepare(t *testing.T) {
	dir := t.TempDir()
	policies := filepath.Join(dir, "policies")
	if err := os.Mkdir(policies, 0o755); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(policies, "one.secco"), "DEFAULT_POSITIVE = EPERM\nDEFAULT_NEGATIVE = allow\nDEFAULT_POLICY = allow\nuname: 1\n")
	writeFile(t, filepath.Join(policies, "two.json"), `{"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":38,"syscalls":[{"names":["read","write"],"action":"SCMP_ACT_ALLOW"}]}`)
	writeFile(t, filepath.Join(dir, "outside.secco"), "DEFAULT_POLICY = allow\n")
	path := filepath.Join(dir, "config.json")
	prepare := func(text string, c container.Choice) (map[string]any, error) {
		t.Helper()
		writeFile(t, path, text)
		inv := container.Invocation{Command: "create", Bundle: dir, Config: path}
		c.Dir, c.Libseccomp = policies, "2.5.4"
		_, err := container.Wrapper{Choice: c}.Prepare(inv)
		after, readErr := os.ReadFile(path)
		if readErr != nil {
			t.Fatal(readErr)
		}
		if err != nil && string(after) != text {
			t.Errorf("%v, but config.json was changed to %s", err, after)
		}
		if left, _ := filepath.Glob(filepath.Join(dir, ".config*")); left != nil {
			t.Errorf("left behind: %s", left)
		}
		info, _ := os.Stat(path)
		if info.Mode().Perm() != 0o640 {
			t.Errorf("mode %v", info.Mode())
		}
		var v map[string]any
		if err := json.Unmarshal(after, &v); err != nil {
			t.Fatal(err)
		}
		return v, err
	}
	sandbox := strings.Replace(config, `"a":"b"`, `"io.kubernetes.cri.container-type":"sandbox"`, 1)
	action := func(v map[string]any) string {
		return v["linux"].(map[string]any)["seccomp"].(map[string]any)["defaultAction"].(string)
	}
	annotated := func(name string) string {
		return strings.Replace(config, `"a":"b"`, `"dev.secco.policy":`+quote(name), 1)
	}

	v, err := prepare(config, container.Choice{Default: "two"})
	if err != nil {
		t.Fatal(err)
	}
	if action(v) != "SCMP_ACT_ERRNO" {
		t.Errorf("profile %v", v)
	}
	var before map[string]any
	if err := json.Unmarshal([]byte(config), &before); err != nil {
		t.Fatal(err)
	}
	delete(before["linux"].(map[string]any), "seccomp")
	delete(v["linux"].(map[string]any), "seccomp")
	if diff := cmp.Diff(before, v); diff != "" {
		t.Errorf("something else was changed: %s", diff)
	}

	for _, c := range []struct {
		name, config string
		choice       container.Choice
		want         string // default action; "" for an error
	}{
		{"annotation", annotated("two"), container.Choice{Default: "one"}, "SCMP_ACT_ERRNO"},
		{"annotation, no default", annotated("one"), container.Choice{}, "SCMP_ACT_ALLOW"},
		{"fixed, against the annotation", annotated("one"), container.Choice{Policy: "two"}, "SCMP_ACT_ERRNO"},
		{"fixed, by file", annotated("one"), container.Choice{Policy: filepath.Join(policies, "two.json")}, "SCMP_ACT_ERRNO"},
		{"no policy", config, container.Choice{}, ""},
		{"unknown policy", config, container.Choice{Default: "three"}, ""},
		{"annotation of an unknown one", annotated("three"), container.Choice{Default: "one"}, ""},
		{"annotation that leads out", annotated("../outside"), container.Choice{Default: "one"}, ""},
		{"annotation that names a file", annotated(filepath.Join(dir, "outside.secco")), container.Choice{Default: "one"}, ""},
		{"empty annotation", annotated(""), container.Choice{Default: "one"}, ""},
		{"annotation of a shipped one", annotated("no-network"), container.Choice{Default: "one"}, ""},
		{"a shipped one by default", config, container.Choice{Default: "no-network"}, "SCMP_ACT_ALLOW"},
		{"two spellings", strings.Replace(config, `"linux"`, `"Linux":{},"linux"`, 1), container.Choice{Default: "two"}, ""},
		{"two spellings with a letter of its own", strings.Replace(config, `"seccomp"`, `"\u017feccomp":{},"seccomp"`, 1), container.Choice{Default: "two"}, ""},
		{"another spelling", strings.NewReplacer(`"linux"`, `"Linux"`, `"seccomp"`, `"SECCOMP"`).Replace(config), container.Choice{Default: "two"}, "?"},
		{"pause container", sandbox, container.Choice{Default: "one"}, "SCMP_ACT_ERRNO"},
		{"pause container of CRI-O, without a default", strings.Replace(config, `"a":"b"`, `"io.kubernetes.cri-o.ContainerType":"sandbox"`, 1), container.Choice{}, "SCMP_ACT_ERRNO"},
		{"pause container that asks", strings.Replace(sandbox, `"annotations":{`, `"annotations":{"dev.secco.policy":"one",`, 1), container.Choice{}, "SCMP_ACT_ERRNO"},
		{"pause container, by name", sandbox, container.Choice{Default: "two", Sandbox: "one"}, "SCMP_ACT_ALLOW"},
		{"pause container, fixed", sandbox, container.Choice{Policy: "one", Sandbox: "two"}, "SCMP_ACT_ALLOW"},
		{"no linux", `{"ociVersion":"1.0.2"}`, container.Choice{Default: "two"}, "SCMP_ACT_ERRNO"},
		{"broken", `{"ociVersion":"1.0.2"`, container.Choice{Default: "two"}, "!"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.want == "!" {
				writeFile(t, path, c.config)
				_, err := container.Wrapper{Choice: c.choice}.Prepare(container.Invocation{Command: "run", Config: path})
				if err == nil {
					t.Error("accepted")
				}
				return
			}
			v, err := prepare(c.config, c.choice)
			switch {
			case c.want == "" && err == nil:
				t.Error("accepted")
			case c.want == "?" && err == nil:
				// Other spellings are for some runtimes only.
				if v["Linux"] != nil || v["linux"].(map[string]any)["seccomp"] == nil || v["linux"].(map[string]any)["SECCOMP"] != nil {
					t.Errorf("%v", v)
				}
			case c.want != "" && err != nil:
				t.Error(err)
			case c.want != "" && c.want != "?" && action(v) != c.want:
				t.Errorf("profile %v", v["linux"])
			}
		})
	}

	// A program for crun would stand in place of the profile.
	v, err = prepare(strings.Replace(config, `"a":"b"`, `"run.oci.seccomp_bpf_data":"BgAAAAAA/38=","a":"b"`, 1), container.Choice{Default: "two"})
	if err != nil || len(v["annotations"].(map[string]any)) != 1 {
		t.Errorf("%v, %v", v, err)
	}
	// A profile takes the policy's text, also where its program is beside it.
	writeFile(t, filepath.Join(policies, "one.bpf"), string(bpf.Encode(bpf.Program{{Op: bpf.RetK, K: uint32(linux.Allow)}}, binary.NativeEndian)))
	for _, policy := range []string{"one", filepath.Join(policies, "one.secco")} {
		v, err := prepare(config, container.Choice{Policy: policy})
		if err != nil {
			t.Errorf("%s: %v", policy, err)
		} else if profile := v["linux"].(map[string]any)["seccomp"].(map[string]any); !strings.Contains(fmt.Sprint(profile["syscalls"]), "uname") {
			t.Errorf("%s: %v", policy, profile)
		}
	}
	if _, err := prepare(config, container.Choice{Policy: filepath.Join(policies, "one.bpf")}); err == nil || !strings.Contains(err.Error(), "takes the policy's text") {
		t.Errorf("a program: %v", err)
	}
	// What the runtime itself needs of the policy is warned of.
	writeFile(t, path, config)
	w := container.Wrapper{Runtime: "/x/runc", Choice: container.Choice{Default: "two", Dir: policies}}
	warnings, err := w.Prepare(container.Invocation{Command: "create", Bundle: dir, Config: path})
	if err != nil || len(warnings) != 1 || !strings.Contains(warnings[0].Message, "execve (errno(ENOSYS))") || !strings.Contains(warnings[0].Message, "without noNewPrivileges") {
		t.Errorf("%v, %v", warnings, err)
	}
	// Other commands are left alone.
	for _, command := range []string{"", "state", "kill", "delete", "exec", "start"} {
		if _, err := (container.Wrapper{}).Prepare(container.Invocation{Command: command}); err != nil {
			t.Errorf("%s: %v", command, err)
		}
	}
	if _, err := (container.Wrapper{Choice: container.Choice{Default: "two", Dir: policies}}).Prepare(container.Invocation{Command: "restore", Config: path}); err == nil {
		t.Error("restored a container with the filter that it had")
	}
}

func quote(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

func TestReport(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	failure := errors.New(`no "policy"`)
	for _, format := range []string{"json", "text", "json"} {
		if err := (container.Invocation{Log: path, LogFormat: format}).Report(failure); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	if len(lines) != 3 || !strings.Contains(lines[1], `level=error msg="no \"policy\""`) {
		t.Fatalf("%s", text)
	}
	var entry struct{ Level, Msg, Time string }
	if err := json.Unmarshal([]byte(lines[2]), &entry); err != nil || entry.Level != "error" || entry.Msg != failure.Error() || entry.Time == "" {
		t.Errorf("%+v, %v", entry, err)
	}
	if err := (container.Invocation{}).Report(failure); err != nil {
		t.Error(err)
	}
}

// Guards are about what the container can have: its bounding set. One that runtimes
// don't read alike is an error where the policy asks.
func TestPrepareCapabilities(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "guarded.secco"), "DEFAULT_POLICY = allow\nptrace: return EPERM\nwhen cap(CAP_SYS_ADMIN) {\n\tptrace: return allow\n}\n")
	writeFile(t, filepath.Join(dir, "plain.secco"), "DEFAULT_POLICY = allow\nptrace: return EPERM\n")
	path := filepath.Join(dir, "config.json")
	for _, c := range []struct {
		process string
		allowed bool
		err     string
	}{
		{`"process":{"capabilities":{"bounding":["CAP_CHOWN","CAP_SYS_ADMIN"]}},`, true, ""},
		{`"process":{"capabilities":{"bounding":["CAP_CHOWN"],"effective":["CAP_SYS_ADMIN"],"permitted":["CAP_SYS_ADMIN"]}},`, false, ""},
		{`"process":{"capabilities":{"bounding":["CAP_NEWER"]}},`, false, ""},
		{`"process":{"capabilities":{"bounding":[]}},`, false, ""},
		{`"process":{"capabilities":{}},`, false, ""},
		{`"process":{"capabilities":null},`, false, "no process.capabilities"},
		{`"process":{},`, false, "no process.capabilities"},
		{``, false, "no process.capabilities"},
		{`"process":{"capabilities":{"bounding":["cap_sys_admin"]}},`, false, "no capability to all runtimes"},
		{`"process":{"capabilities":{"bounding":["SYS_ADMIN"]}},`, false, "no capability to all runtimes"},
		{`"process":{"capabilities":{"bounding":"CAP_SYS_ADMIN"}},`, false, "process.capabilities.bounding"},
		{`"process":{"capabilities":{"bounding":[],"bounding":["CAP_SYS_ADMIN"]}},`, false, "twice"},
		{`"process":{"capabilities":{"Bounding":["CAP_SYS_ADMIN"]}},`, false, `"Bounding" is to be "bounding"`},
		{`"process":{"Capabilities":{"bounding":["CAP_SYS_ADMIN"]}},`, false, `"Capabilities" is to be "capabilities"`},
		{`"Process":{"capabilities":{"bounding":["CAP_SYS_ADMIN"]}},`, false, `"Process" is to be "process"`},
		{`"process":{"capabilities":[]},`, false, "capabilities: no JSON object"},
	} {
		for _, policy := range []string{"guarded", "plain"} {
			text := `{"ociVersion":"1.0.2",` + c.process + `"linux":{}}`
			writeFile(t, path, text)
			inv := container.Invocation{Command: "create", Bundle: dir, Config: path}
			_, err := container.Wrapper{Choice: container.Choice{Dir: dir, Default: policy}}.Prepare(inv)
			after, readErr := os.ReadFile(path)
			if readErr != nil {
				t.Fatal(readErr)
			}
			if c.err != "" && (policy == "guarded" || c.err == "twice") {
				if err == nil || !strings.Contains(err.Error(), c.err) || string(after) != text {
					t.Errorf("%s: %v, want %q\n%s", c.process, err, c.err, after)
				}
				continue
			}
			if refused := strings.Contains(string(after), `"ptrace"`); err != nil || refused == (c.allowed && policy == "guarded") {
				t.Errorf("%s: %s: %v, ptrace refused: %v", policy, c.process, err, refused)
			}
		}
	}
}
