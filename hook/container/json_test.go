package container_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"secco/hook/container"
)

// What runtimes read differently is refused wherever secco reads it: of the texts
// here crun would have taken another filter than runc, or the other one of two.
func TestAmbiguousJSON(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "open.secco"), "DEFAULT_POSITIVE = allow\nDEFAULT_NEGATIVE = allow\nDEFAULT_POLICY = allow\nread: 1\n")
	choice := container.Choice{Dir: dir, Default: "open"}
	path := filepath.Join(dir, "config.json")
	readers := []struct {
		name string
		read func(text string) error
	}{
		{"ParseConfig", func(text string) error { _, err := container.ParseConfig([]byte(text)); return err }},
		{"ReadConfig", func(text string) error {
			writeFile(t, path, text)
			_, err := container.ReadConfig(path)
			return err
		}},
		{"Precreate", func(text string) error { _, err := container.Precreate(strings.NewReader(text), choice); return err }},
		{"Prepare", func(text string) error {
			writeFile(t, path, text)
			_, err := container.Wrapper{Choice: choice}.Prepare(container.Invocation{Command: "create", Config: path})
			if after, _ := os.ReadFile(path); err != nil && string(after) != text {
				t.Errorf("%v, but config.json was changed to %s", err, after)
			}
			return err
		}},
		{"Gate", func(text string) error {
			writeFile(t, path, text)
			return container.Gate(&specs.State{Bundle: dir}, choice)
		}},
		{"ReadState", func(text string) error { _, err := container.ReadState(strings.NewReader(text)); return err }},
		{"ReadSettings", func(text string) error { // it knows no other field
			writeFile(t, path, text)
			_, err := container.ReadSettings(path)
			return err
		}},
	}
	state := fmt.Sprintf(`"status":"creating","pid":%d,"bundle":%s`, os.Getpid(), quote(dir))
	document := func(annotations, more string) string {
		return `{"ociVersion":"1.0.2",` + state + `,"annotations":{` + annotations + `},"linux":{"seccomp":{"defaultAction":"SCMP_ACT_ALLOW"}}` + more + `}`
	}
	const program = `"run.oci.seccomp_bpf_data":"BgAAAAAA/38="`
	for _, c := range []struct{ name, text, want string }{
		{"NUL in an annotation's name", document(`"run.oci.seccomp_bpf_data\u0000x":"BgAAAAAA/38="`, ``), `"annotations": the string "run.oci.seccomp_bpf_data\x00x" holds a NUL`},
		{"NUL in an annotation", document(`"a":"b\u0000"`, ``), `"annotations": "a": the string "b\x00" holds a NUL`},
		{"NUL in a field's name", document(``, `,"linux\u0000":{}`), "holds a NUL"},
		{"NUL deep down", document(``, `,"process":{"args":["sh",["\u0000"]]}`), `"process": "args": the string "\x00" holds a NUL`},
		{"a NUL as it is", document("\"a\":\"b\x00\"", ``), "invalid character"},
		{"a NUL behind", document(``, ``) + "\x00", "invalid character"},
		{"an annotation twice", document(program+`,`+program, ``), `"annotations": the field "run.oci.seccomp_bpf_data" is there twice`},
		{"an annotation twice, once by escapes", document(program+`,"\u0072un.oci.seccomp_bpf_data":""`, ``), "is there twice"},
		{"a field twice", document(``, `,"linux":{}`), `the field "linux" is there twice`},
		{"a field of linux twice", document(``, `,"x":1,"process":{"noNewPrivileges":true,"noNewPrivileges":false}`), `"process": the field "noNewPrivileges" is there twice`},
		{"a field in an array twice", document(``, `,"mounts":[{"type":"a"},{"type":"b","type":"c"}]`), `"mounts": the field "type" is there twice`},
		{"a field in two cases", document(``, `,"Linux":{}`), `"linux" is there twice, also as "Linux"`},
		{"a field in two cases, by a letter of another alphabet", document(``, `,"annotation\u017f":{}`), "is there twice, also as"},
		{"half a surrogate pair", document(`"\ud800":""`, ``), "half of a surrogate pair"},
		{"half a surrogate pair, in upper case", document(`"a\uD800":""`, ``), "half of a surrogate pair"},
		{"the other half", document(`"a":"x\udc00"`, ``), "half of a surrogate pair"},
		{"halves in the wrong order", document(`"a":"\udc00\ud800"`, ``), "half of a surrogate pair"},
		{"two first halves", document(`"a":"\ud83d\ud83d\ude00"`, ``), "half of a surrogate pair"},
		{"a half before another escape", document(`"a":"\ud800\n"`, ``), "half of a surrogate pair"},
		{"a half behind a pair", document(`"a":"\ud83d\ude00\ude00"`, ``), "half of a surrogate pair"},
		{"not UTF-8", document("\"a\":\"\xff\"", ``), "is not UTF-8"},
		{"a surrogate in UTF-8", document("\"a\":\"\xed\xa0\x80\"", ``), "is not UTF-8"},
		{"an overlong NUL", document("\"a\xc0\x80\":\"\"", ``), "is not UTF-8"},
		{"a byte order mark", "\ufeff" + document(``, ``), "invalid character"},
		{"a comment", "/* */" + document(``, ``), "invalid character"},
		{"a comment within", document(`"a":"b"/**/`, ``), "invalid character"},
		{"a trailing comma", document(`"a":"b",`, ``), "invalid character"},
		{"a vertical tab", "\v" + document(``, ``), "invalid character"},
		{"no strict number", document(``, `,"x":010`), "invalid character"},
		{"not a number", document(``, `,"x":NaN`), "invalid character"},
		{"two documents", document(``, ``) + document(``, ``), "after top-level value"},
		{"half a document", document(``, ``)[:40], "unexpected end"},
		{"nested deeply", document(``, `,"x":`+strings.Repeat("[", 65)+strings.Repeat("]", 65)), "nested more than 64 deep"},
		{"nested without end", document(``, `,"x":`+strings.Repeat(`{"":`, 1<<15)), "depth"},
		{"no object", "[]", "no JSON object"},
		{"null", "null", "no JSON object"},
		{"nothing", "", "unexpected end"},
	} {
		for _, r := range readers {
			if err := r.read(c.text); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %s: %.300v, want %q", c.name, r.name, err, c.want)
			}
		}
	}
	for _, c := range []struct{ name, text string }{
		{"plain", document(``, ``)},
		{"a backslash before u0000", document(`"a":"\\u0000","\\\\ud800":""`, ``)},
		{"a surrogate pair", document(`"a":"\ud83d\ude00\uD83D\uDE00"`, ``)},
		{"the replacement character", document(`"a\ufffd":"`+"\ufffd\ufffd"+`\\ud800"`, ``)},
		{"annotations in two cases", document(`"a":"b","A":"B"`, ``)},
		{"the same name in two objects", document(`"linux":"b"`, `,"x":[{"a":{"a":1}},{"a":1}]`)},
		{"a number beyond all", document(``, `,"x":1e999,"y":123456789012345678901234567890,"z":-0.0`)},
		{"spaces", " \t\r\n" + document(" \"a\" :\t\"\\ufffd\"\n,\n\"b\" : \"\" ", ``) + "\n"},
	} {
		for _, r := range readers {
			if r.name == "ReadSettings" {
				continue
			}
			if err := r.read(c.text); err != nil {
				t.Errorf("%s: %s: %v", c.name, r.name, err)
			}
		}
	}
	// Numbers that secco doesn't know stay as they were written.
	out, err := container.Precreate(strings.NewReader(document(``, `,"x":1e999`)), choice)
	if err != nil || !strings.Contains(string(out), `"x":1e999`) || !json.Valid(out) {
		t.Errorf("%s, %v", out, err)
	}
}

// Fields are refused in two cases wherever secco reads fields.
func TestFoldedFields(t *testing.T) {
	for _, object := range []string{"process", "linux", "hooks"} {
		_, err := container.ParseConfig(fmt.Appendf(nil, `{%q:{"seccomp":null,"noNewPrivileges":null,"SECCOMP":{}}}`, object))
		if err == nil || !strings.Contains(err.Error(), object+`: the field "seccomp" is there twice, also as "SECCOMP"`) {
			t.Errorf("%s: %v", object, err)
		}
	}
}
