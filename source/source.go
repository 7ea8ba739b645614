// Package source holds what every form may carry about where it came from:
// files, spans in them, and diagnostics about them.
package source

import (
	"fmt"
	"sort"
	"strings"
	"unicode"
	"unicode/utf8"
)

// File is a text that was read, and the name it is reported under.
type File struct {
	name  string
	text  string
	lines []int // offset of each line's first byte
}

// byteOrderMark is what some editors put before a text in UTF-8.
const byteOrderMark = "\uFEFF"

// NewFile returns a file of this name and text. A byte order mark at its start is
// no part of the text.
func NewFile(name, text string) *File {
	text = strings.TrimPrefix(text, byteOrderMark)
	f := &File{name: name, text: text, lines: []int{0}}
	for i := range len(text) {
		if text[i] == '\n' {
			f.lines = append(f.lines, i+1)
		}
	}
	return f
}

// Name returns the name that the file is reported under.
func (f *File) Name() string { return f.name }

// Text returns the whole text.
func (f *File) Text() string { return f.text }

// Span returns the span from byte offset start up to end.
func (f *File) Span(start, end int) Span { return Span{f, int32(start), int32(end)} }

// Line returns line n, counted from 1, without its newline.
func (f *File) Line(n int) string {
	if n < 1 || n > len(f.lines) {
		return ""
	}
	start, end := f.lines[n-1], len(f.text)
	if n < len(f.lines) {
		end = f.lines[n] - 1
	}
	return f.text[start:end]
}

// Span is a stretch of a file's text. The zero Span is nowhere.
type Span struct {
	file       *File
	start, end int32 // byte offsets
}

// IsZero reports whether the span is nowhere.
func (s Span) IsZero() bool { return s.file == nil }

// File returns the file, nil for the zero Span.
func (s Span) File() *File { return s.file }

// Start returns the byte offset of the first byte.
func (s Span) Start() int { return int(s.start) }

// End returns the byte offset behind the last byte.
func (s Span) End() int { return int(s.end) }

// Text returns the text that the span covers.
func (s Span) Text() string {
	if s.file == nil {
		return ""
	}
	return s.file.text[s.start:s.end]
}

// To returns the span from the start of s to the end of t, in the same file.
func (s Span) To(t Span) Span {
	if s.file == nil {
		return t
	}
	if t.file != s.file {
		return s
	}
	return Span{s.file, s.start, max(s.end, t.end)}
}

// Position returns where the span starts.
func (s Span) Position() Position {
	if s.file == nil {
		return Position{}
	}
	line := sort.SearchInts(s.file.lines, int(s.start)+1)
	before := s.file.text[s.file.lines[line-1]:s.start]
	return Position{s.file.name, line, utf8.RuneCountInString(before) + 1}
}

// String returns file:line, or "-" for the zero Span.
func (s Span) String() string {
	if s.file == nil {
		return "-"
	}
	p := s.Position()
	return fmt.Sprintf("%s:%d", Printable(p.File), p.Line)
}

// Position is a place in a file as people read it.
type Position struct {
	File   string
	Line   int // from 1
	Column int // from 1, in characters
}

// String returns file:line:column.
func (p Position) String() string {
	return fmt.Sprintf("%s:%d:%d", Printable(p.File), p.Line, p.Column)
}

// Printable returns a text with what would steer a terminal or end the line, as a
// file's name may, replaced.
func Printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, text)
}
