package main

import (
	"fmt"
	"strings"

	"secco/convert/elastic"
	"secco/convert/minijail"
	"secco/convert/rkeene"
	"secco/convert/seccompiler"
	"secco/lang"
	"secco/linux"
	"secco/source"
)

// loadForeign reads a policy of a kind that other projects have.
func (s *session) loadForeign(f *filter, in input) error {
	arches, err := s.targets()
	if err != nil {
		return err
	}
	switch f.kind {
	case kindRkeene: // names its architectures itself
		p, findings := rkeene.Read(in.file())
		return s.take(f, p, findings)
	case kindElastic:
		p, findings := elastic.Read(in.file(), elastic.Options{Arches: arches})
		return s.take(f, p, findings)
	case kindSeccompiler:
		p, findings := seccompiler.Read(in.file(), seccompiler.Options{Arches: arches, Thread: s.String("thread")})
		return s.take(f, p, findings)
	case kindMinijail:
		return s.loadMinijail(f, in, arches)
	}
	panic(fmt.Sprintf("no reader for kind %s", f.kind))
}

// loadMinijail reads a policy of minijail's with what it includes, and the
// frequencies that it names.
func (s *session) loadMinijail(f *filter, in input, arches []linux.Arch) (err error) {
	opts := minijail.Options{Arches: arches}
	if opts.Default, err = s.action("default-policy"); err != nil {
		return err
	}
	if opts.Negative, err = s.action("default-negative"); err != nil {
		return err
	}
	find, done, err := s.finder([]input{in})
	if err != nil {
		return err
	}
	defer done()
	opts.Find = func(from *source.File, path string) (*source.File, error) {
		rest, isAbsolute := strings.CutPrefix(path, "/")
		if !isAbsolute {
			return find(from, path, false)
		}
		f, err := find(from, strings.TrimLeft(rest, "/"), false)
		if err != nil {
			return nil, fmt.Errorf("%w; %s is looked for below the directories of --include, which may be /", err, path)
		}
		return f, nil
	}
	p, often, findings := minijail.Read(in.file(), opts)
	f.often = often
	return s.take(f, p, findings)
}

// action returns the action that a flag gives, nil where it is not given.
func (s *session) action(flag string) (*linux.Action, error) {
	text := s.String(flag)
	if text == "" {
		return nil, nil
	}
	p, findings := lang.Load([]*source.File{source.NewFile("<"+flag+">", "")}, lang.Options{Defaults: lang.Defaults{Policy: text}})
	if err := findings.Err(); err != nil {
		return nil, err
	}
	return &p.Targets[0].Default.Action, nil
}
