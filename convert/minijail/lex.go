package minijail

import (
	"fmt"
	"strings"

	"secco/source"
)

// kind is what a token is.
type kind uint8

const (
	end     kind = iota // of the file
	newline             // that ends a statement
	word                // a name, which may hold "-" and "@", or a number
	path                // behind @include and @frequency
	symbol
)

type token struct {
	kind kind
	text string
	span source.Span
}

func (t token) String() string {
	switch t.kind {
	case end:
		return "the end of the file"
	case newline:
		return "the end of the line"
	}
	return fmt.Sprintf("%q", t.text)
}

// symbols are the operators and brackets; those that begin another come after it.
var symbols = []string{"||", "&&", "==", "!=", "<=", ">=", "<", ">", "&", "|", "~", "(", ")", "{", "}", "[", "]", ":", ";", ",", "="}

// lex cuts a file into tokens. What is none is an error and left out.
func lex(f *source.File, diags *source.Diagnostics) (tokens []token) {
	input := f.Text()
	for at := 0; at < len(input) && len(*diags) < maxErrors; {
		start := at
		add := func(k kind) { tokens = append(tokens, token{k, input[start:at], f.Span(start, at)}) }
		rest := input[at:]
		switch c := rest[0]; {
		case c == '\n':
			at++
			add(newline)
		case c == ' ' || c == '\t' || c == '\r':
			at++
		case strings.HasPrefix(rest, "\\\n") || strings.HasPrefix(rest, "\\\r\n"):
			at += strings.IndexByte(rest, '\n') + 1
		case c == '#':
			at += lineEnd(rest)
			if strings.HasSuffix(strings.TrimSuffix(input[start:at], "\r"), "\\") {
				d := diags.Errorf(f.Span(start, at), "syntax", "a comment that ends in \\ goes on in the next line for some readers and not for others")
				d.Hint = "take the \\ away"
			}
		case c == '@':
			at += 1 + nameLength(rest[1:])
			add(word)
			if name := input[start:at]; name != "@include" && name != "@frequency" {
				continue
			}
			for at < len(input) && (input[at] == ' ' || input[at] == '\t') {
				at++
			}
			if start = at; at < len(input) && (input[at] == '/' || input[at] == '.') {
				at += strings.IndexAny(input[at:]+"\n", " \t\r\n")
				add(path)
			}
		case nameLength(rest) > 0:
			at += nameLength(rest)
			add(word)
		case c == '-' && len(rest) > 1 && '0' <= rest[1] && rest[1] <= '9':
			at += 1 + nameLength(rest[1:])
			add(word)
		default:
			if n := symbolLength(rest); n > 0 {
				at += n
				add(symbol)
				continue
			}
			for at++; at < len(input) && input[at]&0xc0 == 0x80; at++ { // the rest of a character
			}
			diags.Errorf(f.Span(start, at), "syntax", "unexpected %q", input[start:at])
		}
	}
	tokens = append(tokens, token{newline, "", f.Span(len(input), len(input))}, token{end, "", f.Span(len(input), len(input))})
	return tokens
}

func symbolLength(s string) int {
	for _, sym := range symbols {
		if strings.HasPrefix(s, sym) {
			return len(sym)
		}
	}
	return 0
}

// lineEnd returns how many bytes are left of the first line of s.
func lineEnd(s string) int {
	if n := strings.IndexByte(s, '\n'); n >= 0 {
		return n
	}
	return len(s)
}

// nameLength returns how many bytes of a name or number s begins with.
func nameLength(s string) (n int) {
	for n < len(s) && (s[n] == '_' || s[n] >= '0' && s[n] <= '9' || s[n]|0x20 >= 'a' && s[n]|0x20 <= 'z' || n > 0 && (s[n] == '-' || s[n] == '@')) {
		n++
	}
	return n
}
