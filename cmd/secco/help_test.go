package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

// TestHelpExamples runs the examples of every command's help, but for those that start
// other programs.
func TestHelpExamples(t *testing.T) {
	t.Chdir(t.TempDir())
	const policy = "DEFAULT_POSITIVE = allow\nDEFAULT_NEGATIVE = EPERM\nDEFAULT_POLICY = EPERM\n\nread, write: 1\nsocket: argL0 == AF_INET\n"
	if err := os.WriteFile("web.secco", []byte(policy), 0o644); err != nil {
		t.Fatal(err)
	}
	run := func(words ...string) (code int, stdout, stderr string) {
		var out, errs bytes.Buffer
		code = secco(append([]string{"secco"}, words...), strings.NewReader(""), &out, &errs)
		return code, out.String(), errs.String()
	}
	app := newApp(nil, nil, nil)
	shown := 0
	for _, c := range app.Commands {
		_, help, _ := run(c.Name, "--help")
		if !strings.Contains(help, "OPTIONS:") || !strings.Contains(help, "--help") {
			t.Errorf("%s --help: %s", c.Name, help)
		}
		for _, line := range examples[c.Name] {
			if !strings.Contains(help, "EXAMPLES:") || !strings.Contains(help, line+"\n") {
				t.Errorf("%s --help does not show %s:\n%s", c.Name, line, help)
			}
			shown++
			if c.Name == "run" {
				continue
			}
			code, out, errs := run(words(line)[1:]...)
			if code != exitDone {
				t.Errorf("%s: exit code %d\n%s%s", line, code, out, errs)
			}
		}
	}
	for name := range examples {
		if app.Command(name) == nil {
			t.Errorf("examples of %s, which is no command", name)
		}
	}
	if shown < len(app.Commands) {
		t.Errorf("only %d examples", shown)
	}
}

// words parts a line as a shell does, as far as the examples go.
func words(line string) []string {
	var list []string
	for i, part := range strings.Split(line, "'") {
		if i%2 == 1 {
			list = append(list, part)
		} else {
			list = append(list, strings.Fields(part)...)
		}
	}
	return list
}
