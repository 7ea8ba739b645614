package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"
)

var outputFlag = &cli.StringFlag{
	Name: "output", Aliases: []string{"o"}, Usage: "write to `FILE` instead of standard output; it is written whole or not at all",
	TakesFile: true,
}

// ending returns the ending of the file that --output names.
func (s *session) ending() string { return strings.ToLower(filepath.Ext(s.String("output"))) }

// telling are endings of names that promise a content; others promise none.
var telling = strings.Fields(`.bpf .asm .bpfasm .s .h .c .go .b64 .base64 .json .secco .policy .yaml .yml
	.svg .png .jpg .jpeg .gif .pdf .html .xml .csv .zip .gz .tar`)

// promised returns an error where the name of --output promises something else
// than what is written where no flag says otherwise.
func (s *session) promised(what string, endings ...string) *failure {
	ending := s.ending()
	if !slices.Contains(telling, ending) || slices.Contains(endings, ending) {
		return nil
	}
	return badInput("usage", "-o %s: what would be written is %s, which the ending %s does not stand for", s.String("output"), what, ending)
}

// write puts data into the file that --output names, or on standard output.
func (s *session) write(data []byte) error {
	name := s.String("output")
	if name == "" || name == "-" {
		return s.print(data)
	}
	return writeTo(name, data)
}

// writeTo gives a file this content, whole or not at all.
func writeTo(name string, data []byte) error {
	if err := writeFile(name, data); err != nil {
		return refused("unwritable", "cannot write %s: %s", name, reason(err))
	}
	return nil
}

// print puts data on standard output.
func (s *session) print(data []byte) error {
	if _, err := s.App.Writer.Write(data); err != nil {
		return refused("unwritable", "cannot write to standard output: %s", reason(err))
	}
	return nil
}

// printf prints text on standard output.
func (s *session) printf(format string, args ...any) error {
	return s.print(fmt.Appendf(nil, format, args...))
}

// writeFile gives the file this content, whole or not at all: the content is
// written beside it first. What is no regular file (a device, a pipe) is written
// to directly.
func writeFile(name string, data []byte) (err error) {
	mode := fs.FileMode(0o666)
	info, err := os.Stat(name)
	switch {
	case err == nil && info.IsDir():
		return errors.New("it is a directory")
	case err == nil && !info.Mode().IsRegular():
		return writeDevice(name, data)
	case err == nil:
		if name, err = filepath.EvalSymlinks(name); err != nil { // a link stays one
			return err
		}
		mode = info.Mode().Perm()
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	f, err := createBeside(name, mode)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name()) // the first error is the one to tell
		}
	}()
	_, err = f.Write(data)
	if info != nil && err == nil {
		err = f.Chmod(mode) // whatever the umask
	}
	if err == nil {
		err = f.Sync() // a full disk may show only here
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}

// createBeside makes a new file in the same directory.
func createBeside(name string, mode fs.FileMode) (*os.File, error) {
	for i := range 1000 {
		beside := filepath.Join(filepath.Dir(name), fmt.Sprintf(".%s.%d.%d", filepath.Base(name), os.Getpid(), i))
		f, err := os.OpenFile(beside, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
		if !errors.Is(err, fs.ErrExist) {
			return f, err
		}
	}
	return nil, errors.New("the directory is full of unfinished files")
}

func writeDevice(name string, data []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}

// reason is an error's own words, without the file's name, which may be one that
// the user does not know.
func reason(err error) error {
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		return pathError.Err
	}
	var linkError *os.LinkError
	if errors.As(err, &linkError) {
		return linkError.Err
	}
	return err
}

// isTerminal reports whether what is written there shows on a screen.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}
