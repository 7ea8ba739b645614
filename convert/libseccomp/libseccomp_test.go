//go:build libseccomp && cgo

package libseccomp

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"secco/bpf"
	"secco/emulator"
	"secco/linux"
	"secco/oci"
	"secco/policy"
	"secco/source"
)

func TestVersion(t *testing.T) {
	v, err := Version()
	if err != nil || !regexp.MustCompile(`^\d+\.\d+\.\d+$`).MatchString(v) {
		t.Errorf("got %q, %v", v, err)
	}
	t.Log(v)
}

// TestReleases makes sure that libseccomp knows what package oci says of its release. It
// may know more: distributions add syscalls to old releases.
func TestReleases(t *testing.T) {
	text, err := Version()
	if err != nil {
		t.Fatal(err)
	}
	version, err := oci.ParseLibseccomp(text)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range linux.Arches() {
		for _, s := range a.Syscalls() {
			_, _, known, err := Syscall(a, s.Name)
			var arch *ArchError
			if errors.As(err, &arch) {
				break // libseccomp is too old for it
			}
			if err != nil {
				t.Fatal(err)
			}
			if !known && oci.LibseccompWith(a, s.Name).Compare(version) <= 0 {
				t.Errorf("%v %s is unknown to libseccomp %v", a, s.Name, version)
			}
		}
	}
}

// TestTables compares secco's syscall numbers with libseccomp's.
func TestTables(t *testing.T) {
	names := map[string]bool{}
	for _, a := range linux.Arches() {
		for _, s := range a.Syscalls() {
			names[s.Name] = true
		}
	}
	compared := 0
	for _, a := range linux.Arches() {
		for name := range names {
			theirs, direct, _, err := Syscall(a, name)
			var noArch *ArchError
			if errors.As(err, &noArch) {
				t.Log(err)
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if !direct {
				continue
			}
			compared++
			if ours, ok := a.Syscall(name); !ok {
				t.Errorf("%s on %s: libseccomp has number %d, secco has no such call", name, a, theirs)
			} else if ours != theirs {
				t.Errorf("%s on %s: libseccomp has number %d, secco %d", name, a, theirs, ours)
			}
		}
	}
	if compared < 3000 {
		t.Errorf("only %d numbers were compared", compared)
	}
}

// TestMultiplexed checks which calls are known behind a multiplexer.
func TestMultiplexed(t *testing.T) {
	for _, tc := range []struct {
		arch          linux.Arch
		name          string
		direct, known bool
	}{
		{linux.X86_64, "socket", true, true},
		{linux.I386, "socket", false, true},
		{linux.I386, "semop", false, true},
		{linux.I386, "read", true, true},
		{linux.X86_64, "send", false, false}, // others have it behind socketcall
		{linux.X86_64, "chown32", false, false},
		{linux.S390X, "bind", false, true},
		{linux.ARM, "bind", true, true},
		{linux.X86_64, "no_such_call", false, false},
	} {
		_, direct, known, err := Syscall(tc.arch, tc.name)
		if err != nil || direct != tc.direct || known != tc.known {
			t.Errorf("%s on %s: direct %v, known %v, %v", tc.name, tc.arch, direct, known, err)
		}
	}
}

func build(t *testing.T, rules ...specs.LinuxSyscall) *emulator.Machine {
	t.Helper()
	p, err := Build(&specs.LinuxSeccomp{DefaultAction: specs.ActErrno, Syscalls: rules}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	m, err := emulator.New(p)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestBuild checks what runc does with rules that it doesn't hand on as they are.
func TestBuild(t *testing.T) {
	if native, err := nativeArch(); err != nil || native != linux.X86_64 {
		t.Skipf("the numbers are x86_64's, this is %s", native)
	}
	eperm, enosys := uint(1), uint(38)
	m := build(t,
		specs.LinuxSyscall{Names: []string{"no_such_call", "read"}, Action: specs.ActAllow},
		specs.LinuxSyscall{Names: []string{"write"}, Action: specs.ActErrno, ErrnoRet: &eperm},
		specs.LinuxSyscall{Names: []string{"close"}, Action: specs.ActErrno, ErrnoRet: &enosys},
		specs.LinuxSyscall{Names: []string{"lseek"}, Action: specs.ActAllow, Args: []specs.LinuxSeccompArg{
			{Index: 0, Op: specs.OpEqualTo, Value: 3}, {Index: 1, Op: specs.OpEqualTo, Value: 4},
		}},
		specs.LinuxSyscall{Names: []string{"mmap"}, Action: specs.ActKill, Args: []specs.LinuxSeccompArg{
			{Index: 0, Op: specs.OpEqualTo, Value: 3}, {Index: 0, Op: specs.OpEqualTo, Value: 4},
		}},
	)
	for _, tc := range []struct {
		nr   uint32
		args [6]uint64
		want linux.Action
	}{
		{0, [6]uint64{}, linux.Allow},
		{1, [6]uint64{}, linux.Errno.With(1)},
		{3, [6]uint64{}, linux.Errno.With(38)},
		{8, [6]uint64{3, 4}, linux.Allow},
		{8, [6]uint64{3, 5}, linux.Errno.With(1)},
		{9, [6]uint64{4}, linux.KillThread}, // two conditions on one argument are two rules
		{9, [6]uint64{5}, linux.Errno.With(1)},
	} {
		d := linux.SeccompData{Arch: linux.X86_64.Audit(), NR: tc.nr, Args: tc.args}
		if got := m.Run(&d); got != tc.want {
			t.Errorf("number %d, %v: got %s, want %s", tc.nr, tc.args, got, tc.want)
		}
	}
	for _, other := range []linux.SeccompData{{Arch: linux.I386.Audit(), NR: 3}, {Arch: linux.X86_64.Audit(), NR: linux.X32Bit}} {
		if got := m.Run(&other); got != linux.KillThread {
			t.Errorf("%v: got %s", other, got)
		}
	}
}

func nativeArch() (linux.Arch, error) {
	for _, a := range linux.Arches() {
		if p, err := Build(&specs.LinuxSeccomp{DefaultAction: specs.ActAllow}, Options{}); err != nil {
			return 0, err
		} else if m, err := emulator.New(p); err != nil {
			return 0, err
		} else if m.Run(&linux.SeccompData{Arch: a.Audit()}) == linux.Allow && a != linux.X32 {
			return a, nil
		}
	}
	return 0, errors.New("no architecture is allowed")
}

func TestBuildErrors(t *testing.T) {
	args := func(a specs.LinuxSeccompArg) []specs.LinuxSyscall {
		return []specs.LinuxSyscall{{Names: []string{"read"}, Action: specs.ActAllow, Args: []specs.LinuxSeccompArg{a}}}
	}
	large := uint(4095)
	for name, p := range map[string]*specs.LinuxSeccomp{
		"default action": {DefaultAction: "SCMP_ACT_DENY"},
		"architecture":   {DefaultAction: specs.ActErrno, Architectures: []specs.Arch{"SCMP_ARCH_VAX"}},
		"byte order":     {DefaultAction: specs.ActErrno, Architectures: []specs.Arch{specs.ArchX86_64, specs.ArchS390X}},
		"action":         {DefaultAction: specs.ActErrno, Syscalls: []specs.LinuxSyscall{{Names: []string{"read"}, Action: "X"}}},
		"operator":       {DefaultAction: specs.ActErrno, Syscalls: args(specs.LinuxSeccompArg{Op: "=="})},
		"index":          {DefaultAction: specs.ActErrno, Syscalls: args(specs.LinuxSeccompArg{Op: specs.OpEqualTo, Index: 6})},
		"errno 4095":     {DefaultAction: specs.ActErrno, Syscalls: []specs.LinuxSyscall{{Names: []string{"read"}, Action: specs.ActErrno, ErrnoRet: &large}}},
	} {
		if got, err := Build(p, Options{}); err == nil {
			t.Errorf("%s: got a program of %d instructions", name, len(got))
		}
	}
}

// TestTree checks that the options have an effect, and none on long profiles
// but the tree.
func TestTree(t *testing.T) {
	p := &specs.LinuxSeccomp{DefaultAction: specs.ActErrno}
	for _, s := range linux.X86_64.Syscalls()[:60] {
		p.Syscalls = append(p.Syscalls, specs.LinuxSyscall{Names: []string{s.Name}, Action: specs.ActAllow})
	}
	built := func(rules int, opts Options) bpf.Program {
		short := *p
		short.Syscalls = p.Syscalls[:rules]
		program, err := Build(&short, opts)
		if err != nil {
			t.Fatal(err)
		}
		return program
	}
	for rules, tree := range map[int]bool{32: false, 33: true, 60: true} { // runc's choice
		if !slices.Equal(built(rules, Options{}), built(rules, Options{Tree: &tree})) {
			t.Errorf("%d rules: a tree is not %v", rules, tree)
		}
		other := !tree
		if slices.Equal(built(rules, Options{}), built(rules, Options{Tree: &other})) {
			t.Errorf("%d rules: with and without a tree are the same", rules)
		}
	}
}

// TestBuildContext gives up while libseccomp is busy.
func TestBuildContext(t *testing.T) {
	mu.Lock()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	_, err := BuildContext(ctx, &specs.LinuxSeccomp{DefaultAction: specs.ActAllow}, Options{})
	mu.Unlock()
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if p, err := BuildContext(context.Background(), &specs.LinuxSeccomp{DefaultAction: specs.ActAllow}, Options{}); err != nil || len(p) == 0 {
		t.Errorf("got %v, %v", p, err)
	}
}

// TestKnown takes out what libseccomp doesn't know.
func TestKnown(t *testing.T) {
	var newest string
	var nr uint32
	for _, s := range linux.X86_64.Syscalls() {
		if _, _, known, _ := Syscall(linux.X86_64, s.Name); !known {
			newest, nr = s.Name, s.NR
		}
	}
	if newest == "" {
		t.Skip("this libseccomp knows every syscall that secco does")
	}
	var b policy.Builder
	deny, allow := b.Leaf(linux.Errno.With(1), source.Span{}), b.Leaf(linux.Allow, source.Span{})
	for _, tc := range []struct {
		rule, fallback *policy.Node
		opened         bool
	}{{allow, deny, false}, {deny, allow, true}} {
		p := &policy.Policy{Targets: []*policy.Target{{
			Arch: linux.X86_64, Rules: map[uint32]*policy.Node{0: tc.rule, nr: tc.rule}, Default: tc.fallback,
		}}, BadArch: deny, X32: deny}
		known, unknown, err := Known(p)
		if err != nil {
			t.Fatal(err)
		}
		if len(unknown) != 1 || unknown[0].Name != newest || unknown[0].Opened != tc.opened {
			t.Errorf("got %v", unknown)
		}
		if left := known.Targets[0]; left.Root(nr) != tc.fallback || left.Root(0) != tc.rule || p.Targets[0].Root(nr) != tc.rule {
			t.Error("the wrong rules are left")
		}
	}
}
