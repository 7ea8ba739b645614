package oci

import (
	"bytes"
	"encoding/json"
	"errors"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// Marshal returns a profile's text: indented, fields in the specification's
// order, a newline at the end, the same bytes for the same profile. A profile
// without a default action is an error: runtimes take it for no filter at all.
func Marshal(p *specs.LinuxSeccomp) ([]byte, error) {
	if p == nil || p.DefaultAction == "" {
		return nil, errors.New("a profile without a default action would leave the container unconfined")
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "\t")
	if err := enc.Encode(p); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
