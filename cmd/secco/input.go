package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"secco/convert/readers"
	"secco/lang/syntax"
	"secco/profiles"
	"secco/source"
)

// inlineMarker begins an argument that is a policy's text itself, as gosecco has it.
const inlineMarker = "{inline}"

// input is what a FILTER argument stands for.
type input struct {
	name   string // what it is reported under
	data   []byte
	isFile bool // the name is a file's
}

func (in input) file() *source.File { return source.NewFile(in.name, string(in.data)) }

// read returns what an argument stands for: text after the inline marker,
// standard input, a file, or a shipped policy where no file has that name.
func (s *session) read(arg string) (input, error) {
	if text, ok := strings.CutPrefix(arg, inlineMarker); ok {
		s.inlined++
		return input{name: fmt.Sprintf("<inline %d>", s.inlined), data: []byte(text)}, nil
	}
	if arg == "-" {
		if s.stdinRead {
			return input{}, badInput("usage", "standard input can be read only once")
		}
		s.stdinRead = true
		return readBounded("<stdin>", s.App.Reader)
	}
	f, err := os.Open(arg)
	if errors.Is(err, fs.ErrNotExist) {
		if text, ok := profiles.Lookup(arg); ok {
			return input{name: arg, data: text}, nil
		}
		failed := unreadable(arg, err)
		if !strings.ContainsAny(arg, "/.") {
			failed.hint("no shipped policy has that name either; they are %s", strings.Join(profiles.Names(), ", "))
		}
		return input{}, failed
	}
	if err != nil {
		return input{}, unreadable(arg, err)
	}
	defer f.Close()
	in, err := readBounded(arg, f)
	in.isFile = true
	return in, err
}

func readBounded(name string, r io.Reader) (input, error) {
	data, err := io.ReadAll(io.LimitReader(r, readers.MaxSize+1))
	if err != nil {
		return input{}, unreadable(name, err)
	}
	if len(data) > readers.MaxSize {
		return input{}, badInput("too-large", "%s is larger than %d MiB", name, readers.MaxSize>>20)
	}
	return input{name: name, data: data}, nil
}

func unreadable(name string, err error) *failure {
	return badInput("unreadable", "cannot read %s: %s", name, reason(err))
}

// finder returns what finds the policies that others include or build on: in
// their own directories, in those of --include, and among the shipped ones. The
// directories are closed when done is called.
func (s *session) finder(inputs []input) (find syntax.Finder, done func(), err error) {
	var dirs []string
	for _, in := range inputs {
		if in.isFile {
			dir, _ := filepath.Split(in.name)
			dirs = append(dirs, dir)
		}
	}
	find, done, err = readers.Within(append(dirs, s.StringSlice("include")...)...)
	if pathError := (*fs.PathError)(nil); errors.As(err, &pathError) {
		return nil, nil, unreadable(cmp.Or(pathError.Path, "."), err)
	}
	return find, done, err
}
