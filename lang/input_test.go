package lang_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"secco/lang"
	"secco/lang/random"
	"secco/source"
)

// TestParentheses writes policies with all parentheses and with those only that
// precedence and associativity ask for: they have to mean the same.
func TestParentheses(t *testing.T) {
	for seed := range uint64(400) {
		bare := random.Policy(rand.New(rand.NewPCG(seed, 2)), random.Options{Depth: 4})
		full := random.Policy(rand.New(rand.NewPCG(seed, 2)), random.Options{Depth: 4, Parens: true})
		p, diags := lang.Load([]*source.File{source.NewFile("bare", bare)}, lang.Options{})
		q, diags2 := lang.Load([]*source.File{source.NewFile("full", full)}, lang.Options{})
		if p == nil || q == nil {
			t.Fatal(diags, diags2)
		}
		r := rand.New(rand.NewPCG(seed, 3))
		for d := range samples(p, r) {
			a, _ := p.Eval(&d)
			if b, _ := q.Eval(&d); a != b {
				t.Fatalf("%+v: %s without parentheses, %s with\n%s\n%s", d, a, b, bare, full)
			}
		}
	}
}

// TestMutated reads random policies with a few bytes changed. Most are refused,
// with a position; those that are not mean the same to both meanings.
func TestMutated(t *testing.T) {
	accepted := 0
	junk := []string{"(", ")", "{", "}", "[", "]", ",", "\n", "\\\n", "#", "=", "==", "->", "=>", "@", "\"", ";", ":", "arg0", "argL1",
		"return", "else", "arch", "in(", "1", "0x", "-", "~", "!", "&?", "\x00", "\xff", "\r\n", "é", "x1", "allow", "read"}
	for seed := range uint64(800) {
		r := rand.New(rand.NewPCG(seed, 4))
		text := random.Policy(r, random.Options{Rules: 3, Depth: 2})
		for range 1 + r.IntN(3) {
			i := r.IntN(len(text))
			j := min(len(text), i+r.IntN(4))
			text = text[:i] + junk[r.IntN(len(junk))] + text[j:]
		}
		p, diags := lang.Load([]*source.File{source.NewFile("mutated", text)}, lang.Options{})
		if p == nil {
			for _, d := range diags {
				if d.Span.IsZero() || d.Code == "" || d.Message == "" {
					t.Fatalf("a finding that says too little: %+v\n%s", d, text)
				}
				_ = d.String()
			}
			continue
		}
		accepted++
		agree(t, fmt.Sprintf("mutated%d", seed), text, r)
		if t.Failed() {
			return
		}
	}
	if accepted < 10 {
		t.Errorf("only %d were accepted", accepted)
	}
}

// TestBadInput is about texts that nobody writes by hand.
func TestBadInput(t *testing.T) {
	head := "DEFAULT_POLICY = kill\n"
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"nothing", "", nil},
		{"only a comment", "# nothing", nil},
		{"CRLF", "read: 1\r\nwrite: arg0 == 1 # comment\r\nclose {\r\n arg0 == 1 -> log\r\n}\r\n", nil},
		{"CRLF joined", "read: arg0 == 1 && \\\r\n arg1 == 2\r\n", nil},
		{"a lone CR", "read: 1\rwrite: 1", []string{"1:8: error[bad-character]"}},
		{"NUL", head + "re\x00ad: 1", []string{"2:3: error[bad-encoding]"}},
		{"Latin-1", head + "# caf\xe9", []string{"2:6: error[bad-encoding]"}},
		{"a surrogate", "# \xed\xa0\x80", []string{"1:3: error[bad-encoding]"}},
		{"a byte order mark", "\ufeffread: 1", nil},
		{"a byte order mark inside", "read\ufeff: 1", []string{"1:5: error[bad-character]"}},
		{"U+FFFD itself", "# \ufffd", nil},
		{"an ELF file", "\x7fELF\x02\x01\x01\x00", []string{"1:8: error[bad-encoding]"}},
		{"a line of 10 MB", "read: " + strings.Repeat("1 + ", 2_500_000) + "1", []string{"1:4194305: error[too-large]"}},
		{"a comment of 10 MB", "#" + strings.Repeat(" ", 10<<20), []string{"1:4194305: error[too-large]"}},
		{"a long line", "read: arg0 == 0" + strings.Repeat(" || arg0 == 1", 5000), nil},
		{"a very long line", "read: arg0 == 0" + strings.Repeat(" || arg0 == 1", 50000), []string{"1:425991: error[too-large]"}},
		{"a set of 100000", "read: in(arg0" + strings.Repeat(", 5", 100000) + ")", []string{"1:196618: error[too-large]"}},
		{"parentheses", "read: " + strings.Repeat("(", 100000), []string{"1:508: error[too-deep]"}},
		{"complements", "read: " + strings.Repeat("~", 100000) + "1", []string{"1:508: error[too-deep]"}},
		{"calls", "read: " + strings.Repeat("in(", 100000), []string{"1:1510: error[too-deep]"}},
		{"blocks", strings.Repeat("arch i386 {\n", 600), []string{"501:12: error[too-deep]"}},
		{"an open block", "arch i386 {\nread: 1\n", []string{"3:1: error[syntax]"}},
		{"open arms", "read {\narg0 == 1 -> allow\n", []string{"3:1: error[syntax]"}},
		{"no arms", "read {\n}", []string{"1:6: error[syntax]"}},
		{"all errors at once", "raed: 1\nread: x\nwrite: ==\nclose: 08\n",
			[]string{"1:1: error[unknown-syscall]", "2:7: error[unknown-name]", "3:8: error[syntax]", "4:8: error[bad-number]"}},
		{"errors in a block", "arch x86_64 {\n  read: (\n  write: 1\n  raed: 1\n}\nclose: 5",
			[]string{"3:8: error[syntax]", "4:3: error[unknown-syscall]", "6:8: error[not-condition]"}},
		{"errors in arms", "read {\n  arg0 = 1 -> allow\n  arg0 == 2\n  x -> allow\n}\nclose: 5",
			[]string{"2:8: error[syntax]", "3:12: error[syntax]", "4:3: error[unknown-name]", "6:8: error[not-condition]"}},
		{"a thousand errors", strings.Repeat("(\n", 1000), many("%d:1: error[syntax]", 200, "200:1: error[too-many-errors]")},
		{"many unknown syscalls", strings.Repeat("raed:1\n", 100000), many("%d:1: error[unknown-syscall]", 200, "201:1: error[too-many-errors]")},
		{"a hundred parameters", "f(a" + numbered(",a%d", 99) + ") = a == 1\nread: f(1" + numbered(", %d", 99) + ")", nil},
		{"more parameters", "f(a" + numbered(",a%d", 100) + ") = a == 1\n", []string{"1:392: error[too-large]"}},
		{"blocks with definitions", strings.Repeat("x = 1\narch x86_64 {\nx = 2\ngroup @a = read\n}\n", 50000) + "read: arg0 == x\n@a: 1", []string{"250002:1: error[unknown-group]"}},
		{"a bomb of divisions", "read: in(argL0 / argL1" + strings.Repeat(" / argL1", 20000) + strings.Repeat(", 5", 20000) + ")", []string{"1:1: error[too-large]"}},
		{"a line of 65000 operands", "read: arg0 == 0" + strings.Repeat(" || arg0 == 1", 32000), nil},
		{"a set of 60000", "read: in(arg0" + numbered(", %d", 60000) + ")", nil},
		{"arithmetic of 60000", "read: argL0" + strings.Repeat(" + argL1", 60000) + " == 5", nil},
		{"many warnings", strings.Repeat("socketcall: 1\n", 200000), repeatedly("%d:1: warning[skipped-syscall]", 200000)},
		{"many duplicates", strings.Repeat("read: 1\n", 200000), repeatedly("%d:1: warning[repeated-rule]", 200000)[1:]},
		{"keywords as names", "test = 5\nbase(x) = x == test\narch = 1\ngroup = 2\nwhen = 3\nelse = 4\nread: base(arg0) || arg1 == arch + group + when + else", nil},
		{"the syscall kill", "kill: 1", nil},
		{"slips", "read: arg0 = 1\nwrite: arg0 == 1 and arg1 == 2", []string{"1:12: error[syntax]", "2:18: error[syntax]"}},
		{"recursion", "f(x) = f(x)\nread: f(1)", []string{"1:8: error[unknown-name]"}},
		{"mutual recursion", "f = g\ng = f\nread: g", []string{"1:5: error[unknown-name]"}},
		{"a chain of bindings", chain(5000), nil},
		{"a long chain of bindings", chain(200000), []string{"200002:1: error[too-large]"}},
		{"a bomb", bomb, []string{"41:1: error[too-large]"}},
		{"a bomb of arguments", "f0(x) = x + x\n" + fBomb() + "read: f30(argL0) == 1", []string{"32:1: error[too-large]"}},
	} {
		t.Run(c.name, func(t *testing.T) { refuse(t, c.text, c.want...) })
	}
}

// numbered repeats a text with the numbers from 1.
func numbered(format string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i+1)
	}
	return b.String()
}

// repeatedly lists the same finding on n lines.
func repeatedly(format string, n int) []string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf(format, i+1))
	}
	return list
}

// many lists the same finding on n lines, and a last one.
func many(format string, n int, last string) []string {
	return append(repeatedly(format, n), last)
}

// chain defines each name by the one before.
func chain(n int) string {
	var b strings.Builder
	b.WriteString("x = argL0\n")
	for range n {
		b.WriteString("x = x + 1\n")
	}
	return b.String() + "read: x == 5\n"
}

// bomb doubles with every line.
var bomb = func() string {
	var b strings.Builder
	b.WriteString("x = argL0 == 1\n")
	for range 39 {
		b.WriteString("x = x || x && x\n")
	}
	return b.String() + "read: x\n"
}()

func fBomb() string {
	var b strings.Builder
	for i := 1; i <= 30; i++ {
		fmt.Fprintf(&b, "f%d(x) = f%d(x + x)\n", i, i-1)
	}
	return b.String()
}

// FuzzLoad reads anything. What is accepted has one meaning.
func FuzzLoad(f *testing.F) {
	for seed := range uint64(20) {
		f.Add(random.Policy(rand.New(rand.NewPCG(seed, 5)), random.Options{Rules: 3}))
	}
	f.Add("group @new = syscall_470..\n@new: return ENOSYS\narch i386 { syscall_0x1d6..511: arg0 == 1 }\nlistns: 1\ntest syscall_470.. => ENOSYS\n")
	f.Add("f(x, y) = low(x) == y\nsocket(domain): f(domain, 1) && high(domain) & 3 == 4 || in(arg1, 1, 1)\nread {\n arg0 < 5 -> log\n arg0 == 3 -> EPERM\n}\n")
	f.Fuzz(func(t *testing.T, text string) {
		file := source.NewFile("fuzz", text)
		opts := usual
		opts.Lint = true
		p, diags := lang.Load([]*source.File{file}, opts)
		for _, d := range diags {
			_ = d.String()
		}
		if p == nil {
			if !diags.HasErrors() {
				t.Fatal("no policy and no error")
			}
			return
		}
		e, n := evaluator(t, file, usual), 0
		for d := range samples(p, rand.New(rand.NewPCG(1, 1))) {
			got, _ := p.Eval(&d)
			if want := e.Eval(&d); got != want {
				t.Fatalf("%+v: graph says %s, eval %s", d, got, want)
			}
			if n++; n > 200 { // eval is slow on large texts
				return
			}
		}
	})
}
