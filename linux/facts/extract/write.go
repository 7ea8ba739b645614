package main

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// perArch is one fact by architecture.
type perArch[T comparable] map[string]T

// byName collects facts of all architectures by name.
type byName[T comparable] map[string]perArch[T]

func (b byName[T]) set(name, arch string, value T) {
	if b[name] == nil {
		b[name] = perArch[T]{}
	}
	b[name][arch] = value
}

// common returns the value that most architectures have; of equally many the
// first in the order of targets.
func (p perArch[T]) common() T {
	count := map[T]int{}
	for _, v := range p {
		count[v]++
	}
	var most T
	for _, t := range targets {
		if v, ok := p[t.arch]; ok && count[v] > count[most] {
			most = v
		}
	}
	return most
}

// writeFacts writes a file whole: a comment that says what a line is, then the
// lines in order.
func writeFacts(dir, name, comment string, lines []string) error {
	var b strings.Builder
	for line := range strings.SplitSeq(comment, "\n") {
		b.WriteString("# " + line + "\n")
	}
	for _, line := range lines {
		b.WriteString(line + "\n")
	}
	return os.WriteFile(filepath.Join(dir, name), []byte(b.String()), 0o644)
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

func number(v uint64) string {
	if v < 10 {
		return fmt.Sprint(v)
	}
	return fmt.Sprintf("%#x", v)
}

// constantLines writes "NAME value", and ARCH=value where an architecture has
// another, ARCH=- where it has none.
func constantLines(all byName[uint64], want func(name string) bool) []string {
	var lines []string
	for _, name := range sortedKeys(all) {
		if !want(name) {
			continue
		}
		common := all[name].common()
		line := name + " " + number(common)
		for _, t := range targets {
			if v, ok := all[name][t.arch]; !ok {
				line += " " + t.arch + "=-"
			} else if v != common {
				line += " " + t.arch + "=" + number(v)
			}
		}
		lines = append(lines, line)
	}
	return lines
}

// syscallLines writes a name and its number on each architecture, - for none.
func syscallLines(all byName[uint64]) []string {
	header := "name"
	for _, t := range targets {
		header += " " + t.arch
	}
	lines := []string{header}
	for _, name := range sortedKeys(all) {
		line := name
		for _, t := range targets {
			if nr, ok := all[name][t.arch]; ok {
				line += fmt.Sprintf(" %d", nr)
			} else {
				line += " -"
			}
		}
		lines = append(lines, line)
	}
	return lines
}

// spanLines writes "name span", and ARCH=span where an architecture has another,
// ARCH=? where nothing is known of one that has the call.
func spanLines(all byName[span], numbers byName[uint64]) []string {
	var lines []string
	for _, name := range sortedKeys(all) {
		common := all[name].common()
		line := name + " " + common.String()
		for _, t := range targets {
			if _, has := numbers[name][t.arch]; !has {
				continue
			}
			if s, ok := all[name][t.arch]; !ok {
				line += " " + t.arch + "=?"
			} else if s != common {
				line += " " + t.arch + "=" + s.String()
			}
		}
		lines = append(lines, line)
	}
	return lines
}

// prototypeLines writes "name: params" for most architectures that have the
// call, and "name ARCH,ARCH: params" for others; ? stands for unknown.
func prototypeLines(all byName[string], numbers byName[uint64]) []string {
	var lines []string
	for _, name := range sortedKeys(all) {
		common := all[name].common()
		lines = append(lines, name+": "+common)
		others := map[string][]string{}
		for _, t := range targets {
			if _, has := numbers[name][t.arch]; !has {
				continue
			}
			params, ok := all[name][t.arch]
			if !ok {
				params = "?"
			}
			if params != common {
				others[params] = append(others[params], t.arch)
			}
		}
		for _, params := range sortedKeys(others) {
			lines = append(lines, name+" "+strings.Join(others[params], ",")+": "+params)
		}
	}
	return lines
}
