package linux

import (
	"fmt"
	"go/ast"
	goconstant "go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// These tests compare the tables with sources that are at hand where they run:
// golang.org/x/sys, Go's package syscall, the installed kernel headers and the running kernel.

var goArches = map[Arch]string{
	X86_64: "amd64", I386: "386", ARM: "arm", ARM64: "arm64", RISCV64: "riscv64",
	S390X: "s390x", PPC64: "ppc64", PPC64LE: "ppc64le", LOONG64: "loong64", MIPS64LE: "mips64le",
}

// grown are constants that newer headers have raised.
var grown = map[string]bool{
	"IFA_MAX": true, "RTA_MAX": true, "BPF_F_REDIRECT_FLAGS": true, "AF_MAX": true, "MS_RMT_MASK": true, "PTRACE_O_MASK": true,
	"RTAX_MAX": true, "RTM_MAX": true, "RTM_NR_FAMILIES": true, "RTM_NR_MSGTYPES": true, "SOMAXCONN": true,
}

// differs says why a constant of x/sys is not the kernel's, where it isn't.
func differs(a Arch, name string) string {
	switch {
	case grown[name]:
		return "newer headers have more"
	case name == "MS_NOUSER":
		return "1<<31, an int: negative in C"
	case name == "EPOLLET":
		return "1<<31 in Go's old tables, 1U<<31 since"
	case name == "RTCF_NAT":
		return "glibc's net/route.h has another one than linux/in_route.h"
	case name == "O_LARGEFILE":
		return "0 in glibc on 64-bit architectures"
	case name == "RLIM_INFINITY" && a.Bits() == 32:
		return "glibc has rlim64_t"
	case (name == "F_GETLK" || name == "F_SETLK" || name == "F_SETLKW") && a.Bits() == 32:
		return "glibc has the commands of fcntl64"
	case name == "MAP_RENAME" && a == MIPS64LE:
		return "glibc's is MAP_ANONYMOUS"
	}
	return ""
}

func TestAgainstXSys(t *testing.T) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "golang.org/x/sys").Output()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(strings.TrimSpace(string(out)), "unix")
	syscallLine := regexp.MustCompile(`(?m)^\tSYS_(\w+)\s*= (\d+)$`)
	for a, goarch := range goArches {
		text, err := os.ReadFile(filepath.Join(dir, "zsysnum_linux_"+goarch+".go"))
		if err != nil {
			t.Fatal(err)
		}
		calls := 0
		for _, m := range syscallLine.FindAllStringSubmatch(string(text), -1) {
			name := strings.ToLower(m[1])
			switch name {
			case "arch_specific_syscall", "syscall_base", "oabi_syscall_base", "syscall_mask":
				continue
			}
			nr, _ := strconv.ParseUint(m[2], 10, 32)
			if ours, ok := a.Syscall(name); !ok || ours != uint32(nr) {
				t.Errorf("%v: %s is %d, %v; in x/sys %d", a, name, ours, ok, nr)
			}
			calls++
		}
		constants := 0
		for _, name := range []string{"zerrors_linux.go", "zerrors_linux_" + goarch + ".go"} {
			constants += compareGoConstants(t, a, filepath.Join(dir, name))
		}
		if calls < 300 || constants < 4000 {
			t.Errorf("%v: compared %d calls and %d constants only", a, calls, constants)
		}
	}
}

// gosecco's constants are those of Go's package syscall.
func TestAgainstGo(t *testing.T) {
	if n := compareGoConstants(t, X86_64, filepath.Join(runtime.GOROOT(), "src/syscall/zerrors_linux_amd64.go")); n < 1200 {
		t.Errorf("compared %d constants only", n)
	}
}

// compareGoConstants returns how many constants of a Go file it has compared.
func compareGoConstants(t *testing.T, a Arch, file string) int {
	t.Helper()
	set := token.NewFileSet()
	f, err := parser.ParseFile(set, file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	compared := 0
	for _, decl := range f.Decls {
		gen, ok := decl.(*ast.GenDecl)
		if !ok || gen.Tok != token.CONST {
			continue
		}
		for _, spec := range gen.Specs {
			value := spec.(*ast.ValueSpec)
			expr := value.Values[0]
			if call, ok := expr.(*ast.CallExpr); ok { // Errno(0x1)
				expr = call.Args[0]
			}
			if lit, ok := expr.(*ast.BasicLit); ok && lit.Kind == token.CHAR {
				continue // the letters of ioctl numbers
			}
			v, err := types.Eval(set, nil, token.NoPos, types.ExprString(expr))
			if err != nil || v.Value.Kind() != goconstant.Int {
				continue
			}
			want, exact := goconstant.Uint64Val(v.Value)
			if !exact {
				signed, _ := goconstant.Int64Val(v.Value)
				want = uint64(signed)
			}
			name := value.Names[0].Name
			got, ok := a.Constant(name)
			if !ok || got != want && differs(a, name) == "" {
				t.Errorf("%v: %s is %#x, %v; in %s %#x", a, name, got, ok, filepath.Base(file), want)
			}
			compared++
		}
	}
	return compared
}

// The headers that are installed here are another version than the tables'.
func TestAgainstInstalledHeaders(t *testing.T) {
	number := regexp.MustCompile(`(?m)^#define __NR_(\w+) \(?(?:__X32_SYSCALL_BIT \+ )?(\d+)\)?$`)
	for _, c := range []struct {
		arch Arch
		file string
	}{{X86_64, "unistd_64.h"}, {X32, "unistd_x32.h"}, {I386, "unistd_32.h"}} {
		text, err := os.ReadFile("/usr/include/x86_64-linux-gnu/asm/" + c.file)
		if err != nil {
			skip(t, fmt.Sprintf("no kernel headers: %v", err))
		}
		seen := 0
		for _, m := range number.FindAllStringSubmatch(string(text), -1) {
			nr, _ := strconv.ParseUint(m[2], 10, 32)
			if ours, ok := c.arch.Syscall(m[1]); !ok || ours != c.arch.bit()|uint32(nr) {
				t.Errorf("%v: %s is %d, %v; in %s %d", c.arch, m[1], ours, ok, c.file, nr)
			}
			seen++
		}
		if seen < 300 {
			t.Errorf("%s has %d syscalls only", c.file, seen)
		}
	}
}

// renamed are the syscalls whose function in the kernel has another name.
var renamed = map[string]string{
	"newstat": "stat", "newlstat": "lstat", "newfstat": "fstat", "newuname": "uname", "sendfile64": "sendfile", "umount": "umount2",
}

var field = regexp.MustCompile(`(?m)^\tfield:(.*[ *])(\w+);\toffset:\d+;\tsize:\d+;\tsigned:\d;$`)

// Every syscall that the running kernel traces is known, and takes what the
// kernel says.
func TestAgainstRunningKernel(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		skip(t, "the table of functions' other names is x86_64's")
	}
	dir := tracefs(t)
	events, err := filepath.Glob(filepath.Join(dir, "events/syscalls/sys_enter_*"))
	if err != nil || len(events) == 0 {
		skip(t, "this kernel does not trace syscalls (CONFIG_FTRACE_SYSCALLS)")
	}
	different := 0
	for _, event := range events {
		name := strings.TrimPrefix(filepath.Base(event), "sys_enter_")
		if other, ok := renamed[name]; ok {
			name = other
		}
		if _, ok := X86_64.Syscall(name); !ok {
			t.Errorf("the kernel traces %s", name)
			continue
		}
		format, err := os.ReadFile(filepath.Join(event, "format"))
		if err != nil {
			t.Fatal(err)
		}
		var theirs, ours []string
		for _, m := range field.FindAllStringSubmatch(string(format), -1) {
			if !strings.HasPrefix(m[2], "common_") && m[2] != "__syscall_nr" {
				theirs = append(theirs, class(m[1]))
			}
		}
		params, ok := X86_64.Prototype(name)
		if !ok {
			t.Errorf("%s(%s) has no prototype", name, strings.Join(theirs, ", "))
			continue
		}
		for _, p := range params {
			ours = append(ours, class(p.Type))
		}
		if a, b := strings.Join(ours, ", "), strings.Join(theirs, ", "); a != b {
			different++
			t.Logf("%s takes %s; here %s", name, a, b)
		}
	}
	// Another release of the kernel may have widened an argument or added one.
	if different > len(events)/50 {
		t.Errorf("%d of %d syscalls take something else", different, len(events))
	}
	t.Logf("compared %d syscalls", len(events))
}

// class returns a C type as far as releases of the kernel agree on its spelling.
func class(ctype string) string {
	if strings.Contains(ctype, "*") {
		return "pointer"
	}
	ctype = strings.TrimPrefix(strings.TrimSpace(ctype), "const ")
	return strings.Replace(ctype, "unsigned int", "unsigned", 1)
}

// tracefs returns where the kernel's trace events are, and mounts them where
// they aren't.
func tracefs(t *testing.T) string {
	for _, dir := range []string{"/sys/kernel/tracing", "/sys/kernel/debug/tracing"} {
		if _, err := os.Stat(filepath.Join(dir, "events")); err == nil {
			return dir
		}
	}
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tracefs", "nodev", dir).CombinedOutput(); err != nil {
		skip(t, fmt.Sprintf("tracefs can't be mounted: %v: %s", err, out))
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, out)
		}
	})
	return dir
}

// skip skips a test aloud, but fails it in CI.
func skip(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(why)
	}
	t.Skip(why)
}
