package oci

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"secco/source"
)

// Bounds on what is read, far above any real profile or config.json.
const (
	maxSize   = 16 << 20
	maxValues = 1 << 20
	maxDepth  = 64
)

// value is a JSON value and where it stands. Exactly one of the fields below
// the span is used, as kind says.
type value struct {
	kind    kind
	span    source.Span
	text    string // of a string or number
	truth   bool
	items   []value
	members []member
}

type member struct {
	key   string
	span  source.Span // of the key
	value value
}

type kind uint8

const (
	kindNull kind = iota
	kindBool
	kindNumber
	kindString
	kindArray
	kindObject
)

func (k kind) String() string {
	return [...]string{"null", "a boolean", "a number", "a string", "an array", "an object"}[k]
}

// member returns the value of a key.
func (v *value) member(key string) (*value, bool) {
	for i := range v.members {
		if v.members[i].key == key {
			return &v.members[i].value, true
		}
	}
	return nil, false
}

// reader turns the decoder's tokens into values with positions. What it adds to
// encoding/json is what that lets pass: duplicate keys, text that is not UTF-8,
// NULs in strings, and work without bound.
type reader struct {
	file   *source.File
	dec    *json.Decoder
	values int
}

// failure is an error with its place; read hands it up as an error.
type failure struct{ diag source.Diagnostic }

func (f *failure) Error() string { return f.diag.Error() }

// readJSON reads the one value that a file holds.
func readJSON(f *source.File) (value, source.Diagnostics) {
	var diags source.Diagnostics
	text := f.Text()
	if len(text) > maxSize {
		diags.Errorf(f.Span(0, 0), "too-large", "%d bytes are more than the %d that a profile may have", len(text), maxSize)
		return value{}, diags
	}
	if !utf8.ValidString(text) {
		at := invalidUTF8(text)
		diags.Errorf(f.Span(at, at+1), "json-syntax", "the text is not UTF-8")
		return value{}, diags
	}
	r := &reader{file: f, dec: json.NewDecoder(strings.NewReader(text))}
	r.dec.UseNumber()
	v, err := r.read(0)
	if err == nil {
		if tok, span, rest := r.token(); rest == nil {
			err = r.fail(span, "json-syntax", "%v after the end of the value", tok)
		} else if !errors.Is(rest, io.EOF) {
			err = r.fail(span, "json-syntax", "something follows the end of the value")
		}
	}
	if err != nil {
		var at *failure
		errors.As(err, &at)
		return value{}, append(diags, at.diag)
	}
	return v, nil
}

func invalidUTF8(text string) int {
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return len(text)
}

func (r *reader) fail(span source.Span, code, format string, args ...any) error {
	var diags source.Diagnostics
	diags.Errorf(span, code, format, args...)
	return &failure{diags[0]}
}

// token returns the next token and its span. The decoder says where tokens end;
// they begin behind the spaces and separators that follow the one before.
func (r *reader) token() (json.Token, source.Span, error) {
	text := r.file.Text()
	start := int(r.dec.InputOffset())
	for start < len(text) && strings.IndexByte(" \t\r\n,:", text[start]) >= 0 {
		start++
	}
	tok, err := r.dec.Token()
	end := int(r.dec.InputOffset())
	if err != nil || end < start {
		end = min(start+1, len(text))
	}
	return tok, r.file.Span(start, end), err
}

func (r *reader) read(depth int) (value, error) {
	tok, span, err := r.token()
	if err != nil {
		return value{}, r.syntax(span, err)
	}
	return r.readFrom(tok, span, depth)
}

func (r *reader) syntax(span source.Span, err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		end := len(r.file.Text())
		return r.fail(r.file.Span(end, end), "json-syntax", "the text ends within a value")
	}
	return r.fail(span, "json-syntax", "%v", err)
}

// readFrom reads the value that begins with a token.
func (r *reader) readFrom(tok json.Token, span source.Span, depth int) (value, error) {
	if r.values++; r.values > maxValues {
		return value{}, r.fail(span, "too-large", "more than %d values", maxValues)
	}
	if depth > maxDepth {
		return value{}, r.fail(span, "too-deep", "values are nested more than %d deep", maxDepth)
	}
	switch tok := tok.(type) {
	case nil:
		return value{kind: kindNull, span: span}, nil
	case bool:
		return value{kind: kindBool, span: span, truth: tok}, nil
	case json.Number:
		return value{kind: kindNumber, span: span, text: tok.String()}, nil
	case string:
		if strings.IndexByte(tok, 0) >= 0 {
			return value{}, r.fail(span, "json-syntax", "a string holds a NUL")
		}
		return value{kind: kindString, span: span, text: tok}, nil
	case json.Delim:
		if tok == '[' {
			return r.array(span, depth)
		}
		return r.object(span, depth)
	}
	return value{}, r.fail(span, "json-syntax", "unexpected %v", tok)
}

func (r *reader) array(start source.Span, depth int) (value, error) {
	v := value{kind: kindArray}
	for {
		tok, span, err := r.token()
		if err != nil {
			return v, r.syntax(span, err)
		}
		if tok == json.Delim(']') {
			v.span = start.To(span)
			return v, nil
		}
		item, err := r.readFrom(tok, span, depth+1)
		if err != nil {
			return v, err
		}
		v.items = append(v.items, item)
	}
}

func (r *reader) object(start source.Span, depth int) (value, error) {
	v := value{kind: kindObject}
	seen := map[string]source.Span{}
	for {
		tok, span, err := r.token()
		if err != nil {
			return v, r.syntax(span, err)
		}
		if tok == json.Delim('}') {
			v.span = start.To(span)
			return v, nil
		}
		key, ok := tok.(string)
		if !ok {
			return v, r.fail(span, "json-syntax", "unexpected %v", tok)
		}
		if first, ok := seen[key]; ok {
			var diags source.Diagnostics
			d := diags.Errorf(span, "duplicate-field", "a second field %q", key)
			d.Related = append(d.Related, source.Related{Span: first, Message: "the first is here"})
			return v, &failure{*d}
		}
		seen[key] = span
		item, err := r.read(depth + 1)
		if err != nil {
			return v, err
		}
		v.members = append(v.members, member{key, span, item})
	}
}
