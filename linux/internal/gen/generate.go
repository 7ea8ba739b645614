package main

import (
	"bytes"
	"fmt"
	"go/format"
	"slices"
	"strings"
)

// generate returns the text of each generated file by its name.
func generate(f *facts) (map[string][]byte, error) {
	files := make(map[string][]byte)
	for name, write := range map[string]func(*bytes.Buffer, *facts) error{
		"zsources.go":    writeSources,
		"zsyscalls.go":   writeSyscalls,
		"zprototypes.go": writePrototypes,
		"zsince.go":      writeSince,
		"zconstants.go":  writeConstants,
		"zerrnos.go":     writeErrnos,
	} {
		b := new(bytes.Buffer)
		b.WriteString("// Code generated from facts/ by internal/gen. DO NOT EDIT.\n\npackage linux\n\n")
		if err := write(b, f); err != nil {
			return nil, err
		}
		text, err := format.Source(b.Bytes())
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		files[name] = text
	}
	return files, nil
}

func writeSources(b *bytes.Buffer, f *facts) error {
	fmt.Fprintf(b, "// TablesDate is the day on which the facts were extracted.\nconst TablesDate = %q\n\n", f.date)
	fmt.Fprintf(b, "// TablesKernel is the newest release of the kernel whose syscalls the tables know.\nvar TablesKernel = Version{%d, %d, %d}\n\n", f.kernel[0], f.kernel[1], f.kernel[2])
	fmt.Fprintf(b, "// TablesSources says what the facts were extracted from, with versions.\nvar TablesSources = []string{\n")
	for _, s := range f.sources {
		fmt.Fprintf(b, "%q,\n", s)
	}
	b.WriteString("}\n")
	return nil
}

// perArch writes one value for each syscall of each architecture.
func perArch(b *bytes.Buffer, f *facts, value func(s *syscall, arch int) string) {
	for a := range f.arches[1:] {
		a++
		fmt.Fprintf(b, "%d: { // %s\n", a, f.arches[a])
		for i := range f.syscalls {
			fmt.Fprintf(b, "%s,", value(&f.syscalls[i], a))
			newline(b, i)
		}
		b.WriteString("},\n")
	}
	b.WriteString("}\n")
}

func writeSyscalls(b *bytes.Buffer, f *facts) error {
	fmt.Fprintf(b, "const numSyscallNames = %d\n\n", len(f.syscalls))
	b.WriteString("var syscallNames = [numSyscallNames]string{\n")
	for _, s := range f.syscalls {
		fmt.Fprintf(b, "%q,\n", s.name)
	}
	b.WriteString("}\n\n// By architecture and index in syscallNames; -1 where there is none.\n")
	b.WriteString("var syscallNumbers = [numArches][numSyscallNames]int32{\n")
	perArch(b, f, func(s *syscall, arch int) string {
		if nr, ok := s.numbers[arch]; ok {
			return fmt.Sprint(nr)
		}
		return "-1"
	})
	b.WriteString("\n// Indexes in syscallNames, in order of their numbers, one for each number.\n")
	b.WriteString("var syscallsByNumber = [numArches][]uint16{\n")
	for a := range f.arches[1:] {
		a++
		var ids []int
		for i, s := range f.syscalls {
			if _, ok := s.numbers[a]; ok {
				ids = append(ids, i)
			}
		}
		number := func(id int) int { return int(f.syscalls[id].numbers[a]) }
		slices.SortStableFunc(ids, func(x, y int) int { return number(x) - number(y) })
		ids = slices.CompactFunc(ids, func(x, y int) bool { return number(x) == number(y) })
		fmt.Fprintf(b, "%d: { // %s\n", a, f.arches[a])
		for i, id := range ids {
			fmt.Fprintf(b, "%d,", id)
			newline(b, i)
		}
		b.WriteString("},\n")
	}
	b.WriteString("}\n")
	return nil
}

func writePrototypes(b *bytes.Buffer, f *facts) error {
	var texts []string // of signatures, from 1 on
	index := map[string]int{}
	ids := map[*syscall]map[int]int{}
	for i := range f.syscalls {
		s := &f.syscalls[i]
		ids[s] = map[int]int{}
		for a, name := range f.arches {
			declaration, ok := s.params[a]
			if !ok {
				continue
			}
			params, err := parseParams(declaration, name)
			if err != nil {
				return fmt.Errorf("%s: %s: %w", name, s.name, err)
			}
			var text strings.Builder
			for _, p := range params {
				fmt.Fprintf(&text, "{%q, %q, %d, %v},", p.name, p.ctype, p.bits, p.signed)
			}
			id, ok := index[text.String()]
			if !ok {
				texts = append(texts, text.String())
				id = len(texts)
				index[text.String()] = id
			}
			ids[s][a] = id
		}
	}
	b.WriteString("var signatures = [...][]Param{\nnil, // unknown\n")
	for _, text := range texts {
		fmt.Fprintf(b, "{%s},\n", text)
	}
	b.WriteString("}\n\n// By architecture and index in syscallNames, the index in signatures; 0 where nothing is known.\n")
	b.WriteString("var prototypeTables = [numArches][numSyscallNames]uint16{\n")
	perArch(b, f, func(s *syscall, arch int) string { return fmt.Sprint(ids[s][arch]) })
	return nil
}

func writeSince(b *bytes.Buffer, f *facts) error {
	seen := map[version]bool{{}: true}
	for _, s := range f.syscalls {
		for _, span := range s.since {
			seen[span.from], seen[span.by] = true, true
		}
	}
	var versions []version
	for v := range seen {
		versions = append(versions, v)
	}
	slices.SortFunc(versions, func(v, w version) int { return slices.Compare(v[:], w[:]) })
	if len(versions) > 256 {
		return fmt.Errorf("%d releases don't fit a byte", len(versions))
	}
	b.WriteString("var releases = [...]Version{\n")
	for _, v := range versions {
		fmt.Fprintf(b, "{%d, %d, %d},\n", v[0], v[1], v[2])
	}
	b.WriteString("}\n\n// By architecture and index in syscallNames, indexes in releases: no release before the first\n")
	b.WriteString("// has the call, every one since the second has it; 0 where nothing is known.\n")
	b.WriteString("var sinceTables = [numArches][numSyscallNames][2]uint8{\n")
	perArch(b, f, func(s *syscall, arch int) string {
		span := s.since[arch]
		return fmt.Sprintf("{%d, %d}", slices.Index(versions, span.from), slices.Index(versions, span.by))
	})
	return nil
}

func writeConstants(b *bytes.Buffer, f *facts) error {
	var rows []string
	b.WriteString("var constantTable = [...]constant{\n")
	for _, c := range f.constants {
		var has uint
		var values []string
		var common uint64
		for a := range f.arches {
			v, ok := c.values[a]
			if ok {
				has |= 1 << a
				common = v
			}
			values = append(values, fmt.Sprintf("%#x", v))
		}
		varies := false
		for _, v := range c.values {
			varies = varies || v != common
		}
		if varies {
			common = uint64(len(rows))
			rows = append(rows, strings.Join(values, ", "))
		}
		kind := "plain"
		if varies {
			kind = "varies"
		}
		if c.errno {
			kind += "|isErrno"
		}
		arches := fmt.Sprintf("%#x", has)
		if len(c.values) == len(f.arches)-1 {
			arches = "everywhere"
		}
		fmt.Fprintf(b, "{%q, %#x, %s, %s},\n", c.name, common, arches, kind)
	}
	b.WriteString("}\n\n// The values of constants that differ between architectures.\n")
	b.WriteString("var constantRows = [...][numArches]uint64{\n")
	for _, row := range rows {
		fmt.Fprintf(b, "{%s},\n", row)
	}
	b.WriteString("}\n")
	return nil
}

// aliases are errnos that share their number with another, which names it on
// architectures that have both.
var aliases = []string{"EWOULDBLOCK", "EDEADLOCK", "ENOTSUP", "EFSBADCRC", "EFSCORRUPTED"}

func writeErrnos(b *bytes.Buffer, f *facts) error {
	b.WriteString("// Sorted by number.\nvar errnoTables = [numArches][]errno{\n")
	for a := range f.arches[1:] {
		a++
		names := map[uint64]string{}
		for _, c := range f.constants {
			v, ok := c.values[a]
			if !c.errno || !ok {
				continue
			}
			have, taken := names[v]
			switch {
			case !taken || slices.Contains(aliases, have):
				names[v] = c.name
			case !slices.Contains(aliases, c.name):
				return fmt.Errorf("%s: both %s and %s name %d", f.arches[a], have, c.name, v)
			}
		}
		var numbers []uint64
		for v := range names {
			numbers = append(numbers, v)
		}
		slices.Sort(numbers)
		fmt.Fprintf(b, "%d: { // %s\n", a, f.arches[a])
		for i, v := range numbers {
			fmt.Fprintf(b, "{%d, %q},", v, names[v])
			if i%4 == 3 {
				b.WriteByte('\n')
			}
		}
		b.WriteString("},\n")
	}
	b.WriteString("}\n")
	return nil
}

// newline breaks long lists after every 16th.
func newline(b *bytes.Buffer, i int) {
	if i%16 == 15 {
		b.WriteByte('\n')
	}
}
