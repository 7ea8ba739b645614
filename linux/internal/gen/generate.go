package main

import (
	"bytes"
	"fmt"
	"go/format"
	"slices"
	"strings"

	"secco/linux"
)

// generate returns the text of each generated file by its name.
func generate(f *facts) (map[string][]byte, error) {
	files := make(map[string][]byte)
	for name, write := range map[string]func(*bytes.Buffer, *facts){
		"zsources.go":   writeSources,
		"zsyscalls.go":  writeSyscalls,
		"zconstants.go": writeConstants,
	} {
		b := new(bytes.Buffer)
		b.WriteString("// Code generated from facts/ by internal/gen. DO NOT EDIT.\n\npackage linux\n\n")
		write(b, f)
		text, err := format.Source(b.Bytes())
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		files[name] = text
	}
	return files, nil
}

func writeSources(b *bytes.Buffer, f *facts) {
	fmt.Fprintf(b, "// TablesDate is the day on which the facts were extracted.\nconst TablesDate = %q\n\n", f.date)
	fmt.Fprintf(b, "// TablesSources says what the facts were extracted from, with versions.\nvar TablesSources = []string{\n")
	for _, s := range f.sources {
		fmt.Fprintf(b, "%q,\n", s)
	}
	b.WriteString("}\n")
}

func writeSyscalls(b *bytes.Buffer, f *facts) {
	fmt.Fprintf(b, "const numSyscallNames = %d\n\n", len(f.syscalls))
	b.WriteString("var syscallNames = [numSyscallNames]string{\n")
	for _, s := range f.syscalls {
		fmt.Fprintf(b, "%q,\n", s.name)
	}
	b.WriteString("}\n\nvar syscallTables = [numArches]syscallTable{\n")
	for _, a := range linux.Arches() {
		fmt.Fprintf(b, "%d: { // %s\nnumbers: [numSyscallNames]int32{", a, a)
		var ids []int
		for i, s := range f.syscalls {
			nr, ok := s.numbers[a]
			if ok {
				ids = append(ids, i)
				fmt.Fprintf(b, "%d,", nr)
			} else {
				b.WriteString("-1,")
			}
			newline(b, i)
		}
		slices.SortStableFunc(ids, func(x, y int) int {
			return int(f.syscalls[x].numbers[a]) - int(f.syscalls[y].numbers[a])
		})
		b.WriteString("},\nbyNumber: []uint16{")
		for i, id := range ids {
			fmt.Fprintf(b, "%d,", id)
			newline(b, i)
		}
		b.WriteString("},\n},\n")
	}
	b.WriteString("}\n")
}

func writeConstants(b *bytes.Buffer, f *facts) {
	var rows [][]string
	fmt.Fprintf(b, "var constantTable = [...]constant{\n")
	for _, c := range f.constants {
		var has uint
		var value uint64
		for _, a := range linux.Arches() {
			if v, ok := c.values[a]; ok {
				has |= 1 << a
				value = v
			}
		}
		row := 0
		for _, v := range c.values {
			if v != value {
				row = len(rows) + 1
			}
		}
		if row > 0 {
			value = uint64(row - 1)
			var values []string
			for _, a := range linux.Arches() {
				if v, ok := c.values[a]; ok {
					values = append(values, fmt.Sprintf("%d: %#x", a, v))
				}
			}
			rows = append(rows, values)
		}
		fmt.Fprintf(b, "{%q, %#x, %#x, %v, %v},\n", c.name, value, has, row > 0, c.errno)
	}
	b.WriteString("}\n\nvar constantRows = [...][numArches]uint64{\n")
	for _, row := range rows {
		fmt.Fprintf(b, "{%s},\n", strings.Join(row, ", "))
	}
	b.WriteString("}\n\n")
	writeErrnos(b, f)
}

// aliases are errnos that share their number with another, by whose name the
// number is called on architectures that have both.
var aliases = []string{"EWOULDBLOCK", "EDEADLOCK", "ENOTSUP"}

func writeErrnos(b *bytes.Buffer, f *facts) {
	b.WriteString("var errnoTables = [numArches][]errno{\n")
	for _, a := range linux.Arches() {
		names := map[uint64]string{}
		for _, c := range f.constants {
			v, ok := c.values[a]
			if !c.errno || !ok {
				continue
			}
			if names[v] == "" || slices.Contains(aliases, names[v]) {
				names[v] = c.name
			}
		}
		var numbers []uint64
		for v := range names {
			numbers = append(numbers, v)
		}
		slices.Sort(numbers)
		fmt.Fprintf(b, "%d: { // %s\n", a, a)
		for i, v := range numbers {
			fmt.Fprintf(b, "{%d, %q},", v, names[v])
			if i%4 == 3 {
				b.WriteByte('\n')
			}
		}
		b.WriteString("},\n")
	}
	b.WriteString("}\n")
}

// newline breaks long lists of numbers after every 16th.
func newline(b *bytes.Buffer, i int) {
	if i%16 == 15 {
		b.WriteByte('\n')
	}
}
