package syntax

import (
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	"secco/source"
)

// scanner cuts a text into tokens. It is plain data: a copy of it is a place to
// come back to.
type scanner struct {
	file    *source.File
	text    string
	pos     int // behind the current token
	nesting int // of ( and [, where newlines do not count

	tok        token
	op         Op // of tokOp
	start, end int
	value      uint64 // of tokNumber
	firstOnRow bool   // no other token stands before it on its line
	message    string // of tokBad
	code       string
}

// ops holds the operators; longer ones come before their prefixes.
var ops = []struct {
	text string
	tok  token
	op   Op
}{
	{"||", tokOp, OpOr}, {"&&", tokOp, OpAnd}, {"&?", tokOp, OpSet},
	{"==", tokOp, OpEq}, {"=>", tokExpect, 0}, {"!=", tokOp, OpNe},
	{"<<", tokOp, OpShl}, {">>", tokOp, OpShr}, {"<=", tokOp, OpLe}, {">=", tokOp, OpGe},
	{"->", tokArrow, 0},
	{"<", tokOp, OpLt}, {">", tokOp, OpGt}, {"|", tokOp, OpBitOr}, {"^", tokOp, OpBitXor}, {"&", tokOp, OpBitAnd},
	{"+", tokOp, OpAdd}, {"-", tokOp, OpSub}, {"*", tokOp, OpMul}, {"/", tokOp, OpDiv}, {"%", tokOp, OpMod},
	{"!", tokOp, OpNot}, {"~", tokOp, OpCompl},
	{"=", tokAssign, 0}, {"(", tokLParen, 0}, {")", tokRParen, 0}, {"[", tokLBracket, 0}, {"]", tokRBracket, 0},
	{"{", tokLBrace, 0}, {"}", tokRBrace, 0}, {",", tokComma, 0}, {":", tokColon, 0}, {";", tokSemicolon, 0},
}

// rangeMark stands between the ends of a range of numbers: syscall_470..511.
const rangeMark = ".."

// next moves to the next token. Comments go to the list.
func (s *scanner) next(comments *[]Comment) {
	s.firstOnRow = s.pos == 0 || s.tok == tokNewline
	for s.pos < len(s.text) {
		c := s.text[s.pos]
		switch {
		case c == '#':
			end := strings.IndexByte(s.text[s.pos:], '\n')
			if end < 0 {
				end = len(s.text) - s.pos
			}
			if n := len(*comments); n == 0 || (*comments)[n-1].At.Start() < s.pos { // not seen before
				text := strings.TrimRight(s.text[s.pos:s.pos+end], "\r")
				*comments = append(*comments, Comment{s.file.Span(s.pos, s.pos+len(text))})
			}
			s.pos += end
			continue
		case c == '\n' && s.nesting > 0:
			s.firstOnRow = true
			fallthrough
		case c == ' ', c == '\t', c == '\r' && strings.HasPrefix(s.text[s.pos:], "\r\n"):
			s.pos++
			continue
		case c == '\\':
			rest := s.text[s.pos+1:]
			if n := len(rest) - len(strings.TrimPrefix(strings.TrimPrefix(rest, "\r"), "\n")); n > 0 && rest[n-1] == '\n' {
				s.pos += 1 + n
				s.firstOnRow = true
				continue
			}
		}
		s.start = s.pos
		s.scan(c)
		s.end = s.pos
		return
	}
	s.start, s.end, s.tok = s.pos, s.pos, tokEOF
}

// scan reads the token that starts with c at pos.
func (s *scanner) scan(c byte) {
	switch {
	case c == '\n':
		s.tok = tokNewline
		s.pos++
		return
	case isLetter(c):
		s.word()
		s.tok = tokName
		if strings.HasPrefix(s.text[s.start:s.pos], "syscall_") && strings.HasPrefix(s.text[s.pos:], rangeMark) {
			s.pos += len(rangeMark)
			s.word()
			s.tok = tokRange
		}
		return
	case isDigit(c):
		s.number()
		return
	case c == '@' && s.pos+1 < len(s.text) && isLetter(s.text[s.pos+1]):
		s.pos++
		s.word()
		s.tok = tokGroup
		return
	case c == '"':
		s.string()
		return
	}
	for _, o := range ops {
		if strings.HasPrefix(s.text[s.pos:], o.text) {
			s.tok, s.op = o.tok, o.op
			s.pos += len(o.text)
			switch o.tok {
			case tokLParen, tokLBracket:
				s.nesting++
			case tokRParen, tokRBracket:
				s.nesting = max(0, s.nesting-1)
			}
			return
		}
	}
	r, size := utf8.DecodeRuneInString(s.text[s.pos:])
	if c == '\\' {
		s.bad(size, "bad-character", `"\" joins lines: only the end of the line can follow it`)
		return
	}
	s.bad(size, "bad-character", fmt.Sprintf("the character %q has no meaning here", r))
}

// word moves behind letters and digits.
func (s *scanner) word() {
	for s.pos < len(s.text) && (isLetter(s.text[s.pos]) || isDigit(s.text[s.pos])) {
		s.pos++
	}
}

func (s *scanner) bad(size int, code, message string) {
	s.tok, s.code, s.message = tokBad, code, message
	s.pos += size
}

// number reads a number in one of the four notations, or a version.
func (s *scanner) number() {
	start := s.pos
	s.word()
	digits := s.text[start:s.pos]
	if s.pos+1 < len(s.text) && s.text[s.pos] == '.' && isDigit(s.text[s.pos+1]) {
		for s.pos < len(s.text) && (isDigit(s.text[s.pos]) || s.text[s.pos] == '.') {
			s.pos++
		}
		s.tok = tokVersion
		return
	}
	base, kind := uint64(10), "decimal"
	switch {
	case len(digits) > 1 && (digits[1] == 'x' || digits[1] == 'X') && digits[0] == '0':
		base, kind, digits = 16, "hexadecimal", digits[2:]
	case len(digits) > 1 && (digits[1] == 'b' || digits[1] == 'B') && digits[0] == '0':
		base, kind, digits = 2, "binary", digits[2:]
	case len(digits) > 1 && digits[0] == '0':
		base, kind, digits = 8, "octal", digits[1:]
	}
	s.tok, s.value = tokNumber, 0
	if digits == "" {
		s.bad(0, "bad-number", fmt.Sprintf("the %s number has no digits", kind))
		return
	}
	tooLarge := false
	for i := range len(digits) {
		d := digitValue(digits[i])
		if d >= base {
			s.bad(0, "bad-number", fmt.Sprintf("%q is no digit of a number that is %s", digits[i], kind))
			return
		}
		if s.value > (math.MaxUint64-d)/base {
			tooLarge = true
		}
		s.value = s.value*base + d
	}
	if tooLarge {
		s.bad(0, "number-range", "the number does not fit in 64 bits")
	}
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' || c == '_' }
func isDigit(c byte) bool  { return '0' <= c && c <= '9' }

// digitValue returns the value of a digit, a large one where c is none.
func digitValue(c byte) uint64 {
	switch {
	case isDigit(c):
		return uint64(c - '0')
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return uint64(c|0x20-'a') + 10
	}
	return math.MaxUint8
}
