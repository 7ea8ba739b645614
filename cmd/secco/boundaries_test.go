package main

import (
	"flag"
	"io"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"secco/compiler"
	"secco/convert/readers"
	"secco/hook/oracle"
	"secco/lang"
	"secco/source"
)

// TestBoundariesFindFaults gives a policy the program, then the text, of another one
// that differs at one edge: the emulator, the kernel and the reference have to tell.
func TestBoundariesFindFaults(t *testing.T) {
	text := func(limit string) string {
		return "DEFAULT_POSITIVE = allow\nDEFAULT_NEGATIVE = EPERM\nDEFAULT_POLICY = kill\nread, write: 1\nmmap: arg1 < " + limit + "\ntest mmap(_, 0x100000000) => EPERM\n"
	}
	load := func(limit string) (*filter, []*source.File) {
		files := []*source.File{source.NewFile("p.secco", text(limit))}
		p, tests, findings := lang.LoadTests(files, lang.Options{})
		if err := findings.Err(); err != nil {
			t.Fatal(err)
		}
		out, err := compiler.Compile(p, compiler.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return &filter{name: "p.secco", kind: readers.Secco, policy: p, tests: tests, program: out}, files
	}
	for _, c := range []struct {
		name              string
		flags             []string
		program, meaning  bool // of which the other one's is taken
		want, alsoInTests string
	}{
		{"alike", []string{"boundaries"}, false, false, "", ""},
		{"emulator", []string{"boundaries"}, true, false, "its program returns allow", ""},
		{"reference", []string{"boundaries"}, false, true, "the text means allow, its graph errno(EPERM)", ""},
		{"kernel", []string{"kernel"}, true, false, "", "errno(EPERM) is expected, but in the kernel x86_64 mmap(0, 0x100000000) gets allow"},
	} {
		if c.alsoInTests != "" {
			if err := oracle.Available(oracle.AMD64); err != nil {
				t.Logf("not tested in the kernel: %v", err)
				continue
			}
		}
		f, files := load("0x100000000")
		other, others := load("0x100000001")
		if c.program {
			f.program = other.program
		}
		if c.meaning {
			files = others
		}
		var err error
		if f.reference, err = lang.Reference(files, lang.Options{}); err != nil {
			t.Fatal(err)
		}
		flags := flag.NewFlagSet("test", flag.ContinueOnError)
		for _, name := range []string{"boundaries", "kernel"} {
			flags.Bool(name, false, "")
		}
		for _, name := range c.flags {
			if err := flags.Set(name, "true"); err != nil {
				t.Fatal(err)
			}
		}
		var out strings.Builder
		s := &session{Context: cli.NewContext(&cli.App{Writer: &out}, flags, nil), findingsTo: io.Discard}
		err = s.test(f)
		if fails := c.want+c.alsoInTests != ""; (err != nil) != fails || !strings.Contains(out.String(), c.want+c.alsoInTests) {
			t.Errorf("%s: %v\n%s", c.name, err, out.String())
		}
	}
}

// Each way to end has its place in what is told, its exit code, and in JUnit's XML.
func TestTell(t *testing.T) {
	file := source.NewFile("p.secco", "read: argL0 < 3\ntest read(<5>) => \"allow\"\n")
	results := []*tested{
		{name: "a", status: passed, calls: 7, kernel: make([]expectation, 2)},
		{name: "b", at: file.Span(17, 20), status: undecided, message: "undecided: too much"},
		{name: "c", at: file.Span(17, 20), status: unchecked, message: "no <entry>"},
		{name: "d", at: file.Span(17, 20), status: failed, message: "not & so", rule: file.Span(0, 4)},
	}
	for _, c := range []struct {
		last int
		code int
		want string
	}{
		{1, 0, "1 passed, 0 failed; 2 calls in the kernel\n"},
		{2, exitUndecided, "p.secco:2: undecided: too much\n1 passed, 0 failed, 1 undecided; 2 calls in the kernel\n"},
		{4, exitNo, "p.secco:2: not & so\n    p.secco:1: read: argL0 < 3\n1 passed, 1 failed, 1 undecided, 1 not on this kernel; 2 calls in the kernel\n"},
	} {
		var out strings.Builder
		flags := flag.NewFlagSet("test", flag.ContinueOnError)
		s := &session{Context: cli.NewContext(&cli.App{Writer: &out}, flags, nil)}
		err := (&tester{session: s, results: results[:c.last]}).tell(c.last)
		code := 0
		if err != nil {
			code = asFailure(err, -1, "").code
		}
		if code != c.code || !strings.HasSuffix(out.String(), c.want) {
			t.Errorf("exit code %d, want %d\n%swant\n%s", code, c.code, out.String(), c.want)
		}
	}
	const want = `<?xml version="1.0" encoding="UTF-8"?>
<testsuites>
  <testsuite name="p.secco" tests="4" failures="1" errors="1" skipped="1">
    <testcase classname="p.secco" name="a"></testcase>
    <testcase classname="p.secco" name="b" file="p.secco" line="2">
      <error message="undecided: too much"></error>
    </testcase>
    <testcase classname="p.secco" name="c" file="p.secco" line="2">
      <skipped message="no &lt;entry&gt;"></skipped>
    </testcase>
    <testcase classname="p.secco" name="d" file="p.secco" line="2">
      <failure message="not &amp; so">p.secco:1: read: argL0 &lt; 3</failure>
    </testcase>
  </testsuite>
</testsuites>
`
	if got := string(junit("p.secco", results)); got != want {
		t.Errorf("JUnit's XML is\n%s", got)
	}
}
