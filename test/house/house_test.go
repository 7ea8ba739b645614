// Package house holds what must be true of the tree as a whole: every command
// builds without cgo as one static file and says what it then can't do, and the
// module can be given another path.
package house

import (
	"bytes"
	"debug/elf"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

const root = "../.."

// long reports whether to do what takes minutes on a machine that has built
// nothing yet.
func long() bool { return os.Getenv("SECCO_LONG") != "" }

func TestStaticBuild(t *testing.T) {
	arches := []string{runtime.GOARCH}
	if long() {
		arches = []string{"amd64", "arm64"}
	}
	for _, arch := range arches {
		t.Run(arch, func(t *testing.T) {
			bin := t.TempDir()
			run(t, root, []string{"CGO_ENABLED=0", "GOARCH=" + arch}, "go", "build", "-trimpath", "-o", bin, "./cmd/...")
			built, err := os.ReadDir(bin)
			if err != nil {
				t.Fatal(err)
			}
			commands, err := filepath.Glob(root + "/cmd/*/main.go")
			if err != nil || len(built) != len(commands) || len(built) == 0 {
				t.Fatalf("%d commands of %d are built, %v", len(built), len(commands), err)
			}
			for _, b := range built {
				file, err := elf.Open(filepath.Join(bin, b.Name()))
				if err != nil {
					t.Fatal(err)
				}
				for _, p := range file.Progs {
					if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
						t.Errorf("%s is not static: it has %s", b.Name(), p.Type)
					}
				}
				if err := file.Close(); err != nil {
					t.Error(err)
				}
			}
			if arch == runtime.GOARCH {
				withoutLibseccomp(t, filepath.Join(bin, "secco"))
			} else { // what no command uses, the tests and the assembly are of that machine as well
				run(t, root, []string{"CGO_ENABLED=0", "GOARCH=" + arch}, "go", "vet", "-tags", "long", "./hook/...", "./test/arm64/...", "./test/containers", "./test/kernel", "./test/whole")
			}
		})
	}
}

// withoutLibseccomp checks that a pure Go build does not claim a check that it
// can't make.
func withoutLibseccomp(t *testing.T, secco string) {
	t.Helper()
	if out := run(t, ".", nil, secco, "--version"); !strings.Contains(out, "libseccomp: not built in") {
		t.Errorf("--version says\n%s", out)
	}
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(secco, "verify", "pure")
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 3 {
		t.Errorf("verify ends with %v, want exit code 3", err)
	}
	if !strings.Contains(stderr.String(), "not cross-validated") || !strings.Contains(stdout.String(), "policy = program: proved") {
		t.Errorf("verify prints\n%s%s", stdout.String(), stderr.String())
	}
}

// TestModulePath renames the module in a copy of the tree, whose packages must
// then find each other and none of the old path.
func TestModulePath(t *testing.T) {
	tree := t.TempDir()
	copyTree(t, tree)
	const path = "example.org/tools/secco"
	run(t, tree, nil, "go", "run", "./tools/modulepath/main.go", path)
	if long() {
		run(t, tree, nil, "go", "vet", "-trimpath", "./...")
	}
	if out := run(t, tree, nil, "go", "list", "-test", "-deps", "-tags", "libseccomp", "./..."); strings.Contains("\n"+out, "\nsecco/") || !strings.Contains(out, path+"/cmd/secco\n") {
		t.Errorf("the packages are\n%s", out)
	}
	for _, module := range []string{"tools", "test/spo", "test/bench/peers"} {
		mod, err := os.ReadFile(filepath.Join(tree, module, "go.mod"))
		if err != nil || !strings.HasPrefix(string(mod), "module "+path+"/"+module+"\n") {
			t.Errorf("%s/go.mod is %.60q, %v", module, mod, err)
		}
	}
	for _, bad := range []string{"", "/a", "a b", "a//b", "../a", "a\nb"} {
		cmd := exec.Command("go", "run", "./tools/modulepath/main.go", bad)
		cmd.Dir = tree
		if err := cmd.Run(); err == nil {
			t.Errorf("%q is taken as a module path", bad)
		}
	}
}

// copyTree copies the tree without what was built.
func copyTree(t *testing.T, to string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		switch {
		case d.IsDir() && (d.Name() == ".git" || rel == "bin" || rel == "out"):
			return fs.SkipDir
		case d.IsDir():
			return os.MkdirAll(filepath.Join(to, rel), 0o755)
		case !d.Type().IsRegular():
			return nil
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, rel), data, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestScripts has the shell read its scripts.
func TestScripts(t *testing.T) {
	scripts := []string{root + "/.ci/run", root + "/test/fresh/debian"}
	more, err := filepath.Glob(root + "/scripts/*")
	if err != nil || len(more) == 0 {
		t.Fatal("no scripts", err)
	}
	for _, s := range append(scripts, more...) {
		shell := "sh"
		if text, err := os.ReadFile(s); err == nil && strings.Contains(string(text[:40]), "bash") {
			shell = "bash"
		}
		run(t, ".", nil, shell, "-n", s)
		if info, err := os.Stat(s); err != nil || info.Mode()&0o111 == 0 {
			t.Errorf("%s can't be executed: %v", s, err)
		}
	}
}

// TestMakeHelp checks that each target is explained.
func TestMakeHelp(t *testing.T) {
	out := run(t, root, nil, "make", "help")
	for _, target := range []string{"run", "test", "test-all", "bench", "lint", "build", "static", "module-path"} {
		if !strings.Contains(out, "make "+target+" ") {
			t.Errorf("make %s is not explained in\n%s", target, out)
		}
	}
}

func run(t *testing.T, dir string, env []string, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\n%s%s", cmd, err, stdout.String(), stderr.String())
	}
	return stdout.String()
}
