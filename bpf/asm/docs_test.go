package asm

import (
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"secco/source"
)

// TestDocument runs every example of docs/assembler.md, and shows that it has
// every code that Parse reports.
func TestDocument(t *testing.T) {
	page, err := os.ReadFile("../../docs/assembler.md")
	if err != nil {
		t.Fatal(err)
	}
	example := regexp.MustCompile("(?s)```asm\n(.*?)```\n(?:```\n(.*?)```\n)?")
	examples := example.FindAllStringSubmatch(string(page), -1)
	if len(examples) < 15 {
		t.Errorf("only %d examples", len(examples))
	}
	for _, e := range examples {
		text, want := e[1], e[2]
		_, err := parseText(text)
		var diags source.Diagnostics
		if err != nil && !errors.As(err, &diags) {
			t.Fatal(err)
		}
		var got strings.Builder
		for _, d := range diags {
			got.WriteString(d.String())
		}
		if diff := cmp.Diff(want, got.String()); diff != "" {
			t.Errorf("%s\n%s", text, diff)
		}
	}

	reported := regexp.MustCompile(`(?i)(?:errorf|report)\([^"]*"([a-z]+(?:-[a-z]+)+)"`)
	codes := 0
	for _, file := range []string{"lex.go", "parse.go", "gosecco.go"} {
		code, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range reported.FindAllStringSubmatch(string(code), -1) {
			codes++
			if !strings.Contains(string(page), "### "+m[1]+"\n") && !strings.Contains(string(page), "(`"+m[1]+"`)") {
				t.Errorf("%s reports %s, which the page lacks", file, m[1])
			}
		}
	}
	if codes < 20 {
		t.Errorf("only %d places with a code found", codes)
	}
}
