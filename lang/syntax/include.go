package syntax

import (
	"secco/source"
)

// Finder finds the source that another one includes or builds on: by a path as
// it is written there, or by the name of a shipped policy.
type Finder func(from *source.File, path string, shipped bool) (*source.File, error)

// The limits of what one unit brings together.
const (
	maxFiles        = 200
	maxIncludeDepth = 20
	maxTotal        = 4 * maxSize
)

// Resolve reads what the sources include and build on, and what these include,
// into Include.File and Base.File. Nothing is read where find is nil.
func Resolve(files []*File, find Finder) source.Diagnostics {
	r := &resolver{find: find}
	for _, f := range files {
		r.size += len(f.Source.Text())
		r.stmts(f.Stmts, []*source.File{f.Source})
	}
	return r.diags
}

type resolver struct {
	find  Finder
	files int
	size  int
	diags source.Diagnostics
}

// stmts resolves statements of the last source of a chain of includes.
func (r *resolver) stmts(list []Stmt, chain []*source.File) {
	for _, s := range list {
		switch s := s.(type) {
		case *Include:
			s.File = r.file(s.Path, s.PathAt, false, chain)
		case *Base:
			s.File = r.file(s.Path, s.PathAt, !s.Quoted, chain)
		case *ArchBlock:
			r.stmts(s.Stmts, chain)
		case *When:
			r.stmts(s.Stmts, chain)
			r.stmts(s.Else, chain)
		}
	}
}

// file reads a source and what it includes.
func (r *resolver) file(path string, at source.Span, shipped bool, chain []*source.File) *File {
	if r.find == nil {
		r.diags.Errorf(at, "include", "nothing can be included here")
		return nil
	}
	src, err := r.find(chain[len(chain)-1], path, shipped)
	if err != nil {
		r.diags.Errorf(at, "include", "%v", err)
		return nil
	}
	for _, f := range chain {
		if f.Name() == src.Name() {
			r.diags.Errorf(at, "include-cycle", "%s includes itself", src.Name())
			return nil
		}
	}
	r.files++
	r.size += len(src.Text())
	if r.files > maxFiles || r.size > maxTotal || len(chain) > maxIncludeDepth {
		r.diags.Errorf(at, "too-large", "more than %d sources, %d bytes or %d levels are brought together", maxFiles, maxTotal, maxIncludeDepth)
		return nil
	}
	f, diags := Parse(src)
	r.diags = append(r.diags, diags...)
	r.stmts(f.Stmts, append(chain[:len(chain):len(chain)], src))
	return f
}
