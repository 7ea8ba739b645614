package main

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
)

// The facts as their files state them. What is absent from a map an architecture
// does not have, or nothing is known of it. Architectures are numbered as linux.Arch
// is, from 1 on, in the order of the columns of syscalls.txt.
type facts struct {
	arches    []string // [0] is no architecture
	date      string
	kernel    version
	sources   []string
	syscalls  []syscall  // sorted by name
	constants []constant // errnos among them, sorted by name
}

type syscall struct {
	name    string
	numbers map[int]uint32 // x32's without the bit
	params  map[int]string // as C declares them
	since   map[int]span
}

type constant struct {
	name   string
	errno  bool
	values map[int]uint64
}

// A span says that a call was in no release before from, and in every one since by.
type span struct{ from, by version }

type version [3]uint8

func readFacts(dir fs.FS) (*facts, error) {
	f := &facts{arches: []string{""}}
	for _, file := range []struct {
		name string
		read func(line string) error
	}{
		{"sources.txt", f.readSource},
		{"syscalls.txt", f.readSyscall},
		{"prototypes.txt", f.readPrototype},
		{"since.txt", f.readSince},
		{"constants.txt", func(line string) error { return f.readConstant(line, false) }},
		{"errnos.txt", func(line string) error { return f.readConstant(line, true) }},
	} {
		if err := readLines(dir, file.name, file.read); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(f.constants, func(a, b constant) int { return strings.Compare(a.name, b.name) })
	for i := range f.constants[1:] {
		if f.constants[i].name == f.constants[i+1].name {
			return nil, fmt.Errorf("constant %s stands twice", f.constants[i].name)
		}
	}
	return f, nil
}

// readLines calls read with each line that has more than a comment.
func readLines(dir fs.FS, name string, read func(string) error) error {
	file, err := dir.Open(name)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }() // it was only read
	lines := bufio.NewScanner(file)
	for n := 1; lines.Scan(); n++ {
		if line := lines.Text(); line != "" && line[0] != '#' {
			if err := read(line); err != nil {
				return fmt.Errorf("%s:%d: %w", name, n, err)
			}
		}
	}
	return lines.Err()
}

// arch returns an architecture's number.
func (f *facts) arch(name string) (int, error) {
	if i := slices.Index(f.arches, name); i > 0 {
		return i, nil
	}
	return 0, fmt.Errorf("unknown architecture %q", name)
}

// readSource reads "date 2026-01-31", "kernel 7.3" or "source what and version".
func (f *facts) readSource(line string) error {
	word, rest, _ := strings.Cut(line, " ")
	switch word {
	case "date":
		f.date = rest
	case "kernel":
		var err error
		f.kernel, err = parseVersion(rest)
		return err
	case "source":
		f.sources = append(f.sources, rest)
	default:
		return fmt.Errorf("unknown word %q", word)
	}
	return nil
}

// readSyscall reads a name and its number on each architecture, - where it has
// none; the first line names the architectures.
func (f *facts) readSyscall(line string) error {
	fields := strings.Fields(line)
	if len(f.arches) == 1 {
		f.arches = append(f.arches, fields[1:]...)
		return nil
	}
	if len(fields) != len(f.arches) {
		return fmt.Errorf("%d columns, want %d", len(fields), len(f.arches))
	}
	if n := len(f.syscalls); n > 0 && f.syscalls[n-1].name >= fields[0] {
		return fmt.Errorf("%s is not in order", fields[0])
	}
	s := syscall{fields[0], map[int]uint32{}, map[int]string{}, map[int]span{}}
	for i, column := range fields[1:] {
		if column == "-" {
			continue
		}
		nr, err := strconv.ParseUint(column, 10, 31)
		if err != nil {
			return err
		}
		s.numbers[1+i] = uint32(nr)
	}
	f.syscalls = append(f.syscalls, s)
	return nil
}

func (f *facts) syscall(name string) (*syscall, error) {
	i, ok := slices.BinarySearchFunc(f.syscalls, name, func(s syscall, name string) int { return strings.Compare(s.name, name) })
	if !ok {
		return nil, fmt.Errorf("%s has no number", name)
	}
	return &f.syscalls[i], nil
}

// readPrototype reads "name: params", for all architectures that have the call,
// or "name ARCH,ARCH: params", for some; ? for unknown.
func (f *facts) readPrototype(line string) error {
	head, params, ok := strings.Cut(line, ":")
	if !ok {
		return errors.New("no colon")
	}
	name, list, some := strings.Cut(head, " ")
	s, err := f.syscall(name)
	if err != nil {
		return err
	}
	params = strings.TrimSpace(params)
	if !some {
		for arch := range s.numbers {
			s.params[arch] = params
		}
		return nil
	}
	for arch := range strings.SplitSeq(list, ",") {
		a, err := f.arch(arch)
		if err != nil {
			return err
		}
		if params == "?" {
			delete(s.params, a)
		} else {
			s.params[a] = params
		}
	}
	return nil
}

// readSince reads a name, a span, and ARCH=span for others; ? for unknown.
func (f *facts) readSince(line string) error {
	fields := strings.Fields(line)
	if len(fields) < 2 {
		return errors.New("no release")
	}
	s, err := f.syscall(fields[0])
	if err != nil {
		return err
	}
	common, err := parseSpan(fields[1])
	if err != nil {
		return err
	}
	for arch := range s.numbers {
		s.since[arch] = common
	}
	for _, exception := range fields[2:] {
		arch, text, _ := strings.Cut(exception, "=")
		a, err := f.arch(arch)
		if err != nil {
			return err
		}
		if text == "?" {
			delete(s.since, a)
		} else if s.since[a], err = parseSpan(text); err != nil {
			return err
		}
	}
	return nil
}

// parseSpan reads RELEASE, FROM..BY or ..BY.
func parseSpan(text string) (span, error) {
	from, by, ok := strings.Cut(text, "..")
	if !ok {
		by = from
	}
	var s span
	var err error
	if s.by, err = parseVersion(by); err != nil || from == "" {
		return s, err
	}
	s.from, err = parseVersion(from)
	return s, err
}

func parseVersion(text string) (version, error) {
	var v version
	parts := strings.Split(text, ".")
	if len(parts) > 3 {
		return v, fmt.Errorf("bad release %q", text)
	}
	for i, part := range parts {
		n, err := strconv.ParseUint(part, 10, 8)
		if err != nil {
			return v, fmt.Errorf("bad release %q", text)
		}
		v[i] = uint8(n)
	}
	return v, nil
}

// readConstant reads a name, its value, and ARCH=VALUE where it is another on
// an architecture, ARCH=- where it is absent.
func (f *facts) readConstant(line string, errno bool) error {
	fields := strings.Fields(line)
	if len(fields) < 2 {
		return errors.New("no value")
	}
	value, err := strconv.ParseUint(fields[1], 0, 64)
	if err != nil {
		return err
	}
	c := constant{fields[0], errno, map[int]uint64{}}
	for a := range f.arches[1:] {
		c.values[1+a] = value
	}
	for _, exception := range fields[2:] {
		arch, text, _ := strings.Cut(exception, "=")
		a, err := f.arch(arch)
		if err != nil {
			return err
		}
		if text == "-" {
			delete(c.values, a)
		} else if c.values[a], err = strconv.ParseUint(text, 0, 64); err != nil {
			return err
		}
	}
	f.constants = append(f.constants, c)
	return nil
}
