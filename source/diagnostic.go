package source

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// Severity says whether a diagnostic stops the work.
type Severity uint8

// The severities.
const (
	Error Severity = iota
	Warning
)

// String returns "error" or "warning".
func (s Severity) String() string {
	if s == Warning {
		return "warning"
	}
	return "error"
}

// Diagnostic is one finding about a source text.
type Diagnostic struct {
	Severity Severity
	Code     string // kebab-case; never changes its meaning
	Span     Span   // zero where no text is at fault
	Message  string // one line, no final stop
	Hint     string // shown under the text; may be empty
	Related  []Related
}

// Related points at another place that a diagnostic is about.
type Related struct {
	Span    Span
	Message string
}

// Error returns the one line that tools look for: file:line:column: error[code]: message.
func (d Diagnostic) Error() string {
	head := ""
	if !d.Span.IsZero() {
		head = d.Span.Position().String() + ": "
	}
	return fmt.Sprintf("%s%s[%s]: %s", head, d.Severity, d.Code, Printable(d.Message))
}

// Diagnostics is a list of findings; as an error it is the text of its errors.
type Diagnostics []Diagnostic

// Error returns the one-line forms of all findings.
func (ds Diagnostics) Error() string {
	lines := make([]string, len(ds))
	for i, d := range ds {
		lines[i] = d.Error()
	}
	return strings.Join(lines, "\n")
}

// HasErrors reports whether one of the findings is an error.
func (ds Diagnostics) HasErrors() bool {
	return slices.ContainsFunc(ds, func(d Diagnostic) bool { return d.Severity == Error })
}

// Err returns the findings as an error where one of them is an error, else nil.
func (ds Diagnostics) Err() error {
	if ds.HasErrors() {
		return ds
	}
	return nil
}

// Errorf appends an error.
func (ds *Diagnostics) Errorf(span Span, code, format string, args ...any) *Diagnostic {
	return ds.add(Error, span, code, format, args)
}

// Warnf appends a warning.
func (ds *Diagnostics) Warnf(span Span, code, format string, args ...any) *Diagnostic {
	return ds.add(Warning, span, code, format, args)
}

// add returns the finding for more to be said about it; it moves with the next add.
func (ds *Diagnostics) add(sev Severity, span Span, code, format string, args []any) *Diagnostic {
	*ds = append(*ds, Diagnostic{Severity: sev, Code: code, Span: span, Message: fmt.Sprintf(format, args...)})
	return &(*ds)[len(*ds)-1]
}

// Sort orders findings by file, in order of first appearance, then place.
func (ds Diagnostics) Sort() {
	order := map[*File]int{}
	for _, d := range ds {
		if _, ok := order[d.Span.file]; !ok {
			order[d.Span.file] = len(order)
		}
	}
	slices.SortStableFunc(ds, func(a, b Diagnostic) int {
		return cmp.Or(
			cmp.Compare(order[a.Span.file], order[b.Span.file]),
			cmp.Compare(a.Span.start, b.Span.start),
			cmp.Compare(a.Span.end, b.Span.end))
	})
}

// String renders the finding for people: the one line, then the text at fault
// with a caret under it and the hint, then the related places.
func (d Diagnostic) String() string {
	var b strings.Builder
	b.WriteString(d.Error())
	b.WriteByte('\n')
	d.Span.quote(&b, d.Hint)
	for _, r := range d.Related {
		fmt.Fprintf(&b, "%s: note: %s\n", r.Span.Position(), Printable(r.Message))
		r.Span.quote(&b, "")
	}
	return b.String()
}

// maxQuote bounds how much of a long line is shown, in characters.
const maxQuote = 120

// quote writes the span's line and carets under it.
func (s Span) quote(b *strings.Builder, hint string) {
	hint = Printable(hint)
	if s.IsZero() {
		if hint != "" {
			fmt.Fprintf(b, "   = %s\n", hint)
		}
		return
	}
	pos := s.Position()
	line := []rune(strings.ToValidUTF8(s.file.Line(pos.Line), "\uFFFD"))
	for i, r := range line {
		if !unicode.IsPrint(r) {
			line[i] = ' ' // tabs too: the caret must stand under its text
		}
	}
	start := min(pos.Column-1, len(line))
	width := len([]rune(strings.ToValidUTF8(s.Text(), "\uFFFD")))
	width = max(1, min(width, len(line)-start))
	if start+width > maxQuote { // show a window around a place far to the right
		from := max(0, start-maxQuote/3)
		line = line[from:min(len(line), from+maxQuote)]
		start -= from
		width = max(1, min(width, len(line)-start))
	} else if len(line) > maxQuote {
		line = line[:maxQuote]
	}
	fmt.Fprintf(b, "%5d | %s\n      | %s%s", pos.Line, string(line), strings.Repeat(" ", start), strings.Repeat("^", width))
	if hint != "" {
		b.WriteString(" " + hint)
	}
	b.WriteByte('\n')
}
