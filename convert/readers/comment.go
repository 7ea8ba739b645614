package readers

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"secco/oci"
	"secco/source"
)

// Comment returns the comment that belongs to a place that the filter was read
// from, "" where there is none: of texts with # what stands right above its line
// and above the lines that its line stands in, and behind it; of JSON what the
// field "comment" of its object says.
func (f *Filter) Comment(at source.Span) string {
	if at.IsZero() || f.Kind == BPF || f.Kind == Asm {
		return ""
	}
	if f.Kind == OCI || f.Kind == Seccompiler {
		return f.jsonComment(at)
	}
	return f.lineComment(at)
}

// Header returns the comment that a filter's first source begins with, where an
// empty line follows that sets it apart.
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
	for n := 1; ; n++ {
		line := strings.TrimSpace(f.files[0].Line(n))
		mark := slices.IndexFunc(marks, func(m string) bool { return strings.HasPrefix(line, m) })
		switch {
		case mark >= 0:
			lines = append(lines, strings.TrimPrefix(line[len(marks[mark]):], " "))
		case line == "" && len(lines) > 0:
			return strings.Join(lines, "\n")
		default:
			return ""
		}
	}
}

// maxAbove is how many lines above a place are looked at.
const maxAbove = 1000

// whole matches lines that begin what many rules are in: a comment above one is
// about more than a rule.
var whole = regexp.MustCompile(`^\s*((arch|when)\s.*\{|(seccomp|policy|syscalls|spec):)\s*(#.*)?$`)

func (f *Filter) lineComment(at source.Span) string {
	file, first := at.File(), at.Position().Line
	lines := []string{trailing(file.Line(first))}
	indent := indentOf(file.Line(first))
	for n := first; n > 0 && n > first-maxAbove; n-- {
		// The lines in which this one stands are those further to the left.
		line := file.Line(n)
		if n < first && (!isCode(line) || indentOf(line) >= indent) {
			continue
		}
		indent = indentOf(line)
		if whole.MatchString(line) || f.Kind == Rkeene && startsRkeene([]byte(strings.TrimSpace(line))) {
			break
		}
		for above := n - 1; above > 0; above-- {
			text, ok := strings.CutPrefix(strings.TrimSpace(file.Line(above)), "#")
			if !ok {
				break
			}
			lines = append(lines, strings.TrimPrefix(text, " "))
		}
		if indent == 0 {
			break
		}
	}
	slices.Reverse(lines)
	return strings.Trim(strings.Join(lines, "\n"), "\n")
}

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
