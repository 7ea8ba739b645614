package main

import (
	"io"
	"strings"
	"testing"
)

func TestReorder(t *testing.T) {
	app := newApp(strings.NewReader(""), io.Discard, io.Discard)
	for _, c := range []struct{ args, want string }{
		{"secco", "secco"},
		{"secco --version", "secco --version"},
		{"secco nothing -o x", "secco nothing -o x"},
		{"secco compile p -o x", "secco compile -o x -- p"},
		{"secco compile -o x p q", "secco compile -o x -- p q"},
		{"secco compile p --output=x --json q", "secco compile --output=x --json -- p q"},
		{"secco compile p -o - -f asm -", "secco compile -o - -f asm -- p -"},
		{"secco compile -o -- p", "secco compile -o -- -- p"},
		{"secco check p -- -o x", "secco check -- p -o x"},
		{"secco emulate p lseek -1 -0x2 --json", "secco emulate --json -- p lseek -1 -0x2"},
		{"secco run p ls -la --json", "secco run -- p ls -la --json"},
		{"secco run p --json ls -la", "secco run --json -- p ls -la"},
		{"secco run p -- --json", "secco run -- p --json"},
		{"secco run --arch x32 p ls -- -x", "secco run --arch x32 -- p ls -- -x"},
	} {
		got, err := reorder(app, strings.Fields(c.args))
		if text := strings.Join(got, " "); err != nil || text != c.want {
			t.Errorf("%q becomes %q, %v; want %q", c.args, text, err, c.want)
		}
	}
	for _, args := range []string{"secco compile -o", "secco compile p --arch", "secco emulate p --cases"} {
		if got, err := reorder(app, strings.Fields(args)); err == nil {
			t.Errorf("%q becomes %q, without an error", args, got)
		}
	}
}
