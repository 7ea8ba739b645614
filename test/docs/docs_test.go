// Package docs runs what the README and the documents show. A block of kind
// "console" holds commands, each behind "$ ", and what they print; a line "..."
// there stands for any lines. A command goes on behind "> ", and one that fails
// shows "(exit code N)" as its last line. A block with a file's name behind its
// kind, such as "secco web.secco", is that file. Every document has a directory
// of its own; its blocks run in order. One that makes a module with go mod init has
// the repository there as secco.
//
// go test ./test/docs -update writes what the commands print into the documents.
package docs

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write what the commands print into the documents")

const root = "../.."

func TestDocuments(t *testing.T) {
	bin := t.TempDir()
	build := exec.Command("go", "build", "-tags", "libseccomp", "-o", bin, "./cmd/...")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%s\n%s", err, out)
	}
	documents, err := filepath.Glob(root + "/docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	documents = append(documents, root+"/README.md")
	ran := 0
	for _, name := range documents {
		t.Run(filepath.Base(name), func(t *testing.T) { ran += runDocument(t, name, bin) })
	}
	if ran < 10 {
		t.Errorf("only %d commands ran", ran)
	}
}

// fence matches a fenced block: its kind, the file's name, its text.
var fence = regexp.MustCompile("(?ms)^```([a-z]+)(?: (\\S+))?\n(.*?)^```$")

// runDocument runs a document's blocks and returns how many commands they had.
func runDocument(t *testing.T, name, bin string) (ran int) {
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if strings.Contains(string(text), "\n$ go mod init ") {
		repository(t, filepath.Join(dir, "secco"))
	}
	var changed strings.Builder
	at := 0
	for _, m := range fence.FindAllStringSubmatchIndex(string(text), -1) {
		kind, body := string(text[m[2]:m[3]]), string(text[m[6]:m[7]])
		switch {
		case kind == "console":
			steps := commands(t, name, body)
			changed.Write(text[at:m[6]])
			for _, s := range steps {
				ran++
				got := s.run(t, dir, bin)
				changed.WriteString("$ " + strings.ReplaceAll(s.command, "\n", "\n> ") + "\n")
				if matches(s.want, got) {
					changed.WriteString(s.want)
					continue
				}
				changed.WriteString(got)
				if !*update {
					t.Errorf("%s: $ %s\nprints\n%s\nand the document says\n%s", name, s.command, got, s.want)
				}
			}
			at = m[7]
		case m[4] >= 0:
			path := filepath.Join(dir, filepath.Base(string(text[m[4]:m[5]])))
			if err := os.WriteFile(path, []byte(body), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	changed.Write(text[at:])
	if *update && changed.String() != string(text) {
		if err := os.WriteFile(name, []byte(changed.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return ran
}

// repository stands in for a clone of the repository.
func repository(t *testing.T, path string) {
	module, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(module, path); err != nil {
		t.Fatal(err)
	}
}

type step struct{ command, want string }

// commands parts a console block into commands and what they print.
func commands(t *testing.T, name, body string) (steps []step) {
	for line := range strings.Lines(body) {
		command, isCommand := strings.CutPrefix(line, "$ ")
		more, goesOn := strings.CutPrefix(line, "> ")
		switch {
		case isCommand:
			steps = append(steps, step{command: strings.TrimSuffix(command, "\n")})
		case len(steps) == 0:
			t.Fatalf("%s: a console block begins with %q, which is no command", name, line)
		case goesOn && steps[len(steps)-1].want == "":
			steps[len(steps)-1].command += "\n" + strings.TrimSuffix(more, "\n")
		default:
			steps[len(steps)-1].want += line
		}
	}
	return steps
}

// run runs a command and returns what it prints.
func (s step) run(t *testing.T, dir, bin string) string {
	t.Helper()
	cmd := exec.Command("bash", "-c", s.command)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "LC_ALL=C")
	out, err := cmd.CombinedOutput()
	if len(out) > 0 && out[len(out)-1] != '\n' {
		out = append(out, '\n')
	}
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		out = fmt.Appendf(out, "(exit code %d)\n", exit.ExitCode())
	case err != nil:
		t.Fatal(err)
	}
	return string(out)
}

// figures matches what a better compiler, another kernel's tables or another
// libseccomp changes without making a document wrong.
var figures = regexp.MustCompile(`\b[\d.]+(  +[\d.]+)*( instructions| of them| calls| syscalls| allow| kill_process| errno| by arguments|  +cached|  +errno)|libseccomp [\d.]+`)

// matches compares line by line, whatever the figures; "..." in want stands for
// any lines.
func matches(want, got string) bool {
	want, got = figures.ReplaceAllString(want, "N$2"), figures.ReplaceAllString(got, "N$2")
	parts := strings.Split("\n"+want, "\n...\n")
	got = "\n" + got
	if len(parts) == 1 {
		return parts[0] == got
	}
	first, last := parts[0], "\n"+parts[len(parts)-1]
	if !strings.HasPrefix(got, first) || !strings.HasSuffix(got, last) {
		return false
	}
	for _, p := range parts[1 : len(parts)-1] {
		i := strings.Index(got, "\n"+p+"\n")
		if i < 0 {
			return false
		}
		got = got[i+len(p)+1:]
	}
	return true
}

func TestMatches(t *testing.T) {
	for _, c := range []struct {
		want, got string
		match     bool
	}{
		{"a\n", "a\n", true},
		{"a\n", "b\n", false},
		{"", "", true},
		{"", "a\n", false},
		{"a\n...\nc\n", "a\nb\nb\nc\n", true},
		{"a\n...\nc\n", "a\nb\nb\n", false},
		{"...\nc\n", "a\nc\n", true},
		{"a\n...\n", "a\nb\n", true},
		{"a\n...\n", "b\n", false},
		{"a\n...\nc\n...\ne\n", "a\nb\nc\nd\ne\n", true},
		{"a\n...\nx\n...\ne\n", "a\nb\nc\nd\ne\n", false},
		{"p: 20 instructions\n", "p: 19 instructions\n", true},
		{"p: 20 instructions\n", "p: 20 rules\n", false},
		{"read  9  9.0  9  cached  allow\n", "read  8  8.0  8  cached  allow\n", true},
		{"read(4)\n", "read(5)\n", false},
	} {
		if got := matches(c.want, c.got); got != c.match {
			t.Errorf("matches(%q, %q) = %v", c.want, c.got, got)
		}
	}
}
