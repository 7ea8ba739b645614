package readers

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"secco/oci"
	"secco/source"
)

// Comment returns the comments that belong to a place that the filter was read from,
// from the outermost to that of the place itself, none of them empty: of texts with #
// what stands right above the lines that its line stands in, and behind them, and then
// the same of its line; of JSON what the field "comment" of its object says.
func (f *Filter) Comment(at source.Span) []string {
	if at.IsZero() || f.Kind == BPF || f.Kind == Asm {
		return nil
	}
	if f.Kind == OCI || f.Kind == Seccompiler {
		if text := f.jsonComment(at); text != "" {
			return []string{text}
		}
		return nil
	}
	return f.lineComments(at)
}

// Header returns the comment that a filter's first source begins with, where it is
// not about the statement below: an empty line sets it apart, or what is below is what
// all rules stand in, or is about no rule.
func (f *Filter) Header() string {
	switch {
	case len(f.files) == 0 || f.Kind == BPF || f.Kind == Seccompiler:
		return ""
	case f.Kind == OCI:
		return f.jsonRemark()
	}
	marks := []string{"#"}
	if f.Kind == Asm {
		marks = []string{";", "//"}
	}
	var lines []string
	kept := 0 // lines that are followed by an empty one
	for n := 1; n <= maxAbove; n++ {
		line := strings.TrimSpace(f.files[0].Line(n))
		mark := slices.IndexFunc(marks, func(m string) bool { return strings.HasPrefix(line, m) })
		switch {
		case mark >= 0:
			lines = append(lines, strings.TrimPrefix(line[len(marks[mark]):], " "))
			continue
		case line == "" && len(lines) > 0 && n <= f.lastLine():
			kept = len(lines)
			lines = append(lines, "")
			continue
		case line != "" && f.general(line):
			kept = len(lines)
		}
		break
	}
	return strings.Trim(strings.Join(lines[:kept], "\n"), "\n")
}

// lastLine returns the number of the last line of the first source.
func (f *Filter) lastLine() int { return strings.Count(f.files[0].Text(), "\n") + 1 }

// setting matches lines that are about no rule.
var setting = regexp.MustCompile(`^([A-Z][A-Z0-9_]*\s*=[^=]|@(default|include|frequency|denylist)\b)`)

// general reports whether a line is about the filter as a whole.
func (f *Filter) general(line string) bool {
	switch f.Kind {
	case Elastic, SPO, Rkeene: // whose rules stand further in
		return true
	case Asm:
		return false
	}
	return whole.MatchString(line) || setting.MatchString(line)
}

// maxAbove is how many lines above a place are looked at.
const maxAbove = 1000

// whole matches lines that begin what many rules are in: a comment above one is
// about more than a rule.
var whole = regexp.MustCompile(`^\s*((arch|when)\s.*\{|(seccomp|policy|syscalls|spec):)\s*(#.*)?$`)

func (f *Filter) lineComments(at source.Span) []string {
	file, first := at.File(), at.Position().Line
	var found []string // from the innermost
	add := func(text string) {
		if text = strings.Trim(text, "\n"); text != "" {
			found = append(found, text)
		}
	}
	indent, item := indentOf(file.Line(first)), isItem(file.Line(first))
	if item { // what is said of its fields
		for n := first + maxFields; n > first; n-- {
			if fieldOf(file, first, n) {
				add(trailing(file.Line(n)))
			}
		}
	}
	for n := first; n > 0 && n > first-maxAbove; n-- {
		// The lines in which this one stands are those further to the left, and for an
		// item the one that its list stands under.
		line := file.Line(n)
		within := indentOf(line) < indent || item && indentOf(line) == indent && !isItem(line)
		if n < first && (!isCode(line) || !within) {
			continue
		}
		indent, item = indentOf(line), isItem(line)
		if whole.MatchString(line) || f.Kind == Rkeene && startsRkeene([]byte(strings.TrimSpace(line))) {
			break
		}
		add(trailing(line))
		above := ""
		for i := n - 1; i > 0; i-- {
			text, ok := strings.CutPrefix(strings.TrimSpace(file.Line(i)), "#")
			if !ok {
				break
			}
			above = strings.TrimPrefix(text, " ") + "\n" + above
		}
		add(above)
		if indent == 0 && !item {
			break
		}
	}
	slices.Reverse(found)
	return found
}

// maxFields is how many lines of an item are looked at for its fields.
const maxFields = 8

// fieldOf reports whether a line has a field of the item that begins at another line,
// with no item in between.
func fieldOf(file *source.File, item, line int) bool {
	for n := item + 1; n <= line; n++ {
		if text := file.Line(n); isItem(text) || isCode(text) && indentOf(text) <= indentOf(file.Line(item)) {
			return false
		}
	}
	return isCode(file.Line(line))
}

// isItem reports whether a line begins an item of a list in YAML.
func isItem(line string) bool { return strings.HasPrefix(strings.TrimLeft(line, " "), "- ") }

// indentOf returns how far to the right a line begins. What is an item of a list
// stands in the item.
func indentOf(line string) int {
	rest := strings.TrimLeft(line, " \t")
	return len(line) - len(rest)
}

// isCode reports whether a line is neither empty nor a comment.
func isCode(line string) bool {
	line = strings.TrimSpace(line)
	return line != "" && line[0] != '#'
}

// quoted are texts in which a # is none that begins a comment.
var quoted = regexp.MustCompile(`"(\\.|[^"\\])*"|'[^']*'`)

// trailing returns the comment at the end of a line with something before it.
func trailing(line string) string {
	blank := quoted.ReplaceAllStringFunc(line, func(s string) string { return strings.Repeat("x", len(s)) })
	i := strings.IndexByte(blank, '#')
	if i <= 0 || !strings.ContainsRune(" \t;", rune(blank[i-1])) || !isCode(line) {
		return ""
	}
	return strings.TrimSpace(line[i+1:])
}

// commented is an object of JSON with what its field "comment" says, or all remarks.
type commented struct {
	start, end int
	text       string
}

// objects returns the objects of a JSON text that was read before, so that there are
// no errors; the outermost is the last.
func (f *Filter) objects(file *source.File) []commented {
	list, ok := f.commented[file]
	if !ok {
		in := &commentReader{dec: json.NewDecoder(strings.NewReader(file.Text())), remarks: f.Kind == OCI}
		in.dec.UseNumber()
		in.value()
		list = in.objects
		if f.commented == nil {
			f.commented = map[*source.File][]commented{}
		}
		f.commented[file] = list
	}
	return list
}

// jsonRemark returns what the remarks of a profile as a whole say.
func (f *Filter) jsonRemark() string {
	list := f.objects(f.files[0])
	if len(list) == 0 || f.Profile == nil {
		return ""
	}
	for _, o := range list {
		if o.start == f.Profile.Span.Start() {
			return strings.TrimRight(o.text, "\n")
		}
	}
	return ""
}

func (f *Filter) jsonComment(at source.Span) string {
	inner := -1
	list := f.objects(at.File())
	for i, c := range list {
		if c.start <= at.Start() && at.Start() < c.end && (inner < 0 || c.start > list[inner].start) {
			inner = i
		}
	}
	if inner < 0 || f.Profile != nil && list[inner].start == f.Profile.Span.Start() {
		return "" // or what is said of the whole
	}
	return strings.TrimRight(list[inner].text, "\n")
}

// commentReader finds the comments in a JSON text that was read before.
type commentReader struct {
	dec     *json.Decoder
	remarks bool // not only what "comment" says
	objects []commented
}

// value reads a value with the objects in it.
func (r *commentReader) value() {
	tok, err := r.dec.Token()
	if err != nil {
		return
	}
	switch tok {
	case json.Delim('['):
		for r.dec.More() {
			r.value()
		}
		_, _ = r.dec.Token()
	case json.Delim('{'):
		o := commented{start: int(r.dec.InputOffset()) - 1}
		for r.dec.More() {
			key, err := r.dec.Token()
			if err != nil {
				return
			}
			if name, _ := key.(string); name == "comment" || r.remarks && oci.IsRemark(name) && name != "$schema" {
				r.remark(&o)
			} else {
				r.value()
			}
		}
		_, _ = r.dec.Token()
		o.end = int(r.dec.InputOffset())
		r.objects = append(r.objects, o)
	}
}

// remark reads what a remark says of its object: a text, or several in a list.
func (r *commentReader) remark(o *commented) {
	for depth := 0; ; {
		tok, err := r.dec.Token()
		if err != nil {
			return
		}
		switch tok := tok.(type) {
		case json.Delim:
			if tok == '[' || tok == '{' {
				depth++
			} else {
				depth--
			}
		case string:
			o.text += tok + "\n"
		}
		if depth == 0 {
			return
		}
	}
}
