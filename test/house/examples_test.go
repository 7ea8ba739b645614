package house

import (
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// shown are the packages for authors of other programs: whatever they export is
// shown in examples, which run.
var shown = []string{".", "hook", "hook/compat", "hook/oracle", "hook/sigsys"}

// TestExamples checks that every function and method that those packages export has a
// comment and is called in an example.
func TestExamples(t *testing.T) {
	for _, dir := range shown {
		files, err := filepath.Glob(filepath.Join(root, dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		set := token.NewFileSet()
		var parsed []*ast.File
		called := map[string]bool{}
		for _, name := range files {
			f, err := parser.ParseFile(set, name, nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasSuffix(name, "_test.go") {
				callsOfExamples(f, called)
			} else {
				parsed = append(parsed, f)
			}
		}
		pkg, err := doc.NewFromFiles(set, parsed, dir)
		if err != nil {
			t.Fatal(err)
		}
		entries := append([]*doc.Func{}, pkg.Funcs...)
		for _, typ := range pkg.Types {
			entries = append(append(entries, typ.Funcs...), typ.Methods...)
		}
		if len(entries) < 2 {
			t.Errorf("%s: only %d functions and methods were found", dir, len(entries))
		}
		for _, f := range entries {
			switch f.Name {
			case "Error", "String", "Unwrap": // called where something is printed or looked for
			default:
				if !called[f.Name] {
					t.Errorf("%s: no example calls %s", dir, f.Name)
				}
			}
			if strings.TrimSpace(f.Doc) == "" {
				t.Errorf("%s: %s is not documented", dir, f.Name)
			}
		}
	}
}

// callsOfExamples notes the names of what examples call.
func callsOfExamples(f *ast.File, called map[string]bool) {
	for _, d := range f.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || !strings.HasPrefix(fn.Name.Name, "Example") {
			continue
		}
		ast.Inspect(fn, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok {
				if sel, ok := call.Fun.(*ast.SelectorExpr); ok {
					called[sel.Sel.Name] = true
				}
			}
			return true
		})
	}
}
