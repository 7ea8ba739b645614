// Package bench reads the workloads that compilers are compared on, and measures
// and checks the programs that they make of them. Module peers, below, compares.
package bench

import (
	"embed"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"secco/linux"
	"secco/source"
)

// A Workload is a neutral specification: the first matching rule of a syscall
// decides, other calls get Default, and those of other architectures Missing, but
// numbers of x32 that come as x86_64's get X32 where x32 is none of the Arches, and
// 0xffffffff, the number of a call that a tracer skips, gets Skipped.
type Workload struct {
	Name    string
	Arches  []linux.Arch
	Default linux.Action
	Missing linux.Action
	X32     linux.Action
	Skipped linux.Action
	Rules   []Rule
	// Unknown reports the syscalls whose rules do not count; nil means none.
	Unknown func(linux.Arch, string) bool
}

// Rule gives an action to the calls of a syscall that meet all conditions.
type Rule struct {
	Syscall string
	Action  linux.Action
	Conds   []Condition
}

// Condition compares a 64-bit argument: by eq, ne, lt, le, gt or ge with Value,
// or by meq its bits in Value with Value2.
type Condition struct {
	Arg           int
	Op            string
	Value, Value2 uint64
}

func (c Condition) holds(v uint64) bool {
	switch c.Op {
	case "eq":
		return v == c.Value
	case "ne":
		return v != c.Value
	case "lt":
		return v < c.Value
	case "le":
		return v <= c.Value
	case "gt":
		return v > c.Value
	case "ge":
		return v >= c.Value
	default:
		return v&c.Value == c.Value2
	}
}

// Names are the workloads that every compiler is compared on.
var Names = []string{"W1", "W1a", "W2", "W3", "W4", "W5"}

// Monitor are filters like those of a virtual machine monitor, one for each of its
// kinds of threads: few syscalls, most with lists of values.
var Monitor = []string{"monitor", "vcpu", "api"}

//go:embed testdata
var files embed.FS

// Read returns a workload of [Names] or [Monitor].
func Read(name string) (*Workload, error) {
	text, err := files.ReadFile("testdata/" + name + ".spec")
	if err != nil {
		return nil, err
	}
	return parse(name, string(text))
}

// Text returns a workload of [Names] in secco's language, as somebody would write
// it by hand.
func Text(name string) (*source.File, error) {
	text, err := files.ReadFile("testdata/" + name + ".secco")
	return source.NewFile(name+".secco", string(text)), err
}

func parse(name, text string) (*Workload, error) {
	w := &Workload{Name: name, Missing: linux.KillThread, X32: linux.KillThread}
	number := 0
	for line := range strings.Lines(text) {
		number++
		if err := w.line(strings.Fields(line)); err != nil {
			return nil, fmt.Errorf("%s.spec:%d: %w", name, number, err)
		}
	}
	w.Skipped = w.Default
	if len(w.Arches) == 0 {
		return nil, fmt.Errorf("%s.spec: no architecture", name)
	}
	return w, nil
}

func (w *Workload) line(f []string) (err error) {
	switch {
	case len(f) >= 2 && f[0] == "arch":
		for _, name := range f[1:] {
			arch, ok := linux.ParseArch(name)
			if !ok {
				return fmt.Errorf("no architecture %s", name)
			}
			w.Arches = append(w.Arches, arch)
		}
	case len(f) == 3 && f[0] == "default":
		w.Default, err = action(f[1], f[2])
	case len(f) >= 6 && len(f)%4 == 2 && f[0] == "rule":
		r := Rule{Syscall: f[2]}
		if r.Action, err = action(f[3], f[4]); err != nil {
			return err
		}
		for c := f[6:]; len(c) > 0; c = c[4:] {
			cond, err := readCondition(c[:4])
			if err != nil {
				return err
			}
			r.Conds = append(r.Conds, cond)
		}
		w.Rules = append(w.Rules, r)
	default:
		return fmt.Errorf("not understood: %q", f)
	}
	return err
}

func action(name, data string) (linux.Action, error) {
	n, err := strconv.ParseUint(data, 0, 16)
	switch {
	case err != nil:
		return 0, err
	case name == "allow":
		return linux.Allow, nil
	case name == "kill":
		return linux.KillThread, nil
	case name == "errno":
		return linux.Errno.With(uint16(n)), nil
	}
	return 0, fmt.Errorf("no action %s", name)
}

func readCondition(f []string) (c Condition, err error) {
	c.Op = f[1]
	if !slices.Contains([]string{"eq", "ne", "lt", "le", "gt", "ge", "meq"}, c.Op) {
		return c, fmt.Errorf("no operator %s", c.Op)
	}
	if c.Arg, err = strconv.Atoi(f[0]); err != nil || c.Arg < 0 || c.Arg > 5 {
		return c, fmt.Errorf("no argument %s", f[0])
	}
	if c.Value, err = strconv.ParseUint(f[2], 0, 64); err != nil {
		return c, err
	}
	c.Value2, err = strconv.ParseUint(f[3], 0, 64)
	return c, err
}

// Has reports whether an architecture is among those of the workload.
func (w *Workload) Has(arch linux.Arch) bool {
	return slices.Contains(w.Arches, arch)
}

// Verdict returns what the specification says of a call.
func (w *Workload) Verdict(d *linux.SeccompData) linux.Action {
	arch, ok := linux.ArchOf(d.Arch, d.NR)
	switch {
	case ok && arch == linux.X86_64 && d.NR == math.MaxUint32 && w.Has(arch):
		return w.Skipped
	case ok && w.Has(arch):
	case ok && arch == linux.X32 && w.Has(linux.X86_64):
		return w.X32
	default:
		return w.Missing
	}
	name, ok := arch.SyscallName(d.NR)
	if !ok || w.Unknown != nil && w.Unknown(arch, name) {
		return w.Default
	}
rules:
	for _, r := range w.Rules {
		if r.Syscall != name {
			continue
		}
		for _, c := range r.Conds {
			v := d.Args[c.Arg]
			if arch.Bits() == 32 {
				v = uint64(uint32(v))
			}
			if !c.holds(v) {
				continue rules
			}
		}
		return r.Action
	}
	return w.Default
}
