package lang_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

const languagePath = "../docs/language.md"

var policyPattern = regexp.MustCompile("(?s)```secco\n(.*?)```\n")

// TestLanguageDocument holds every example of docs/language.md against both
// meanings of the language. Each says what comes of at least one call.
func TestLanguageDocument(t *testing.T) {
	data, err := os.ReadFile(languagePath)
	if err != nil {
		t.Fatal(err)
	}
	examples := policyPattern.FindAllStringSubmatch(string(data), -1)
	if len(examples) < 20 {
		t.Fatalf("only %d examples", len(examples))
	}
	for _, m := range examples {
		var calls []string
		for _, line := range strings.Split(m[1], "\n") {
			if call, ok := strings.CutPrefix(line, "#> "); ok {
				calls = append(calls, call)
			}
		}
		if len(calls) == 0 {
			t.Errorf("an example without a call:\n%s", m[1])
		}
		expect(t, m[1], calls...)
	}
}

// TestGrammarDocument checks that the document shows the parser's grammar.
func TestGrammarDocument(t *testing.T) {
	data, err := os.ReadFile(languagePath)
	if err != nil {
		t.Fatal(err)
	}
	grammar, err := os.ReadFile("syntax/grammar.txt")
	if err != nil {
		t.Fatal(err)
	}
	head, shown, found := strings.Cut(string(data), "\n## Grammar\n\n")
	want := "```\n" + string(grammar) + "```\n"
	if found && shown == want {
		return
	}
	if !*update || !found {
		t.Fatalf("%s does not show syntax/grammar.txt as it is; run the test with -update", languagePath)
	}
	if err := os.WriteFile(languagePath, []byte(head+"\n## Grammar\n\n"+want), 0o644); err != nil {
		t.Fatal(err)
	}
}
