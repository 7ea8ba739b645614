package main

import (
	"bufio"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// What a syscall takes is what the function behind its entry in the kernel's own
// table of an architecture declares: the table names the function, SYSCALL_DEFINE
// declares it, a definition in the architecture's folder before a general one.

// A table is where the kernel's source lists an architecture's syscalls.
type table struct {
	file string
	abis []string // of the second column
	base uint64   // added to the numbers
	dir  string   // the architecture's folder below arch/
	conf []string // configuration that decides between definitions
}

var tables = map[string]table{
	"x86_64":      {"arch/x86/entry/syscalls/syscall_64.tbl", split("common 64"), 0, "x86", nil},
	"x32":         {"arch/x86/entry/syscalls/syscall_64.tbl", split("common x32"), 0, "x86", nil},
	"i386":        {"arch/x86/entry/syscalls/syscall_32.tbl", split("i386"), 0, "x86", split("CLONE_BACKWARDS OLD_SIGSUSPEND3 ARCH_SPLIT_ARG64")},
	"arm":         {"arch/arm/tools/syscall.tbl", split("common eabi"), 0, "arm", split("CLONE_BACKWARDS OLD_SIGSUSPEND3")},
	"aarch64":     {"arch/arm64/tools/syscall_64.tbl", split("common 64 renameat rlimit memfd_secret"), 0, "arm64", split("CLONE_BACKWARDS")},
	"riscv64":     {"scripts/syscall.tbl", split("common 64 riscv rlimit memfd_secret"), 0, "riscv", split("CLONE_BACKWARDS")},
	"s390x":       {"arch/s390/kernel/syscalls/syscall.tbl", split("common 64"), 0, "s390", split("CLONE_BACKWARDS2 OLD_SIGSUSPEND3")},
	"ppc64":       {"arch/powerpc/kernel/syscalls/syscall.tbl", split("common 64 nospu"), 0, "powerpc", split("CLONE_BACKWARDS OLD_SIGSUSPEND")},
	"ppc64le":     {"arch/powerpc/kernel/syscalls/syscall.tbl", split("common 64 nospu"), 0, "powerpc", split("CLONE_BACKWARDS OLD_SIGSUSPEND")},
	"loongarch64": {"scripts/syscall.tbl", split("common 64 memfd_secret"), 0, "loongarch", nil},
	"mips64le":    {"arch/mips/kernel/syscalls/syscall_n64.tbl", split("common n64"), 5000, "mips", split("CLONE_BACKWARDS")},
}

// source is the kernel's source with every definition of a syscall in it.
type source struct {
	dir         string
	definitions map[string][]function // by the function's name: sys_read, compat_sys_ioctl
}

type function struct {
	file   string
	conf   string // nearest #if, #ifdef or #elif above that names a configuration
	params string // "unsigned int fd, char *buf, size_t count"
}

var (
	syscallDefine = regexp.MustCompile(`(?m)^[ \t]*(COMPAT_SYSCALL|SYSCALL|SYSCALL32)_DEFINE\d\(((?:[^()]|\([^()]*\))*)\)|^#\s*(?:ifdef|if|elif)\b.*?CONFIG_(\w+).*$|^#\s*(?:else|endif)`)
	spaces        = regexp.MustCompile(`\s+`)
	halves        = regexp.MustCompile(`(?:SC_ARG64|compat_arg_u64_dual)\((\w+)\)`)
)

func readSource(dir string) (*source, error) {
	s := &source{dir, map[string][]function{}}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(dir, path)
		switch {
		case err != nil:
			return err
		case entry.IsDir() && slices.Contains(split("Documentation samples scripts sound tools"), rel):
			return fs.SkipDir
		case entry.IsDir() || filepath.Ext(path) != ".c":
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if strings.Contains(string(text), "SYSCALL") {
			s.scan(rel, string(text))
		}
		return nil
	})
	return s, err
}

func (s *source) scan(file, text string) {
	conf := ""
	for _, m := range syscallDefine.FindAllStringSubmatch(text, -1) {
		if m[1] == "" {
			conf = m[3]
			continue
		}
		parts := strings.Split(halves.ReplaceAllString(m[2], "u32, ${1}_low, u32, ${1}_high"), ",")
		var params []string
		for i := 1; i+1 < len(parts); i += 2 {
			params = append(params, tidy(parts[i], parts[i+1]))
		}
		name := "sys_" + strings.TrimSpace(parts[0])
		switch m[1] {
		case "COMPAT_SYSCALL":
			name = "compat_" + name
		case "SYSCALL32":
			conf = "ARCH_SPLIT_ARG64"
		}
		s.definitions[name] = append(s.definitions[name], function{file, conf, strings.Join(params, ", ")})
	}
}

// tidy writes a parameter as C does, without the kernel's annotations.
func tidy(ctype, name string) string {
	for _, annotation := range []string{"__user", "__percpu"} {
		ctype = strings.ReplaceAll(ctype, annotation, "")
	}
	ctype = strings.TrimSpace(spaces.ReplaceAllString(ctype, " "))
	ctype = strings.ReplaceAll(ctype, "* *", "**")
	name = strings.TrimSpace(name)
	if strings.HasSuffix(ctype, "*") {
		return ctype + name
	}
	return ctype + " " + name
}

// behind are functions that an entry in assembler code jumps to.
var behind = map[string]string{"sys_mmap2": "sys_mmap_pgoff"} // arm

// lookup returns the parameters of the function behind a table's entry.
func (s *source) lookup(t table, entry string) (params string, ok bool) {
	entry = strings.TrimPrefix(strings.TrimSuffix(entry, "_wrapper"), "__")
	all := s.definitions[entry]
	pick := func(want func(function) bool) {
		if some := slices.DeleteFunc(slices.Clone(all), func(f function) bool { return !want(f) }); len(some) > 0 {
			all = some
		}
	}
	all = slices.DeleteFunc(slices.Clone(all), func(f function) bool {
		arch, inArch := strings.CutPrefix(f.file, "arch/")
		return inArch && (!strings.HasPrefix(arch, t.dir+"/") || strings.Contains(arch, "/um/"))
	})
	if other, ok := behind[entry]; ok && len(all) == 0 {
		return s.lookup(t, other)
	}
	pick(func(f function) bool { return strings.HasPrefix(f.file, "arch/") })
	pick(func(f function) bool { return !strings.HasSuffix(f.file, "posix-stubs.c") })
	if different(all) {
		// Of definitions for one configuration or another, ours; or, where none of
		// them is ours, the one for all others.
		all2 := all
		pick(func(f function) bool { return slices.Contains(t.conf, f.conf) })
		if len(all) == len(all2) {
			pick(func(f function) bool {
				return !strings.HasPrefix(f.conf, "CLONE_BACKWARDS") && !strings.HasPrefix(f.conf, "ARCH_SPLIT")
			})
		}
	}
	if len(all) == 0 || different(all) {
		return "", false
	}
	return all[0].params, true
}

func different(all []function) bool {
	return slices.ContainsFunc(all, func(f function) bool { return f.params != all[0].params })
}

// entries returns the number and the entry of each syscall of an architecture.
func (s *source) entries(t table) (numbers map[string]uint64, entries map[string]string, err error) {
	file, err := os.Open(filepath.Join(s.dir, t.file))
	if err != nil {
		return nil, nil, err
	}
	defer file.Close()
	numbers, entries = map[string]uint64{}, map[string]string{}
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		text, _, _ := strings.Cut(lines.Text(), "#")
		fields := strings.Fields(text)
		if len(fields) < 3 || !slices.Contains(t.abis, fields[1]) {
			continue
		}
		nr, err := strconv.ParseUint(fields[0], 10, 32)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", t.file, err)
		}
		numbers[fields[2]] = t.base + nr
		if len(fields) > 3 && fields[3] != "sys_ni_syscall" {
			entries[fields[2]] = fields[3]
		}
	}
	return numbers, entries, lines.Err()
}

// prototypes returns what each syscall of an architecture takes, and its
// numbers.
func (s *source) prototypes(arch string) (params map[string]string, numbers map[string]uint64, err error) {
	t, ok := tables[arch]
	if !ok {
		return nil, nil, fmt.Errorf("no table of %s is known", arch)
	}
	numbers, entries, err := s.entries(t)
	if err != nil {
		return nil, nil, err
	}
	params = map[string]string{}
	for name, entry := range entries {
		if p, ok := s.lookup(t, entry); ok {
			params[name] = p
		} else {
			fmt.Fprintf(os.Stderr, "%s: %s: no definition of %s\n", arch, name, entry)
		}
	}
	return params, numbers, nil
}
