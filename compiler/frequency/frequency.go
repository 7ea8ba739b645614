// Package frequency reads how often syscalls are called, for the compiler to
// find the frequent ones early: minijail's frequency files, and what strace -c
// and perf trace -s print.
package frequency

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"secco/linux"
	"secco/source"
)

// Table holds, per architecture and number, how often a syscall is called.
type Table map[linux.Arch]map[uint32]float64

// Read returns what a file says, several summaries being added up. The calls are
// those of arch, but where strace says that they are of another mode of x86. A
// syscall that the architecture does not have is a warning; a line that is not
// understood is an error, and the table then nil.
func Read(f *source.File, arch linux.Arch) (Table, source.Diagnostics) {
	r := reader{file: f, arch: arch, native: arch, table: Table{}}
	at := 0
	for line := range strings.Lines(f.Text()) {
		r.line(strings.TrimRight(line, "\r\n"), at)
		at += len(line)
	}
	if r.found.HasErrors() {
		return nil, r.found
	}
	if len(r.table) == 0 {
		r.found.Errorf(f.Span(0, 0), "no-frequencies", "no syscall frequencies in %s", f.Name())
		return nil, r.found
	}
	return r.table, r.found
}

type format uint8

const (
	minijail format = iota // NAME: COUNT
	strace                 // columns, as the head says
	perf                   // name, calls, and times
)

// traced are lines about single calls, which strace -C and perf trace -S print
// before they sum up, and what else strace says meanwhile.
var traced = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(\[pid +\d+\] |[\d:.+ ])*([a-z_][a-z0-9_]*\(|<\.\.\. |\+\+\+ |--- SIG|\?{4}\()|^strace: |^ *(\d+\.\d+|\?) \(`)
})

type reader struct {
	file   *source.File
	arch   linux.Arch // of the calls that come
	native linux.Arch
	format format
	head   string // of strace's columns, until the rule below says where they are
	name   [2]int // where the column of the names begins and ends
	count  [2]int // and that of the calls
	table  Table
	found  source.Diagnostics
}

// line reads one line, which begins at this offset.
func (r *reader) line(text string, at int) {
	words := strings.Fields(text)
	switch {
	case len(words) == 0, strings.HasPrefix(words[0], "#"):
	case len(words) > 2 && words[0] == "syscall" && words[1] == "calls" && slices.Contains(words, "avg"):
		r.format = perf
	case slices.Contains(words, "syscall") && slices.Contains(words, "calls"):
		r.format, r.head = strace, text
	case strings.HasPrefix(text, "System call usage summary for "):
		r.mode(text, at)
	case rule(words):
		r.columns(text)
	case traced().MatchString(text):
	case r.format == strace:
		r.strace(text, at)
	case r.format == perf && len(words) > 2:
		r.perf(text, words, at)
	case r.format == perf, strings.HasPrefix(text, " Summary of events"):
	case strings.Contains(text, " events, ") && strings.HasSuffix(text, "%"): // of one thread
	default:
		r.minijail(text, at)
	}
}

// rule reports whether a line is made of dashes, as under a table's head.
func rule(words []string) bool {
	for _, w := range words {
		if strings.Trim(w, "-") != "" {
			return false
		}
	}
	return true
}

// mode reads which mode of x86 a summary of strace is about.
func (r *reader) mode(text string, at int) {
	switch mode := strings.TrimSuffix(strings.TrimPrefix(text, "System call usage summary for "), ":"); mode {
	case "64 bit mode":
		r.arch = r.native
	case "32 bit mode":
		r.arch = linux.I386
	case "x32 mode":
		r.arch = linux.X32
	default:
		r.error(text, text, at)
	}
}

// columns finds where strace's columns are: as long as what is below the head.
func (r *reader) columns(text string) {
	if r.head == "" {
		return
	}
	begin := 0
	for i := range text + " " {
		if i < len(text) && text[i] == '-' {
			continue
		}
		if i > begin {
			switch column := [2]int{begin, i}; strings.TrimSpace(r.head[min(begin, len(r.head)):min(i, len(r.head))]) {
			case "syscall":
				if r.name = column; i == len(text) { // the last one
					r.name[1] = math.MaxInt
				}
			case "calls":
				r.count = column
			}
		}
		begin = i + 1
	}
	r.head = ""
}

// strace reads a line of a table.
func (r *reader) strace(text string, at int) {
	cut := func(column [2]int) string {
		return strings.TrimSpace(text[min(column[0], len(text)):min(column[1], len(text))])
	}
	name, count := cut(r.name), cut(r.count)
	switch {
	case name == "" || count == "" || strings.ContainsAny(name+count, " \t"):
		r.error(text, text, at)
	case name != "total":
		r.add(text, name, count, at)
	}
}

// perf reads a line of a table, or one about a thread between two.
func (r *reader) perf(text string, words []string, at int) {
	switch {
	case strings.HasPrefix(words[0], "("), strings.HasSuffix(text, "%") && strings.Contains(text, " events, "), words[0] == "Summary":
	default:
		r.add(text, words[0], words[1], at)
	}
}

func (r *reader) minijail(text string, at int) {
	text, _, _ = strings.Cut(text, "#")
	name, count, ok := strings.Cut(text, ":")
	if !ok {
		r.error(text, text, at)
		return
	}
	r.add(text, strings.TrimSpace(name), strings.TrimSpace(count), at)
}

// add notes a count of the syscall of a name.
func (r *reader) add(text, name, count string, at int) {
	n, err := strconv.ParseFloat(count, 64)
	if err != nil || !(n >= 0) || math.IsInf(n, 1) {
		r.error(text, count, at)
		return
	}
	nr, ok := r.arch.Syscall(name)
	switch {
	case ok:
	case linux.SyscallKnown(name), r.format != minijail:
		r.found.Warnf(r.span(text, name, at), "unknown-syscall", "no syscall named %q on %s", name, r.arch)
		return
	default:
		r.found.Errorf(r.span(text, name, at), "unknown-syscall", "no syscall named %q", name)
		return
	}
	if r.table[r.arch] == nil {
		r.table[r.arch] = map[uint32]float64{}
	}
	r.table[r.arch][nr] += n
}

// error notes that a part of a line is not understood.
func (r *reader) error(text, part string, at int) {
	if len(part) > 40 {
		part = part[:40]
	}
	r.found.Errorf(r.span(text, part, at), "frequency", "expected how often a syscall is called, found %q", part)
}

// span returns where a part of a line is.
func (r *reader) span(text, part string, at int) source.Span {
	i := max(0, strings.Index(text, part))
	return r.file.Span(at+i, at+i+len(part))
}
