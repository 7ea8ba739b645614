package syntax

import (
	"slices"
	"strings"
)

// slip returns a hint about what other languages write here, or people by mistake,
// where the current token is not what it should be; empty where nothing is known.
func (p *parser) slip(want string) string {
	found := p.text[p.start:p.end]
	first, before := nameAt(p.text, p.head), nameBefore(p.text[:p.lastEnd])
	starts := p.start == p.head // the statement or arm
	switch {
	case starts && !p.inArms && (p.tok == tokLBrace || p.tok == tokLBracket || p.tok == tokString):
		return "this looks like JSON, which is no text of a policy"
	case p.comment():
		return `comments start with "#"`
	case found == "$":
		return "the arguments of a call are arg0 to arg5"
	case p.tok == tokLBracket && (before == "arg" || before == "args"):
		return "the arguments of a call are arg0 to arg5"
	case slices.Contains([]string{"if", "elif", "elseif", "elsif", "unless", "switch", "case"}, strings.ToLower(first)):
		return "conditions stand behind a syscall; several of them, as arms: read { CONDITION -> ACTION }"
	case p.inArms && want == tokenText[tokArrow]:
		if p.tok == tokRBrace {
			return `an arm is "CONDITION -> ACTION", or "else -> ACTION"`
		}
		return ""
	case p.tok == tokArrow && want != tokenText[tokExpect]:
		return "arms stand in braces: read { CONDITION -> ACTION }"
	case want == wantStatement:
		return p.statementSlip(first)
	case want == wantParameter:
		return `in parentheses stand names for the arguments; a condition stands behind ":"`
	case want == `"return"` && (p.tok == tokNewline || p.tok == tokEOF || p.tok == tokRBrace):
		return `a line ends without ";"`
	case want != tokenText[tokNewline] && want != wantExpression && want != tokenText[tokRParen]:
		return ""
	case p.tok == tokAssign:
		return `"==" compares`
	case found == ">" && strings.HasSuffix(p.text[:p.start], "<"):
		return `"!=" says that numbers differ`
	case before == "errno" && p.tok == tokName:
		return "write errno(" + found + "), or " + found + " alone"
	case strings.ToLower(before) == "not" && p.tok != tokNewline && p.tok != tokEOF:
		return `"not" is "!"`
	case p.tok == tokString && first == "BASELINE":
		return "a version stands without quotes"
	case first == "LISTENER" || first == "LISTENER_METADATA":
		return "text stands in double quotes"
	case p.tok == tokName:
		switch strings.ToLower(found) {
		case "and":
			return `"and" is "&&"`
		case "or":
			return `"or" is "||"`
		case "is":
			return `"is" is "=="`
		case "in", "notin":
			return "write " + found + "(x, a, b): the value first, then what it is compared with"
		}
	}
	return ""
}

// What is expected where the hints depend on it.
const (
	wantStatement  = `":" for a rule or "=" for a definition`
	wantParameter  = "the name of a parameter"
	wantExpression = "an expression"
)

// statementSlip is slip behind the first word of a statement.
func (p *parser) statementSlip(first string) string {
	_, _, isArgument := parseArg(first)
	isSetting := slices.Contains(settingNames, first)
	switch {
	case first == "group" && p.tok == tokName:
		return `the name of a group starts with "@": group @` + p.text[p.start:p.end]
	case first == "include", first == "base":
		return `a path stands in double quotes: ` + first + ` "FILE"`
	case isArgument:
		return "a condition stands behind a syscall: read: " + first + " == 1"
	case isSetting && p.tok == tokName:
		return "write " + first + " = " + p.text[p.start:p.end]
	case p.tok == tokOp && p.op == OpEq:
		return `"=" defines`
	case slices.Contains(verbs, strings.ToLower(first)) && p.tok == tokName:
		return "the syscall comes first: " + p.text[p.start:p.end] + ": return ACTION"
	case p.tok == tokName:
		return `names of syscalls have commas between them, and a rule has ":"`
	case (p.tok == tokNewline || p.tok == tokEOF) && !slices.Contains(keywords, first):
		return "such as: " + first + ": 1"
	}
	return ""
}

// verbs are words that rules of other kinds of policy begin with.
var verbs = []string{"allow", "deny", "block", "kill", "log", "trap", "trace", "permit", "reject", "errno"}

// settingNames are the names of all settings, those of default actions first.
var settingNames = append(slices.Clone(defaultNames[:]), "ARCHES", "FLAGS", "NO_NEW_PRIVS", "LISTENER", "LISTENER_METADATA", "BASELINE")

// SettingNames returns the names that set something when a constant of their kind is
// assigned to them.
func SettingNames() []string { return slices.Clone(settingNames) }

// comment reports whether the current token begins, or goes on with, what is a comment
// in another language.
func (p *parser) comment() bool {
	rest := p.text[p.start:]
	if p.start == p.head && (strings.HasPrefix(rest, "--") || strings.HasPrefix(rest, "//") || strings.HasPrefix(rest, "/*")) {
		return true
	}
	before := p.text[:p.start]
	return strings.HasSuffix(before, "/") && (strings.HasPrefix(rest, "/") || strings.HasPrefix(rest, "*"))
}

// nameAt returns the name at an offset, empty where there is none.
func nameAt(text string, offset int) string {
	end := offset
	for end < len(text) && (isLetter(text[end]) || isDigit(text[end])) {
		end++
	}
	return text[offset:end]
}

// nameBefore returns the name that a text ends in.
func nameBefore(text string) string {
	start := len(text)
	for start > 0 && (isLetter(text[start-1]) || isDigit(text[start-1])) {
		start--
	}
	return text[start:]
}
