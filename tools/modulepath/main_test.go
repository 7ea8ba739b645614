package main

import "testing"

func TestRewriting(t *testing.T) {
	for _, c := range []struct {
		name     string
		change   func(text, from, to string) string
		in, want string
	}{
		{"module line", inModFile, "module secco\n", "module example.org/x\n"},
		{"module below", inModFile, "module secco/tools\n\nrequire secco v0.0.0\nreplace secco => ../..\n", "module example.org/x/tools\n\nrequire example.org/x v0.0.0\nreplace example.org/x => ../..\n"},
		{"other modules", inModFile, "require github.com/a/secco v1.0.0 // indirect\n", "require github.com/a/secco v1.0.0 // indirect\n"},
		{"import block", inImports, "import (\n\t\"secco/linux\"\n\tp \"secco/policy\" // why\n\t\"secco\"\n)\n", "import (\n\t\"example.org/x/linux\"\n\tp \"example.org/x/policy\" // why\n\t\"example.org/x\"\n)\n"},
		{"single import", inImports, "import \"secco/linux\"\n", "import \"example.org/x/linux\"\n"},
		{"a string", inImports, "\tName: \"secco\",\n\tf(\"secco\")\n", "\tName: \"secco\",\n\tf(\"secco\")\n"},
		{"document", inDocument, "go install secco/cmd/secco@latest\nrun `secco run`\n", "go install example.org/x/cmd/secco@latest\nrun `secco run`\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := c.change(c.in, "secco", "example.org/x"); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}
