// Package compat has the calls of other Go libraries under the names that their
// users know: those of gosecco and go-seccomp (CheckSupport, Prepare, Compile,
// Load, Install …) and of go-seccomp-bpf (Supported, SetNoNewPrivs, LoadFilter).
// Each is a few calls of secco's own packages, which new programs had better use.
//
// Where others wait for SIGSYS by os/signal, which does not deliver it,
// sigsys.Handle says which call it was and which rule.
//
// Policies mean what secco's language says. Programs are secco's, so the type is
// bpf.Program in place of a slice of unix.SockFilter.
package compat

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"syscall"

	"secco/bpf"
	"secco/compiler"
	"secco/hook"
	"secco/lang"
	"secco/linux"
	"secco/policy"
	"secco/source"
)

// maxSize bounds the size of a policy in bytes.
const maxSize = 4 << 20

// InlineMarker begins a text that stands in place of a path.
const InlineMarker = "{inline}"

// SeccompSettings are what the caller says beside the policy. Actions are written
// as in a policy; where the policy states one, it wins.
type SeccompSettings struct {
	ExtraDefinitions      []string // paths, or text behind InlineMarker, that hold definitions only
	DefaultPositiveAction string
	DefaultNegativeAction string
	DefaultPolicyAction   string
	ActionOnX32           string // empty: as on audit failure
	ActionOnAuditFailure  string // for other architectures; empty: kill
}

// CheckSupport returns an error where filters can't be put on all threads.
func CheckSupport() error {
	s := hook.Probe()
	switch {
	case !s.Filter:
		return fmt.Errorf("seccomp filter not available: %w", s.Err)
	case !s.Syscall:
		return errors.New("seccomp syscall not available")
	case s.Flags&hook.TSYNC == 0:
		return errors.New("seccomp tsync not available")
	}
	return nil
}

// Supported reports whether seccomp(2) is there and filters work.
func Supported() bool { return hook.Supported() }

// SetNoNewPrivs sets no_new_privs on the calling thread.
func SetNoNewPrivs() error { return hook.SetNoNewPrivs() }

// Prepare compiles the policy in a file, or behind [InlineMarker], for this machine
// where it names no architectures. The error is a
// source.Diagnostics where the policy is at fault.
func Prepare(path string, s SeccompSettings) (bpf.Program, error) {
	machine, _ := linux.ParseArch(runtime.GOARCH)
	opts := lang.Options{Machine: machine, Defaults: lang.Defaults{
		Positive: s.DefaultPositiveAction,
		Negative: s.DefaultNegativeAction,
		Policy:   s.DefaultPolicyAction,
		BadArch:  s.ActionOnAuditFailure,
		X32:      s.ActionOnX32,
	}}
	for _, d := range s.ExtraDefinitions {
		f, err := read(d)
		if err != nil {
			return nil, err
		}
		opts.Definitions = append(opts.Definitions, f)
	}
	f, err := read(path)
	if err != nil {
		return nil, err
	}
	p, findings := lang.Load([]*source.File{f}, opts)
	if err := findings.Err(); err != nil {
		return nil, err
	}
	return compile(p)
}

func compile(p *policy.Policy) (bpf.Program, error) {
	out, err := compiler.Compile(p, compiler.Options{})
	if err != nil {
		return nil, err
	}
	return out.Program, nil
}

func read(path string) (*source.File, error) {
	if text, ok := strings.CutPrefix(path, InlineMarker); ok {
		return source.NewFile("<inline>", text), nil
	}
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a FIFO is none to wait for
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil {
		return nil, err
	} else if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file", path)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	if err == nil && len(text) > maxSize {
		err = fmt.Errorf("%s is larger than %d MiB", path, maxSize>>20)
	}
	return source.NewFile(path, string(text)), err
}

// Compile compiles a policy that lists what is allowed; the rest kills where
// enforce is set, else goes to a tracer.
func Compile(path string, enforce bool) (bpf.Program, error) {
	rest := "trace"
	if enforce {
		rest = "kill"
	}
	return Prepare(path, SeccompSettings{DefaultPositiveAction: "allow", DefaultNegativeAction: rest, DefaultPolicyAction: rest, ActionOnAuditFailure: "kill"})
}

// CompileBlacklist compiles a policy that lists what kills, or goes to a tracer
// where enforce isn't set; the rest is allowed.
func CompileBlacklist(path string, enforce bool) (bpf.Program, error) {
	listed := "trace"
	if enforce {
		listed = "kill"
	}
	return Prepare(path, SeccompSettings{DefaultPositiveAction: listed, DefaultNegativeAction: "allow", DefaultPolicyAction: "allow",
		ActionOnX32: "kill", ActionOnAuditFailure: "kill"})
}

// Load puts a program on all threads and leaves no_new_privs alone.
func Load(program bpf.Program) error {
	no := false
	return hook.Install(program, hook.Options{NoNewPrivs: &no})
}

// LockedLoad is [Load], locked to its thread meanwhile, as Load is too.
func LockedLoad(program bpf.Program) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	return Load(program)
}

// Install sets no_new_privs and puts a program on all threads.
func Install(program bpf.Program) error {
	yes := true
	return hook.Install(program, hook.Options{NoNewPrivs: &yes})
}

// InstallBlacklist is [Install].
func InstallBlacklist(program bpf.Program) error { return Install(program) }

// Filter is a policy and how to load it.
type Filter struct {
	NoNewPrivs bool
	Flag       hook.Flags
	Policy     *policy.Policy
}

// LoadFilter compiles a filter's policy and puts it on this process: on all
// threads where Flag has hook.TSYNC, else on the calling one, which the caller
// has locked.
func LoadFilter(f Filter) error {
	if f.Policy == nil {
		return errors.New("a filter without a policy")
	}
	program, err := compile(f.Policy)
	if err != nil {
		return err
	}
	return hook.Install(program, hook.Options{NoNewPrivs: &f.NoNewPrivs, Flags: f.Flag, ThreadOnly: f.Flag&hook.TSYNC == 0})
}
