package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestCodes checks that docs/commands.md explains every code of the command's
// own, and none that there is no more.
func TestCodes(t *testing.T) {
	text, err := os.ReadFile("../../docs/commands.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]bool{}
	_, table, _ := strings.Cut(string(text), "| code | exit code | meaning |")
	for line := range strings.Lines(table) {
		if cells := strings.Split(line, "|"); len(cells) == 5 {
			for _, m := range regexp.MustCompile("`([a-z-]+)`").FindAllStringSubmatch(cells[1], -1) {
				documented[m[1]] = true
			}
		}
	}
	used := map[string]bool{}
	files, err := parser.ParseDir(token.NewFileSet(), ".", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	for name, file := range files["main"].Files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok {
				if code, ok := codeOf(call); ok {
					used[code] = true
				}
			}
			return true
		})
	}
	if len(used) < 20 {
		t.Errorf("only %d codes", len(used))
	}
	for code := range used {
		if !documented[code] {
			t.Errorf("%s is not explained", code)
		}
	}
	for code := range documented {
		if !used[code] {
			t.Errorf("%s is explained, and nothing is said by it", code)
		}
	}
}

// codeOf returns the code that a call gives to a failure.
func codeOf(call *ast.CallExpr) (string, bool) {
	at := 0
	switch f := call.Fun.(type) {
	case *ast.Ident:
		switch f.Name {
		case "badInput", "refused":
		case "newFailure":
			at = 1
		case "asFailure":
			at = 2
		default:
			return "", false
		}
	case *ast.SelectorExpr: // findings that are noted directly
		if f.Sel.Name != "Errorf" && f.Sel.Name != "Warnf" {
			return "", false
		}
		at = 1
	default:
		return "", false
	}
	if at >= len(call.Args) {
		return "", false
	}
	lit, ok := call.Args[at].(*ast.BasicLit)
	if !ok {
		return "", false
	}
	code, err := strconv.Unquote(lit.Value)
	return code, err == nil
}
