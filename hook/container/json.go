package container

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxDepth bounds how deep values are nested, which in real texts is a dozen.
const maxDepth = 64

// checkJSON makes sure that all runtimes read a text as secco does, whatever they
// parse it with. Beside what is no JSON it refuses, anywhere in the text: an
// object's key that is there twice, of which some take the first and some the last;
// a NUL, where strings of C end; and what is not Unicode, which every parser
// replaces by something else. No engine writes any of it.
func checkJSON(text []byte) error {
	if i := invalidUTF8(text); i >= 0 {
		return fmt.Errorf("offset %d: the text is not UTF-8", i)
	}
	// The syntax first: tokens alone don't tell of all that is wrong with it.
	var all json.RawMessage
	if err := json.Unmarshal(text, &all); err != nil {
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			return fmt.Errorf("offset %d: %w", syntax.Offset, err)
		}
		return err
	}
	r := reader{json.NewDecoder(bytes.NewReader(text)), text}
	r.dec.UseNumber() // they may be larger than any that Go has
	return r.value(0)
}

// A reader reads a text that is JSON.
type reader struct {
	dec  *json.Decoder
	text []byte
}

// value checks the value that comes next.
func (r reader) value(depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("values are nested more than %d deep", maxDepth)
	}
	t, err := r.token()
	if err != nil {
		return err
	}
	switch t {
	case json.Delim('{'):
		seen := map[string]bool{}
		for r.dec.More() {
			t, err := r.token()
			if err != nil {
				return err
			}
			key := t.(string)
			if seen[key] {
				return fmt.Errorf("the field %.80q is there twice", key)
			}
			seen[key] = true
			if err := r.value(depth + 1); err != nil {
				return fmt.Errorf("%.80q: %w", key, err)
			}
		}
	case json.Delim('['):
		for r.dec.More() {
			if err := r.value(depth + 1); err != nil {
				return err
			}
		}
	default:
		return nil
	}
	_, err = r.dec.Token() // the closing one
	return err
}

// token returns the next token. It is an error where that is a string that not all
// runtimes read alike.
func (r reader) token() (json.Token, error) {
	before := r.dec.InputOffset()
	t, err := r.dec.Token()
	s, ok := t.(string)
	switch {
	case err != nil || !ok:
		return t, err
	case strings.IndexByte(s, 0) >= 0:
		return nil, fmt.Errorf("the string %.80q holds a NUL", s)
	case strings.ContainsRune(s, utf8.RuneError) && loneSurrogate(r.text[before:r.dec.InputOffset()]):
		return nil, fmt.Errorf("the string %.80q holds half of a surrogate pair", s)
	}
	return t, nil
}

// invalidUTF8 returns where a text is not UTF-8, -1 if it is.
func invalidUTF8(text []byte) int {
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return -1
}

// loneSurrogate reports whether a string, as it is written, escapes one half of a
// surrogate pair without the other.
func loneSurrogate(raw []byte) bool {
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' {
			continue
		}
		i++
		switch unit(raw[i:]) >> 10 {
		case 0xdc00 >> 10:
			return true
		case 0xd800 >> 10:
			if next := raw[i+5:]; next[0] != '\\' || unit(next[1:])>>10 != 0xdc00>>10 {
				return true
			}
			i += 6 + 4
		}
	}
	return false
}

// unit returns the code unit of the escape uXXXX, 0 for other escapes.
func unit(escape []byte) uint64 {
	if escape[0] != 'u' {
		return 0
	}
	n, _ := strconv.ParseUint(string(escape[1:5]), 16, 16) // the decoder has seen that it is one
	return n
}

// parseObject parses a whole text that holds an object.
func parseObject(text []byte) (map[string]json.RawMessage, error) {
	if err := checkJSON(text); err != nil {
		return nil, err
	}
	return object(text)
}

// object parses an object of a text that was checked. That fields' names differ in
// case only is an error: what is written in Go takes them for one.
func object(text []byte) (map[string]json.RawMessage, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(text, &fields); err != nil || fields == nil {
		return nil, errors.New("no JSON object")
	}
	seen := map[string]string{}
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		if other, ok := seen[fold(key)]; ok {
			return nil, fmt.Errorf("the field %.80q is there twice, also as %.80q", key, other)
		}
		seen[fold(key)] = key
	}
	return fields, nil
}

// fold returns the same for two names exactly where strings.EqualFold holds.
func fold(name string) string {
	return strings.Map(func(r rune) rune {
		least := r
		for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
			least = min(least, f)
		}
		return least
	}, name)
}

// field returns a field as runtimes written in Go find it: in any case.
func field(fields map[string]json.RawMessage, name string) (key string, value json.RawMessage) {
	for k, v := range fields {
		if strings.EqualFold(k, name) {
			return k, v
		}
	}
	return name, nil
}

func isNull(v json.RawMessage) bool { return len(v) == 0 || string(v) == "null" }
