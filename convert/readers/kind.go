package readers

import (
	"bytes"
	"path/filepath"
	"regexp"
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

	Rkeene   Kind = "rkeene"   // the language of rkeene's article
	Minijail Kind = "minijail" // minijail's policies
	Elastic  Kind = "elastic"  // the YAML of go-seccomp-bpf

	Seccompiler Kind = "seccompiler" // the JSON that Firecracker uses
)

// Kinds returns all kinds, in a fixed order.
func Kinds() []Kind { return []Kind{Secco, BPF, Asm, OCI, Rkeene, Minijail, Elastic, Seccompiler} }

// asmStart is how a program's text starts: an instruction, ours or gosecco's, or a
// directive, perhaps after labels. No policy has a statement like that: behind its
// first word comes one of "=", ":", "(", "[", "," and "{".
var asmStart = regexp.MustCompile(`^(\w+:\s*)*(\.\w+|(ldx?|stx?|add|sub|mul|div|mod|and|or|xor|lsh|rsh|neg|ja|jmp|j(eq|ne|neq|gt|ge|lt|le|set)x?|ret|tax|txa)(_(abs|ind|len|imm|mem|k|x|a))?)(\s*$|\s+([^=:([,{\s]|\[\w))`)

// rkeeneStart is a block, which is rkeene's where its name is an architecture's: a
// policy has "arch" before it. minijailStart is one of minijail's directives, or a
// rule as only minijail has it; a policy's rule for a group has a colon.
var (
	rkeeneStart   = regexp.MustCompile(`^(\w+)\s*\{`)
	minijailStart = regexp.MustCompile(`^(@(include|default|frequency|denylist)(\s[^:]*)?$|\{\s*\w+\s*[\[,}]|\w+\s*(\[arch=[^\]]*\]\s*)?:\s*(allow|kill|kill-process|kill-thread|trap|trace|log|user-notify)\s*(#.*)?$)`)
	// seccompilerKey is a key that every filter of seccompiler's has.
	seccompilerKey = regexp.MustCompile(`"(mismatch_action|default_action)"\s*:`)
	elasticStart   = regexp.MustCompile(`^(---|seccomp:\s*(#.*)?|syscalls:\s*(#.*)?|(default_action|no_new_privs|flag)\s*:.*)$`)
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
	data := []byte(f.Text())
	switch strings.ToLower(filepath.Ext(f.Name())) {
	case ".secco":
		return Secco
	case ".bpf":
		return BPF
	case ".asm", ".bpfasm":
		return Asm
	case ".policy":
		return Minijail
	}
	text := bytes.TrimLeft(data, " \t\r\n\ufeff")
	switch {
	case isBinary(data):
		return BPF
	case bytes.HasPrefix(text, []byte("{")) && !minijailStart.Match(text):
		if seccompilerKey.Match(text) && !bytes.Contains(text, []byte(`"defaultAction"`)) {
			return Seccompiler
		}
		return OCI
	}
	first := firstStatement(text)
	switch {
	case asmStart.Match(first):
		return Asm
	case startsRkeene(first):
		return Rkeene
	case elasticStart.Match(first):
		return Elastic
	case minijailStart.Match(first):
		return Minijail
	}
	return Secco
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
// policies (#) and programs (; and #) have them.
func firstStatement(text []byte) []byte {
	for line := range bytes.Lines(text) {
		line = bytes.TrimSpace(line)
		if len(line) > 0 && line[0] != '#' && line[0] != ';' {
			return line
		}
	}
	return nil
}
