package source_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"secco/source"
)

// TestPrintable has names and messages that would steer a terminal.
func TestPrintable(t *testing.T) {
	const nasty = "a\x1b[31m\x07\r\n\u009b\u202e\xffb"
	f := source.NewFile(nasty, "x\x1b[2J\u202ey\n")
	var ds source.Diagnostics
	d := ds.Errorf(f.Span(0, 1), "code", "cannot read %s", nasty)
	d.Hint = nasty
	d.Related = []source.Related{{Span: f.Span(1, 2), Message: nasty}}
	for what, text := range map[string]string{
		"a span": f.Span(0, 1).String(), "a position": f.Span(0, 1).Position().String(), "an error": ds.Error(), "a finding": ds[0].String(),
	} {
		if strings.ContainsAny(text, "\x1b\x07\r\u009b\u202e") || !utf8.ValidString(text) {
			t.Errorf("%s is %q", what, text)
		}
		if !strings.Contains(text, "[31m") {
			t.Errorf("%s has lost what can be printed: %q", what, text)
		}
	}
	if n := strings.Count(ds[0].String(), "\n"); n != 6 {
		t.Errorf("%d lines: %q", n, ds[0])
	}
	if f.Name() != nasty {
		t.Errorf("the name itself is %q", f.Name())
	}
}

// TestByteOrderMark reads a text as some editors write it.
func TestByteOrderMark(t *testing.T) {
	f := source.NewFile("f", "\ufeffab\n")
	if f.Text() != "ab\n" || f.Span(0, 1).Position().Column != 1 || f.Line(1) != "ab" {
		t.Errorf("%q", f.Text())
	}
	if f := source.NewFile("f", "a\ufeff"); f.Text() != "a\ufeff" {
		t.Errorf("%q", f.Text())
	}
}
