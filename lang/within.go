package lang

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"path/filepath"
	"strings"

	"secco/lang/syntax"
	"secco/source"
)

// Root is a place that sources can be included from. A Finder does not leave
// it: its paths have no way up, and an FS of os.Root follows no link out of it.
type Root struct {
	// Name is put before the names of its files; a directory's path, say.
	Name string
	FS   fs.FS
	// At is the path below which the root's files are found, such as
	// "usr/share/policy" for what is installed there; empty where their paths are
	// those in FS.
	At string
}

// maxIncluded is the size of a file beyond which it is not read.
const maxIncluded = 16 << 20

// Within returns a Finder for Options.Find. A path is looked for beside the
// source that states it, if that is in one of the roots, and then in each root.
// Names of shipped policies are given to shipped; nil means that there are none.
func Within(shipped func(name string) (*source.File, error), roots ...Root) syntax.Finder {
	return func(from *source.File, name string, isShipped bool) (*source.File, error) {
		switch {
		case isShipped && shipped != nil:
			return shipped(name)
		case isShipped:
			return nil, fmt.Errorf("no shipped policy named %q", name)
		case path.IsAbs(name) || filepath.IsAbs(name):
			return nil, fmt.Errorf("%q is absolute; paths are relative to the source that states them", name)
		}
		for _, r := range roots {
			rest, ok := r.cut(from.Name())
			if !ok {
				continue
			}
			f, err := r.read(path.Join(path.Dir(rest), name))
			if !errors.Is(err, fs.ErrNotExist) {
				return f, err
			}
		}
		for _, r := range roots {
			f, err := r.read(path.Clean(name))
			if !errors.Is(err, fs.ErrNotExist) {
				return f, err
			}
		}
		return nil, missing(name)
	}
}

// missing is the error of a path that leads to no file, an fs.ErrNotExist.
type missing string

func (m missing) Error() string        { return fmt.Sprintf("no file %q", string(m)) }
func (m missing) Is(target error) bool { return target == fs.ErrNotExist }

// cut returns the path of a file in the root, if it is there.
func (r Root) cut(name string) (string, bool) {
	if r.Name == "" || r.Name == "." {
		return path.Join(r.At, filepath.ToSlash(name)), true
	}
	rest, ok := strings.CutPrefix(filepath.ToSlash(name), strings.TrimSuffix(filepath.ToSlash(r.Name), "/")+"/")
	return path.Join(r.At, rest), ok
}

// read reads a file of the root.
func (r Root) read(name string) (*source.File, error) {
	if !fs.ValidPath(name) {
		return nil, fmt.Errorf("%q leads out of the directory that sources are read from", name)
	}
	if r.At != "" {
		rest, ok := strings.CutPrefix(name, r.At+"/")
		if !ok {
			return nil, fs.ErrNotExist
		}
		name = rest
	}
	info, err := fs.Stat(r.FS, name)
	switch {
	case err != nil:
		return nil, unreadable(name, err)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%q is no regular file", name)
	}
	f, err := r.FS.Open(name)
	if err != nil {
		return nil, unreadable(name, err)
	}
	data, err := io.ReadAll(io.LimitReader(f, maxIncluded))
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, unreadable(name, err)
	}
	full := name
	if r.Name != "" {
		full = strings.TrimSuffix(r.Name, "/") + "/" + name
	}
	return source.NewFile(full, string(data)), nil
}

// unreadable says why a file can't be read, in words that are not the system
// call's.
func unreadable(name string, err error) error {
	var at *fs.PathError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return err
	case strings.HasSuffix(err.Error(), "path escapes from parent"): // os.Root's error has no name
		return fmt.Errorf("%q is a link that leads out of the directory that sources are read from", name)
	case errors.As(err, &at):
		return fmt.Errorf("%q can't be read: %w", name, at.Err)
	}
	return fmt.Errorf("%q can't be read: %w", name, err)
}
