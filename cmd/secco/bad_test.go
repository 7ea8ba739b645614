package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"secco/bpf"
	"secco/convert/readers"
)

// call runs the program in this process.
func call(stdin []byte, args ...string) (code int, stdout, stderr string) {
	var out, err strings.Builder
	code = secco(append([]string{"secco"}, args...), bytes.NewReader(stdin), &out, &err)
	return code, out.String(), err.String()
}

const head = "DEFAULT_POSITIVE = allow\nDEFAULT_NEGATIVE = EPERM\nDEFAULT_POLICY = kill\n"

// TestBadPolicies holds what must end with exit code 2, the finding at its place,
// and nothing written.
func TestBadPolicies(t *testing.T) {
	deep := strings.Repeat("(", 1_000_000)
	for name, c := range map[string]struct{ text, want string }{
		"unknown syscall":     {head + "opennat: 1\n", "p.secco:4:1: error["},
		"unknown name":        {head + "open: arg1 == O_NOTHING\n", "p.secco:4:15: error["},
		"operator":            {head + "open: arg1 <> 3\n", "p.secco:4:"},
		"action":              {head + "open[+permit]: 1\n", "p.secco:4:7: error["},
		"default action":      {"DEFAULT_POSITIVE = permit\n", "p.secco:1:20: error["},
		"macro's arity":       {head + "f(a) = a == 1\nopen: f(1, 2)\n", "p.secco:5:7: error["},
		"type":                {head + "open: (arg1 == 1) + 1 == 2\n", "p.secco:4:"},
		"number as a body":    {head + "open: 2\n", "p.secco:4:7: error["},
		"number too large":    {head + "open: arg1 == 18446744073709551616\n", "p.secco:4:15: error["},
		"errno too large":     {head + "open: return 4096\n", "p.secco:4:"},
		"argument":            {head + "open: arg6 == 1\n", "p.secco:4:7: error["},
		"division by zero":    {head + "open: argL1 == 1 / 0\n", "p.secco:4:"},
		"remainder of zero":   {head + "open: argL1 == 1 % 0\n", "p.secco:4:"},
		"shift":               {head + "open: argL1 == 1 << 64\n", "p.secco:4:"},
		"recursion":           {head + "f(a) = f(a)\nopen: f(1)\n", "p.secco:4:8: error["},
		"two rules":           {head + "open: 1\nopen: arg1 == 0\n", "p.secco:5:1: error["},
		"two defaults":        {head + "DEFAULT_POLICY = allow\n", "p.secco:4:"},
		"no default":          {"open: 1\n", "p.secco:1:"},
		"NUL":                 {head + "open\x00: 1\n", "p.secco:4:5: error["},
		"NULs only":           {strings.Repeat("\x00", 4096), "p.secco:1:1: error["},
		"not UTF-8":           {head + "op\xff\xfeen: 1\n", "p.secco:4:3: error["},
		"not UTF-8, comment":  {head + "# \xff\nopennat: 1\n", "p.secco:"},
		"unclosed":            {head + "open: (arg1 == 1\n", "p.secco:"},
		"control characters":  {head + "open\x1b[31m: 1\n", "p.secco:4:"},
		"deep parentheses":    {head + "open: " + deep + "\n", "p.secco:4:"},
		"deep complements":    {head + "open: argL1 == " + strings.Repeat("~", 1_000_000) + "1\n", "p.secco:4:"},
		"deep negations":      {head + "open: " + strings.Repeat("!", 1_000_000) + "true\n", "p.secco:4:"},
		"long line":           {head + "open: " + strings.Repeat("arg1 == 1 || ", 800_000) + "\n", "p.secco:4:"},
		"long name":           {head + strings.Repeat("a", 10<<20) + ": 1\n", "p.secco:4:"},
		"long number":         {head + "open: arg1 == " + strings.Repeat("9", 10<<20) + "\n", "p.secco:4:"},
		"larger than allowed": {strings.Repeat("#\n", 9<<20), "error[too-large]: "},
		"macro bomb":          {head + bomb(40) + "open: m40(arg1)\n", "p.secco:"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			if err := os.WriteFile("p.secco", []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			for _, args := range [][]string{{"check", "p.secco"}, {"compile", "p.secco", "-o", "out.bpf"}} {
				code, stdout, stderr := call(nil, args...)
				said := stdout + stderr
				if code != exitBad || !strings.Contains(said, c.want) {
					t.Errorf("%s: exit code %d, want 2 and %q in\n%.1000s", args[0], code, c.want, said)
				}
				if len(said) > 64<<10 {
					t.Errorf("%s says %d bytes", args[0], len(said))
				}
				if strings.ContainsAny(said, "\x00\x1b\r") {
					t.Errorf("%s prints control characters: %.1000q", args[0], said)
				}
			}
			onlyFile(t, "p.secco")
		})
	}
}

// bomb returns macros of which the last would be 2^n comparisons.
func bomb(n int) string {
	var b strings.Builder
	b.WriteString("m0(a) = a == 1\n")
	for i := 1; i <= n; i++ {
		fmt.Fprintf(&b, "m%d(a) = m%d(a) || m%d(a)\n", i, i-1, i-1)
	}
	return b.String()
}

// onlyFile checks that the directory holds this file and nothing else.
func onlyFile(t *testing.T, name string) {
	t.Helper()
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() != name {
			t.Errorf("%s was left behind", e.Name())
		}
	}
}

func TestUnreadable(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.Mkdir("dir", 0o700); err != nil {
		t.Fatal(err)
	}
	for _, c := range [][]string{
		{"missing.secco", "cannot read missing.secco: no such file or directory"},
		{"missing", "no shipped policy has that name either; they are "},
		{"dir", "cannot read dir: is a directory"},
		{"", "no such file or directory"},
		{"/proc/self/mem", "cannot read /proc/self/mem: input/output error"}, // root may read all else
		{"a\x00b", "invalid argument"},
		{strings.Repeat("x", 5000), "file name too long"},
	} {
		for _, args := range [][]string{{"check", c[0]}, {"compile", "-o", "out", c[0]}, {"disasm", c[0]}, {"asm", c[0]}, {"run", c[0], "true"}, {"check", "--define", c[0], "pure"}} {
			code, stdout, stderr := call(nil, args...)
			if said := stdout + stderr; code != exitBad || !strings.Contains(said, c[1]) && args[0] != "asm" && args[1] != "--define" {
				t.Errorf("%.60q: exit code %d, want 2 and %q in\n%s", args, code, c[1], said)
			}
		}
	}
	onlyFile(t, "dir")
}

// TestBadPrograms holds what no kernel takes: refused with the instruction's
// number.
func TestBadPrograms(t *testing.T) {
	code, good, stderr := call(nil, "compile", "web-server")
	if code != exitDone {
		t.Fatal(stderr)
	}
	spoil := func(i int, in bpf.Instruction) []byte {
		b := []byte(good)
		copy(b[8*i:], bpf.Encode(bpf.Program{in}, littleEndian))
		return b
	}
	last := len(good)/8 - 1
	for name, c := range map[string]struct {
		program []byte
		want    string
	}{
		"empty":            {nil, "error[invalid-program]"},
		"truncated":        {[]byte(good)[:len(good)-3], fmt.Sprintf("instruction %d", last)},
		"last is missing":  {[]byte(good)[:len(good)-8], "instruction"},
		"unknown opcode":   {spoil(3, bpf.Instruction{Op: 0xffff}), "instruction 3"},
		"unaligned load":   {spoil(2, bpf.Instruction{Op: bpf.LdW, K: 3}), "instruction 2"},
		"load beyond":      {spoil(2, bpf.Instruction{Op: bpf.LdW, K: 64}), "instruction 2"},
		"jump beyond":      {spoil(1, bpf.Instruction{Op: bpf.Ja, K: 0xffffffff}), "instruction 1"},
		"division by zero": {spoil(1, bpf.Instruction{Op: bpf.DivK}), "instruction 1"},
		"scratch word":     {spoil(1, bpf.Instruction{Op: bpf.LdMem, K: 1}), "instruction 1"},
		"too long":         {bytes.Repeat(bpf.Encode(bpf.Program{{Op: bpf.RetK}}, littleEndian), 4097), "at most 4096 instructions"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			if err := os.WriteFile("p.bpf", c.program, 0o600); err != nil {
				t.Fatal(err)
			}
			for _, args := range [][]string{{"check", "p.bpf"}, {"disasm", "p.bpf", "-o", "out"}, {"emulate", "p.bpf", "read"}, {"run", "p.bpf", "true"}} {
				code, stdout, stderr := call(nil, args...)
				if said := stdout + stderr; code != exitBad || !strings.Contains(said, c.want) {
					t.Errorf("%s: exit code %d, want 2 and %q in\n%s", args[0], code, c.want, said)
				}
			}
			onlyFile(t, "p.bpf")
		})
	}
}

// TestBadCases holds lines that are no call: the cases before them are answered,
// and the line is named.
func TestBadCases(t *testing.T) {
	for line, want := range map[string]string{
		`x`:                                      "invalid character",
		`{"nr":0`:                                "unexpected EOF",
		`{"nr":0}}`:                              "more than one value",
		`{"nr":0} {"nr":1}`:                      "more than one value",
		`[0]`:                                    "a case is an object",
		`{}`:                                     "nr is missing",
		`{"nr":null}`:                            "nr is missing",
		`{"NR":0}`:                               `no field "NR"`,
		`{"nr":0,"syscall":1}`:                   `no field "syscall"`,
		`{"nr":0,"nr":0}`:                        "nr stands twice",
		`{"nr":1.5}`:                             `no syscall "1.5"`,
		`{"nr":4294967296}`:                      `no syscall "4294967296"`,
		`{"nr":"opennat"}`:                       `no syscall "opennat" on x86_64`,
		`{"nr":"read","arch":"z80"}`:             `no architecture "z80"`,
		`{"nr":"read","arch":5}`:                 "no names for architecture 0x5",
		`{"nr":0,"args":{}}`:                     "args: not an array",
		`{"nr":0,"args":[[]]}`:                   "argument 0: [] is neither a number nor a string",
		`{"nr":0,"args":["AF_NONE"]}`:            "argument 0: ",
		`{"nr":0,"args":[18446744073709551616]}`: "argument 0: ",
		`{"nr":0,"args":[0,0,0,0,0,0,0]}`:        "7 arguments",
		`{"nr":0,"ip":true}`:                     "ip: true is neither",
		"{\"nr\":\"\xff\"}":                      "no syscall",
		`{"nr":"` + strings.Repeat("x", 1<<20):   "longer than 1048576 bytes",
	} {
		code, stdout, stderr := call([]byte("{\"nr\":39}\n\n"+line+"\n{\"nr\":39}\n"), "emulate", "no-network", "--cases", "-")
		if code != exitBad || !strings.HasPrefix(stderr, "<stdin>:3:1: error[bad-case]: ") || !strings.Contains(stderr, want) {
			t.Errorf("%.100s: exit code %d, want 2 and %q in\n%.1000s", line, code, want, stderr)
		}
		if strings.Count(stdout, "\n") != 1 || !strings.Contains(stdout, `"action":"allow"`) {
			t.Errorf("%.100s: answers are\n%s", line, stdout)
		}
	}
}

// TestJunk gives random bytes, and texts with bytes changed, to every kind's
// reader: never a fault.
func TestJunk(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	texts := []string{head + "open: in(arg1, 1, 2) && argL2 * 3 > 4\n", `{"defaultAction":"SCMP_ACT_ERRNO","architectures":["SCMP_ARCH_X86_64"],"syscalls":[{"names":["read"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":3,"op":"SCMP_CMP_EQ"}]}]}`,
		"ld [4]\njeq #3, good\nret #0\ngood: ret #0x7fff0000\n"}
	for range 300 {
		junk := make([]byte, r.IntN(200))
		for i := range junk {
			junk[i] = byte(r.Uint32())
		}
		if r.IntN(2) == 0 {
			junk = []byte(texts[r.IntN(len(texts))])
			for range 1 + r.IntN(4) {
				junk[r.IntN(len(junk))] = byte(r.Uint32())
			}
		}
		for _, from := range append(readers.Kinds(), "") {
			code, _, stderr := call(junk, "check", "-", "--from", string(from))
			if code != exitDone && code != exitBad {
				t.Fatalf("--from %s: exit code %d for %q\n%s", from, code, junk, stderr)
			}
		}
	}
}

// TestFullDisk writes to a disk that is full: exit code 3, what was there stays,
// and nothing half-written is left.
func TestFullDisk(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("mounting a small disk needs root")
	}
	disk := t.TempDir()
	if err := unix.Mount("secco-test", disk, "tmpfs", 0, "size=16k"); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := unix.Unmount(disk, 0); err != nil {
			t.Error(err)
		}
	}()
	old := filepath.Join(disk, "out")
	if err := os.WriteFile(old, []byte("what was there\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	fill, err := os.Create(filepath.Join(disk, "fill"))
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = fill.Write(make([]byte, 1024))
	}
	if !errors.Is(err, unix.ENOSPC) {
		t.Fatal(err)
	}
	fill.Close()
	for _, args := range [][]string{{"compile", "web-server"}, {"compile", "web-server", "--format", "c"}, {"disasm", "web-server"}, {"convert", "--to", "oci", "web-server"}} {
		for _, name := range []string{old, filepath.Join(disk, "new")} {
			code, _, stderr := call(nil, append(args, "-o", name)...)
			if code != exitSystem || !strings.Contains(stderr, "no space left on device") {
				t.Errorf("%s -o %s: exit code %d\n%s", args, name, code, stderr)
			}
		}
	}
	if text, err := os.ReadFile(old); err != nil || string(text) != "what was there\n" {
		t.Errorf("the old file is %q, %v", text, err)
	}
	if entries, err := os.ReadDir(disk); err != nil || len(entries) != 2 {
		t.Errorf("the disk holds %v, %v", entries, err)
	}
}

// failing is an output that takes nothing.
type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, fs.ErrClosed }

func TestFailingOutput(t *testing.T) {
	for _, args := range [][]string{
		{"compile", "pure"}, {"disasm", "pure"}, {"convert", "--to", "oci", "pure"}, {"emulate", "pure", "read"},
		{"emulate", "pure", "--cases", "-"}, {"profiles"}, {"verify", "pure"}, {"completion", "bash"},
	} {
		var stderr strings.Builder
		code := secco(append([]string{"secco"}, args...), strings.NewReader(`{"nr":0}`), failing{}, &stderr)
		if code != exitSystem || !strings.Contains(stderr.String(), "cannot write to standard output") {
			t.Errorf("%s: exit code %d\n%s", args, code, stderr.String())
		}
	}
}
