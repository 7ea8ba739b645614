// Package profiles holds the policies that secco ships, as source text. Where a
// filter is asked for by name, such as "web-server", it is one of these.
package profiles

import (
	"embed"
	"io/fs"
	"path"
	"strings"
)

//go:embed *.secco
var files embed.FS

const extension = ".secco"

// Lookup returns the text of a shipped policy.
func Lookup(name string) ([]byte, bool) {
	if !fs.ValidPath(name) || path.Base(name) != name {
		return nil, false
	}
	text, err := files.ReadFile(name + extension)
	return text, err == nil
}

// Names returns the names of the shipped policies, sorted.
func Names() []string {
	paths, err := fs.Glob(files, "*"+extension)
	if err != nil {
		panic(err) // the pattern is a constant
	}
	names := make([]string, len(paths))
	for i, p := range paths {
		names[i] = strings.TrimSuffix(p, extension)
	}
	return names
}
