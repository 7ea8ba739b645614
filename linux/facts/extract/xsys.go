package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// xsys reads the tables of golang.org/x/sys/unix, which its authors made from
// kernel headers and glibc's with the architectures' own compilers.
type xsys struct {
	dir string // the module's folder unix
}

var (
	xsysNumber   = regexp.MustCompile(`(?m)^\tSYS_(\w+)\s*= (\d+)$`)
	xsysConstant = regexp.MustCompile(`(?m)^\t(\w+)\s*= ((?:syscall\.)?(?:Errno|Signal)\()?(-?(?:0x)?[0-9a-fA-F]+)\)?$`)
)

// syscalls returns the numbers of one target. Names that are lower case there
// are lower case in the kernel too.
func (x xsys) syscalls(t target) (map[string]uint64, error) {
	text, err := os.ReadFile(filepath.Join(x.dir, "zsysnum_linux_"+t.xsys+".go"))
	if err != nil {
		return nil, err
	}
	return xsysSyscalls(string(text))
}

func xsysSyscalls(text string) (map[string]uint64, error) {
	numbers := map[string]uint64{}
	for _, m := range xsysNumber.FindAllStringSubmatch(text, -1) {
		name := strings.ToLower(m[1])
		if slices.Contains(pseudo, name) || slices.Contains(pseudo, m[1]) || name == "syscall_mask" {
			continue
		}
		nr, err := strconv.ParseUint(m[2], 10, 32)
		if err != nil {
			return nil, err
		}
		numbers[name] = nr
	}
	return numbers, nil
}

// constants returns the constants of one target, and which of them are errnos.
func (x xsys) constants(t target) (values map[string]uint64, errnos map[string]bool, err error) {
	return goConstants(filepath.Join(x.dir, "zerrors_linux.go"), filepath.Join(x.dir, "zerrors_linux_"+t.xsys+".go"))
}

// goConstants reads the constants of files of x/sys or Go's own package syscall,
// which has some names that headers have long dropped.
func goConstants(files ...string) (values map[string]uint64, errnos map[string]bool, err error) {
	values, errnos = map[string]uint64{}, map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, nil, err
		}
		for _, m := range xsysConstant.FindAllStringSubmatch(string(text), -1) {
			if v, err := strconv.ParseInt(m[3], 0, 64); err == nil {
				values[m[1]] = uint64(v)
			} else if values[m[1]], err = strconv.ParseUint(m[3], 0, 64); err != nil {
				return nil, nil, err
			}
			errnos[m[1]] = strings.HasSuffix(m[2], "Errno(")
		}
	}
	return values, errnos, nil
}
