package main

import (
	"encoding/base64"
	"go/token"
	"path/filepath"
	"strings"

	"secco/bpf/asm"
	"secco/compiler"
)

func writeAsm(s *session, f *filter, out *compiler.Output) error {
	return s.write([]byte(asm.Print(out.Program, s.printing(f, out))))
}

// writeBase64 writes the program as crun's annotation run.oci.seccomp_bpf_data
// takes it.
func writeBase64(s *session, f *filter, out *compiler.Output) error {
	data, err := encoded(s, f, out)
	if err != nil {
		return err
	}
	return s.write([]byte(base64.StdEncoding.EncodeToString(data) + "\n"))
}

// programJSON is a program as --format json writes it.
type programJSON struct {
	Arches       []string          `json:"arches,omitempty"`
	Instructions []instructionJSON `json:"instructions"`
}

type instructionJSON struct {
	Code  uint16   `json:"code"`
	Jt    uint8    `json:"jt"`
	Jf    uint8    `json:"jf"`
	K     uint32   `json:"k"`
	Rules []string `json:"rules,omitempty"`
}

func writeProgramJSON(s *session, f *filter, out *compiler.Output) error {
	var p programJSON
	if f.policy != nil {
		for _, t := range f.policy.Targets {
			p.Arches = append(p.Arches, t.Arch.String())
		}
	}
	for i, in := range out.Program {
		j := instructionJSON{Code: in.Op, Jt: in.Jt, Jf: in.Jf, K: in.K}
		if i < len(out.Origins) {
			for _, span := range out.Origins[i] {
				j.Rules = append(j.Rules, span.String())
			}
		}
		p.Instructions = append(p.Instructions, j)
	}
	return s.write(jsonLine(p))
}

func writeC(s *session, f *filter, out *compiler.Output) error {
	opts, err := s.listing(f, out)
	if err != nil {
		return err
	}
	return s.write([]byte(asm.PrintC(out.Program, opts)))
}

func writeGo(s *session, f *filter, out *compiler.Output) error {
	opts, err := s.listing(f, out)
	if err != nil {
		return err
	}
	opts.Package = strings.ToLower(strings.ReplaceAll(opts.Name, "_", ""))
	if s.String("name") == "" {
		opts.Name = camelCase(opts.Name)
	}
	return s.write([]byte(asm.PrintGo(out.Program, opts)))
}

// camelCase joins words that underscores part as Go does.
func camelCase(name string) string {
	first, rest, _ := strings.Cut(name, "_")
	for word := range strings.SplitSeq(rest, "_") {
		if word != "" {
			first += strings.ToUpper(word[:1]) + word[1:]
		}
	}
	return first
}

// listing returns how a listing shows the program, under the name that --name
// gives it, by default one made of the filter's.
func (s *session) listing(f *filter, out *compiler.Output) (asm.Options, error) {
	opts := s.printing(f, out)
	var err error
	opts.Name, err = s.arrayName(f)
	return opts, err
}

// arrayName returns --name, or an identifier made of the filter's name.
func (s *session) arrayName(f *filter) (string, error) {
	if name := s.String("name"); name != "" {
		if !token.IsIdentifier(name) || strings.ContainsFunc(name, func(r rune) bool { return r > 0x7f }) {
			return "", badInput("usage", "%q is no name for an array", name)
		}
		return name, nil
	}
	base := filepath.Base(f.name)
	base = strings.TrimSuffix(base, filepath.Ext(base))
	name := strings.Trim(strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '_':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return '_'
	}, base), "_")
	if name == "" || name == "stdin" {
		return "filter", nil
	}
	if !strings.HasSuffix(name, "filter") {
		name += "_filter" // so that it is no keyword
	}
	if name[0] >= '0' && name[0] <= '9' {
		name = "filter_" + name
	}
	return name, nil
}
