// Package oci reads and writes seccomp profiles as the OCI runtime
// specification, Docker and the containers project have them.
//
// Reading is strict: a field that nobody knows, a second field of one name, a
// value of another type, anything that a runtime might take otherwise than the
// author meant, is an error with its place. What a profile means is the business
// of the package convert.
package oci

import (
	"fmt"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"secco/linux"
	"secco/source"
)

// Profile is a seccomp profile as it was written, and where.
type Profile struct {
	Span             source.Span
	DefaultAction    specs.LinuxSeccompAction
	DefaultErrnoRet  *uint
	DefaultSpan      source.Span // of the default action
	Architectures    []Arch
	ArchMap          []ArchMap // Docker's; empty after Resolve
	Flags            []specs.LinuxSeccompFlag
	ListenerPath     string
	ListenerMetadata string
	Syscalls         []Syscall
}

// Arch is an architecture's name in a profile.
type Arch struct {
	Name specs.Arch
	Span source.Span
}

// ArchMap is one of Docker's lists of the architectures that go with a native
// one.
type ArchMap struct {
	Arch      Arch
	SubArches []Arch
	Span      source.Span
}

// Syscall is one entry of a profile: an action for the calls of these names
// whose arguments meet the conditions.
type Syscall struct {
	Span     source.Span
	Names    []Name
	Action   specs.LinuxSeccompAction
	ErrnoRet *uint
	Args     []specs.LinuxSeccompArg
	Comment  string
	// Docker's guards; nil after Resolve.
	Includes, Excludes *Guard
}

// Name is a syscall's name in a profile.
type Name struct {
	Name string
	Span source.Span
}

// Guard is one of Docker's conditions on the machine and container that an entry
// is for.
type Guard struct {
	Span      source.Span
	Caps      []string
	Arches    []string // as Docker names them: amd64, x86, arm64 …
	MinKernel *Kernel
}

// Kernel is a kernel version as Docker compares them, such as 4.8.
type Kernel struct{ Major, Minor int }

// Less reports whether k is older than l.
func (k Kernel) Less(l Kernel) bool {
	return k.Major < l.Major || k.Major == l.Major && k.Minor < l.Minor
}

// String returns major.minor.
func (k Kernel) String() string { return fmt.Sprintf("%d.%d", k.Major, k.Minor) }

// FromSpec returns a profile without places.
func FromSpec(s *specs.LinuxSeccomp) *Profile {
	p := &Profile{
		DefaultAction:    s.DefaultAction,
		DefaultErrnoRet:  s.DefaultErrnoRet,
		Flags:            slices.Clone(s.Flags),
		ListenerPath:     s.ListenerPath,
		ListenerMetadata: s.ListenerMetadata,
	}
	for _, a := range s.Architectures {
		p.Architectures = append(p.Architectures, Arch{Name: a})
	}
	for _, s := range s.Syscalls {
		entry := Syscall{Action: s.Action, ErrnoRet: s.ErrnoRet, Args: slices.Clone(s.Args)}
		for _, n := range s.Names {
			entry.Names = append(entry.Names, Name{Name: n})
		}
		p.Syscalls = append(p.Syscalls, entry)
	}
	return p
}

// Spec returns the profile as runtimes are given it. It must have been resolved.
func (p *Profile) Spec() *specs.LinuxSeccomp {
	s := &specs.LinuxSeccomp{
		DefaultAction:    p.DefaultAction,
		DefaultErrnoRet:  p.DefaultErrnoRet,
		Flags:            slices.Clone(p.Flags),
		ListenerPath:     p.ListenerPath,
		ListenerMetadata: p.ListenerMetadata,
	}
	for _, a := range p.Architectures {
		s.Architectures = append(s.Architectures, a.Name)
	}
	for _, c := range p.Syscalls {
		entry := specs.LinuxSyscall{Action: c.Action, ErrnoRet: c.ErrnoRet, Args: slices.Clone(c.Args)}
		for _, n := range c.Names {
			entry.Names = append(entry.Names, n.Name)
		}
		s.Syscalls = append(s.Syscalls, entry)
	}
	return s
}

var archNames = map[linux.Arch]specs.Arch{
	linux.X86_64:   specs.ArchX86_64,
	linux.X32:      specs.ArchX32,
	linux.I386:     specs.ArchX86,
	linux.ARM:      specs.ArchARM,
	linux.ARM64:    specs.ArchAARCH64,
	linux.RISCV64:  specs.ArchRISCV64,
	linux.S390X:    specs.ArchS390X,
	linux.PPC64:    specs.ArchPPC64,
	linux.PPC64LE:  specs.ArchPPC64LE,
	linux.LOONG64:  specs.ArchLOONGARCH64,
	linux.MIPS64LE: specs.ArchMIPSEL64,
}

// ArchName returns the name that profiles have for an architecture.
func ArchName(a linux.Arch) specs.Arch { return archNames[a] }

// ParseArch finds the architecture of a profile's name for it; ok is false for
// those that secco has no tables of, too.
func ParseArch(name specs.Arch) (a linux.Arch, ok bool) {
	for a, n := range archNames {
		if n == name {
			return a, true
		}
	}
	return 0, false
}

// ActionName returns an action as profiles write it, and its errnoRet, nil where
// the action takes none or it is the default. What the kernel does not look at is
// dropped; ok is false where a profile can't say the action: trap with data, and
// the errno 4095.
func ActionName(a linux.Action) (name specs.LinuxSeccompAction, data *uint, ok bool) {
	a = a.Effect()
	switch a.Kind() {
	case linux.KillProcess:
		return specs.ActKillProcess, nil, true
	case linux.KillThread:
		return specs.ActKillThread, nil, true
	case linux.Trap:
		return specs.ActTrap, nil, a.Data() == 0
	case linux.Errno:
		return specs.ActErrno, errnoRet(a), a.Data() <= maxErrno
	case linux.Notify:
		return specs.ActNotify, nil, true
	case linux.Trace:
		return specs.ActTrace, errnoRet(a), true
	case linux.Log:
		return specs.ActLog, nil, true
	}
	return specs.ActAllow, nil, true
}

func errnoRet(a linux.Action) *uint {
	if a.Data() == defaultErrno {
		return nil
	}
	data := uint(a.Data())
	return &data
}

const (
	// defaultErrno is what runtimes take where errnoRet is left out: EPERM.
	defaultErrno = 1
	// maxErrno is the largest that libseccomp takes, one below the kernel's.
	maxErrno = linux.MaxErrno - 1
)

// ParseAction returns what a runtime makes of an action and its errnoRet.
func ParseAction(name specs.LinuxSeccompAction, data *uint) (linux.Action, error) {
	kind, ok := actionKinds[name]
	if !ok {
		return 0, fmt.Errorf("no action named %q", name)
	}
	var limit uint
	switch kind {
	case linux.Errno:
		limit = maxErrno
	case linux.Trace:
		limit = 0xffff
	default:
		if data != nil {
			return 0, fmt.Errorf("%s takes no errnoRet", name)
		}
		return kind, nil
	}
	if data == nil {
		return kind.With(defaultErrno), nil
	}
	if *data > limit {
		return 0, fmt.Errorf("errnoRet %d is above %d", *data, limit)
	}
	return kind.With(uint16(*data)), nil
}

var actionKinds = map[specs.LinuxSeccompAction]linux.Action{
	specs.ActKill:        linux.KillThread, // libseccomp's old name for it
	specs.ActKillThread:  linux.KillThread,
	specs.ActKillProcess: linux.KillProcess,
	specs.ActTrap:        linux.Trap,
	specs.ActErrno:       linux.Errno,
	specs.ActTrace:       linux.Trace,
	specs.ActAllow:       linux.Allow,
	specs.ActLog:         linux.Log,
	specs.ActNotify:      linux.Notify,
}

// FlagName returns a flag of seccomp(2) as profiles write it.
func FlagName(flag string) specs.LinuxSeccompFlag {
	return specs.LinuxSeccompFlag(flagPrefix + strings.ToUpper(flag))
}

// ParseFlag is the inverse of FlagName; ok is false for unknown flags.
func ParseFlag(name specs.LinuxSeccompFlag) (flag string, ok bool) {
	flag = strings.ToLower(strings.TrimPrefix(string(name), flagPrefix))
	return flag, slices.Contains(knownFlags, flag) && FlagName(flag) == name
}

const flagPrefix = "SECCOMP_FILTER_FLAG_"

// tsync is no flag of the specification, but runc knows it.
var knownFlags = []string{"tsync", "log", "spec_allow", "wait_killable_recv"}
