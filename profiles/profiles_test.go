package profiles

import (
	"slices"
	"strings"
	"testing"

	"secco/lang"
)

func TestLookup(t *testing.T) {
	names := Names()
	for _, want := range []string{"docker-default", "no-network", "pause", "pure", "web-server"} {
		if !slices.Contains(names, want) {
			t.Errorf("%s is not shipped", want)
		}
	}
	for _, name := range names {
		text, ok := Lookup(name)
		if !ok || !strings.HasPrefix(string(text), "# ") {
			t.Errorf("%s does not begin with what it is for: %.40q", name, text)
		}
		if canonical, err := lang.Canonical(string(text)); err != nil || canonical != string(text) {
			t.Errorf("%s is not as secco fmt prints it: %v", name, err)
		}
	}
}

func TestLookupOfOthers(t *testing.T) {
	for _, name := range []string{"", ".", "..", "web-server.secco", "../profiles/web-server", "/web-server", "a/b", "nothing"} {
		if _, ok := Lookup(name); ok {
			t.Errorf("%q is found", name)
		}
	}
}
