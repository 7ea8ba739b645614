//go:build long

package arm64

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

const root = "../.."

// A suite is a package whose tests run in a machine, with what is run of them.
type suite struct {
	pkg   string
	flags []string
}

// machines are run at once, one on each of two processors.
var machines = map[string][]suite{
	"processes": {
		{pkg: "emulator"}, {pkg: "hook/nofile"}, {pkg: "hook/inject"}, {pkg: "hook/sigsys"}, {pkg: "hook/compat"}, {pkg: "hook/policies"}, {pkg: "hook/container"},
		{pkg: "cmd/secco-wrap"}, {pkg: "cmd/secco-runtime"}, {pkg: "hook"}, {pkg: "hook/oracle"}, {pkg: "test/kernel"},
		{pkg: "test/whole", flags: []string{"-test.run=InKernel"}},
	},
	"containers": {
		{pkg: "test/containers", flags: []string{"-test.run=" + strings.Join([]string{
			"TestMatrix/^(runc|crun)$", "TestFirstInstruction", "TestPayload32", "TestWrap", "TestGate", "TestGuards", "TestHook", "TestSupervisorKilled",
			"TestRuntimeWrapper", "TestStartupNeeds", "TestUntrusted", "TestPolicyFaults", "TestParallel",
		}, "|")}},
	},
}

// A command is what the guest runs: see its package.
type command struct {
	Name, Dir string
	Args      []string
	Env       []string
}

const deadline = 50 * time.Minute

// TestArm64 cross-builds the tests and the commands, starts machines with them as their
// root file systems, and reads what they say.
func TestArm64(t *testing.T) {
	for _, tool := range []string{"qemu-system-aarch64", "cpio"} {
		if _, err := exec.LookPath(tool); err != nil && os.Getenv("CI") == "true" {
			t.Fatalf("%v: scripts/setup arm64 installs it", err)
		} else if err != nil {
			t.Skipf("%v: scripts/setup arm64 installs it", err)
		}
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	debian := filepath.Join(cache, "secco", "arm64")
	run(t, ".", nil, "./debian", debian)
	for name, suites := range machines {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			boot(t, filepath.Join(debian, "vmlinuz"), build(t, filepath.Join(debian, "root"), suites), suites)
		})
	}
}

// boot starts a machine and checks what it says of its tests.
func boot(t *testing.T, kernel, initrd string, suites []suite) {
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	// The processor is one with all that qemu knows of, but for pointers' real
	// signatures, which take it long. Time passes in the machine with the instructions
	// that it executes, and jumps where it has nothing to do: no time limit of its tests
	// depends on how busy this computer is.
	machine := exec.CommandContext(ctx, "qemu-system-aarch64", "-machine", "virt", "-cpu", "max,pauth-impdef=on", "-accel", "tcg,thread=single",
		"-icount", "shift=3,sleep=off", "-smp", "2", "-m", "1536", "-nodefaults", "-nographic", "-no-reboot", "-serial", "stdio",
		"-kernel", kernel, "-initrd", initrd, "-append", "console=ttyAMA0 loglevel=4 panic=-1 rdinit=/init")
	console, err := machine.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	machine.Stderr = machine.Stdout
	if err := machine.Start(); err != nil {
		t.Fatal(err)
	}
	said := read(console)
	err = machine.Wait()
	for _, s := range suites {
		t.Run(s.pkg, func(t *testing.T) { said[s.pkg].check(t) })
	}
	for name, want := range map[string]string{"doctor": "secco-hook install and gate --installed work", "run": "aarch64"} {
		t.Run(name, func(t *testing.T) {
			if o := said[name]; o == nil || o.ended != "0" || !strings.Contains(o.String(), want) {
				t.Errorf("%q is not in\n%s", want, o)
			}
		})
	}
	if err != nil || t.Failed() {
		t.Errorf("the machine: %v\n%s", err, said[""])
	}
}

// build returns a machine's root file system as an archive.
func build(t *testing.T, debian string, suites []suite) (initrd string) {
	t.Helper()
	work := t.TempDir()
	stage := filepath.Join(work, "root")
	// Debian's /bin, /sbin and /lib are links into /usr: packages bring both.
	for _, dir := range []string{"bin", "sbin", "lib"} {
		to := filepath.Join(stage, "usr", dir)
		makeDir(t, to)
		for _, from := range []string{filepath.Join(debian, "usr", dir), filepath.Join(debian, dir)} {
			if _, err := os.Stat(from); err == nil {
				run(t, ".", nil, "cp", "-a", from+"/.", to)
			}
		}
		if err := os.Symlink("usr/"+dir, filepath.Join(stage, dir)); err != nil {
			t.Fatal(err)
		}
	}
	makeDir(t, filepath.Join(stage, "etc"))
	makeDir(t, filepath.Join(stage, "root"))
	write(t, filepath.Join(stage, "etc/passwd"), []byte("root:x:0:0::/root:/bin/sh\n"))
	write(t, filepath.Join(stage, "etc/group"), []byte("root:x:0:\n"))

	arm64 := []string{"CGO_ENABLED=0", "GOOS=linux", "GOARCH=arm64"}
	run(t, root, arm64, "go", "build", "-o", filepath.Join(stage, "init"), "./test/arm64/guest")
	commands := filepath.Join(stage, "commands")
	makeDir(t, commands)
	run(t, root, arm64, "go", "build", "-trimpath", "-o", commands, "./cmd/...", "./test/containers/payload")
	// Go makes a program that needs a dynamic linker without any for this machine.
	run(t, root, arm64, "go", "build", "-buildmode=pie", "-o", filepath.Join(commands, "dynamic"), "./test/containers/payload")

	source := filepath.Join(stage, "src")
	for _, dir := range []string{"cmd", "docs", "emulator", "hook", "test/containers", "test/kernel", "test/whole"} {
		if err := os.CopyFS(filepath.Join(source, dir), os.DirFS(filepath.Join(root, dir))); err != nil {
			t.Fatal(err)
		}
	}
	env := []string{"PATH=/commands:/usr/bin:/usr/sbin", "HOME=/root", "SECCO_TEST_COMMANDS=/commands", "CI=true"}
	list := []command{
		{"doctor", "/", []string{"/commands/secco", "doctor"}, env},
		{"run", "/", []string{"/commands/secco", "run", "no-network", "--", "uname", "-m"}, env},
	}
	for _, s := range suites {
		program := "/tests/" + strings.ReplaceAll(s.pkg, "/", "-")
		run(t, root, arm64, "go", "test", "-c", "-o", filepath.Join(stage, program), "./"+s.pkg)
		list = append(list, command{s.pkg, "/src/" + s.pkg, append([]string{program, "-test.v", "-test.short", "-test.timeout=30m"}, s.flags...), env})
	}
	text, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(stage, "commands.json"), text)

	initrd = filepath.Join(work, "initrd")
	run(t, stage, nil, "sh", "-c", `find . -print0 | cpio --null --quiet -o -H newc -R 0:0 >"$0"`, initrd)
	if err := os.RemoveAll(stage); err != nil {
		t.Error(err)
	}
	return initrd
}

// output is what one of the commands said, or the machine itself.
type output struct {
	lines []string
	ended string // the exit code; empty where it has not ended
}

// read reads what the machine says, to its end.
func read(console io.Reader) map[string]*output {
	said := map[string]*output{"": {}}
	of := func(name string) *output {
		if said[name] == nil {
			said[name] = &output{}
		}
		return said[name]
	}
	lines := bufio.NewReader(console)
	for {
		line, err := lines.ReadString('\n')
		line = strings.TrimRight(line, "\r\n")
		name, text, marked := strings.Cut(strings.TrimPrefix(line, "@"), " ")
		switch ended, last := strings.CutSuffix(name, "="); {
		case !strings.HasPrefix(line, "@") || !marked:
			of("").lines = append(of("").lines, line)
		case last:
			of(ended).ended = text
		default:
			of(name).lines = append(of(name).lines, text)
		}
		if err != nil {
			return said
		}
	}
}

// String returns all that was said.
func (o *output) String() string {
	if o == nil {
		return "nothing"
	}
	return strings.Join(o.lines, "\n")
}

var result = regexp.MustCompile(`^ *--- (PASS|FAIL|SKIP): `)

// check fails the test unless the suite has passed: nothing that it has may be missing
// in this machine.
func (o *output) check(t *testing.T) {
	t.Helper()
	if o == nil {
		t.Fatal("not started")
	}
	counts := map[string]int{}
	for _, line := range o.lines {
		if m := result.FindStringSubmatch(line); m != nil {
			counts[m[1]]++
		}
	}
	if o.ended != "0" || counts["PASS"] == 0 || counts["FAIL"]+counts["SKIP"] > 0 {
		t.Errorf("exit code %q, %v\n%s", o.ended, counts, o)
	}
	t.Logf("%d tests passed", counts["PASS"])
}

func run(t *testing.T, dir string, env []string, name string, args ...string) (stdout string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\n%s%s", cmd, err, out.String(), complaints.String())
	}
	return out.String()
}

func makeDir(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}
