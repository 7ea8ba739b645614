package lang

import (
	"secco/lang/syntax"
	"secco/source"
)

// Canonical returns a policy's canonical text, comments kept: what `secco fmt`
// prints. The error holds what is no policy's form.
func Canonical(text string) (string, error) {
	file, findings := syntax.Parse(source.NewFile("", text))
	if err := findings.Err(); err != nil {
		return "", err
	}
	return syntax.Print(file), nil
}
