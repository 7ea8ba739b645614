package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"secco/linux"
	"secco/source"
)

// maxCase bounds a line of a file of cases.
const maxCase = 1 << 20

// answerCases answers calls, one a line, in their order. It answers each as soon
// as it is read where more does not wait, so that a program can hold a
// conversation with it.
func (s *session) answerCases(j *judge, arch linux.Arch, name string) error {
	in := s.App.Reader
	if name == "-" {
		if s.stdinRead {
			return badInput("usage", "standard input can be read only once")
		}
		name = "<stdin>"
	} else {
		f, err := os.Open(name)
		if err != nil {
			return unreadable(name, err)
		}
		defer f.Close()
		in = f
	}
	r := bufio.NewReaderSize(in, maxCase)
	w := bufio.NewWriter(s.App.Writer)
	for line := 1; ; line++ {
		text, err := r.ReadSlice('\n')
		done := errors.Is(err, io.EOF)
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			err = fmt.Errorf("a case is longer than %d bytes", maxCase)
		case err != nil && !done:
			return errors.Join(w.Flush(), unreadable(name, err))
		default:
			err = answerCase(w, j, arch, text)
		}
		if err != nil {
			if werr := w.Flush(); werr != nil {
				return refused("unwritable", "cannot write to standard output: %s", reason(werr))
			}
			if f := (*failure)(nil); errors.As(err, &f) && f.code != exitBad {
				return f
			}
			return badCase(name, line, text, message(err))
		}
		if done || r.Buffered() == 0 {
			if err := w.Flush(); err != nil {
				return refused("unwritable", "cannot write to standard output: %s", reason(err))
			}
		}
		if done {
			return nil
		}
	}
}

// badCase is a failure by what stands on a line. Lines before it have been
// forgotten: empty ones stand for them.
func badCase(name string, line int, text []byte, message string) *failure {
	text = bytes.TrimRight(text, "\r\n")
	file := source.NewFile(name, strings.Repeat("\n", line-1)+string(text))
	f := &failure{code: exitBad}
	f.findings.Errorf(file.Span(line-1, line-1+len(text)), "bad-case", "%s", message)
	return f
}

// message returns an error's words without what makes it a diagnostic.
func message(err error) string {
	var f *failure
	if errors.As(err, &f) && len(f.findings) > 0 {
		return f.findings[0].Message
	}
	return err.Error()
}

// answerCase answers one line; an empty one needs no answer.
func answerCase(w io.Writer, j *judge, arch linux.Arch, text []byte) error {
	text = bytes.TrimSpace(text)
	if len(text) == 0 {
		return nil
	}
	call, err := parseCase(arch, text)
	if err != nil {
		return err
	}
	verdict, rule, err := j.decide(call)
	if err != nil {
		return err
	}
	_, err = w.Write(answerLine(verdict, rule, call))
	return err
}

// parseCase reads one line of a file of cases.
func parseCase(arch linux.Arch, text []byte) (*linux.SeccompData, error) {
	c, err := caseFields(text)
	if errors.Is(err, io.EOF) {
		return nil, io.ErrUnexpectedEOF
	} else if err != nil {
		return nil, err
	}
	if c["nr"] == nil {
		return nil, errors.New("nr is missing")
	}
	d := &linux.SeccompData{Arch: arch.Audit()}
	if c["arch"] != nil {
		if err := parseCaseArch(d, &arch, c["arch"]); err != nil {
			return nil, err
		}
	}
	word, err := wordOf(c["nr"])
	if err != nil {
		return nil, fmt.Errorf("nr: %w", err)
	}
	if d.NR, err = parseSyscall(arch, word); err != nil && !arch.Valid() {
		return nil, fmt.Errorf("nr: %q is no number, and secco knows no names for architecture %#x", word, d.Arch)
	} else if err != nil {
		return nil, err
	}
	var args []json.RawMessage
	if c["args"] != nil && json.Unmarshal(c["args"], &args) != nil {
		return nil, errors.New("args: not an array")
	}
	if len(args) > len(d.Args) {
		return nil, fmt.Errorf("%d arguments; a call has at most %d", len(args), len(d.Args))
	}
	for i, raw := range args {
		if d.Args[i], err = parseCaseNumber(arch, raw); err != nil {
			return nil, fmt.Errorf("argument %d: %w", i, err)
		}
	}
	if c["ip"] != nil {
		if d.IP, err = parseCaseNumber(arch, c["ip"]); err != nil {
			return nil, fmt.Errorf("ip: %w", err)
		}
	}
	return d, nil
}

// caseFields returns the fields of a case that are not null.
func caseFields(text []byte) (map[string]json.RawMessage, error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	if start, err := dec.Token(); err != nil {
		return nil, err
	} else if start != json.Delim('{') {
		return nil, errors.New("a case is an object")
	}
	fields, seen := map[string]json.RawMessage{}, map[string]bool{}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return nil, err
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return nil, err
		}
		switch name {
		case "arch", "nr", "args", "ip":
		default:
			return nil, fmt.Errorf("no field %q: a case has arch, nr, args and ip", name)
		}
		key := fmt.Sprint(name)
		if seen[key] {
			return nil, fmt.Errorf("%s stands twice", key)
		}
		seen[key] = true
		if string(value) != "null" {
			fields[key] = value
		}
	}
	if _, err := dec.Token(); err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one value on the line")
	}
	return fields, nil
}

// parseCaseArch reads an architecture's name or its AUDIT_ARCH number, which may
// be one that secco does not know: then nr must be a number.
func parseCaseArch(d *linux.SeccompData, arch *linux.Arch, raw json.RawMessage) error {
	word, err := wordOf(raw)
	if err != nil {
		return fmt.Errorf("arch: %w", err)
	}
	if a, ok := linux.ParseArch(word); ok {
		*arch, d.Arch = a, a.Audit()
		return nil
	}
	n, err := parseArgument(0, word)
	if err != nil || n >= 1<<32 {
		return fmt.Errorf("no architecture %q", word)
	}
	d.Arch = uint32(n)
	*arch, _ = linux.ArchOf(d.Arch, 0)
	return nil
}

// wordOf returns a JSON number's digits or a JSON string's content.
func wordOf(raw json.RawMessage) (string, error) {
	var v any
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil {
		return "", err
	}
	switch v := v.(type) {
	case json.Number:
		return v.String(), nil
	case string:
		return v, nil
	}
	return "", fmt.Errorf("%s is neither a number nor a string", raw)
}

func parseCaseNumber(arch linux.Arch, raw json.RawMessage) (uint64, error) {
	word, err := wordOf(raw)
	if err != nil {
		return 0, err
	}
	n, err := parseArgument(arch, word)
	if err != nil {
		return 0, errors.New(message(err))
	}
	return n, nil
}

// answerLine returns a verdict as a line of JSON.
func answerLine(verdict linux.Action, rule source.Span, call *linux.SeccompData) []byte {
	a := struct {
		Ret    string `json:"ret"`
		Action string `json:"action"`
		Rule   string `json:"rule,omitempty"`
	}{Ret: fmt.Sprintf("0x%08x", uint32(verdict)), Action: actionText(verdict, call)}
	if !rule.IsZero() {
		a.Rule = rule.String()
	}
	return jsonLine(a)
}

// callJSON is a call as a line of a file of cases holds it.
type callJSON struct {
	Arch string   `json:"arch"`
	NR   uint32   `json:"nr"`
	Args []string `json:"args"`
	IP   string   `json:"ip"`
}

// callLine returns the case that stands for a call.
func callLine(d *linux.SeccompData) *callJSON {
	c := &callJSON{Arch: fmt.Sprintf("%#x", d.Arch), NR: d.NR, IP: fmt.Sprintf("%#x", d.IP)}
	if a, ok := linux.ArchOf(d.Arch, d.NR); ok {
		c.Arch = a.String()
	}
	for _, arg := range d.Args {
		c.Args = append(c.Args, fmt.Sprintf("%#x", arg))
	}
	return c
}
