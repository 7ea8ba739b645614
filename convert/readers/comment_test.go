package readers

import (
	"strings"
	"testing"

	"secco/source"
)

// TestComment asks for the comment at each place that the source marks with ^.
func TestComment(t *testing.T) {
	for _, c := range []struct {
		kind         Kind
		text, header string
		want         []string
	}{
		{Minijail, "# Head\n# of it\n\n# a\n#  b\n^read: 1 # c\n^write: 1\n\n#d\n\n^close: 1\n", "Head\nof it", []string{"a\n b|c", "", ""}},
		{Minijail, "# a\n^read: 1\n", "", []string{"a"}},
		{Minijail, "^open: arg0 == \"#\" && arg1 ==#x\n", "", []string{""}},
		{Elastic, "seccomp:\n  # not\n  syscalls:\n  # group\n  - action: errno  # EPERM\n    names:\n    # one\n    - ^connect  # c\n    - ^bind\n", "", []string{"group|EPERM|one|c", "group|EPERM"}},
		{Minijail, "# One\n\n# Two\n#\n# more\n\n\n# a\n^read: arg0 == 1 || \\\n    ^arg0 == 2 # b\n", "One\n\nTwo\n\nmore", []string{"a", "a|b"}},
		{Minijail, "# One\n@default trap\n^read: 1\n", "One", []string{""}},
		{Elastic, "# One\nseccomp:\n  syscalls:\n  - action: errno\n    names: [^bind]\n", "One", []string{""}},
		{Elastic, "syscalls:\n# group\n- action: errno\n  # args\n  names_with_args:\n  - ^name: bind # b\n    # which\n    arguments:\n    # first\n    - ^argument: 0\n", "",
			[]string{"group|args|b", "group|args|b|which|first"}},
		{SPO, "# One\napiVersion: v1\nspec:\n  syscalls:\n  - names: [^bind] # a\n", "One", []string{"a"}},
		{Secco, "# One\nDEFAULT_POLICY = allow\n^read: 1\n", "One", []string{""}},
		{Secco, "# One", "", nil},
		{Rkeene, "# not\ni386 {\n    # if\n    if {$nr eq \"socket\"} {\n        # inner\n        ^return allow\n    }\n    # at last\n    ^return allow\n}\n", "not", []string{"if|inner", "at last"}},
		{Secco, "# not\narch i386 {\n    # of sockets\n    socket {\n        ^arg0 == 1 -> allow # unix\n    }\n}\n", "not", []string{"of sockets|unix"}},
		{OCI, "{\"comment\": \"not\", \"syscalls\": [\n{\"names\": [^\"read\"], \"comment\": \"a\\nb\", \"args\": [{\"comment\": \"c\"}]}, {\"names\": [^\"write\"]}]}", "", []string{"a\nb", ""}},
		{OCI, "{\"syscalls\": [{\"_why\": [\"a\", {\"b\": \"c\"}], \"//\": \"d\", \"names\": [^\"read\"]}]}", "", []string{"a\nb\nc\nd"}},
		{Seccompiler, `{"vmm": {"filter": [{"syscall": ^"read", "args": [^{"index": 1, "comment": "arg"}], "comment": "call"}]}}`, "", []string{"call", "arg"}},
		{Asm, "; a\n^ret #0\n", "", []string{""}},
		{Asm, "; What it\n//  is\n\n; a\n^ret #0\n", "What it\n is", []string{""}},
	} {
		var at []int
		for text := c.text; ; {
			i := strings.Index(text, "^")
			if i < 0 {
				break
			}
			text = text[:i] + text[i+1:]
			at = append(at, i)
		}
		file := source.NewFile("p", strings.ReplaceAll(c.text, "^", ""))
		f := &Filter{Kind: c.kind, files: []*source.File{file}}
		for i, offset := range at {
			if got := strings.Join(f.Comment(file.Span(offset, offset+1)), "|"); got != c.want[i] {
				t.Errorf("%s: %q at %d: got %q, want %q", c.kind, c.text, offset, got, c.want[i])
			}
		}
		if got := f.Header(); got != c.header {
			t.Errorf("%s: %q has the header %q, want %q", c.kind, c.text, got, c.header)
		}
	}
	f, findings := Read([]*source.File{source.NewFile("p.json", `{"linux": {"seccomp": {"$schema": "s", "description": "What it\nis", "_more": ["and", "more"],
		"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_LOG"}]}}, "ociVersion": "1.0.0"}`)}, Options{})
	if findings.HasErrors() {
		t.Fatal(findings)
	}
	if got, want := f.Header(), "What it\nis\nand\nmore"; got != want {
		t.Errorf("a profile's header is %q, want %q", got, want)
	}
	if got := f.Comment(f.Profile.DefaultSpan); got != nil {
		t.Errorf("what a profile says of itself is said of its default: %q", got)
	}
	if got := (&Filter{Kind: Secco}).Comment(source.Span{}); got != nil {
		t.Errorf("nowhere is %q", got)
	}
}
