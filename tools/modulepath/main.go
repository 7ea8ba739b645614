// Command modulepath gives the module in the current directory another path: in
// go.mod, in the modules below it, in imports, and in what documents show.
//
//	go run ./tools/modulepath/main.go example.org/secco
package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

func main() {
	if len(os.Args) != 2 || os.Args[1] == "" {
		fmt.Fprintln(os.Stderr, "usage: make module-path NEW=example.org/secco")
		os.Exit(2)
	}
	if err := rename(".", os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "module-path:", err)
		os.Exit(1)
	}
}

var (
	moduleLine = regexp.MustCompile(`(?m)^module[ \t]+(\S+)`)
	validPath  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._~-]*(/[A-Za-z0-9][A-Za-z0-9._~-]*)*$`)
)

// rename changes the module path of the tree at root to another one.
func rename(root, to string) error {
	if !validPath.MatchString(to) {
		return fmt.Errorf("%q is no module path", to)
	}
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		return err
	}
	m := moduleLine.FindSubmatch(mod)
	if m == nil {
		return errors.New("go.mod names no module")
	}
	from := string(m[1])
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != root && (d.Name() == ".git" || d.Name() == "bin" || d.Name() == "out"):
			return fs.SkipDir
		case !d.Type().IsRegular():
			return nil
		}
		return rewrite(path, d.Name(), from, to)
	})
}

// rewrite changes one file where it is of a kind that names the module.
func rewrite(path, name, from, to string) error {
	var change func(text string) string
	switch {
	case name == "go.mod":
		change = func(text string) string { return inModFile(text, from, to) }
	case strings.HasSuffix(name, ".go"):
		change = func(text string) string { return inImports(text, from, to) }
	case strings.HasSuffix(name, ".md"), strings.HasSuffix(name, ".txtar"):
		change = func(text string) string { return inDocument(text, from, to) }
	default:
		return nil
	}
	old, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	changed := change(string(old))
	if changed == string(old) {
		return nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	return os.WriteFile(path, []byte(changed), info.Mode().Perm())
}

// inModFile changes module, require, replace and tool lines.
func inModFile(text, from, to string) string {
	word := regexp.MustCompile(`(?m)(^|[ \t])` + regexp.QuoteMeta(from) + `(/\S*)?([ \t]|$)`)
	return word.ReplaceAllString(text, "${1}"+to+"${2}${3}")
}

// inImports changes import specs: a quoted path that stands alone on its line, but
// for a name before it. A quoted "secco" elsewhere is a string of the program.
func inImports(text, from, to string) string {
	spec := regexp.MustCompile(`(?m)^(import[ \t]+|[ \t]+)((?:[A-Za-z_.][A-Za-z0-9_]*[ \t]+)?)"` + regexp.QuoteMeta(from) + `(/[^"\n]*)?"([ \t]*(?://.*)?)$`)
	return spec.ReplaceAllString(text, `${1}${2}"`+to+`${3}"${4}`)
}

// inDocument changes imports in the code that a document shows, and what
// `go install` and `go get` are given.
func inDocument(text, from, to string) string {
	command := regexp.MustCompile(`(go (?:install|get|run|doc) (?:-\S+ )*)` + regexp.QuoteMeta(from) + `([/@ \n])`)
	return command.ReplaceAllString(inImports(text, from, to), "${1}"+to+"${2}")
}
