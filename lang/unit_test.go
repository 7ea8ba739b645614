package lang_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"secco/lang"
	"secco/linux"
	"secco/source"
)

// inFiles loads the first of several files, which can include the others.
func inFiles(t *testing.T, opts lang.Options, files map[string]string, name string) ([]string, source.Diagnostics) {
	t.Helper()
	fsys := fstest.MapFS{}
	for n, text := range files {
		fsys[n] = &fstest.MapFile{Data: []byte(text)}
	}
	opts.Find = lang.Within(nil, lang.Root{FS: fsys})
	p, diags := lang.Load([]*source.File{source.NewFile(name, files[name])}, opts)
	var codes []string
	for _, d := range diags {
		if d.Code == "wide-comparison" {
			continue
		}
		codes = append(codes, d.Span.String()+" "+d.Code)
	}
	if (p == nil) != diags.HasErrors() {
		t.Error("no policy and no error, or both")
	}
	return codes, diags
}

func TestInclude(t *testing.T) {
	for _, c := range []struct {
		name  string
		files map[string]string
		want  []string
	}{
		{"beside the includer", map[string]string{
			"a.secco": `include "sub/b.secco"` + "\nread: good", "sub/b.secco": `include "c.secco"`, "sub/c.secco": "good = arg0 == 1",
		}, nil},
		{"from the root", map[string]string{
			"a.secco": `include "sub/b.secco"` + "\nread: good", "sub/b.secco": `include "c.secco"`, "c.secco": "good = arg0 == 1",
		}, nil},
		{"twice", map[string]string{"a.secco": "include \"b.secco\"\ninclude \"b.secco\"\nread: good", "b.secco": "good = arg0 == 1\nwrite: good"},
			[]string{"b.secco:2 repeated-rule"}},
		{"its errors have its own lines", map[string]string{"a.secco": `include "b.secco"`, "b.secco": "\nread: nonsense\nwrite: ="},
			[]string{"b.secco:2 unknown-name", "b.secco:3 syntax"}},
		{"a cycle of three", map[string]string{"a.secco": `include "b.secco"`, "b.secco": `include "c.secco"`, "c.secco": `include "a.secco"`},
			[]string{"c.secco:1 include-cycle"}},
		{"up and back", map[string]string{"sub/a.secco": `include "../b.secco"`, "b.secco": "read: 1"}, nil},
		{"out", map[string]string{"a.secco": `include "../a.secco"` + "\n" + `include "sub/../../a.secco"` + "\n" + `include "/etc/passwd"`},
			[]string{"a.secco:1 include", "a.secco:2 include", "a.secco:3 include"}},
		{"a directory", map[string]string{"a.secco": `include "sub"`, "sub/b.secco": "read: 1"}, []string{"a.secco:1 include"}},
		{"in a block", map[string]string{"a.secco": "arch x86_64 {\n include \"b.secco\"\n}\nread: return 5", "b.secco": "read: 1"}, nil},
		{"definitions in a block end with it", map[string]string{"a.secco": "arch x86_64 {\n include \"b.secco\"\n}\nread: good", "b.secco": "good = true"},
			[]string{"a.secco:4 unknown-name"}},
		{"a base in a block", map[string]string{"a.secco": "arch x86_64 {\n base \"b.secco\"\n}", "b.secco": "read: 1"}, []string{"a.secco:2 misplaced"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			first := "a.secco"
			if _, ok := c.files[first]; !ok {
				first = "sub/a.secco"
			}
			if got, diags := inFiles(t, usual, c.files, first); !slices.Equal(got, c.want) {
				t.Errorf("found %q, want %q\n%v", got, c.want, diags)
			}
		})
	}
	if _, diags := lang.Load([]*source.File{source.NewFile("a", `include "b"`)}, usual); len(diags) != 1 || diags[0].Code != "include" {
		t.Error("without a Finder:", diags)
	}
}

// TestIncludeBomb includes twice what includes twice, and so on.
func TestIncludeBomb(t *testing.T) {
	files := map[string]string{"z.secco": "x = 1"}
	for c := 'a'; c < 'p'; c++ {
		next := string(c+1) + ".secco"
		if c == 'o' {
			next = "z.secco"
		}
		files[string(c)+".secco"] = strings.Repeat("include \""+next+"\"\n", 2)
	}
	_, diags := inFiles(t, usual, files, "a.secco")
	if !slices.ContainsFunc(diags, func(d source.Diagnostic) bool { return d.Code == "too-large" }) {
		t.Error(diags)
	}
}

// TestIncludeLinks includes through symbolic links, with the FS of os.Root: those
// that lead out are not followed.
func TestIncludeLinks(t *testing.T) {
	dir := t.TempDir()
	inside := filepath.Join(dir, "in")
	for path, text := range map[string]string{"in/real.secco": "read: 1\n", "secret": "write: 1\n"} {
		path = filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, to := range map[string]string{"good.secco": "real.secco", "bad.secco": "../secret", "worse.secco": filepath.Join(dir, "secret"), "null.secco": "/dev/null"} {
		if err := os.Symlink(to, filepath.Join(inside, name)); err != nil {
			t.Fatal(err)
		}
	}
	root, err := os.OpenRoot(inside)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	opts := usual
	opts.Find = lang.Within(nil, lang.Root{Name: inside, FS: root.FS()})
	for name, good := range map[string]bool{"good": true, "bad": false, "worse": false, "null": false} {
		f := source.NewFile(filepath.Join(inside, "main.secco"), `include "`+name+`.secco"`)
		if _, diags := lang.Load([]*source.File{f}, opts); diags.HasErrors() == good {
			t.Errorf("%s: %v", name, diags)
		}
	}
}

func TestBase(t *testing.T) {
	files := map[string]string{
		"root.secco": "ARCHES = x86_64, i386\nDEFAULT_POSITIVE = log\nDEFAULT_NEGATIVE = EPERM\nDEFAULT_POLICY = kill\nFLAGS = log\n" +
			"read, write, ptrace: 1\narch i386 {\n  read: return 5\n}\ntest read => 7\n",
		"mid.secco": "base \"root.secco\"\nDEFAULT_POSITIVE = allow\nwrite: return 6\n",
		"a.secco":   "base \"mid.secco\"\nremove ptrace\nread: return 7\n",
	}
	fsys := fstest.MapFS{}
	for n, text := range files {
		fsys[n] = &fstest.MapFile{Data: []byte(text)}
	}
	opts := lang.Options{Find: lang.Within(nil, lang.Root{FS: fsys})}
	expectWith(t, files["root.secco"], opts, "x86_64 read() => log", "i386 read() => 5")
	expectWith(t, files["mid.secco"], opts, "x86_64 read() => allow", "i386 read() => 5", "write() => 6", "i386 ptrace() => allow")
	expectWith(t, files["a.secco"], opts, "x86_64 read() => 7", "i386 read() => 7", "write() => 6", "ptrace() => kill", "i386 ptrace() => kill")
	expectWith(t, "read: return 7\nDEFAULT_POSITIVE = trap\nbase \"mid.secco\"", opts, // wherever the base stands
		"x86_64 read() => 7", "i386 read() => 7", "ptrace() => trap")
	p, tests, diags := lang.LoadTests([]*source.File{source.NewFile("a.secco", files["a.secco"])}, opts)
	if diags.HasErrors() || len(tests) != 0 {
		t.Error(tests, diags)
	}
	if !slices.Equal(p.Settings.Flags, []string{"log"}) {
		t.Error(p.Settings)
	}

	shipped := func(name string) (*source.File, error) { return source.NewFile("<"+name+">", files["root.secco"]), nil }
	opts.Find = lang.Within(shipped)
	expectWith(t, "base docker-default\nread: return 7", opts, "read() => 7", "write() => log")
}

// TestTests checks what the tests of a policy are handed out as.
func TestTests(t *testing.T) {
	text := "ARCHES = x86_64, i386\nn = 5\nread: 1\ntest read(n + 1, _, AF_INET) => EPERM\ntest i386 socketcall => allow\n" +
		"arch x86_64 {\n  test write() => trap(3)\n}\nwhen cap(CAP_BPF) {\n  test close => allow\n}\n"
	_, tests, diags := lang.LoadTests([]*source.File{source.NewFile("test", text)}, usual)
	if diags.HasErrors() || len(tests) != 4 {
		t.Fatal(tests, diags)
	}
	if a := tests[0]; a.Arch != linux.X86_64 || a.NR != 0 || *a.Args[0] != 6 || a.Args[1] != nil || *a.Args[2] != 2 || a.Args[3] != nil ||
		a.Want != linux.Errno.With(1) || a.Span.Position().Line != 4 {
		t.Errorf("%+v", a)
	}
	if a := tests[1]; a.Arch != linux.I386 || a.NR != 3 {
		t.Errorf("%+v", a)
	}
	if a := tests[2]; a.Arch != linux.I386 || a.Name != "socketcall" || a.Want != linux.Allow {
		t.Errorf("%+v", a)
	}
	if a := tests[3]; a.Arch != linux.X86_64 || a.Name != "write" || a.Want != linux.Trap.With(3) {
		t.Errorf("%+v", a)
	}
	refuse(t, "test raed => allow\ntest i386 epoll_create3 => allow\ntest socketcall => allow\ntest read(1,2,3,4,5,6,7) => allow\ntest read() = allow\n",
		"1:6: error[unknown-syscall]", "2:11: error[unknown-syscall]", "3:6: error[unknown-syscall]", "4:6: error[arity]", "5:13: error[syntax]")
}

// TestIdleRules checks that rules are understood where they do not hold, too.
func TestIdleRules(t *testing.T) {
	refuse(t, "read: argL0 << 40 == 1\narch x86_64 { read: 1 }\nsocketcall: arg0 + 1 == 1\n"+
		"when cap(CAP_BPF) {\nwrite {\nargL0 -> allow\n}\n}\narch i386 { open: argL0 / 0 == 1 }\n",
		"1:16: error[shift-range]", "3:1: warning[skipped-syscall]", "3:13: error[full-argument]", "6:1: error[not-condition]", "9:25: error[division-by-zero]")
	mustLoad(t, "f(a) = argL0 == a\nread: f(3) && argL1 / argL2 == O_CREAT\narch x86_64 { read: 1 }\nsocketcall: 1\nwhen cap(CAP_BPF) { write: f(2); return 3 }")
}

// TestDormant checks that what another caller's rules are is checked in full: with
// macros and constants put in, once, on the architectures that it is for.
func TestDormant(t *testing.T) {
	for text, want := range map[string]string{
		"when cap(CAP_CHOWN) {\nclose: argL0 + 1\n}":                                                  "2:8: error[not-condition]",
		"f(a) = a + 1\nwhen cap(CAP_CHOWN) {\nclose: f(argL0)\n}":                                     "1:8: error[not-condition]",
		"f(a) = a + 1 == 2\nARCHES = x86_64, aarch64\nwhen cap(CAP_CHOWN) {\nclose: f(arg0)\n}":       "4:10: error[full-argument]",
		"when cap(CAP_CHOWN) {\n} else {\nwhen cap(CAP_BPF) {\nclose: low(argL0) == 1\n}\n}":          "4:12: error[type-mismatch]",
		"arch i386 { dup: argL0 + 1 }":                                                                "1:18: error[not-condition]",
		"arch i386, arm { dup: argL0 == FUTEX_WAIT + 0x100000000 }":                                   "1:32: error[constant-range]",
		"arch aarch64 { dup: argL0 == MAP_32BIT }":                                                    "1:30: error[unknown-constant]",
		"when cap(CAP_CHOWN) { arch i386 { dup: argL0 } }":                                            "1:40: error[not-condition]",
		"when cap(CAP_CHOWN) {\nDEFAULT_POLICY = errno(5000)\n}":                                      "2:24: error[bad-action]",
		"arch i386 { DEFAULT_POLICY = trap(1 << 16) }":                                                "1:35: error[bad-action]",
		"when cap(CAP_CHOWN) {\ntest close(arg0) => allow\n}":                                         "2:12: error[not-constant]",
		"arch i386 { test socketcall(0x100000000) => allow }":                                         "1:29: error[constant-range]",
		"arch i386 { test newfstatat => allow }":                                                      "1:18: error[unknown-syscall]",
		"close: argL0 + 1\narch x86_64 { close: 1 }":                                                  "1:8: error[not-condition]",
		"g(a) = a; return 5\nwhen cap(CAP_CHOWN) {\nclose: g(arg0 == 1) && arg1 == 2\n}":              "3:8: error[misplaced-return]",
		"when cap(CAP_CHOWN) && kernel > 5.1 { }\nwhen cap(CAP_CHOWN) { when kernel >= 5.0.0.0 { } }": "2:38: error[bad-version]",
		"when !cap(CAP_CHOWN) && kernel > 5.1 { }":                                                    "1:25: error[unknown-kernel]",
		"when cap(CAP_CHOWN) { } else { when kernel >= 5.0 { } }":                                     "1:37: error[unknown-kernel]",
	} {
		refuse(t, text, want)
	}
	for _, text := range []string{
		"when cap(CAP_CHOWN) { when kernel >= 5.0 { close: 1 } }",
		"when cap(CAP_CHOWN) && kernel >= 5.0 || cap(CAP_BPF) && (cap(CAP_CHOWN) || kernel < 4.0) { close: 1 }",
		"arch i386 { test read(1) => allow }",
		"close: argL0 == MAP_32BIT\narch x86_64 { close: 1 }",
		"socketcall: argL0 == 1\narch arm { close: arg0 == 1 }", // for i386, of which there are no defaults here
		"ARCHES = x86_64\ngroup @g = dup, socketcall\nwhen cap(CAP_CHOWN) { @g: arg0 == 1 }",
	} {
		for _, f := range findings(text, usual) {
			if !strings.Contains(f, "skipped-syscall") {
				t.Errorf("%s in\n%s", f, text)
			}
		}
	}
	// Which default actions there are is known for the same machine.
	text := "DEFAULT_POLICY = allow\nwhen cap(CAP_CHOWN) {\nclose: arg0 == 1\n}"
	if got := findings(text, lang.Options{}); len(got) != 2 || !strings.Contains(got[0], "missing-default") {
		t.Error(got)
	}
	if got := findings("when cap(CAP_CHOWN) {\nDEFAULT_POSITIVE = allow\nDEFAULT_NEGATIVE = EPERM\n}\n"+text, lang.Options{}); len(got) != 0 {
		t.Error(got)
	}
	if got := findings("DEFAULT_POLICY = allow\narch i386 { dup: arg0 == 1 }", lang.Options{}); len(got) != 0 {
		t.Error(got)
	}
}

// TestNarrowTests checks that a test for 32-bit arguments is about calls that
// there are: it would hold else, whatever it expects.
func TestNarrowTests(t *testing.T) {
	text := "ARCHES = x86_64, i386\nread: 1\ntest read(-1, 0xffffffff) => allow\n"
	_, tests, diags := lang.LoadTests([]*source.File{source.NewFile("test", text)}, usual)
	if diags.HasErrors() || len(tests) != 2 {
		t.Fatal(tests, diags)
	}
	for i, want := range []uint64{1<<64 - 1, 1<<32 - 1} {
		if a := tests[i]; *a.Args[0] != want || *a.Args[1] != 1<<32-1 {
			t.Errorf("%s: %#x, %#x", a.Arch, *a.Args[0], *a.Args[1])
		}
	}
	refuse(t, "test i386 read(0x100000000) => allow\ntest i386 read(0, -0x80000001) => allow\ntest x86_64 read(0x100000000) => allow\n",
		"1:16: error[constant-range]", "2:19: error[constant-range]")
}

func TestSettings(t *testing.T) {
	p := mustLoad(t, "FLAGS = log, tsync, log\nNO_NEW_PRIVS = 0\nLISTENER = \"/run/a b\"\nLISTENER_METADATA = \"x=1\"\nread: 1")
	s := p.Settings
	if !slices.Equal(s.Flags, []string{"log", "tsync"}) || s.NoNewPrivs == nil || *s.NoNewPrivs || s.ListenerPath != "/run/a b" || s.ListenerMetadata != "x=1" {
		t.Errorf("%+v", s)
	}
	if s := mustLoad(t, "NO_NEW_PRIVS = 1\nFLAGS = 5\nread: arg0 == FLAGS").Settings; s.NoNewPrivs == nil || !*s.NoNewPrivs || s.Flags != nil {
		t.Errorf("%+v", s)
	}
	refuse(t, "FLAGS = log\nFLAGS = tsync\nNO_NEW_PRIVS = 1\nNO_NEW_PRIVS = true\nNO_NEW_PRIVS = 0",
		"2:1: error[conflicting-setting]", "5:1: error[conflicting-setting]")
	refuse(t, "arch x86_64 {\n FLAGS = log\n}", "2:2: error[misplaced]")
}

func TestTargets(t *testing.T) {
	text := "ARCHES = i386, x86_64, amd64\nread: 1"
	f := []*source.File{source.NewFile("test", text)}
	p, _ := lang.Load(f, usual)
	if len(p.Targets) != 2 || p.Targets[0].Arch != linux.I386 || p.X32 == nil {
		t.Errorf("%+v", p)
	}
	opts := usual
	opts.Targets = []linux.Arch{linux.X32, linux.ARM64}
	p, _ = lang.Load(f, opts)
	if len(p.Targets) != 2 || p.Targets[1].Arch != linux.ARM64 || p.X32 != nil {
		t.Errorf("the caller's targets: %+v", p)
	}
	refuse(t, "ARCHES = x86_64, i386\nARCHES = i386, x86_64\nARCHES = i386", "3:1: error[conflicting-setting]")
	refuse(t, "ARCHES = x86_64, sparc\n", "1:18: error[unknown-arch]")
	refuse(t, "arch x86_64, sparc {\n read: 1\n}", "1:14: error[unknown-arch]")
}
