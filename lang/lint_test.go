package lang_test

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"secco/lang"
	"secco/lang/random"
	"secco/linux"
	"secco/source"
)

// lints returns what is found of what has no effect: "1:2: code".
func lints(text string, targets ...linux.Arch) ([]string, source.Diagnostics) {
	opts := usual
	opts.Lint, opts.Targets = true, targets
	_, diags := lang.Load([]*source.File{source.NewFile("test", text)}, opts)
	var list []string
	for _, d := range diags {
		switch d.Code {
		case "wide-comparison", "narrow-argument", "signed-comparison", "zero-divisor", "repeated-rule":
			continue
		}
		pos := d.Span.Position()
		list = append(list, fmt.Sprintf("%d:%d: %s", pos.Line, pos.Column, d.Code))
	}
	return list, diags
}

func TestLint(t *testing.T) {
	for _, c := range []struct {
		text string
		want string // findings, with commas between them
	}{
		// Conditions by themselves.
		{"read: argL2 & PROT_EXEC == 1", "1:7: constant-condition"},
		{"read: arg0 == 1 && arg0 == 2", "1:7: constant-condition"},
		{"read: argL0 != 1 || argL0 != 2", "1:7: constant-condition"},
		{"read: (argL0 == 1 && argL0 == 2) || argL1 == 1", "1:8: constant-condition"},
		{"read: !(argL0 == 1 && argL0 == 2)", "1:9: constant-condition"},
		{"read: argL1 == 1 && argL0 == 1 && argL2 == 4 && argL0 == 2", "1:7: constant-condition"},
		{"read: arg0 <= 0xffffffffffffffff", "1:7: constant-condition"},
		{"read: argL0 + 1 != argL0", "1:7: constant-condition"},
		{"read: notIn(argL0 & 1, 0, 1)", "1:7: constant-condition"},
		{"read: arg0 &? 1 << 63 && argH0 == 0", "1:7: constant-condition"},
		{"read: 1 == 2", "1:7: constant-condition"},
		{"read: 1 == 1; return EPERM", "1:7: constant-condition"},
		{"read: argL0 / argL1 >= 0", ""},                         // it may be killed
		{"read: argL0 * argL1 == 15 && argL0 * argL1 == 16", ""}, // undecided
		{"read: 1\nwrite: true\nclose: false", ""},               // as it is written

		// What makes no difference behind the others.
		{"read: argL0 == 1 || argL0 == 1", "1:21: needless-condition"},
		{"read: argL0 < 5 || argL0 == 3 || argL0 == 9", "1:20: needless-condition"},
		{"read: argL0 > 5 && argL0 != 2", "1:20: needless-condition"},
		{"read: argL1 != 0 && argL0 / argL1 == 2", ""},
		{"read: argL0 == EAGAIN || argL0 == EWOULDBLOCK", ""}, // two names
		{"read: argL0 == EAGAIN || argL0 == EAGAIN", "1:26: needless-condition"},
		{"read: argL0 == 1 || (argL0 != 1 && argL1 == 2)", ""}, // said to be clear

		// Lists.
		{"read: in(argL0, 1, 2, 0b1)", "1:23: repeated-value"},
		{"read: notIn(arg0, AF_UNIX, AF_INET, AF_UNIX)", "1:37: repeated-value"},
		{"read: in(argL0, AF_UNIX, AF_LOCAL)", ""},
		{"read: in(argL0, 1, AF_UNIX)", "1:20: repeated-value"},

		// Names that switch something on or off are there to do that.
		{"off = 0\nread: off == 1 && argL0 == 5", ""},
		{"on = 1\nread: on == 1 || argL0 == 5", ""},
		{"only(x, y) = x == y && y != 3\nread: only(argL0, 3)\nwrite: only(argL0, 4)", ""},
		{"strict = true\nread {\n  strict -> EPERM\n  argL0 == 1 -> allow\n}", ""},
		{"never = argL0 == 1 && argL0 == 2\nread: never", "2:7: constant-condition"},
		{"between(x, a, b) = x >= a && x <= b\nread: between(argL0, 7, 5)", "2:7: constant-condition"},

		// Arms.
		{"read {\nargL0 == 1 -> allow\nargL0 == 1 -> log\n}", "3:1: dead-arm"},
		{"read {\nargL0 < 5 -> allow\nargL0 >= 5 -> log\nelse -> EPERM\n}", "4:1: dead-arm"},
		{"read {\nargL0 < 5 -> allow\nargL0 >= 3 -> log\nargL0 == 4 -> log\nargL0 == 9 -> trap\n}", "4:1: dead-arm"},
		{"read {\ntrue -> allow\nargL0 == 1 -> log\nelse -> log\n}", "3:1: dead-arm"},
		{"read {\nargL0 == 1 -> allow\nargL0 != 1 -> log\n}", ""},
		{"read {\nargL0 == argL0 -> allow\nelse -> log\n}", "2:1: constant-condition, 3:1: dead-arm"},
		{"read {\nargL0 == 1 && argL0 == 2 -> allow\nelse -> log\n}", "2:1: constant-condition"},

		// On all of the targets that the rule holds on.
		{"ARCHES = x86_64, i386\nread: argH0 == 0 && argL0 == 1", ""},
		{"ARCHES = i386\nread: argH0 == 0 && argL0 == 1", "2:7: constant-condition"},
		{"ARCHES = x86_64, i386\nread: argL0 & 1 == 2", "2:7: constant-condition"},
		{"ARCHES = x86_64, i386\nread: arg0 == -1", ""},
		{"ARCHES = i386\nread: arg0 == -1", ""}, // narrow-argument says it
		{"setpriority: argL2 < 0", ""},          // signed-comparison says it
		{"group @g = read, write\n@g: argL0 & 1 == 2", "2:5: constant-condition"},

		// Arguments.
		{"close: arg3 == 1", "1:8: no-such-argument"},
		{"close(fd, flags): flags == 0", "1:19: no-such-argument"},
		{"accept(a, b, c, d): 1", "1:17: no-such-argument"},
		{"accept, accept4(a, b, c, d): 1", ""}, // names for the one with most
		{"accept, accept4(a, b, c, flags): low(flags) == 0", "1:34: no-such-argument"},
		{"getpid: arg0 == 1", "1:9: no-such-argument"},
		{"f(x) = x == 1\nclose: f(argL0) && f(argL5)", "2:22: no-such-argument"},
		{"f = argL5 == 1\nclose: f", "1:5: no-such-argument"},
		{"ARCHES = x86_64, i386\nmmap: argL2 & PROT_EXEC == 0", "2:7: no-such-argument"}, // i386's takes a pointer to them
		{"mmap: argL5 == 0\nprctl: argL4 == 0\nioctl: argL2 == 0\nfcntl: argL2 == 0\nfutex: argL5 == 0\nclone: argL4 == 0\nptrace: argL3 == 0", ""},
		{"ARCHES = s390x\nclone: argL1 & CLONE_NEWUSER == 0", ""},
		{"create_module: argL5 == 1", ""}, // no prototype
		{"syscall_600: argL5 == 1", ""},
		{"test close(1, 2) => kill_process", "1:15: no-such-argument"},
		{"test close(1, _) => kill_process", ""},

		// Blocks.
		{"arch i386 {\nread: 1\n}", "1:6: idle-block"},
		{"ARCHES = x86_64\narch x86_64, x32 {\nread: 1\n}", "2:14: idle-block"},
		{"ARCHES = x86_64, i386\narch i386 {\nread: 1\n}", ""},
		{"arch aarch64 {\nread: 1\n}", ""}, // for callers on other machines

		{"read: argL0 & 1 == 2\nopennat: 1", "2:1: unknown-syscall"}, // errors first
	} {
		got, diags := lints(c.text)
		if strings.Join(got, ", ") != c.want {
			t.Errorf("%q, want %q:\n%s\n%s", got, c.want, c.text, diags)
		}
	}

	// A caller's choice of targets makes no block of the policy's idle.
	text := "ARCHES = x86_64, i386\narch i386 {\nread: 1\n}"
	if got, _ := lints(text, linux.X86_64); got != nil {
		t.Errorf("%q for x86_64 of\n%s", got, text)
	}
	// Nobody who does not ask is told.
	if got := findings("read: argL0 & 1 == 2", usual); got != nil {
		t.Errorf("%q without Lint", got)
	}
}

// TestLintTrue holds what is found in random policies against the reference evaluator: a
// condition that is constant can be replaced by true or false, one that makes no difference
// by what leaves the others as they are, and no arm that is dead decides a call.
func TestLintTrue(t *testing.T) {
	const count = 150
	found := map[string]int{}
	for seed := range uint64(count) {
		r := rand.New(rand.NewPCG(seed, 7))
		text := random.Policy(r, random.Options{Rules: 1 + int(seed%8), Depth: 2 + int(seed%3), Plain: seed%2 == 0})
		f := source.NewFile("test", text)
		p, diags := lang.Load([]*source.File{f}, lang.Options{Lint: true})
		if p == nil {
			t.Fatalf("%s\n%s", diags, text)
		}
		for _, d := range diags {
			var with []string
			switch {
			case d.Code == "constant-condition" && strings.Contains(d.Message, "always"):
				with = []string{"(true)"}
			case d.Code == "constant-condition":
				with = []string{"(false)"}
			case d.Code == "needless-condition":
				with = []string{"(true)", "(false)"}
			case d.Code == "dead-arm":
				with = []string{"false -> kill_process"}
				if strings.HasPrefix(d.Span.Text(), "else") {
					with = []string{"else -> errno(4000)"}
				}
			default:
				continue
			}
			name, _, _ := strings.Cut(d.Span.Text(), "(")
			if regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(name) + `(\(.*\))? = .*; return`).MatchString(text) {
				continue // what it returns would be lost
			}
			found[d.Code]++
			same := false
			for _, w := range with {
				other := text[:d.Span.Start()] + w + text[d.Span.End():]
				g := source.NewFile("test", other)
				if _, diags := lang.Load([]*source.File{g}, lang.Options{}); diags.HasErrors() {
					t.Fatalf("%s\n%s", diags, other)
				}
				a, b := evaluator(t, f, lang.Options{}), evaluator(t, g, lang.Options{})
				differ := false
				for call := range samples(p, rand.New(rand.NewPCG(seed, 8))) {
					differ = differ || a.Eval(&call) != b.Eval(&call)
				}
				same = same || !differ
			}
			if !same {
				t.Fatalf("not true: %s\nof\n%s", d, text)
			}
		}
	}
	t.Logf("%d policies: %v", count, found)
	for _, code := range []string{"constant-condition", "needless-condition", "dead-arm"} {
		if found[code] == 0 {
			t.Errorf("no %s was found: nothing was tested", code)
		}
	}
}
