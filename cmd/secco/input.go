package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"secco/profiles"
	"secco/source"
)

// maxInput bounds what is read of one file. The largest real policies and
// profiles are a hundredth of it.
const maxInput = 16 << 20

// inlineMarker begins an argument that is a policy's text itself, as gosecco has it.
const inlineMarker = "{inline}"

// input is what a FILTER argument stands for.
type input struct {
	name string // what it is reported under
	data []byte
}

func (in input) file() *source.File { return source.NewFile(in.name, string(in.data)) }

// read returns what an argument stands for: text after the inline marker,
// standard input, a file, or a shipped policy where no file has that name.
func (s *session) read(arg string) (input, error) {
	if text, ok := strings.CutPrefix(arg, inlineMarker); ok {
		s.inlined++
		return input{fmt.Sprintf("<inline %d>", s.inlined), []byte(text)}, nil
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
			return input{arg, text}, nil
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
	return readBounded(arg, f)
}

func readBounded(name string, r io.Reader) (input, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxInput+1))
	if err != nil {
		return input{}, unreadable(name, err)
	}
	if len(data) > maxInput {
		return input{}, badInput("too-large", "%s is larger than %d MiB", name, maxInput>>20)
	}
	return input{name, data}, nil
}

func unreadable(name string, err error) *failure {
	return badInput("unreadable", "cannot read %s: %s", name, reason(err))
}
