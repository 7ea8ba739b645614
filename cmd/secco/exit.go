package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"secco/convert"
	"secco/source"
)

// Exit codes.
const (
	exitDone      = 0
	exitNo        = 1 // what was asked is answered "no": different, a test failed
	exitBad       = 2 // bad input or usage; a conversion that would lose something
	exitSystem    = 3 // the system refused, or what was asked for could not be checked
	exitUndecided = 4
)

// failure is why the program ends with an exit code other than 0.
type failure struct {
	code     int
	findings source.Diagnostics // may be empty where all has been said
}

// Error returns the findings' first lines.
func (f *failure) Error() string { return f.findings.Error() }

// badInput is a failure by the user's hand that no place in a text stands for.
func badInput(code, format string, args ...any) *failure {
	return newFailure(exitBad, code, format, args...)
}

// refused is a failure of the system's.
func refused(code, format string, args ...any) *failure {
	return newFailure(exitSystem, code, format, args...)
}

func newFailure(exit int, code, format string, args ...any) *failure {
	f := &failure{code: exit}
	f.findings.Errorf(source.Span{}, code, format, args...)
	return f
}

// hint says what would help.
func (f *failure) hint(format string, args ...any) *failure {
	f.findings[len(f.findings)-1].Hint = fmt.Sprintf(format, args...)
	return f
}

// asFailure makes any error one; those that are none are of this exit code.
func asFailure(err error, exit int, code string) *failure {
	var f *failure
	if errors.As(err, &f) {
		return f
	}
	var findings source.Diagnostics
	if errors.As(err, &findings) {
		return &failure{exit, findings}
	}
	if loss := (*convert.LossError)(nil); errors.As(err, &loss) && loss.Undecided() {
		return &failure{exitUndecided, loss.Diagnostics()}
	}
	var several interface{ Diagnostics() source.Diagnostics }
	if errors.As(err, &several) {
		return &failure{exit, several.Diagnostics()}
	}
	var finding source.Diagnostic
	if errors.As(err, &finding) {
		return &failure{exit, source.Diagnostics{finding}}
	}
	return newFailure(exit, code, "%s", err)
}

func (f *failure) report(w io.Writer, asJSON bool) { printFindings(w, f.findings, asJSON) }

// printFindings writes findings for people, or as JSON, one a line.
func printFindings(w io.Writer, findings source.Diagnostics, asJSON bool) {
	for _, d := range findings {
		if asJSON {
			_, _ = w.Write(jsonLine(findingJSON(d))) // where findings can't be told, nothing can
		} else {
			fmt.Fprint(w, d.String())
		}
	}
}

// finding is a diagnostic as --json writes it. Columns count characters from 1.
type finding struct {
	Severity string `json:"severity"`
	Code     string `json:"code"`
	place
	Message string  `json:"message"`
	Hint    string  `json:"hint,omitempty"`
	Related []place `json:"related,omitempty"`
}

type place struct {
	File      string `json:"file,omitempty"`
	Line      int    `json:"line,omitempty"`
	Column    int    `json:"column,omitempty"`
	EndLine   int    `json:"endLine,omitempty"`
	EndColumn int    `json:"endColumn,omitempty"`
	Note      string `json:"note,omitempty"`
}

func findingJSON(d source.Diagnostic) finding {
	f := finding{Severity: d.Severity.String(), Code: d.Code, place: placeOf(d.Span), Message: d.Message, Hint: d.Hint}
	for _, r := range d.Related {
		p := placeOf(r.Span)
		p.Note = r.Message
		f.Related = append(f.Related, p)
	}
	return f
}

func placeOf(s source.Span) place {
	if s.IsZero() {
		return place{}
	}
	start := s.Position()
	end := s.File().Span(s.End(), s.End()).Position()
	return place{File: start.File, Line: start.Line, Column: start.Column, EndLine: end.Line, EndColumn: end.Column}
}

// jsonLine returns a value as JSON on a line of its own.
func jsonLine(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(err) // only types of ours that have a JSON form are written
	}
	return b.Bytes()
}
