package readers

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"secco/linux"
	"secco/source"
)

// Kind is a form in which a filter is read.
type Kind string

// The kinds.
const (
	Secco Kind = "secco" // a policy in secco's language
	BPF   Kind = "bpf"   // struct sock_filter, as many as there are
	Asm   Kind = "asm"   // a program's text
	OCI   Kind = "oci"   // a runtime's or Docker's profile
	SPO   Kind = "spo"   // a SeccompProfile of the security-profiles-operator

	Rkeene   Kind = "rkeene"   // the language of rkeene's article
	Minijail Kind = "minijail" // minijail's policies
	Elastic  Kind = "elastic"  // the YAML of go-seccomp-bpf

	Seccompiler Kind = "seccompiler" // the JSON that Firecracker uses
)

// Kinds returns all kinds, in a fixed order.
func Kinds() []Kind { return []Kind{Secco, BPF, Asm, OCI, SPO, Rkeene, Minijail, Elastic, Seccompiler} }

// asmStart is how a program's text starts: an instruction, ours or gosecco's, or a
// directive, perhaps after labels. No policy has a statement like that: behind its
// first word comes one of "=", ":", "(", "[", "," and "{".
var asmStart = regexp.MustCompile(`^(\w+:\s*)*(\.\w+|(ldx?|stx?|add|sub|mul|div|mod|and|or|xor|lsh|rsh|neg|ja|jmp|j(eq|ne|neq|gt|ge|lt|le|set)x?|ret|tax|txa)(_(abs|ind|len|imm|mem|k|x|a))?)(\s*$|\s+([^=:([,{\s]|\[\w))`)

// rkeeneStart is a block, which is rkeene's where its name is an architecture's: a
// policy has "arch" before it.
var rkeeneStart = regexp.MustCompile(`^(\w+)\s*\{`)

// What a statement has that only minijail's policies have, and only secco's. Most
// rules of either are the other's, too, so that all lines are asked, in their
// order. A policy of secco's that has a rule for a group has a colon behind it, and
// none behind a set in braces.
var (
	minijailOnly = regexp.MustCompile(`^(` + strings.Join([]string{
		`@(include|default|frequency|denylist)(\s[^:=]*)?$`,
		`\{\s*\w+\s*[\[,}]`,
		`\w+\s*\[arch=`,
		`ARM_[a-z]\w*\s*:`,
		`\w+\s*:\s*(\{|(allow|kill|kill-process|kill-thread|trap|trace|log|user-notify)\s*(#.*)?$)`,
		`\w+\s*:.*\barg[0-5]\s+in\s`,
		`\w+\s*:\s*arg[0-5]\s*&[^=<>!?]*$`,
	}, "|") + `)`)
	seccoOnly = regexp.MustCompile(`^(` + strings.Join([]string{
		`\w+\s*(\(.*\))?\s*=[^=]`,
		`(group|arch|include|base|remove|test|when)\s+[\w@"!(]`,
		`@?\w+(\s*,\s*@?\w+)+\s*[:\[({]`,
		`@?\w+\s*(\(.*\)|\[[-+].*\])?\s*\{`,
		`@?\w+\s*(\(.*\)|\[[-+])`,
		`.*(\bin\s*\(|\bnotIn\b|\barg[LH][0-5]\b|&\?|->)`,
	}, "|") + `)`)
)

// What the first statement of a YAML document is: elastic's, or a Kubernetes
// object.
var (
	elasticStart = regexp.MustCompile(`^(seccomp:\s*(#.*)?|syscalls:\s*(#.*)?|(default_action|no_new_privs|flag)\s*:.*)$`)
	objectStart  = regexp.MustCompile(`^((apiVersion|kind)\s*:.*|(metadata|spec|items)\s*:\s*(\{.*|#.*)?)$`)
)

// startsRkeene reports whether a statement begins rkeene's language.
func startsRkeene(statement []byte) bool {
	m := rkeeneStart.FindSubmatch(statement)
	if m == nil {
		return false
	}
	_, ok := linux.ParseArch(string(m[1]))
	return ok
}

// KindOf tells what a source is: by its name's ending where that says it, else by
// its content. A policy is what is left, for its errors have places.
func KindOf(f *source.File) Kind {
	k, _ := kindOf(f)
	return k
}

// kindOf tells what a source is, and whether it may as well be one of minijail's
// policies: it has nothing but rules that either language has.
func kindOf(f *source.File) (k Kind, orMinijail bool) {
	data := []byte(f.Text())
	switch strings.ToLower(filepath.Ext(f.Name())) {
	case ".secco":
		return Secco, false
	case ".bpf":
		return BPF, false
	case ".asm", ".bpfasm":
		return Asm, false
	case ".policy":
		return Minijail, false
	}
	text := bytes.TrimLeft(data, " \t\r\n\ufeff")
	first, rest := firstStatement(text)
	switch {
	case isBinary(data):
		return BPF, false
	case bytes.HasPrefix(text, []byte("{")) && !minijailOnly.Match(first):
		return kindOfJSON(text), false
	case asmStart.Match(first):
		return Asm, false
	case startsRkeene(first):
		return Rkeene, false
	}
	if bytes.HasPrefix(first, []byte("---")) || bytes.HasPrefix(first, []byte("%YAML")) {
		for bytes.HasPrefix(first, []byte("---")) || bytes.HasPrefix(first, []byte("%")) {
			first, rest = firstStatement(rest)
		}
		if !objectStart.Match(first) {
			return Elastic, false
		}
	}
	switch {
	case elasticStart.Match(first):
		return Elastic, false
	case objectStart.Match(first):
		return SPO, false
	}
	orMinijail = len(first) > 0
	for ; len(first) > 0; first, rest = firstStatement(rest) {
		switch {
		case minijailOnly.Match(first):
			return Minijail, false
		case seccoOnly.Match(first):
			return Secco, false
		}
	}
	return Secco, orMinijail
}

// kindOfJSON tells what an object is by its fields, and by theirs. Where it is none
// that is known it is a profile, or was to be one.
func kindOfJSON(text []byte) Kind {
	fields, below := fieldsOf(text)
	has := func(fields []string, names ...string) bool {
		return slices.ContainsFunc(names, func(n string) bool { return slices.Contains(fields, n) })
	}
	switch {
	case has(fields, "defaultAction", "linux", "ociVersion"):
		return OCI
	case has(fields, "apiVersion", "kind"):
		return SPO
	case has(fields, "default_action") && has(fields, "syscalls"), has(fields, "seccomp") && has(below["seccomp"], "default_action", "syscalls", "policy"),
		has(fields, "policy") && has(below["policy"], "default_action", "syscalls") && !has(below["policy"], "filter"):
		return Elastic
	}
	for _, name := range fields {
		if has(below[name], "mismatch_action", "match_action", "default_action", "filter_action", "filter") {
			return Seccompiler
		}
	}
	return OCI
}

// fieldsOf returns the names of an object's fields and of those of the objects in
// them, as far as the text can be read.
func fieldsOf(text []byte) (fields []string, below map[string][]string) {
	below = map[string][]string{}
	dec := json.NewDecoder(bytes.NewReader(text))
	depth, isKey, inArray := 0, false, []bool{}
	for len(fields) < 1000 {
		tok, err := dec.Token()
		if err != nil {
			break
		}
		switch d, isDelim := tok.(json.Delim); {
		case isDelim && (d == '{' || d == '['):
			depth, inArray, isKey = depth+1, append(inArray, d == '['), d == '{'
			continue
		case isDelim:
			depth, inArray = depth-1, inArray[:len(inArray)-1]
		case isKey:
			if name, ok := tok.(string); ok && depth == 1 {
				fields = append(fields, name)
			} else if ok && depth == 2 && !inArray[0] && !inArray[1] && len(fields) > 0 {
				last := fields[len(fields)-1]
				below[last] = append(below[last], name)
			}
			isKey = false
			continue
		}
		isKey = len(inArray) > 0 && !inArray[len(inArray)-1]
	}
	return fields, below
}

// isBinary reports whether data can't be text; the first instruction of any real
// program holds zero bytes.
func isBinary(data []byte) bool {
	head := data[:min(len(data), 4096)]
	if bytes.IndexByte(head, 0) >= 0 {
		return true
	}
	for len(head) > 0 { // a character may be cut at the end
		r, size := utf8.DecodeRune(head)
		if r == utf8.RuneError && size == 1 && len(head) >= utf8.UTFMax {
			return len(data)%8 == 0
		}
		head = head[size:]
	}
	return false
}

// firstStatement returns the first line that is neither empty nor a comment, as
// policies (#) and programs (; and #) have them, and what follows it.
func firstStatement(text []byte) (first, rest []byte) {
	for len(text) > 0 {
		line, after, _ := bytes.Cut(text, []byte("\n"))
		if line = bytes.TrimSpace(line); len(line) > 0 && line[0] != '#' && line[0] != ';' {
			return line, after
		}
		text = after
	}
	return nil, nil
}
