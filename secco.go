// Package secco is for programs that put seccomp filters on themselves or on what
// they start: it reads policies or builds them, compiles, proves and installs them.
//
//	policy, err := secco.Open("web.secco")     // or Load, or New(…).Policy()
//	program, err := secco.Compile(policy)
//	err = program.Install()
//
// It is a front for the packages below it, which are there for whoever needs more:
// policy is what a filter means, bpf what runs, hook how it gets onto a process,
// convert how others say it. docs/go.md is a tour.
//
// Whatever fails returns an error, and nothing is installed then. Errors about what
// was written are [source.Diagnostics], a list of findings with their places in the
// text; for a [Builder] these are the places in the Go program. Nothing here needs
// cgo.
package secco

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"secco/bpf"
	"secco/compiler/decompile"
	"secco/convert/readers"
	"secco/lang"
	"secco/linux"
	"secco/policy"
	"secco/policy/prove"
	"secco/source"
)

// Action is what a filter does with a call.
type Action = linux.Action

// The actions without data, the strictest first.
const (
	KillProcess = linux.KillProcess
	KillThread  = linux.KillThread
	Notify      = linux.Notify // ask the listener, see Program.Listen
	Log         = linux.Log    // allow, and log
	Allow       = linux.Allow
)

// Errno returns the action that fails the call with an errno.
func Errno(e syscall.Errno) Action { return linux.Errno.With(uint16(min(e, 1<<16-1))) }

// Trap returns the action that sends SIGSYS, with data for its handler.
func Trap(data uint16) Action { return linux.Trap.With(data) }

// Trace returns the action that asks a tracer, with data for it.
func Trace(data uint16) Action { return linux.Trace.With(data) }

// Call is a system call as a filter sees it.
type Call = linux.SeccompData

// CallOf returns a call of a syscall, for [Policy.Eval]; arguments that are left out
// are 0.
func CallOf(arch linux.Arch, name string, args ...uint64) (Call, error) {
	nr, ok := arch.Syscall(name)
	if !ok {
		return Call{}, fmt.Errorf("no syscall named %q on %s", name, arch)
	}
	call := Call{Arch: arch.Audit(), NR: nr}
	if len(args) > len(call.Args) {
		return Call{}, fmt.Errorf("%d arguments; a call has at most %d", len(args), len(call.Args))
	}
	copy(call.Args[:], args)
	return call, nil
}

// Machine returns the architecture of this machine, as this program was built for
// it; zero where secco does not know it.
func Machine() linux.Arch {
	arch, _ := linux.ParseArch(runtime.GOARCH)
	return arch
}

// Policy is what a filter means. Policies are immutable. They come from [Open],
// [Load] or a [Builder]: a zero or nil one is no policy, which is an error wherever
// one can be returned, and nothing is allowed by it.
type Policy struct {
	meaning  *policy.Policy
	original bpf.Program // where it was read from a program
	tests    []lang.Test
	freq     map[linux.Arch]map[uint32]float64
	warnings source.Diagnostics
}

var errNoPolicy = errors.New("there is no policy: Open, Load and Builder.Policy return one")

// check returns an error where a policy is none.
func (p *Policy) check() error {
	if p == nil || p.meaning == nil {
		return errNoPolicy
	}
	return nil
}

// Reader says how to read policies. The zero Reader is right for most.
type Reader struct {
	// Kind settles what is read; empty tells it from the name and content.
	Kind readers.Kind
	// Arches are the targets. Without any they are those that the policy names, else
	// this machine's.
	Arches []linux.Arch
	// Defaults are default actions that count where the policy states none.
	Defaults lang.Defaults
	// Definitions are sources of macros, names and groups that come before the
	// policy.
	Definitions []*source.File
	// Include are directories in which included policies are looked for, after those
	// of the policies themselves. No way leads out of them. "/PATH=DIR" has DIR stand
	// for PATH, where minijail's policies name files by that.
	Include []string
	// Capabilities (CAP_SYS_ADMIN …) and Kernel (6.1) are what guards ask for.
	Capabilities []string
	Kernel       string
	// Thread names one of the filters in a file for seccompiler.
	Thread string
}

// Open reads a policy from a file: one in secco's language, a program, an OCI or
// Docker profile or another form that secco reads, see [readers.Kind]. Where there
// is no file of the name, it is that of a policy that secco ships.
func Open(name string) (*Policy, error) { return Reader{}.Open(name) }

// Load reads a policy from a text, of the kinds that [Open] reads. The name is what
// errors call it, and its ending may tell the kind, as in web.secco.
func Load(name, text string) (*Policy, error) { return Reader{}.Load(source.NewFile(name, text)) }

// Open reads a policy from files. Several have to be in secco's language, and are
// one policy.
func (r Reader) Open(names ...string) (*Policy, error) {
	files := make([]*source.File, len(names))
	for i, name := range names {
		f, err := open(name)
		if err != nil {
			return nil, err
		}
		files[i] = f
	}
	return r.load(files, names)
}

// Load reads a policy from texts, as Open does from files. They include and build on
// what Include and the shipped policies have.
func (r Reader) Load(files ...*source.File) (*Policy, error) { return r.load(files, nil) }

// load reads sources, some of which may be from files of these names.
func (r Reader) load(files []*source.File, names []string) (*Policy, error) {
	if slices.Contains(files, nil) || slices.Contains(r.Definitions, nil) {
		return nil, errors.New("one of the sources is nil")
	}
	var dirs []string
	for _, name := range names {
		dir, _ := filepath.Split(name)
		dirs = append(dirs, dir)
	}
	find, done, err := readers.Within(append(dirs, r.Include...)...)
	if err != nil {
		return nil, err
	}
	defer done()
	f, findings := readers.Read(files, readers.Options{
		Kind: r.Kind, Thread: r.Thread,
		Options: lang.Options{
			Targets: r.Arches, Machine: Machine(), Defaults: r.Defaults, Definitions: r.Definitions,
			Find: find, Capabilities: r.Capabilities, Kernel: r.Kernel,
		},
	})
	if err := findings.Err(); err != nil {
		return nil, err
	}
	p := &Policy{meaning: f.Policy, original: f.Program, tests: f.Tests, freq: f.Freq, warnings: findings}
	if p.meaning == nil {
		if p.meaning, err = decompile.Program(f.Program, decompile.Options{Arches: r.Arches}); err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	return p, nil
}

// open reads a file, or a policy that is shipped.
func open(name string) (*source.File, error) {
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		if shipped, err := readers.Shipped(name); err == nil {
			return shipped, nil
		}
	}
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(f, readers.MaxSize+1))
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	if len(text) > readers.MaxSize {
		return nil, fmt.Errorf("%s is larger than %d MiB", name, readers.MaxSize>>20)
	}
	return source.NewFile(name, string(text)), nil
}

// Warnings returns what is worth a look in the policy and stopped nothing.
func (p *Policy) Warnings() source.Diagnostics {
	if p == nil {
		return nil
	}
	return p.warnings
}

// Meaning returns the policy as the packages below take it, convert for one; nil of
// what is no policy.
func (p *Policy) Meaning() *policy.Policy {
	if p == nil {
		return nil
	}
	return p.meaning
}

// Eval returns what happens to a call, and the place of the rule that decides it,
// which is zero for what the policy does not state. What is no policy kills the
// process for every call.
func (p *Policy) Eval(call Call) (Action, source.Span) {
	if p.check() != nil {
		return KillProcess, source.Span{}
	}
	return p.meaning.Eval(&call)
}

// String returns a policy in secco's language that means the same.
func (p *Policy) String() string {
	if err := p.check(); err != nil {
		return fmt.Sprintf("# %s\n", err)
	}
	text, err := decompile.Text(p.meaning, decompile.TextOptions{})
	if err == nil {
		text, err = lang.Canonical(text)
	}
	if err != nil {
		return fmt.Sprintf("# The language has no words for this policy: %s\n", strings.ReplaceAll(err.Error(), "\n", " "))
	}
	return text
}

// Test runs the tests that the policy states about itself. The error is nil where
// all are proved, else a list with a [*TestError] for each that is not.
func (p *Policy) Test() error {
	if err := p.check(); err != nil {
		return err
	}
	var failed []error
	for _, t := range p.tests {
		result, err := t.Prove(p.meaning)
		switch {
		case err != nil:
			failed = append(failed, err)
		case result.Verdict == prove.Undecided:
			failed = append(failed, &TestError{Test: t.Span, Want: t.Want, Reason: result.Reason})
		case result.Verdict == prove.Different:
			call := result.Witness.Call
			got, rule := p.Eval(call)
			failed = append(failed, &TestError{Test: t.Span, Want: t.Want, Call: call, Got: got, Rule: rule})
		}
	}
	return errors.Join(failed...)
}

// TestError says why a test does not pass.
type TestError struct {
	Test   source.Span // where it stands
	Want   Action
	Call   Call // one that shows it
	Got    Action
	Rule   source.Span // that decides the call
	Reason string      // where it could not be decided; there is no call then
}

// Error returns the reason with the test's place.
func (e *TestError) Error() string {
	if e.Reason != "" {
		return fmt.Sprintf("%s: undecided: %s", e.Test, e.Reason)
	}
	return fmt.Sprintf("%s: %s is expected, but %s gets %s (%s)", e.Test, e.Want, prove.CallString(&e.Call), e.Got, e.Rule)
}
