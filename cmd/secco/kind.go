package main

import (
	"bytes"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"secco/linux"
)

// kind is a form in which a filter is read.
type kind string

const (
	kindSecco kind = "secco" // a policy
	kindBPF   kind = "bpf"   // struct sock_filter, as many as there are
	kindAsm   kind = "asm"   // a program's text
	kindOCI   kind = "oci"   // a runtime's or Docker's profile

	kindRkeene   kind = "rkeene"   // the language of rkeene's article
	kindMinijail kind = "minijail" // minijail's policies
	kindElastic  kind = "elastic"  // the YAML of go-seccomp-bpf

	kindSeccompiler kind = "seccompiler" // the JSON that Firecracker uses

	kindLive kind = "live" // a process's filter; not for --from
)

var kinds = []kind{kindSecco, kindBPF, kindAsm, kindOCI, kindRkeene, kindMinijail, kindElastic, kindSeccompiler}

func kindNames() []string {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = string(k)
	}
	return names
}

// kindOf returns what --from says an input is, or what it looks like.
func (s *session) kindOf(in input) (kind, error) {
	name := s.String("from")
	if name == "" {
		return detect(in), nil
	}
	if k := kind(name); slices.Contains(kinds, k) {
		return k, nil
	}
	return "", badInput("unknown-kind", "no kind of filter is called %q", name).hint("--from is one of %s", strings.Join(kindNames(), ", "))
}

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

// detect tells what an input is: by its name's ending where that says it, else by
// its content. A policy is what is left, for its errors have places.
func detect(in input) kind {
	switch strings.ToLower(filepath.Ext(in.name)) {
	case ".secco":
		return kindSecco
	case ".bpf":
		return kindBPF
	case ".asm", ".bpfasm":
		return kindAsm
	case ".policy":
		return kindMinijail
	}
	text := bytes.TrimLeft(in.data, " \t\r\n\ufeff")
	switch {
	case isBinary(in.data):
		return kindBPF
	case bytes.HasPrefix(text, []byte("{")) && !minijailStart.Match(text):
		if seccompilerKey.Match(text) && !bytes.Contains(text, []byte(`"defaultAction"`)) {
			return kindSeccompiler
		}
		return kindOCI
	}
	first := firstStatement(text)
	switch {
	case asmStart.Match(first):
		return kindAsm
	case startsRkeene(first):
		return kindRkeene
	case elasticStart.Match(first):
		return kindElastic
	case minijailStart.Match(first):
		return kindMinijail
	}
	return kindSecco
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
