// Package imports holds the test that imports point down, as docs/design.md's
// table of folders says.
package imports

import (
	"go/build"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const root = "../.."

// allowed says what a folder's packages, and those below it where they have no
// entry of their own, may import of this module: a folder stands for itself and
// all below it, "=folder" for itself alone. Tests may import anything.
var allowed = map[string][]string{
	"source":           {},
	"source/yamldoc":   {"=source"},
	"linux":            {},
	"linux/internal":   {"linux"},
	"bpf":              {"linux"},
	"bpf/asm":          {"bpf", "linux", "source"},
	"emulator":         {"bpf", "linux"},
	"lang":             {"lang", "policy", "linux", "source"},
	"lang/syntax":      {"linux", "source"},
	"lang/eval":        {"lang/syntax", "linux", "source"},
	"policy":           {"linux", "source"},
	"policy/diagram":   {"=policy", "linux", "source", "bpf"},
	"policy/circuit":   {"=policy", "policy/diagram", "linux", "source", "bpf"},
	"policy/prove":     {"policy", "linux", "source", "bpf", "emulator"},
	"compiler":         {"compiler", "policy", "bpf", "linux", "source"},
	"oci":              {"linux", "source"},
	"convert":          {"convert", "policy", "compiler", "bpf", "oci", "linux", "source", "emulator", "lang"},
	"convert/readers":  {"convert", "compiler", "policy", "bpf", "oci", "linux", "source", "lang", "profiles"},
	"profiles":         {},
	"hook":             {"hook", "convert", "oci", "emulator", "compiler", "policy", "lang", "bpf", "linux", "source", "profiles"},
	".":                {"hook", "convert", "oci", "emulator", "compiler", "policy", "lang", "bpf", "linux", "source", "profiles"},
	"cmd":              {"."},
	"test":             {"."},
	"tools/modulepath": {},
}

// outside says which folders may import modules of others; again tests may
// import any. The standard library is free for all.
var outside = map[string][]string{
	"github.com/urfave/cli/v2":                {"cmd"},
	"github.com/opencontainers/runtime-spec":  {"oci", "convert", "hook", "cmd"},
	"github.com/seccomp/libseccomp-golang":    {"convert/libseccomp"},
	"golang.org/x/sys":                        {"linux/internal", "hook", "cmd"},
	"github.com/go-air/gini":                  {"policy/circuit"},
	"sigs.k8s.io/yaml":                        {"oci", "convert", "cmd"},
	"go.yaml.in/yaml":                         {"source/yamldoc", "oci", "convert"},
	"github.com/moby/profiles/seccomp":        {"profiles"},
	"github.com/opencontainers/runtime-tools": {},
}

// unsafeAllowed are the folders that may use package unsafe or cgo.
var unsafeAllowed = []string{"hook", "convert/libseccomp", "cmd", "test"}

func TestImportsPointDown(t *testing.T) {
	module := modulePath(t)
	for file, imports := range imported(t) {
		dir := filepath.ToSlash(filepath.Dir(file))
		rules, known := rulesOf(dir)
		if !known {
			t.Errorf("%s: the folder %s has no rule in this test", file, dir)
			continue
		}
		for _, path := range imports {
			own, isOwn := strings.CutPrefix(path+"/", module+"/")
			own = strings.TrimSuffix(own, "/")
			switch {
			case isOwn && own == "":
				own = "."
				fallthrough
			case isOwn:
				if own == "lang/random" {
					t.Errorf("%s imports %s, which is for tests", file, path)
				} else if own != dir && !matches(rules, own) {
					t.Errorf("%s imports %s: %s may import of this module only %q", file, path, dir, rules)
				}
			case path == "unsafe" || path == "C":
				if !matches(unsafeAllowed, dir) {
					t.Errorf("%s imports %s: only %q may", file, path, unsafeAllowed)
				}
			case !isStandard(path):
				i := slices.IndexFunc(slices.Sorted(maps.Keys(outside)), func(m string) bool { return path == m || strings.HasPrefix(path, m+"/") })
				if i < 0 {
					t.Errorf("%s imports %s, which no folder may", file, path)
				} else if m := slices.Sorted(maps.Keys(outside))[i]; !matches(outside[m], dir) && !matches([]string{"test"}, dir) {
					t.Errorf("%s imports %s: only %q may", file, path, outside[m])
				}
			}
		}
	}
}

// TestRulesThatMatter states some of the table once more, so that a slip in the
// table above doesn't pass unseen.
func TestRulesThatMatter(t *testing.T) {
	for _, c := range []struct {
		from, to string
		may      bool
	}{
		{"emulator", "compiler", false},
		{"emulator", "policy", false},
		{"lang/eval", "lang/simplify", false},
		{"lang/eval", "policy", false},
		{"policy", "policy/prove", false},
		{"policy", "lang", false},
		{"compiler", "lang", false},
		{"compiler", "emulator", false},
		{"linux", "source", false},
		{"hook", "cmd/secco", false},
		{"hook", ".", false},
		{".", "cmd/secco", false},
		{".", "hook", true},
		{"cmd/secco", "hook", true},
		{"convert", "policy/prove", true},
	} {
		rules, _ := rulesOf(c.from)
		if got := matches(rules, c.to); got != c.may {
			t.Errorf("%s may import %s: %v, want %v", c.from, c.to, got, c.may)
		}
	}
}

func rulesOf(dir string) (rules []string, ok bool) {
	for d := dir; ; d = filepath.ToSlash(filepath.Dir(d)) {
		if rules, ok := allowed[d]; ok && (d != "." || dir == ".") {
			return rules, true
		}
		if d == "." {
			return nil, false
		}
	}
}

func matches(rules []string, dir string) bool {
	return slices.ContainsFunc(rules, func(r string) bool {
		if one, ok := strings.CutPrefix(r, "="); ok {
			return dir == one
		}
		return r == "." || dir == r || strings.HasPrefix(dir, r+"/")
	})
}

// imported returns the imports of every file that is no test, whatever its build
// constraints say.
func imported(t *testing.T) map[string][]string {
	t.Helper()
	files := map[string][]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			if path != root && (strings.HasPrefix(name, ".") || name == "testdata" || name == "bin" || name == "out" || isModule(path)) {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		files[rel] = []string{}
		for _, spec := range parsed.Imports {
			value, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			files[rel] = append(files[rel], value)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 10 {
		t.Fatalf("found only %d Go files", len(files))
	}
	return files
}

func isModule(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "go.mod"))
	return err == nil
}

func isStandard(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	if strings.Contains(first, ".") {
		return false
	}
	pkg, err := build.Default.Import(path, "", build.FindOnly)
	return err == nil && pkg.Goroot
}

func modulePath(t *testing.T) string {
	t.Helper()
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`(?m)^module[ \t]+(\S+)`).FindSubmatch(mod)
	if m == nil {
		t.Fatal("go.mod names no module")
	}
	return string(m[1])
}
