package containers

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the tables of what is tried into docs/containers.md")

// What the tables of docs/containers.md stand between.
const (
	tableBegin = "<!-- What follows is written by: go test ./test/containers -run TestTables -update -->\n"
	tableEnd   = "<!-- until here -->\n"
)

// TestTables: the documentation's tables are what TestMatrix expects of its cells.
func TestTables(t *testing.T) {
	const name = "../../docs/containers.md"
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), tableBegin)
	written, after, ok2 := strings.Cut(rest, tableEnd)
	if !ok || !ok2 {
		t.Fatalf("%s has no place for the tables", name)
	}
	want := tables()
	if written == want {
		return
	}
	if !*update {
		t.Fatalf("the tables of %s are outdated: go test ./test/containers -run TestTables -update", name)
	}
	if err := os.WriteFile(name, []byte(before+tableBegin+want+tableEnd+after), 0o644); err != nil {
		t.Fatal(err)
	}
}

// tables returns one table of ways and engines, and one of payloads and ways.
func tables() string {
	var b strings.Builder
	row := func(cells ...string) { fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | ")) }
	head := func(first string, rest []string) {
		row(append([]string{first}, rest...)...)
		row(strings.Split(strings.TrimSuffix(strings.Repeat("---|", len(rest)+1), "|"), "|")...)
	}

	b.WriteString("\n")
	var names []string
	for _, e := range engines {
		names = append(names, e.name)
	}
	head("way in", names)
	for _, w := range ways {
		cells := []string{w.name}
		for _, e := range engines {
			text := "proved"
			if w.exact {
				text = "exact"
			}
			switch cannot[w.name][e.name] {
			case ignored:
				text = "ignored"
			case unknown:
				text = "unknown"
			}
			cells = append(cells, text)
		}
		row(cells...)
	}

	b.WriteString("\n")
	names = nil
	for _, w := range ways {
		names = append(names, w.name)
	}
	head("payload", names)
	for _, p := range payloads {
		cells := []string{p.name}
		for _, w := range ways {
			// Where a way is possible at all, all engines do the same.
			cells = append(cells, [...]string{filtered: "runs", noCommand: "starts", refused: "refused"}[outcomeOf(engine{}, w, p)])
		}
		row(cells...)
	}
	b.WriteString("\n")
	return b.String()
}
