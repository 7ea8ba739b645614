package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"secco/compiler"
	"secco/linux"
	"secco/policy"
	"secco/source"
)

// wellFormed requires an XML document and returns how many titles it has.
func wellFormed(t *testing.T, svg []byte) (titles int) {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(svg))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return titles
		}
		if err != nil {
			t.Fatal(err)
		}
		if start, ok := token.(xml.StartElement); ok && start.Name.Local == "title" {
			titles++
		}
	}
}

// TestPicture requires that a picture shows every call and every rule, whatever
// their names are.
func TestPicture(t *testing.T) {
	var b policy.Builder
	text := "rule <script>&amp;\n\"quoted\" \xff\xfe rule\nno rule of any call"
	f := source.NewFile("a<b>&\"c\".secco", text)
	second := strings.Index(text, "\n") + 1
	deny := b.Leaf(linux.Errno.With(1), f.Span(0, second-1))
	kill := b.Leaf(linux.KillThread, source.Span{})
	p := &policy.Policy{BadArch: kill, X32: kill, Targets: []*policy.Target{{
		Arch: linux.X86_64, Default: deny, Rules: map[uint32]*policy.Node{1: b.Leaf(linux.Allow, f.Span(second, second+14))},
	}}}
	out, err := compiler.Compile(p, compiler.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r := compiler.Cost(p, out)
	svg := costPicture(&filter{name: f.Name()}, r)
	boxes := 2 // the program and the file
	if r.Shared > 0 {
		boxes++
	}
	if got, want := wellFormed(t, svg), boxes+len(r.Rules)+len(r.Calls); got != want || len(r.Rules) < 2 {
		t.Errorf("%d titles for %d calls, %d rules and %d more", got, len(r.Calls), len(r.Rules), boxes)
	}
	wellFormed(t, costPicture(&filter{name: "nothing"}, &compiler.Report{}))
}

// TestDocumentedPicture keeps docs/cost.svg.
func TestDocumentedPicture(t *testing.T) {
	const name = "../../docs/cost.svg"
	cmd := exec.Command("secco", "cost", "web-server", "--format", "svg")
	svg, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	wellFormed(t, svg)
	if *update {
		if err := os.WriteFile(name, svg, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if have, err := os.ReadFile(name); err != nil || !bytes.Equal(have, svg) {
		t.Errorf("%s is not what secco cost draws: go test -run DocumentedPicture -update (%v)", name, err)
	}
}
