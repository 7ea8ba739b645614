package policies

import (
	"crypto/sha256"
	"fmt"
	"path/filepath"
	"strings"

	"secco/lang/syntax"
	"secco/source"
)

// Sums returns the content of NAME.sha256, by which the program NAME.bpf stands for the
// policy NAME.secco beside it: their sums, as sha256sum prints them in their directory.
// Whatever changes one of the files makes the program one that nothing vouches for,
// whenever it was written.
//
// It is an error where the text says what no program holds: how it is to be installed,
// guards, and other files. That the program is what was compiled from the text is the
// caller's word.
func Sums(name string, text, program []byte) ([]byte, error) {
	file, findings := syntax.Parse(source.NewFile(name+extText, string(text)))
	if err := findings.Err(); err != nil {
		return nil, err
	}
	var unsaid error
	find := func(n syntax.Node) bool {
		what := ""
		switch n.(type) {
		case *syntax.Flags, *syntax.NoNewPrivs, *syntax.Listener:
			what = "says how it is to be installed"
		case *syntax.Include, *syntax.Base:
			what = "builds on another file"
		case *syntax.When:
			what = "has guards, which are decided where it is put on"
		}
		if what != "" && unsaid == nil {
			unsaid = fmt.Errorf("%v: no program stands for a policy that %s", n.Span(), what)
		}
		return unsaid == nil
	}
	for _, stmt := range file.Stmts {
		syntax.Walk(stmt, find)
	}
	if unsaid != nil {
		return nil, unsaid
	}
	return sumsOf(name, text, program), nil
}

// SumsFile returns the name of the file of sums for a policy and a program, which have
// to be NAME.secco and NAME.bpf of one directory, and NAME.
func SumsFile(text, program string) (file, name string, err error) {
	stem, isText := strings.CutSuffix(filepath.Clean(text), extText)
	other, isProgram := strings.CutSuffix(filepath.Clean(program), extProgram)
	if name = filepath.Base(stem); !isText || !isProgram || stem != other || !IsName(name) {
		return "", "", fmt.Errorf("a program stands for a policy beside it: NAME%s for NAME%s", extProgram, extText)
	}
	return stem + extSums, name, nil
}

func sumsOf(name string, text, program []byte) []byte {
	return fmt.Appendf(nil, "%x  %s\n%x  %s\n", sha256.Sum256(text), name+extText, sha256.Sum256(program), name+extProgram)
}
