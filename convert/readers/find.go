package readers

import (
	"cmp"
	"fmt"
	"os"
	"strings"

	"secco/lang"
	"secco/lang/syntax"
	"secco/profiles"
	"secco/source"
)

// Within returns what finds the sources that others include or build on: in these
// directories, of which "" is the current one, and among the policies that secco
// ships. No path and no link leads out of the directories. They are open until
// done is called.
func Within(dirs ...string) (find syntax.Finder, done func(), err error) {
	var roots []lang.Root
	var open []*os.Root
	done = func() {
		for _, r := range open {
			_ = r.Close() // it was only read
		}
	}
	for _, dir := range dirs {
		r, err := os.OpenRoot(cmp.Or(dir, "."))
		if err != nil {
			done()
			return nil, nil, err
		}
		open = append(open, r)
		roots = append(roots, lang.Root{Name: dir, FS: r.FS()})
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
