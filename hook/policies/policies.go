// Package policies finds filters by file or by name: policies as text, programs
// and profiles.
package policies

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"secco/bpf"
	"secco/compiler"
	"secco/convert"
	"secco/hook"
	"secco/lang"
	"secco/linux"
	"secco/oci"
	"secco/policy"
	"secco/profiles"
	"secco/source"
)

// MaxSize bounds what is read of one file, in bytes. Real policies are a
// hundredth of it.
const MaxSize = 4 << 20

// The endings of what is read: a program, a policy's text, an OCI profile.
const (
	extProgram = ".bpf"
	extText    = ".secco"
	extProfile = ".json"
	extSums    = ".sha256" // of a text and its program: see [Sums]
)

// extensions are tried in this order where a name has several files.
var extensions = []string{extProgram, extText, extProfile}

// A Filter is a program, and what is known of where it comes from.
type Filter struct {
	Name     string // of the file, or "NAME (shipped)"
	Program  bpf.Program
	Options  hook.Options       // as the policy asks for; zero for a program
	Policy   *policy.Policy     // nil for a program
	Profile  *oci.Profile       // resolved for this machine; nil where it was none
	Warnings source.Diagnostics // of reading the policy
}

// A Store is where policies are looked up by name.
type Store struct {
	Dir     string // a directory of *.bpf, *.secco and *.json
	Shipped bool   // whether the policies that secco ships stand behind it
	Meaning bool   // whether a policy is needed, so that precompiled programs are passed over
	// Capabilities returns those, such as CAP_SYS_ADMIN, of the process that the filter
	// is for. It is asked where a policy or profile may have guards, and its error is
	// Load's. Without it there are none.
	Capabilities func() ([]string, error)
}

// maxName bounds the length of names.
const maxName = 128

// IsName reports whether s is a name rather than a file: a file holds a slash or
// has one of the known endings.
func IsName(s string) bool {
	if s == "" || len(s) > maxName || slices.Contains(extensions, filepath.Ext(s)) {
		return false
	}
	for i, r := range s {
		alphanumeric := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
		if !alphanumeric && (i == 0 || !strings.ContainsRune("._@+-", r)) {
			return false
		}
	}
	return true
}

// Load returns the filter of a name: NAME.bpf, NAME.secco or NAME.json of the
// directory, else the shipped one. No name and no symbolic link leads out of the
// directory.
//
// A program beside a text is preferred where NAME.sha256 vouches for both, see [Sums];
// else it is passed over. Guards that ask for the kernel, a policy's and a Docker
// profile's, are about the running one. What a text includes or builds on is a file of
// the directory as well, or a shipped policy.
func (s Store) Load(name string) (*Filter, error) {
	if !IsName(name) {
		return nil, fmt.Errorf("%q is no policy's name", name)
	}
	root, err := os.OpenRoot(s.Dir)
	if err == nil {
		defer func() { _ = root.Close() }()
		var f *Filter
		if f, err = s.load(root, name); err == nil {
			return f, nil
		}
	}
	if errors.Is(err, fs.ErrNotExist) && s.Shipped {
		if text, ok := profiles.Lookup(name); ok {
			return s.compile(source.NewFile(name+" (shipped)", string(text)), nil)
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("no policy %q in %s: %w", name, s.Dir, fs.ErrNotExist)
	}
	return nil, err
}

// LoadFile returns the filter in a file, of any directory; the ending says what it
// is. Beside a text a program is preferred where [Store.Load] does. What a text
// includes is in the directory of the file, as it was named, or below it.
func (s Store) LoadFile(path string) (*Filter, error) {
	path = filepath.Clean(path)
	ext := filepath.Ext(path)
	if !slices.Contains(extensions, ext) {
		return nil, fmt.Errorf("%s: a policy ends in .secco, a program in .bpf, a profile in .json", path)
	}
	dir := filepath.Dir(path)
	base := filepath.Base(path)
	if ext == extText && !s.Meaning {
		if f := s.precompiled(openPath, dir, strings.TrimSuffix(base, ext)); f != nil {
			return f, nil
		}
	}
	data, err := read(openPath, dir, base)
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }()
	return s.decode(path, data, root)
}

// An opener opens a file of a directory.
type opener func(dir, name string) (*os.File, error)

func openPath(dir, name string) (*os.File, error) {
	return os.OpenFile(filepath.Join(dir, name), os.O_RDONLY|unix.O_NONBLOCK, 0)
}

// load returns the first of a name's files that there is.
func (s Store) load(root *os.Root, name string) (*Filter, error) {
	dir := filepath.Clean(s.Dir)
	open := func(_, name string) (*os.File, error) {
		return root.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK, 0)
	}
	if !s.Meaning {
		if f := s.precompiled(open, dir, name); f != nil {
			return f, nil
		}
	}
	_, textErr := root.Stat(name + extText)
	for _, ext := range extensions {
		if ext == extProgram && (s.Meaning || textErr == nil) {
			continue // nothing vouches for it
		}
		data, err := read(open, dir, name+ext)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		return s.decode(filepath.Join(dir, name+ext), data, root)
	}
	return nil, fs.ErrNotExist
}

// refers finds texts that may take in others, which may say anything.
var refers = lazy(`(?m)^[^#\n]*\b(include|base)\b`)

// mayGuard finds texts that may have guards.
var mayGuard = lazy(`(?m)^[^#\n]*\bwhen\b`)

// lazy returns an expression that is compiled when it is needed: containers wait
// for secco-wrap to start.
func lazy(expression string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expression) })
}

// precompiled returns the program beside a text, nil where there is none that is
// known to be all that the text says.
func (s Store) precompiled(open opener, dir, name string) *Filter {
	sums, err := read(open, dir, name+extSums)
	if err != nil {
		return nil
	}
	text, err := read(open, dir, name+extText)
	if err != nil {
		return nil
	}
	program, err := read(open, dir, name+extProgram)
	if err != nil || !bytes.Equal(sums, sumsOf(name, text, program)) {
		return nil
	}
	f, err := s.decode(filepath.Join(dir, name+extProgram), program, nil)
	if err != nil {
		return nil
	}
	return f
}

// read returns a whole file, if it is a regular one and not too large.
func read(open opener, dir, name string) ([]byte, error) {
	f, err := open(dir, name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, name)
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file", path)
	}
	data, err := io.ReadAll(io.LimitReader(f, MaxSize+1))
	if err == nil && len(data) > MaxSize {
		err = fmt.Errorf("%s is larger than %d MiB", path, MaxSize>>20)
	}
	return data, err
}

// decode makes the filter of a file in a directory, root.
func (s Store) decode(path string, data []byte, root *os.Root) (*Filter, error) {
	switch filepath.Ext(path) {
	case extProgram:
		p, err := bpf.Decode(data, binary.NativeEndian)
		if err == nil {
			err = bpf.Validate(p)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		return &Filter{Name: path, Program: p}, nil
	case extProfile:
		return s.fromProfile(source.NewFile(path, string(data)))
	}
	return s.compile(source.NewFile(path, string(data)), root)
}

// compile makes the filter of a policy's text. A text that names no targets is
// for this machine.
func (s Store) compile(file *source.File, root *os.Root) (*Filter, error) {
	opts := lang.Options{Kernel: hook.Kernel()}
	opts.Machine, _ = linux.ParseArch(runtime.GOARCH)
	if root != nil {
		opts.Find = lang.Within(shipped, lang.Root{Name: filepath.Dir(file.Name()), FS: files{root}})
	}
	if s.Capabilities != nil && (mayGuard().MatchString(file.Text()) || refers().MatchString(file.Text())) {
		caps, err := s.Capabilities()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file.Name(), err)
		}
		opts.Capabilities = caps
	}
	p, findings := lang.Load([]*source.File{file}, opts)
	if err := findings.Err(); err != nil {
		return nil, err
	}
	return fromPolicy(file.Name(), p, findings)
}

// files are those of a directory, from which no path and no link leads out. Opening
// one waits for nobody, whatever it is.
type files struct{ root *os.Root }

func (f files) Open(name string) (fs.File, error) {
	return f.root.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK, 0)
}

// shipped returns a policy that secco ships.
func shipped(name string) (*source.File, error) {
	text, ok := profiles.Lookup(name)
	if !ok {
		return nil, fmt.Errorf("no shipped policy is called %q; they are %s", name, strings.Join(profiles.Names(), ", "))
	}
	return source.NewFile(name, string(text)), nil
}

func fromPolicy(name string, p *policy.Policy, findings source.Diagnostics) (*Filter, error) {
	opts, err := hook.OptionsFor(p.Settings)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	out, err := compiler.Compile(p, compiler.Options{})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return &Filter{Name: name, Program: out.Program, Options: opts, Policy: p, Warnings: findings}, nil
}

// fromProfile makes the filter of an OCI or Docker profile, for this machine.
// Docker's guards are decided as a policy's are.
func (s Store) fromProfile(file *source.File) (*Filter, error) {
	profile, findings := oci.Parse(file)
	if err := findings.Err(); err != nil {
		return nil, err
	}
	native, _ := linux.ParseArch(runtime.GOARCH)
	host := oci.Host{Arch: native}
	if profile.HasGuards() {
		var err error
		if host.Kernel, host.Caps, err = s.guarded(); err != nil {
			return nil, fmt.Errorf("%s: %w", file.Name(), err)
		}
	}
	resolved, more := profile.Resolve(host)
	findings = append(findings, more...)
	if err := findings.Err(); err != nil {
		return nil, err
	}
	p, more := convert.FromOCI(resolved, convert.Options{Host: host})
	findings = append(findings, more...)
	if err := findings.Err(); err != nil {
		return nil, err
	}
	f, err := fromPolicy(file.Name(), p, findings)
	if err != nil {
		return nil, err
	}
	f.Profile = resolved
	return f, nil
}

// guarded returns what Docker's guards ask for. Capabilities that secco doesn't know
// are left out: no profile with one of them is read.
func (s Store) guarded() (kernel oci.Kernel, caps []string, err error) {
	if _, err := fmt.Sscanf(hook.Kernel(), "%d.%d", &kernel.Major, &kernel.Minor); err != nil {
		return kernel, nil, fmt.Errorf("the kernel's version: %w", err)
	}
	if s.Capabilities != nil {
		caps, err = s.Capabilities()
	}
	known := []string{} // nil would be Docker's default
	for _, c := range caps {
		if _, ok := linux.Capability(c); ok {
			known = append(known, c)
		}
	}
	return kernel, known, err
}
