package decompile_test

import (
	"strings"
	"testing"

	"secco/compiler"
	"secco/compiler/decompile"
	"secco/lang"
	"secco/policy/prove"
	"secco/profiles"
	"secco/source"
)

// Programs test bits of syscalls' numbers, and x32's with them. That makes no rule for
// a number that is none, and x32 no target.
func TestTestsOfNumbersBits(t *testing.T) {
	texts := map[string]string{"few": "DEFAULT_POSITIVE = allow\nDEFAULT_POLICY = EPERM\nread, write, close, mmap, brk, rt_sigreturn, dup, socket, exit_group, openat, futex, getrandom: 1"}
	for _, name := range profiles.Names() {
		text, _ := profiles.Lookup(name)
		texts[name] = string(text)
	}
	for name, text := range texts {
		p, findings := lang.Load([]*source.File{source.NewFile(name, text)}, lang.Options{})
		if p == nil {
			t.Fatal(findings)
		}
		for _, goal := range []compiler.Options{{}, {Optimize: compiler.Size}} {
			out, err := compiler.Compile(p, goal)
			if err != nil {
				t.Fatal(err)
			}
			back, err := decompile.Program(out.Program, decompile.Options{})
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			written, err := decompile.Text(back, decompile.TextOptions{})
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if len(back.Targets) != len(p.Targets) || strings.Contains(written, "syscall_") {
				t.Errorf("%s: %d targets, want %d, and no rule for a number without a name:\n%s", name, len(back.Targets), len(p.Targets), written)
			}
			again, findings := lang.Load([]*source.File{source.NewFile("text", written)}, lang.Options{})
			if again == nil {
				t.Fatal(findings)
			}
			if res, err := prove.Equivalent(prove.Policy(p), prove.Policy(again), prove.Options{}); err != nil || res.Verdict != prove.Equal {
				t.Errorf("%s: %v %s, %v; want equal", name, res.Verdict, res.Reason, err)
			}
		}
	}
}
