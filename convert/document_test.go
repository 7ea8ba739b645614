package convert

import (
	"errors"
	"flag"
	"os"
	"regexp"
	"strings"
	"testing"

	"secco/lang"
	"secco/oci"
	"secco/source"
)

var update = flag.Bool("update", false, "write what was found into docs/profiles.md")

const documentPath = "../docs/profiles.md"

// examplePattern finds an example and what is said of it.
var examplePattern = regexp.MustCompile("(?s)```(json|yaml|secco)\n(.*?)```\n\n```\n(.*?)```\n")

// codePattern finds the codes in the source.
var codePattern = regexp.MustCompile(`(?:Errorf|Warnf|fail)\([^"\n]*"([a-z0-9]+(?:-[a-z0-9]+)*)"|code: "([a-z-]+)"`)

// TestDocument runs the examples of docs/profiles.md, each of which shows the
// code that it stands under. Every code is there.
func TestDocument(t *testing.T) {
	data, err := os.ReadFile(documentPath)
	if err != nil {
		t.Fatal(err)
	}
	head, findings, ok := strings.Cut(string(data), "\n# Findings\n")
	if !ok {
		t.Fatalf("%s has no findings", documentPath)
	}
	var out strings.Builder
	out.WriteString(head + "\n# Findings\n")
	sections := strings.Split(findings, "\n## ")
	out.WriteString(sections[0])
	for _, section := range sections[1:] {
		code, _, _ := strings.Cut(section, "\n")
		found := false
		out.WriteString("\n## " + examplePattern.ReplaceAllStringFunc(section, func(example string) string {
			m := examplePattern.FindStringSubmatch(example)
			got := diagnose(t, m[1], m[2])
			if !strings.Contains(got, "["+code+"]") {
				t.Errorf("%s: the example shows something else:\n%s", code, got)
			}
			found = true
			return strings.TrimSuffix(example, m[3]+"```\n") + got + "```\n"
		}))
		if !found {
			t.Errorf("%s has no example", code)
		}
	}
	if out.String() != string(data) {
		if !*update {
			t.Errorf("%s does not show what is found; run the test with -update and look at the difference", documentPath)
		} else if err := os.WriteFile(documentPath, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	codes := 0
	for _, dir := range []string{".", "../oci"} {
		files, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") {
				continue
			}
			text, err := os.ReadFile(dir + "/" + f.Name())
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range codePattern.FindAllStringSubmatch(string(text), -1) {
				codes++
				if code := m[1] + m[2]; !strings.Contains(findings, "\n## "+code+"\n") && !strings.Contains(findings, "`"+code+"`") {
					t.Errorf("%s is not in %s", code, documentPath)
				}
			}
		}
	}
	if codes < 40 {
		t.Errorf("only %d uses of codes were found in the source", codes)
	}
}

// diagnose returns what is said of an example.
func diagnose(t *testing.T, kind, text string) string {
	t.Helper()
	var diags source.Diagnostics
	switch kind {
	case "yaml": // a first line "# --thread NAME" is that flag
		name := ""
		if rest, ok := strings.CutPrefix(text, "# --thread "); ok {
			name, _, _ = strings.Cut(rest, "\n")
		}
		_, diags = oci.ParseSPO(source.NewFile("profile.yaml", text), oci.SPOOptions{Name: name})
	case "json":
		profile, found := oci.Parse(source.NewFile("profile.json", text))
		diags = found
		if profile != nil {
			_, found = FromOCI(profile, Options{WithoutLibseccomp: true})
			diags = append(diags, found...)
		}
	default:
		p, found := lang.Load([]*source.File{source.NewFile("web.secco", text)}, lang.Options{})
		if p == nil {
			t.Fatal(found)
		}
		_, err := ToOCI(p, Options{WithoutLibseccomp: true})
		var loss *LossError
		if !errors.As(err, &loss) {
			t.Fatal(err)
		}
		diags = loss.Diagnostics()
	}
	var b strings.Builder
	for _, d := range diags {
		b.WriteString(d.String())
	}
	return b.String()
}
