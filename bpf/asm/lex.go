package asm

import (
	"strings"
	"unicode/utf8"

	"secco/source"
)

type tokenKind uint8

const (
	tokenEnd     tokenKind = iota // of the text
	tokenNewline                  //
	tokenName                     // a letter or _, then digits too
	tokenNumber                   // begins with a digit
	tokenMark                     // one of [ ] ( ) , : # . - %
	tokenBad                      // a character that has no place here
)

type token struct {
	kind tokenKind
	text string
	span source.Span
}

// is reports whether t is this mark.
func (t token) is(mark string) bool { return t.kind == tokenMark && t.text == mark }

type lexer struct {
	file  *source.File
	text  string
	at    int
	diags *source.Diagnostics
}

// report adds an error to what is wrong with the text.
func (l *lexer) report(span source.Span, code, format string, args ...any) {
	l.diags.Errorf(span, code, format, args...)
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isLetter(c byte) bool { return c == '_' || 'a' <= c|0x20 && c|0x20 <= 'z' }

// next returns the next token, behind blanks and comments.
func (l *lexer) next() token {
	l.skip()
	if l.at == len(l.text) {
		return token{tokenEnd, "", l.file.Span(l.at, l.at)}
	}
	start := l.at
	c := l.text[start]
	kind := tokenMark
	switch {
	case c == '\n':
		kind = tokenNewline
		l.at++
	case isLetter(c) || isDigit(c):
		kind = tokenName
		if isDigit(c) {
			kind = tokenNumber
		}
		for l.at < len(l.text) && (isLetter(l.text[l.at]) || isDigit(l.text[l.at])) {
			l.at++
		}
	case strings.IndexByte("[](),:#.-%", c) >= 0:
		l.at++
	default:
		kind = tokenBad
		_, size := utf8.DecodeRuneInString(l.text[start:])
		l.at += size
	}
	return token{kind, l.text[start:l.at], l.file.Span(start, l.at)}
}

// skip moves on to where a token begins.
func (l *lexer) skip() {
	for l.at < len(l.text) {
		rest := l.text[l.at:]
		switch {
		case rest[0] == ' ' || rest[0] == '\t' || rest[0] == '\r':
			l.at++
		case rest[0] == ';' || strings.HasPrefix(rest, "//"):
			end := strings.IndexByte(rest, '\n')
			if end < 0 {
				end = len(rest)
			}
			l.at += end
		case strings.HasPrefix(rest, "/*"):
			end := strings.Index(rest[2:], "*/")
			if end < 0 {
				l.report(l.file.Span(l.at, l.at+2), "unterminated-comment", "the comment does not end")
				l.at = len(l.text)
				return
			}
			l.at += 2 + end + 2
		default:
			return
		}
	}
}
