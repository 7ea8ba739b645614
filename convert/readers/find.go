package readers

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"

	"secco/lang"
	"secco/lang/syntax"
	"secco/profiles"
	"secco/source"
)

// Within returns what finds the sources that others include or build on: in these
// directories, of which "" is the current one, and among the policies that secco
// ships. "/PATH=DIR" is a directory that stands for PATH, for policies that name
// files by where they are to be installed. No path and no link leads out of the
// directories. They are open until done is called.
func Within(dirs ...string) (find syntax.Finder, done func(), err error) {
	var roots []lang.Root
	var open []*os.Root
	done = func() {
		for _, r := range open {
			_ = r.Close() // it was only read
		}
	}
	for _, dir := range dirs {
		root := lang.Root{Name: dir}
		r, err := os.OpenRoot(cmp.Or(dir, "."))
		if installed, here, ok := strings.Cut(dir, "="); ok && strings.HasPrefix(dir, "/") && errors.Is(err, fs.ErrNotExist) {
			root.At, root.Name = strings.TrimLeft(path.Clean(installed), "/"), here
			r, err = os.OpenRoot(cmp.Or(here, "."))
		}
		if err != nil {
			done()
			return nil, nil, err
		}
		open = append(open, r)
		root.FS = r.FS()
		roots = append(roots, root)
	}
	return lang.Within(Shipped, roots...), done, nil
}

// Shipped returns a policy that secco ships.
func Shipped(name string) (*source.File, error) {
	text, ok := profiles.Lookup(name)
	if !ok {
		return nil, fmt.Errorf("no shipped policy is called %q; they are %s", name, strings.Join(profiles.Names(), ", "))
	}
	return source.NewFile(name, string(text)), nil
}
