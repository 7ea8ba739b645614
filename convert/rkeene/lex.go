package rkeene

import (
	"strings"

	"secco/source"
)

// kind is what a token is.
type kind uint8

const (
	end      kind = iota // of the file
	newline              // or ";"
	word                 // a name or number
	text                 // "…", without the quotes in token.text
	variable             // $name
	symbol               // an operator or bracket
)

type token struct {
	kind kind
	text string
	span source.Span
}

// symbols are the operators and brackets; those that begin another come after it.
var symbols = []string{"==", "!=", "<=", ">=", "&&", "||", "{", "}", "(", ")", "<", ">", "!", "&", "~", "-"}

// lex cuts a file into tokens. What is no token is an error and left out.
func lex(f *source.File, diags *source.Diagnostics) []token {
	var tokens []token
	input := f.Text()
	add := func(k kind, value string, start, end int) {
		tokens = append(tokens, token{k, value, f.Span(start, end)})
	}
	for at := 0; at < len(input); {
		start := at
		switch c := input[at]; {
		case c == '\n' || c == ';':
			at++
			add(newline, "", start, at)
		case c == ' ' || c == '\t' || c == '\r':
			at++
		case c == '\\' && (strings.HasPrefix(input[at+1:], "\n") || strings.HasPrefix(input[at+1:], "\r\n")):
			at += strings.IndexByte(input[at:], '\n') + 1
		case c == '#':
			at += lineEnd(input[at:])
		case c == '"':
			n := strings.IndexAny(input[at+1:], "\"\n")
			if n < 0 || input[at+1+n] == '\n' {
				at += lineEnd(input[at:])
				diags.Errorf(f.Span(start, at), "syntax", "the quote is not closed on its line")
				continue
			}
			at += n + 2
			if value := input[start+1 : at-1]; strings.ContainsAny(value, `$[\`) {
				diags.Errorf(f.Span(start, at), "syntax", "nothing is substituted in text: %q can't be understood", value)
			}
			add(text, input[start+1:at-1], start, at)
		case c == '$' && len(wordAt(input[at+1:])) > 0:
			at += 1 + len(wordAt(input[at+1:]))
			add(variable, input[start+1:at], start, at)
		case len(wordAt(input[at:])) > 0:
			at += len(wordAt(input[at:]))
			add(word, input[start:at], start, at)
		default:
			if s := symbolAt(input[at:]); s != "" {
				at += len(s)
				add(symbol, s, start, at)
				continue
			}
			for at++; at < len(input) && input[at]&0xc0 == 0x80; at++ { // the rest of a character
			}
			diags.Errorf(f.Span(start, at), "syntax", "unexpected %q", input[start:at])
			if len(*diags) >= maxErrors {
				add(end, "", at, at)
				return tokens
			}
		}
	}
	add(end, "", len(input), len(input))
	return tokens
}

func symbolAt(s string) string {
	for _, sym := range symbols {
		if strings.HasPrefix(s, sym) {
			return sym
		}
	}
	return ""
}

// lineEnd returns how many bytes are left of the first line of s.
func lineEnd(s string) int {
	if n := strings.IndexByte(s, '\n'); n >= 0 {
		return n
	}
	return len(s)
}

// wordAt returns the letters, digits and underscores that s begins with.
func wordAt(s string) string {
	n := 0
	for n < len(s) && (s[n] == '_' || s[n] >= '0' && s[n] <= '9' || s[n]|0x20 >= 'a' && s[n]|0x20 <= 'z') {
		n++
	}
	return s[:n]
}
