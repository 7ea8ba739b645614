package lang_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"secco/lang"
)

const languagePath = "../docs/language.md"

var policyPattern = regexp.MustCompile("(?s)```secco([^\n]*)\n(.*?)```\n")

// TestLanguageDocument holds every example of docs/language.md against both
// meanings of the language. Each says what comes of at least one call. Behind
// "secco" there may be the capabilities and the kernel that it is made for, or
// the name of a file that later examples include.
func TestLanguageDocument(t *testing.T) {
	data, err := os.ReadFile(languagePath)
	if err != nil {
		t.Fatal(err)
	}
	examples := policyPattern.FindAllStringSubmatch(string(data), -1)
	if len(examples) < 20 {
		t.Fatalf("only %d examples", len(examples))
	}
	files := fstest.MapFS{}
	for _, m := range examples {
		opts, text := usual, m[2]
		opts.Find = lang.Within(nil, lang.Root{FS: files})
		for _, word := range strings.Fields(m[1]) {
			switch {
			case strings.HasPrefix(word, "CAP_"):
				opts.Capabilities = append(opts.Capabilities, word)
			case word[0] <= '9':
				opts.Kernel = word
			}
		}
		if name, ok := strings.CutPrefix(m[1], " file "); ok {
			files[name] = &fstest.MapFile{Data: []byte(text)}
			continue
		}
		var calls []string
		for _, line := range strings.Split(text, "\n") {
			if call, ok := strings.CutPrefix(line, "#> "); ok {
				calls = append(calls, call)
			}
		}
		if len(calls) == 0 {
			t.Errorf("an example without a call:\n%s", text)
		}
		expectWith(t, text, opts, calls...)
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
