package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"secco/linux"
)

const folder = "../.." // of package linux

// The committed tables are what the committed facts give.
func TestTablesAreFresh(t *testing.T) {
	f, err := readFacts(os.DirFS(filepath.Join(folder, "facts")))
	if err != nil {
		t.Fatal(err)
	}
	files, err := generate(f)
	if err != nil {
		t.Fatal(err)
	}
	committed, err := filepath.Glob(filepath.Join(folder, "z*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range committed {
		if files[filepath.Base(path)] == nil {
			t.Errorf("%s is not generated from the facts", path)
		}
	}
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Error(err)
		} else if !bytes.Equal(got, want) {
			t.Errorf("%s is stale: run go generate ./linux", name)
		}
	}
}

// The facts' columns are in the order of linux.Arches.
func TestArches(t *testing.T) {
	f, err := readFacts(os.DirFS(filepath.Join(folder, "facts")))
	if err != nil {
		t.Fatal(err)
	}
	if len(f.arches) != 1+len(linux.Arches()) {
		t.Fatalf("the facts have %v", f.arches[1:])
	}
	for _, a := range linux.Arches() {
		if f.arches[a] != a.String() {
			t.Errorf("column %d is %s, want %s", a, f.arches[a], a)
		}
		if narrow := slices.Contains(words32, a.String()); narrow != (a.Bits() == 32) {
			t.Errorf("%s has %d bits", a, a.Bits())
		}
	}
}

func TestParseParams(t *testing.T) {
	for _, c := range []struct {
		declaration, arch string
		want              []param
	}{
		{"", "x86_64", nil},
		{"int fd, const void *const p, loff_t pos", "x86_64", []param{{"fd", "int", 32, true}, {"p", "const void *const", 64, false}, {"pos", "loff_t", 64, true}}},
		{"loff_t pos, u64 mask", "i386", []param{{"pos_low", "u32", 32, false}, {"pos_high", "u32", 32, false}, {"mask_low", "u32", 32, false}, {"mask_high", "u32", 32, false}}},
		{"int fd, loff_t pos", "arm", []param{{"fd", "int", 32, true}, {"", "unused", 32, false}, {"pos_low", "u32", 32, false}, {"pos_high", "u32", 32, false}}},
		{"unsigned long a, size_t *b", "arm", []param{{"a", "unsigned long", 32, false}, {"b", "size_t *", 32, false}}},
	} {
		got, err := parseParams(c.declaration, c.arch)
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s on %s: %v, %v; want %v", c.declaration, c.arch, got, err, c.want)
		}
	}
	for _, bad := range []string{"mystery_t x", "int a, int b, int c, int d, int e, int f, int g"} {
		if got, err := parseParams(bad, "x86_64"); err == nil {
			t.Errorf("%s: %v", bad, got)
		}
	}
}

// Facts that can't be meant are errors with the line.
func TestBadFacts(t *testing.T) {
	good := map[string]string{
		"sources.txt": "date 2026-01-31\nsource x 1\n", "syscalls.txt": "name a b\nread 0 -\nwrite 1 2\n",
		"prototypes.txt": "read: int fd\nwrite a: ?\n", "since.txt": "read 1.0\nwrite ..2.0 b=3.1..3.4\n",
		"constants.txt": "X 0x1 b=-\n", "errnos.txt": "EX 1 a=2\n",
	}
	files := func(name, text string) fstest.MapFS {
		dir := fstest.MapFS{}
		for n, good := range good {
			dir[n] = &fstest.MapFile{Data: []byte(good)}
		}
		if name != "" {
			dir[name] = &fstest.MapFile{Data: []byte(text)}
		}
		return dir
	}
	f, err := readFacts(files("", ""))
	if err != nil {
		t.Fatal(err)
	}
	if w := f.syscalls[1]; w.since[1] != (span{version{}, version{2}}) || w.since[2] != (span{version{3, 1}, version{3, 4}}) || w.numbers[2] != 2 {
		t.Errorf("write is %+v", w)
	}
	for _, c := range []struct{ file, text string }{
		{"sources.txt", "dat 2026\n"},
		{"syscalls.txt", "name a b\nread 0\n"}, {"syscalls.txt", "name a b\nread x 1\n"}, {"syscalls.txt", "name a b\nwrite 1 2\nread 0 1\n"},
		{"syscalls.txt", "name a b\nread 0 1\nread 0 1\nwrite 1 1\n"},
		{"prototypes.txt", "read\n"}, {"prototypes.txt", "open: int fd\n"}, {"prototypes.txt", "read c: int fd\n"},
		{"since.txt", "read\n"}, {"since.txt", "read x\n"}, {"since.txt", "read 1.0 c=2.0\n"}, {"since.txt", "read 1.2.3.4\n"}, {"since.txt", "open 1.0\n"},
		{"constants.txt", "X\n"}, {"constants.txt", "X y\n"}, {"constants.txt", "X 1 c=2\n"}, {"constants.txt", "X 1\nX 1\n"}, {"constants.txt", "EX 1\n"},
		{"errnos.txt", "EX 1 a=z\n"},
	} {
		_, err := readFacts(files(c.file, c.text))
		if err == nil || !strings.Contains(err.Error(), c.file) && !strings.Contains(err.Error(), "twice") {
			t.Errorf("%s with %q: %v", c.file, c.text, err)
		}
	}
}
