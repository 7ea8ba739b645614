package readers

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"secco/lang"
	"secco/source"
)

// TestHostile has inputs that nobody writes by hand: each ends, soon and without
// much memory, in an error that says what there is too much of, or in a policy.
func TestHostile(t *testing.T) {
	const elastic, spo = "default_action: trap\nsyscalls:\n", "apiVersion: security-profiles-operator.x-k8s.io/v1\nkind: SeccompProfile\nspec:\n  defaultAction: SCMP_ACT_ERRNO\n  syscalls:\n"
	many := func(format string, n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	// laughs is a list of lists of lists: 10^9 items.
	laughs := func(head, item string) string {
		var b strings.Builder
		b.WriteString("a0: &a0 [" + strings.Repeat(item+",", 10) + "]\n")
		for i := 1; i < 9; i++ {
			fmt.Fprintf(&b, "a%d: &a%d [%s]\n", i, i, strings.Repeat(fmt.Sprintf("*a%d,", i-1), 10))
		}
		return b.String() + head + "*a8\n"
	}
	profile := func(entries string) string {
		return `{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [` + strings.TrimSuffix(entries, ",") + "]}"
	}
	eq := func(action string) string {
		return `{"names": ["read"], "action": "SCMP_ACT_` + action + `", "args": [{"index": 0, "op": "SCMP_CMP_EQ", "value": %d}]},`
	}
	for _, c := range []struct {
		name string
		kind Kind
		text string
		want string // part of what is said; "" where it is read
	}{
		{"macro bomb", Secco, "DEFAULT_POLICY = kill\nm0(a) = a == 1\n" + bomb(40) + "read: m40(arg0)\n", "too-large"},
		{"100000 in a set", Secco, "DEFAULT_POLICY = kill\nread: in(arg0" + many(", %d", 100_000) + ")\n", "too-large"},
		{"deep parentheses", Secco, "read: " + strings.Repeat("(", 1<<20), "too-deep"},
		{"itself", Secco, `include "self"`, "include"},
		{"deep arrays", OCI, strings.Repeat("[", 1<<20), "too-deep"},
		{"deep objects", OCI, strings.Repeat(`{"a":`, 1<<20), "too-deep"},
		{"20000 rules", OCI, profile(many(eq("ALLOW"), 20_000)), "too-many-rules"},
		{"100000 names", OCI, profile(`{"action": "SCMP_ACT_ALLOW", "names": [` + strings.TrimSuffix(strings.Repeat(`"read",`, 100_000), ",") + `]}`), ""},
		{"100000 unknown names", OCI, profile(`{"action": "SCMP_ACT_TRACE", "names": [` + strings.TrimSuffix(many(`"read%d",`, 100_000), ",") + `]}`), ""},
		{"2000 against 2000", OCI, profile(many(eq("ALLOW"), 2000) + many(strings.Replace(eq("LOG"), `"index": 0`, `"index": 1`, 1), 2000)), "undefined-overlap"},
		{"a long text", OCI, `{"defaultAction": "` + strings.Repeat("x", 17<<20) + `"}`, "too-large"},
		{"aliases", SPO, laughs("spec: ", "read"), "too-large"},
		{"an alias of itself", SPO, spo + "  - &a {names: *a}\n", "too-deep"},
		{"deep lists", SPO, strings.Repeat("- ", 1<<19), "syntax"},
		{"deep brackets", SPO, "spec: " + strings.Repeat("[", 1<<19), "syntax"},
		{"100000 names of an object", SPO, spo + "  - {action: SCMP_ACT_ALLOW, names: [" + strings.Repeat("read,", 100_000) + "]}\n", ""},
		{"20000 documents", SPO, strings.Repeat("---\na: 1\n", 20_000), "unknown-field"},
		{"aliases of elastic's", Elastic, laughs("syscalls: ", "read"), "unknown-field"},
		{"names by aliases", Elastic, elastic + "- &g {action: log, names: [read" + strings.Repeat(", x", 2000) + "]}\n" + strings.Repeat("- *g\n", 2000), "too-large"},
		{"100000 entries", Elastic, elastic + "- action: log\n  names_with_args:\n" + many("  - {name: read, arguments: [{operation: Equal, value: %d}]}\n", 20_000), "too-large"},
		{"deep", Elastic, strings.Repeat("{a: ", 1<<18), "syntax"},
		{"deep blocks", Rkeene, "i386 " + strings.Repeat("{if {$nr eq \"read\"} ", 1<<15), "syntax"},
		{"deep conditions", Rkeene, "i386 {if {" + strings.Repeat("(", 1<<19), "syntax"},
		{"100000 tests", Rkeene, "i386 {\nif {" + many("$args(0) == %d || ", 40_000) + "$args(1) == 1} {\nreturn allow\n}\nreturn trap\n}\n", ""},
		{"100000 filters", Minijail, "{" + strings.Repeat("read,", 40_000) + "read}: {" + strings.Repeat("arg0 == 1,", 40_000) + "1}", "too-complex"},
		{"a long line", Minijail, "read: arg0 == 1" + many(" || arg0 == %d", 60_000), ""},
		{"itself again", Minijail, "@include ./self", "include"},
		{"a file that includes ten of which each", Minijail, strings.Repeat("@include ./w0\n", 10), "too-large"},
		{"a link to elsewhere", Minijail, "@include ./link", `"link" is a link that leads out of the directory`},
		{"a link to itself", Minijail, "@include ./loop", `"loop" can't be read: too many levels of symbolic links`},
		{"a directory", Minijail, "@include ./dir", "include"},
		{"the way out", Minijail, "@include ./dir/../../x", "include"},
		{"deep JSON", Seccompiler, strings.Repeat("[", 1<<20), "syntax"},
		{"100000 rules of a filter", Seccompiler, `{"t": {"mismatch_action": "trap", "match_action": "log", "filter": [` + many(`{"syscall": "read", "args": [{"index": 0, "type": "dword", "op": "eq", "val": %d}]},`, 30_000) + `{"syscall": "write"}]}}`, ""},
		{"100000 labels", Asm, many("l%d: ", 100_000) + "ret #0", ""},
		{"100000 instructions", Asm, strings.Repeat("ld [0]\n", 100_000) + "ret #0", "program-too-long"},
		{"100000 errors", Asm, strings.Repeat("?\n", 100_000), "too-many-errors"},
		{"a long program", BPF, strings.Repeat("\x06\x00\x00\x00\x00\x00\x00\x00", 1<<20), "invalid-program"},
	} {
		t.Run(string(c.kind)+" "+c.name, func(t *testing.T) {
			dir := t.TempDir()
			lay(t, dir)
			find, done, err := Within(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer done()
			if c.kind == Secco || c.kind == Minijail {
				write(t, dir, "self", c.text)
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			stop := time.AfterFunc(2*time.Minute, func() { panic("this does not end: " + c.name) })
			f, diags := Read([]*source.File{source.NewFile("self", c.text)}, Options{Kind: c.kind, Options: lang.Options{Find: find}})
			stop.Stop()
			runtime.ReadMemStats(&after)
			if used := after.TotalAlloc - before.TotalAlloc; used > 2<<30 {
				t.Errorf("it took %d MiB", used>>20)
			}
			if (f == nil) != (c.want != "") || !strings.Contains(diags.Error(), c.want) {
				t.Errorf("%v, %.500s; want %s", f != nil, diags.Error(), c.want)
			}
			if len(diags) > 1001 {
				t.Errorf("%d findings", len(diags))
			}
		})
	}
}

// bomb returns macros of which the last would be 2^n comparisons.
func bomb(n int) string {
	var b strings.Builder
	for i := 1; i <= n; i++ {
		fmt.Fprintf(&b, "m%d(a) = m%d(a) || m%d(a)\n", i, i-1, i-1)
	}
	return b.String()
}

// lay puts files into a directory that can be included, and links that can't.
func lay(t *testing.T, dir string) {
	t.Helper()
	outside := t.TempDir()
	write(t, outside, "outside", "read: 1\n")
	for i := range 8 {
		write(t, dir, fmt.Sprint("w", i), strings.Repeat(fmt.Sprintf("@include ./w%d\n", i+1), 10))
	}
	write(t, dir, "w8", "read: 1\n")
	if err := os.Mkdir(filepath.Join(dir, "dir"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, to := range map[string]string{"link": filepath.Join(outside, "outside"), "loop": "loop"} {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
