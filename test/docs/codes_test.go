package docs

import (
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
)

// TestCodes checks that the documents explain every code that anything in the tree
// gives to what it reports.
func TestCodes(t *testing.T) {
	paths, err := filepath.Glob(root + "/docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	explained := map[string]bool{}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		// In a heading, as a word of code, or in what a command prints.
		for _, m := range regexp.MustCompile("(?m)^##+ ([a-z0-9-]+)$|`([a-z0-9-]+)`|(?:error|warning)\\[([a-z0-9-]+)\\]: ").FindAllStringSubmatch(string(text), -1) {
			explained[m[1]+m[2]+m[3]] = true
		}
	}
	codes := codesOfTree(t)
	if len(codes) < 120 {
		t.Errorf("only %d codes were found in the source", len(codes))
	}
	for code, where := range codes {
		if !explained[code] {
			t.Errorf("%s: no document explains %s", where, code)
		}
	}
}

// codesOfTree returns the codes in the source and where one is reported. They are
// what calls give to parameters that are called code, and composite literals to
// fields of that name.
func codesOfTree(t *testing.T) map[string]token.Position {
	packages := map[string][]*ast.File{}
	positions := token.NewFileSet()
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != root && strings.HasPrefix(entry.Name(), "."):
			return fs.SkipDir
		case filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(positions, path, nil, 0)
		packages[filepath.Dir(path)] = append(packages[filepath.Dir(path)], file)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	exported := map[string]int{} // the place of the code among a function's parameters
	parameter := map[string]map[string]int{}
	for dir, files := range packages {
		parameter[dir] = map[string]int{}
		for _, file := range files {
			for _, d := range file.Decls {
				f, ok := d.(*ast.FuncDecl)
				if !ok {
					continue
				}
				if i := codeParameter(f.Type); i >= 0 {
					parameter[dir][f.Name.Name] = i
					if f.Name.IsExported() {
						exported[f.Name.Name] = i
					}
				}
			}
		}
	}
	codes := map[string]token.Position{}
	note := func(e ast.Expr) {
		if lit, ok := e.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			if code, err := strconv.Unquote(lit.Value); err == nil {
				codes[code] = positions.Position(lit.Pos())
			}
		}
	}
	for dir, files := range packages {
		for _, file := range files {
			ast.Inspect(file, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.CallExpr:
					name := ""
					switch f := n.Fun.(type) {
					case *ast.Ident:
						name = f.Name
					case *ast.SelectorExpr:
						if x, ok := f.X.(*ast.Ident); !ok || x.Name != "fmt" {
							name = f.Sel.Name
						}
					}
					i, ok := parameter[dir][name]
					if !ok {
						i, ok = exported[name]
					}
					if ok && i < len(n.Args) {
						note(n.Args[i])
					}
				case *ast.KeyValueExpr:
					if key, ok := n.Key.(*ast.Ident); ok && strings.EqualFold(key.Name, "code") {
						note(n.Value)
					}
				}
				return true
			})
		}
	}
	return codes
}

// codeParameter returns the place of the parameter that is called code, -1 where
// there is none.
func codeParameter(f *ast.FuncType) int {
	i := 0
	for _, field := range f.Params.List {
		for _, name := range field.Names {
			if kind, ok := field.Type.(*ast.Ident); ok && name.Name == "code" && kind.Name == "string" {
				return i
			}
			i++
		}
		if field.Names == nil {
			i++
		}
	}
	return -1
}
