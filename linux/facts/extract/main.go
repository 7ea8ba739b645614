// Command extract makes the committed facts of package linux from public
// sources. It is run by hand when newer sources are wanted; README.md beside the
// facts says how to get them. Where two sources state a number or a value, it
// fails unless they agree or the difference is explained here.
package main

import (
	"errors"
	"flag"
	"fmt"
	"go/build"
	"os"
	"path/filepath"
	"strings"
	"time"
)

type options struct {
	out, headers, source, xsys, clone, manual string
	older                                     string
	sources                                   string
}

func main() {
	var o options
	flag.StringVar(&o.out, "o", "linux/facts", "folder to write the facts to")
	flag.StringVar(&o.headers, "headers", "", "usr/include of an unpacked linux-libc-dev package that has all architectures")
	flag.StringVar(&o.older, "older", "", "RELEASE=usr/include of such packages, oldest first, -headers' own last, separated by commas")
	flag.StringVar(&o.source, "source", "", "unpacked kernel source of the same release")
	flag.StringVar(&o.xsys, "xsys", "", "folder of the module golang.org/x/sys")
	flag.StringVar(&o.clone, "xsys-clone", "", "git clone of golang.org/x/sys")
	flag.StringVar(&o.manual, "manual", "", "folder man2 of an unpacked manpages-dev package")
	flag.StringVar(&o.sources, "sources", "", "what the sources are, with versions, separated by semicolons")
	flag.Parse()
	if err := extract(o); err != nil {
		fmt.Fprintln(os.Stderr, "extract:", err)
		os.Exit(1)
	}
}

func extract(o options) error {
	scratch, err := os.MkdirTemp("", "extract")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(scratch) }() // it is below the system's directory for such
	kernel, err := kernelHeader(o.source)
	if err != nil {
		return err
	}
	h := &headers{include: o.headers, extra: kernel, scratch: scratch}
	numbers, err := syscallFacts(h, o)
	if err != nil {
		return err
	}
	if err := constantFacts(h, o); err != nil {
		return err
	}
	if err := sinceFacts(h, o, numbers); err != nil {
		return err
	}
	packages := strings.Split(o.older, ",")
	newest, _, _ := strings.Cut(packages[len(packages)-1], "=")
	lines := []string{"date " + time.Now().UTC().Format(time.DateOnly), "kernel " + newest}
	for source := range strings.SplitSeq(o.sources, ";") {
		lines = append(lines, "source "+strings.TrimSpace(source))
	}
	return writeFacts(o.out, "sources.txt", "What the facts were extracted from, and when; kernel is the newest release that they know.", lines)
}

// syscallFacts writes numbers and prototypes. Headers, x/sys and the kernel's
// own tables must agree on every number.
func syscallFacts(h *headers, o options) (byName[uint64], error) {
	all, prototypes := byName[uint64]{}, byName[string]{}
	source, err := readSource(o.source)
	if err != nil {
		return nil, err
	}
	var wrong []error
	for _, t := range targets {
		numbers, err := h.syscalls(t)
		if err != nil {
			return nil, err
		}
		params, tbl, err := source.prototypes(t.arch)
		if err != nil {
			return nil, err
		}
		wrong = append(wrong, contradictions(t, "the kernel's table", numbers, tbl))
		if t.xsys != "" {
			other, err := xsys{filepath.Join(o.xsys, "unix")}.syscalls(t)
			if err != nil {
				return nil, err
			}
			wrong = append(wrong, contradictions(t, "x/sys", numbers, other))
		}
		for name, nr := range numbers {
			all.set(name, t.arch, nr)
			if p, ok := params[name]; ok {
				prototypes.set(name, t.arch, p)
			}
		}
	}
	if err := errors.Join(wrong...); err != nil {
		return nil, err
	}
	return all, errors.Join(
		writeFacts(o.out, "syscalls.txt", "Syscall numbers; - where an architecture has no such call, x32's without __X32_SYSCALL_BIT.", syscallLines(all)),
		writeFacts(o.out, "prototypes.txt", "What syscalls take, as the function behind the kernel's entry declares it;\n? where that function declares nothing. Lines with architectures overrule the one without.", prototypeLines(prototypes, all)))
}

// contradictions returns an error that lists where another source has another
// number, or a syscall that ours lacks.
func contradictions(t target, what string, ours, theirs map[string]uint64) error {
	var wrong []error
	for _, name := range sortedKeys(theirs) {
		if nr, ok := ours[name]; !ok || nr != theirs[name] {
			wrong = append(wrong, fmt.Errorf("%s: %s is %d in the headers (there: %v), %d in %s", t.arch, name, nr, ok, theirs[name], what))
		}
	}
	return errors.Join(wrong...)
}

// constantFacts writes constants and errnos: the headers' values, and of names
// that they lack x/sys's, or Go's own.
func constantFacts(h *headers, o options) error {
	all, errnos := byName[uint64]{}, map[string]bool{}
	onX86 := byName[uint64]{} // of x/sys
	for _, t := range targets {
		values, err := h.constants(t)
		if err != nil {
			return err
		}
		names, err := h.errnos(t)
		if err != nil {
			return err
		}
		for _, name := range names {
			errnos[name] = true
		}
		for name, v := range values {
			all.set(name, t.arch, v)
		}
		if t.xsys == "" {
			continue
		}
		other, areErrnos, err := xsys{filepath.Join(o.xsys, "unix")}.constants(t)
		if err != nil {
			return err
		}
		old, _, err := goConstants(filepath.Join(build.Default.GOROOT, "src/syscall/zerrors_linux_"+t.xsys+".go"))
		if err != nil {
			return err
		}
		for name, v := range old {
			if _, ok := other[name]; !ok {
				other[name] = v
			}
		}
		for name, v := range other {
			have, ok := values[name]
			if !ok {
				all.set(name, t.arch, v)
			} else if have != v {
				fmt.Fprintf(os.Stderr, "%s: %s is %#x in the headers, %#x in x/sys\n", t.arch, name, have, v)
			}
			if areErrnos[name] {
				errnos[name] = true
			}
			if t.arch == "x86_64" || t.arch == "i386" {
				onX86.set(name, t.arch, v)
			}
		}
	}
	// x/sys knows no x32. Where its two other x86 agree, x32 has the same.
	for name, v := range onX86 {
		if _, ok := all[name]["x32"]; !ok && len(v) == 2 && v["x86_64"] == v["i386"] {
			all.set(name, "x32", v["x86_64"])
		}
	}
	return errors.Join(
		writeFacts(o.out, "errnos.txt", "Errnos: name, number, ARCH=number where it is another (- where there is none).",
			constantLines(all, func(name string) bool { return errnos[name] })),
		writeFacts(o.out, "constants.txt", "Constants: name, value, ARCH=value where it is another (- where there is none). Negative values are sign-extended to 64 bits.",
			constantLines(all, func(name string) bool { return !errnos[name] })))
}

func sinceFacts(h *headers, o options, numbers byName[uint64]) error {
	releases, notes, err := manual(o.manual)
	if err != nil {
		return err
	}
	all := byName[span]{}
	for _, t := range targets {
		ours := map[string]uint64{}
		for name, byArch := range numbers {
			if nr, ok := byArch[t.arch]; ok {
				ours[name] = nr
			}
		}
		snapshots, err := history(o.clone, t)
		if err != nil {
			return err
		}
		older, err := olderSnapshots(h, o.older, t)
		if err != nil {
			return err
		}
		// History has the word where it reaches, but of ARM's private calls.
		for _, snap := range older {
			if n := len(snapshots); n == 0 || snap.release.compare(snapshots[n-1].release) > 0 {
				snapshots = append(snapshots, snap)
			}
		}
		for name, s := range since(t, ours, snapshots, releases, notes) {
			all.set(name, t.arch, s)
		}
		for name, nr := range ours {
			if s, ok := seen(nr, older); ok && nr >= private {
				s.from = later(ports[t.arch], releases[name])
				all.set(name, t.arch, s)
			}
		}
	}
	inferSpans(all, numbers)
	return writeFacts(o.out, "since.txt", "The release that first had a call, or FROM..BY: no release before FROM has it, every one since BY has it.\nARCH=release where it is another, ? where it is unknown.", spanLines(all, numbers))
}

// olderSnapshots reads the packages of the option -older that have the target.
func olderSnapshots(h *headers, packages string, t target) ([]snapshot, error) {
	var all []snapshot
	for older := range strings.SplitSeq(packages, ",") {
		release, dir, _ := strings.Cut(older, "=")
		v, err := parseVersion(release)
		if err != nil {
			return nil, err
		}
		there := &headers{include: dir, scratch: h.scratch}
		if !there.has(t) {
			continue
		}
		numbers, err := there.syscalls(t)
		if err != nil {
			return nil, err
		}
		all = append(all, snapshot{v, true, numbers})
	}
	return all, nil
}

// inferSpans narrows what is known of architectures that share their table with
// another: x32 with x86_64, riscv64 and loongarch64 with aarch64 (the generic table).
func inferSpans(all byName[span], numbers byName[uint64]) {
	for name, byArch := range numbers {
		for _, pair := range [][2]string{{"x32", "x86_64"}, {"riscv64", "aarch64"}, {"loongarch64", "aarch64"}} {
			arch, like := pair[0], pair[1]
			nr, has := byArch[arch]
			other, shared := all[name][like]
			if !has || !shared || byArch[like] != nr {
				continue
			}
			other = span{later(other.from, ports[arch]), later(other.by, ports[arch])}
			if own, ok := all[name][arch]; !ok || other.by.compare(own.by) < 0 {
				all.set(name, arch, other)
			}
		}
	}
}
