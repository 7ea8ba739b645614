package lang_test

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"secco/lang"
	"secco/source"
)

var update = flag.Bool("update", false, "write what was found into docs/diagnostics.md")

const diagnosticsPath = "../docs/diagnostics.md"

// examplePattern finds an example and what is said of it.
var examplePattern = regexp.MustCompile("(?s)```secco( [a-z]+)?\n(.*?)```\n\n```\n(.*?)```\n")

// TestDiagnosticsDocument runs the examples of docs/diagnostics.md. Each shows
// the code that it stands under; every code of the language has one.
func TestDiagnosticsDocument(t *testing.T) {
	data, err := os.ReadFile(diagnosticsPath)
	if err != nil {
		t.Fatal(err)
	}
	doc := string(data)
	documented := map[string]bool{}
	var out strings.Builder
	for i, section := range strings.Split(doc, "\n## ") {
		if i == 0 {
			out.WriteString(section)
			continue
		}
		code, _, _ := strings.Cut(section, "\n")
		documented[code] = true
		found := false
		out.WriteString("\n## " + examplePattern.ReplaceAllStringFunc(section, func(example string) string {
			m := examplePattern.FindStringSubmatch(example)
			got := diagnose(t, strings.TrimSpace(m[1]), m[2])
			if !strings.Contains(got, "["+code+"]") {
				t.Errorf("%s: the example shows something else:\n%s", code, got)
			}
			found = true
			return strings.TrimSuffix(example, m[3]+"```\n") + got + "```\n"
		}))
		if !found {
			t.Errorf("%s has no example", code)
		}
	}
	switch {
	case out.String() == doc:
	case *update:
		if err := os.WriteFile(diagnosticsPath, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("%s does not show what is found; run the test with -update and look at the difference", diagnosticsPath)
	}
	codes := codesInSource(t)
	for code := range codes {
		if !documented[code] {
			t.Errorf("%s is not in %s", code, diagnosticsPath)
		}
	}
	for code := range documented {
		if !codes[code] {
			t.Errorf("no code %s", code)
		}
	}
}

// diagnose loads an example and returns what is said of it.
func diagnose(t *testing.T, kind, text string) string {
	t.Helper()
	opts, files := usual, []*source.File{source.NewFile("web.secco", text)}
	switch kind {
	case "bare":
		opts = lang.Options{}
	case "definitions":
		opts.Definitions, files = files, nil
	case "quoted", "last":
		files[0] = source.NewFile("web.secco", unquote(t, text))
	case "kernel":
		opts.Kernel = "6.1"
	case "files":
		opts.Find = lang.Within(nil, lang.Root{FS: fstest.MapFS{"web.secco": {Data: []byte(text)}}})
	case "":
	default:
		t.Fatalf("no kind of example %q", kind)
	}
	opts.Lint = true
	_, diags := lang.Load(files, opts)
	var b strings.Builder
	if kind == "last" {
		diags = diags[len(diags)-1:]
	}
	for _, d := range diags {
		b.WriteString(d.String())
	}
	return b.String()
}

// unquote reads strings joined by + and repeated by *.
func unquote(t *testing.T, text string) string {
	t.Helper()
	var b strings.Builder
	for _, term := range strings.Split(strings.TrimSpace(text), " + ") {
		quoted, times, repeated := strings.Cut(term, " * ")
		s, err := strconv.Unquote(quoted)
		if err != nil {
			t.Fatalf("%s: %v", quoted, err)
		}
		n := 1
		if repeated {
			if n, err = strconv.Atoi(times); err != nil {
				t.Fatal(err)
			}
		}
		b.WriteString(strings.Repeat(s, n))
	}
	return b.String()
}

// codesInSource finds the codes that the packages of the language report.
func codesInSource(t *testing.T) map[string]bool {
	t.Helper()
	argument := map[string]int{"Errorf": 1, "Warnf": 1, "fail": 2, "bad": 1, "warning": 1}
	codes := map[string]bool{}
	err := filepath.WalkDir(".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			method, ok := call.Fun.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if i, ok := argument[method.Sel.Name]; ok && fmt.Sprint(method.X) != "fmt" && i < len(call.Args) {
				if lit, ok := call.Args[i].(*ast.BasicLit); ok {
					code, _ := strconv.Unquote(lit.Value)
					codes[code] = true
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(codes) < 20 {
		t.Fatalf("found only %d codes", len(codes))
	}
	return codes
}
