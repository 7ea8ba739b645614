package seccompiler

import (
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"secco/source"
)

// Bounds on what is read.
const (
	maxSize   = 4 << 20
	maxDepth  = 16
	maxErrors = 100
)

// value is a JSON value and where it stands: a map, a list, or what is in
// scalar: a string, a json.Number, a bool or nil.
type value struct {
	span    source.Span
	isMap   bool
	isList  bool
	members []member
	items   []value
	scalar  any
}

type member struct {
	key   string
	span  source.Span
	value value
}

// kind says what a value is.
func (v value) kind() string {
	switch v.scalar.(type) {
	case string:
		return "text"
	case json.Number:
		return "a number"
	case bool:
		return "a boolean"
	}
	switch {
	case v.isMap:
		return "an object"
	case v.isList:
		return "a list"
	}
	return "null"
}

// reader reads values with their places; encoding/json itself has none, and lets
// duplicate keys and bad characters pass.
type reader struct {
	file *source.File
	dec  *json.Decoder
}

// failure is an error with its place.
type failure struct {
	span    source.Span
	message string
}

func (f *failure) Error() string { return f.message }

// readJSON returns the one value that a file holds.
func readJSON(f *source.File, diags *source.Diagnostics) (value, bool) {
	text := f.Text()
	switch {
	case len(text) > maxSize:
		diags.Errorf(f.Span(0, 0), "too-large", "a file of this kind has at most %d bytes", maxSize)
		return value{}, false
	case !utf8.ValidString(text):
		diags.Errorf(f.Span(0, 0), "syntax", "this is not UTF-8")
		return value{}, false
	}
	r := &reader{file: f, dec: json.NewDecoder(strings.NewReader(text))}
	r.dec.UseNumber()
	v, err := r.value(0)
	if err == nil {
		if rest := strings.TrimLeft(text[r.dec.InputOffset():], " \t\r\n"); rest != "" {
			err = &failure{f.Span(len(text)-len(rest), len(text)-len(rest)+1), "there is something behind the end"}
		}
	}
	if err != nil {
		r.tell(err, diags)
		return value{}, false
	}
	return v, true
}

func (r *reader) tell(err error, diags *source.Diagnostics) {
	size := len(r.file.Text())
	at, message := size, err.Error()
	var own *failure
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &own):
		diags.Errorf(own.span, "syntax", "%s", own.message)
		return
	case errors.As(err, &syntax):
		at = int(syntax.Offset)
		if syntax.Offset != r.dec.InputOffset() { // in a token, whose bytes are counted from 1
			at--
		}
		at = min(max(at, 0), size)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		message = "the file ends too early"
	default:
		at = int(r.dec.InputOffset())
	}
	diags.Errorf(r.file.Span(at, at), "syntax", "%s", message)
}

// token returns the next token and where it stands.
func (r *reader) token() (json.Token, source.Span, error) {
	from := int(r.dec.InputOffset())
	t, err := r.dec.Token()
	to := int(r.dec.InputOffset())
	text := r.file.Text()
	for from < to && strings.IndexByte(" \t\r\n,:", text[from]) >= 0 {
		from++
	}
	return t, r.file.Span(from, to), err
}

func (r *reader) value(depth int) (value, error) {
	t, span, err := r.token()
	if err != nil {
		return value{}, err
	}
	open, ok := t.(json.Delim)
	if !ok {
		return value{span: span, scalar: t}, nil
	}
	if depth == maxDepth {
		return value{}, &failure{span, "this is nested too deep"}
	}
	v := value{isMap: open == '{', isList: open == '['}
	seen := map[string]bool{}
	for r.dec.More() {
		if v.isList {
			item, err := r.value(depth + 1)
			if err != nil {
				return value{}, err
			}
			v.items = append(v.items, item)
			continue
		}
		key, at, err := r.token()
		if err != nil {
			return value{}, err
		}
		m := member{key: key.(string), span: at} // the decoder sees to that
		if seen[m.key] {
			return value{}, &failure{at, "this key is there twice"}
		}
		seen[m.key] = true
		if m.value, err = r.value(depth + 1); err != nil {
			return value{}, err
		}
		v.members = append(v.members, m)
	}
	_, closed, err := r.token()
	v.span = span.To(closed)
	return v, err
}

// fields calls f with the members of an object whose keys must be among known.
func (in *file) fields(v value, what string, known []string, f func(member)) {
	if !v.isMap {
		in.errorf(v.span, "wrong-type", "%s is an object, this is %s", what, v.kind())
		return
	}
	for _, m := range v.members {
		if !slices.Contains(known, m.key) {
			in.errorf(m.span, "unknown-field", "%s has no field %q: there is %s", what, m.key, strings.Join(known, ", "))
			continue
		}
		f(m)
	}
}

// text returns a string.
func (in *file) text(v value, what string) string {
	s, ok := v.scalar.(string)
	if !ok {
		in.errorf(v.span, "wrong-type", "%s is text, this is %s", what, v.kind())
	}
	return s
}
