package syntax

import "strings"

// escapes are what stands in a string for what can't stand in it itself.
var escapes = [][2]string{{`\\`, `\`}, {`\"`, `"`}, {`\n`, "\n"}, {`\r`, "\r"}, {`\t`, "\t"}}

// string moves behind a string, which is on one line.
func (s *scanner) string() {
	for at := s.pos + 1; at < len(s.text) && s.text[at] != '\n'; at++ {
		switch s.text[at] {
		case '"':
			s.tok = tokString
			s.pos = at + 1
			return
		case '\\':
			if !isEscape(s.text[at:]) {
				s.pos = at
				s.bad(1, "bad-string", `in a string \ stands before one of \ " n r t`)
				return
			}
			at++
		}
	}
	s.bad(1, "bad-string", "the string does not end on its line")
}

func isEscape(text string) bool {
	for _, e := range escapes {
		if strings.HasPrefix(text, e[0]) {
			return true
		}
	}
	return false
}

// quote returns the string that stands for a text.
func quote(text string) string {
	for _, e := range escapes { // \ is the first
		text = strings.ReplaceAll(text, e[1], e[0])
	}
	return `"` + text + `"`
}

// unquote returns the text that a string stands for.
func unquote(quoted string) string {
	var pairs []string
	for _, e := range escapes {
		pairs = append(pairs, e[:]...)
	}
	return strings.NewReplacer(pairs...).Replace(quoted[1 : len(quoted)-1])
}
