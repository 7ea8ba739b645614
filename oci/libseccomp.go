package oci

import (
	_ "embed"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/opencontainers/runtime-spec/specs-go"

	"secco/linux"
)

// Libseccomp is a release of libseccomp.
//
// A runtime asks its libseccomp for the numbers of a profile's syscalls, and skips
// those that it doesn't know: they get the default action.
type Libseccomp struct{ major, minor, micro int }

// OldestLibseccomp is the oldest release that is known: 2.3.0, of 2016.
var OldestLibseccomp = Libseccomp{2, 3, 0}

// noLibseccomp is newer than any release that is known.
var noLibseccomp = Libseccomp{major: math.MaxInt}

var releaseText = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^v?([0-9]{1,5})\.([0-9]{1,5})(?:\.([0-9]{1,5}))?$`)
})

// ParseLibseccomp reads a release, such as 2.5.4.
func ParseLibseccomp(text string) (v Libseccomp, err error) {
	m := releaseText().FindStringSubmatch(text)
	if m == nil {
		return v, fmt.Errorf("%q is no release of libseccomp, such as 2.5.4", text)
	}
	for i, to := range []*int{&v.major, &v.minor, &v.micro} {
		*to, _ = strconv.Atoi(m[1+i]) // up to five digits, or none
	}
	return v, nil
}

// String returns 2.5.4.
func (v Libseccomp) String() string {
	if v == noLibseccomp {
		return "a release to come"
	}
	return fmt.Sprintf("%d.%d.%d", v.major, v.minor, v.micro)
}

// Compare returns a negative number where v is older than w, 0 where they are the
// same, a positive one where v is newer.
func (v Libseccomp) Compare(w Libseccomp) int {
	return slices.Compare([]int{v.major, v.minor, v.micro}, []int{w.major, w.minor, w.micro})
}

// LibseccompWith returns the first release from which on libseccomp knows a syscall of
// an architecture; of calls that none does, and of unknown names, it is one that is
// newer than all.
func LibseccompWith(a linux.Arch, name string) Libseccomp {
	known, ok := libseccompTable()[name]
	if !ok {
		return noLibseccomp
	}
	if v, ok := known.on[a]; ok {
		return v
	}
	return known.usual
}

// LibseccompFor returns the oldest release under which none of a profile's rules that
// are stricter than its default is skipped, and the syscall that takes it.
func LibseccompFor(profile *specs.LinuxSeccomp, native linux.Arch) (v Libseccomp, name string) {
	v = OldestLibseccomp
	_ = eachStricter(profile, func(n string) bool {
		if needs := libseccompOn(profile, native, n); needs.Compare(v) > 0 {
			v, name = needs, n
		}
		return true
	})
	return v, name
}

// Enforced returns what a runtime with this libseccomp makes of a profile at worst: one
// without the rules that are stricter than the default and skipped on any of the
// profile's architectures.
func (v Libseccomp) Enforced(profile *specs.LinuxSeccomp, native linux.Arch) *specs.LinuxSeccomp {
	out := *profile
	out.Syscalls = eachStricter(profile, func(name string) bool { return libseccompOn(profile, native, name).Compare(v) <= 0 })
	return &out
}

// eachStricter returns a profile's rules without the names for which keep is false. It
// is asked about those whose rule is stricter than the default.
func eachStricter(profile *specs.LinuxSeccomp, keep func(name string) bool) []specs.LinuxSyscall {
	fallback := rank(profile.DefaultAction)
	var rules []specs.LinuxSyscall
	for _, rule := range profile.Syscalls {
		if rank(rule.Action) < fallback {
			rule.Names = slices.DeleteFunc(slices.Clone(rule.Names), func(n string) bool { return !keep(n) })
		}
		if len(rule.Names) > 0 {
			rules = append(rules, rule)
		}
	}
	return rules
}

// rank is an action's in the kernel's precedence; that of unknown ones, which runtimes
// refuse, is the strictest.
func rank(name specs.LinuxSeccompAction) int {
	a, err := ParseAction(name, nil)
	if err != nil {
		return 0
	}
	return a.Rank()
}

// libseccompOn returns what a syscall takes on those of a profile's architectures that
// have it; of a name that none of them has it is nothing.
func libseccompOn(profile *specs.LinuxSeccomp, native linux.Arch, name string) (v Libseccomp) {
	arches := []linux.Arch{native}
	for _, n := range profile.Architectures {
		if a, ok := ParseArch(n); ok {
			arches = append(arches, a)
		}
	}
	for _, a := range arches {
		if _, ok := a.Syscall(name); !ok {
			continue
		}
		if needs := LibseccompWith(a, name); needs.Compare(v) > 0 {
			v = needs
		}
	}
	return v
}

//go:generate sh -c "go run libseccomp_gen.go $LIBSECCOMP >libseccomp.txt"

//go:embed libseccomp.txt
var libseccompText string

type sinceLibseccomp struct {
	usual Libseccomp
	on    map[linux.Arch]Libseccomp
}

var libseccompTable = sync.OnceValue(func() map[string]sinceLibseccomp {
	release := func(text string) Libseccomp {
		if text == "never" {
			return noLibseccomp
		}
		v, err := ParseLibseccomp(text)
		if err != nil {
			panic(err) // a test reads the table
		}
		return v
	}
	table := map[string]sinceLibseccomp{}
	for line := range strings.Lines(libseccompText) {
		fields := strings.Fields(line)
		if len(fields) < 2 || fields[0] == "#" {
			continue
		}
		s := sinceLibseccomp{usual: release(fields[1])}
		for _, f := range fields[2:] {
			arch, text, _ := strings.Cut(f, "=")
			a, ok := linux.ParseArch(arch)
			if !ok {
				panic(arch)
			}
			if s.on == nil {
				s.on = map[linux.Arch]Libseccomp{}
			}
			s.on[a] = release(text)
		}
		table[fields[0]] = s
	}
	return table
})
