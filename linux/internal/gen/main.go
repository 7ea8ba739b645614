// Command gen writes the tables of package linux (its files z*.go) from the
// committed facts. It needs nothing else: no network, no headers, no kernel.
// Run it by "go generate ./linux".
package main

import (
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	if err := run("."); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

// run writes the tables into dir, the folder of package linux.
func run(dir string) error {
	f, err := readFacts(os.DirFS(filepath.Join(dir, "facts")))
	if err != nil {
		return err
	}
	files, err := generate(f)
	if err != nil {
		return err
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}
