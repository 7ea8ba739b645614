// Package yamldoc reads YAML documents whose parts know where they stand, in
// bounded time and memory. What it adds to the parser are places to the character,
// and bounds that count what aliases stand for each time.
package yamldoc

import (
	"errors"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"secco/source"
)

// Bounds on what is read.
const (
	maxSize   = 1 << 20
	maxNodes  = 1 << 18 // what aliases stand for counted each time
	maxDepth  = 32
	maxErrors = 100
)

// Reader gives the parts of a file's documents their places and tells what is
// wrong with them.
type Reader struct {
	Diags source.Diagnostics

	file  *source.File
	chars []int // offset of each character, and of the end
	lines []int // index in chars of each line's first character, as YAML breaks lines
	nodes int
}

// New returns a reader of a file.
func New(f *source.File) *Reader { return &Reader{file: f} }

// Documents parses the file's documents, without those that hold nothing; nil
// where that fails.
func (r *Reader) Documents() []*yaml.Node {
	text := r.file.Text()
	if len(text) > maxSize {
		r.Diags.Errorf(r.file.Span(0, 0), "too-large", "a YAML file has at most %d bytes", maxSize)
		return nil
	}
	if !utf8.ValidString(text) {
		r.Diags.Errorf(r.file.Span(0, 0), "syntax", "this is not UTF-8")
		return nil
	}
	r.index(text)
	var list []*yaml.Node
	for decoder := yaml.NewDecoder(strings.NewReader(text)); ; {
		var doc yaml.Node
		err := decoder.Decode(&doc)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			r.broken(err)
			return nil
		}
		if len(doc.Content) > 0 && !(doc.Content[0].Kind == yaml.ScalarNode && doc.Content[0].ShortTag() == "!!null") {
			list = append(list, doc.Content[0])
		}
	}
	if len(list) == 0 {
		r.Diags.Errorf(r.file.Span(0, 0), "syntax", "there is nothing in this file")
	}
	return list
}

// Document parses the file's one document; nil where that fails.
func (r *Reader) Document() *yaml.Node {
	list := r.Documents()
	if len(list) > 1 {
		r.Errorf(list[1], "syntax", "there is a second document")
	}
	if len(list) != 1 {
		return nil
	}
	return list[0]
}

var brokenLine = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)`) })

// broken tells a parser's error at its line.
func (r *Reader) broken(err error) {
	at, message := r.file.Span(0, 0), err.Error()
	if m := brokenLine().FindStringSubmatch(strings.SplitN(message, "\n", 2)[0]); m != nil {
		message = m[2]
		if n, err := strconv.Atoi(m[1]); err == nil && n >= 1 && n <= len(r.lines) {
			start := r.chars[r.lines[n-1]]
			end := start + strings.IndexAny(r.file.Text()[start:]+"\n", "\r\n")
			start += len(r.file.Text()[start:end]) - len(strings.TrimLeft(r.file.Text()[start:end], " \t"))
			at = r.file.Span(start, end)
		}
	}
	r.Diags.Errorf(at, "syntax", "%s", message)
}

// index notes where characters and lines are.
func (r *Reader) index(text string) {
	r.lines = append(r.lines, 0)
	for i, c := range text {
		r.chars = append(r.chars, i)
		switch {
		case c == '\r' && strings.HasPrefix(text[i+1:], "\n"):
		case c == '\n', c == '\r', c == '\u0085', c == '\u2028', c == '\u2029':
			r.lines = append(r.lines, len(r.chars))
		}
	}
	r.chars = append(r.chars, len(text))
}

// Span returns where a node stands.
func (r *Reader) Span(n *yaml.Node) source.Span {
	text := r.file.Text()
	if n.Line < 1 || n.Line > len(r.lines) || n.Column < 1 {
		return r.file.Span(0, 0)
	}
	at := r.chars[min(r.lines[n.Line-1]+n.Column-1, len(r.chars)-1)]
	end := at
	switch {
	case n.Kind != yaml.ScalarNode:
	case strings.HasPrefix(text[at:], n.Value):
		end += len(n.Value)
	case at < len(text) && strings.HasPrefix(text[at+1:], n.Value): // in quotes
		end += min(len(n.Value)+2, len(text)-at)
	}
	return r.file.Span(at, end)
}

// Errorf notes an error at a node, and returns it for more to be said about it.
func (r *Reader) Errorf(n *yaml.Node, code, format string, args ...any) *source.Diagnostic {
	if len(r.Diags) >= maxErrors {
		return &source.Diagnostic{}
	}
	return r.Diags.Errorf(r.Span(n), code, format, args...)
}

// Full reports whether there is no use in going on.
func (r *Reader) Full() bool { return len(r.Diags) >= maxErrors || r.nodes > maxNodes }

// Value returns what a node stands for, which it does itself where it is no
// alias, and counts it. It is nil where there is too much.
func (r *Reader) Value(n *yaml.Node) *yaml.Node {
	for range maxDepth {
		if r.nodes++; r.nodes > maxNodes {
			if r.nodes == maxNodes+1 {
				r.Errorf(n, "too-large", "there are more than %d values in this file, what aliases stand for counted each time", maxNodes)
			}
			return nil
		}
		if n.Kind != yaml.AliasNode {
			return n
		}
		n = n.Alias
	}
	return n
}

// Fields calls f with the keys and values of a mapping, and requires the keys to
// be among known, each once.
func (r *Reader) Fields(n *yaml.Node, what string, known []string, f func(key string, at, value *yaml.Node)) {
	n = r.Value(n)
	if n == nil {
		return
	}
	if n.Kind != yaml.MappingNode {
		r.Errorf(n, "wrong-type", "%s is a mapping, this is %s", what, KindOf(n))
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content) && !r.Full(); i += 2 {
		at, key := n.Content[i], n.Content[i].Value
		switch {
		case at.Kind != yaml.ScalarNode || !slices.Contains(known, key):
			r.Errorf(at, "unknown-field", "%s has no field %q: there is %s", what, key, strings.Join(known, ", "))
		case seen[key]:
			r.Errorf(at, "duplicate-field", "%s is given twice", key)
		default:
			seen[key] = true
			f(key, at, n.Content[i+1])
		}
	}
}

// Items calls f with the entries of a list.
func (r *Reader) Items(n *yaml.Node, what string, f func(*yaml.Node)) {
	n = r.Value(n)
	if n == nil {
		return
	}
	if n.Kind != yaml.SequenceNode {
		r.Errorf(n, "wrong-type", "%s is a list, this is %s", what, KindOf(n))
		return
	}
	for _, item := range n.Content {
		if r.Full() {
			return
		}
		f(item)
	}
}

// Text returns a scalar that is text.
func (r *Reader) Text(n *yaml.Node, what string) (string, *yaml.Node, bool) {
	n = r.Value(n)
	if n == nil {
		return "", nil, false
	}
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!str" {
		r.Errorf(n, "wrong-type", "%s is text, this is %s", what, KindOf(n))
		return "", nil, false
	}
	return n.Value, n, true
}

// Number returns a scalar that is a whole number.
func (r *Reader) Number(n *yaml.Node, what string) (uint64, *yaml.Node, bool) {
	n = r.Value(n)
	if n == nil {
		return 0, nil, false
	}
	var v uint64
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!int" || n.Decode(&v) != nil {
		r.Errorf(n, "wrong-type", "%s is a whole number from 0 to 2^64-1, this is %s", what, KindOf(n))
		return 0, nil, false
	}
	return v, n, true
}

// KindOf says what a node is.
func KindOf(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	if n.Value == "" {
		return "nothing"
	}
	return strconv.Quote(n.Value)
}
