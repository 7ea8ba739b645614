package main

import (
	"bufio"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"secco/linux"
)

// The facts as their files state them. An absent number or value means that the
// architecture has no such syscall or constant.
type facts struct {
	date      string
	sources   []string
	syscalls  []syscall
	constants []constant // errnos among them, sorted by name
}

type syscall struct {
	name    string
	numbers map[linux.Arch]uint32 // x32's without the bit
}

type constant struct {
	name   string
	errno  bool
	values map[linux.Arch]uint64
}

func readFacts(dir fs.FS) (*facts, error) {
	f := new(facts)
	for _, file := range []struct {
		name string
		read func(fields []string) error
	}{
		{"sources.txt", f.readSource},
		{"syscalls.txt", f.readSyscall},
		{"constants.txt", func(fields []string) error { return f.readConstant(fields, false) }},
		{"errnos.txt", func(fields []string) error { return f.readConstant(fields, true) }},
	} {
		if err := readLines(dir, file.name, file.read); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(f.syscalls, func(a, b syscall) int { return strings.Compare(a.name, b.name) })
	slices.SortFunc(f.constants, func(a, b constant) int { return strings.Compare(a.name, b.name) })
	for i := range f.syscalls[1:] {
		if f.syscalls[i].name == f.syscalls[i+1].name {
			return nil, fmt.Errorf("syscall %s stands twice", f.syscalls[i].name)
		}
	}
	for i := range f.constants[1:] {
		if f.constants[i].name == f.constants[i+1].name {
			return nil, fmt.Errorf("constant %s stands twice", f.constants[i].name)
		}
	}
	return f, nil
}

// readLines calls read with the fields of each line that has any; # starts a
// comment.
func readLines(dir fs.FS, name string, read func([]string) error) error {
	file, err := dir.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for n := 1; lines.Scan(); n++ {
		text, _, _ := strings.Cut(lines.Text(), "#")
		fields := strings.Fields(text)
		if len(fields) == 0 {
			continue
		}
		if err := read(fields); err != nil {
			return fmt.Errorf("%s:%d: %w", name, n, err)
		}
	}
	return lines.Err()
}

// readSource reads "date 2026-01-31" or "source what and version".
func (f *facts) readSource(fields []string) error {
	rest := strings.Join(fields[1:], " ")
	switch fields[0] {
	case "date":
		f.date = rest
	case "source":
		f.sources = append(f.sources, rest)
	default:
		return fmt.Errorf("unknown word %q", fields[0])
	}
	return nil
}

// readSyscall reads a name and its number on each architecture, - where it has
// none.
func (f *facts) readSyscall(fields []string) error {
	arches := linux.Arches()
	if len(fields) != 1+len(arches) {
		return fmt.Errorf("%d columns, want %d", len(fields), 1+len(arches))
	}
	s := syscall{fields[0], map[linux.Arch]uint32{}}
	for i, a := range arches {
		column := fields[1+i]
		if fields[0] == "name" {
			if column != a.String() {
				return fmt.Errorf("column %d is %s, want %s", 1+i, column, a)
			}
			continue
		}
		if column == "-" {
			continue
		}
		nr, err := strconv.ParseUint(column, 10, 31)
		if err != nil {
			return err
		}
		s.numbers[a] = uint32(nr)
	}
	if fields[0] != "name" {
		f.syscalls = append(f.syscalls, s)
	}
	return nil
}

// readConstant reads a name, its value, and ARCH=VALUE where it is another on
// an architecture, ARCH=- where it is absent.
func (f *facts) readConstant(fields []string, errno bool) error {
	if len(fields) < 2 {
		return fmt.Errorf("no value")
	}
	value, err := strconv.ParseUint(fields[1], 0, 64)
	if err != nil {
		return err
	}
	c := constant{fields[0], errno, map[linux.Arch]uint64{}}
	for _, a := range linux.Arches() {
		c.values[a] = value
	}
	for _, exception := range fields[2:] {
		name, value, _ := strings.Cut(exception, "=")
		a, ok := linux.ParseArch(name)
		if !ok {
			return fmt.Errorf("unknown architecture %q", name)
		}
		if value == "-" {
			delete(c.values, a)
			continue
		}
		v, err := strconv.ParseUint(value, 0, 64)
		if err != nil {
			return err
		}
		c.values[a] = v
	}
	f.constants = append(f.constants, c)
	return nil
}
