package containers

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"secco/linux"
)

// exits is a program that does nothing but exit_group(42).
var exits = []byte{0xbf, 42, 0, 0, 0, 0xb8, 231, 0, 0, 0, 0x0f, 0x05}

// TestWrapStarts: under a policy that kills for everything but the payload's one
// call, no start of secco-wrap may fail, and none may leave anything behind.
func TestWrapStarts(t *testing.T) {
	starts := 250
	if long() {
		starts = 10000
	}
	dir := policyDir(t, map[string]string{
		"wrap.secco": killAll + "execve, exit_group: 1\n",
		"gate.secco": killAll + "exit_group: 1\n",
	})
	program := filepath.Join(dir, "exits")
	if err := os.WriteFile(program, elf(exits), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, flags := range [][]string{{"--policy", filepath.Join(dir, "wrap.secco")}, {"--gate", "--policy", filepath.Join(dir, "gate.secco")}} {
		var next atomic.Int64
		var wg sync.WaitGroup
		for range 4 {
			wg.Add(1)
			go func() {
				defer wg.Done()
				for int(next.Add(1)) <= starts && !t.Failed() {
					r := runCommand(t, exec.Command(filepath.Join(bin, "secco-wrap"), append(flags, "--", program)...))
					if r.code != 42 || r.stdout+r.stderr != "" {
						t.Errorf("%q: %v", flags, r)
					}
				}
			}()
		}
		wg.Wait()
	}
	awaitNone(t)
}

const killAll = "DEFAULT_POSITIVE = allow\nDEFAULT_NEGATIVE = kill_process\nDEFAULT_POLICY = kill_process\n"

// TestWrapOtherPrograms: an i386 payload is under the filter as well, and a policy
// without rules for i386 kills it before it can do anything.
func TestWrapOtherPrograms(t *testing.T) {
	dir := policyDir(t, map[string]string{"p.secco": noUname})
	program := filepath.Join(dir, "i386")
	// mov eax, 20 (getpid); int 0x80; mov ebx, 42; mov eax, 1 (exit); int 0x80
	code := []byte{0xb8, 20, 0, 0, 0, 0xcd, 0x80, 0xbb, 42, 0, 0, 0, 0xb8, 1, 0, 0, 0, 0xcd, 0x80}
	if err := os.WriteFile(program, elf32(code), 0o755); err != nil {
		t.Fatal(err)
	}
	if r := runCommand(t, exec.Command(program)); r.code != 42 {
		missing(t, "this kernel runs no i386 programs: %v", r)
	}
	cmd := exec.Command(filepath.Join(bin, "secco-wrap"), "--policy", filepath.Join(dir, "p.secco"), "--", program)
	r := runCommand(t, cmd)
	if r.code == 42 || !strings.Contains(cmd.ProcessState.String(), unix.SIGSYS.String()) {
		t.Errorf("%v, %v", cmd.ProcessState, r)
	}
}

// TestGateEntries: behind the gate there is no execve, by whatever entry of the
// machine's: the payload's exit code is the errno, or it is killed.
func TestGateEntries(t *testing.T) {
	const killed = 128 + int(unix.SIGSYS)
	dir := policyDir(t, map[string]string{"p.secco": noExec})
	call := func(nr uint32, entry ...byte) []byte {
		code := append([]byte{0xb8, byte(nr), byte(nr >> 8), byte(nr >> 16), byte(nr >> 24)}, entry...) // mov eax, nr
		return append(code, 0xf7, 0xd8, 0x89, 0xc7, 0xb8, 231, 0, 0, 0, 0x0f, 0x05)                     // neg eax; mov edi, eax; mov eax, exit_group; syscall
	}
	syscall, interrupt := []byte{0x0f, 0x05}, []byte{0xcd, 0x80}
	for _, c := range []struct {
		name string
		code []byte
		want int
	}{
		{"execve", call(unix.SYS_EXECVE, syscall...), int(unix.ENOSYS)},
		{"execveat", call(unix.SYS_EXECVEAT, syscall...), int(unix.EPERM)},
		{"i386 execve", call(11, interrupt...), killed},
		{"i386 execveat", call(358, interrupt...), killed},
		{"i386 seccomp", call(354, interrupt...), killed},
		{"x32 execve", call(linux.X32Bit+520, syscall...), killed},
		{"x32 execveat", call(linux.X32Bit+545, syscall...), killed},
		{"x86_64 execve as x32", call(linux.X32Bit+unix.SYS_EXECVE, syscall...), killed},
	} {
		program := filepath.Join(dir, "program")
		if err := os.WriteFile(program, elf(c.code), 0o755); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(filepath.Join(bin, "secco-wrap"), "--gate", "--policy", filepath.Join(dir, "p.secco"), program)
		r := runCommand(t, cmd)
		if status := cmd.ProcessState.Sys().(interface{ Signal() unix.Signal }); r.code == -1 {
			r.code = 128 + int(status.Signal())
		}
		if r.code != c.want {
			t.Errorf("%s: want exit %d: %v", c.name, c.want, r)
		}
	}
}

// elf32 returns the smallest i386 program with this code.
func elf32(code []byte) []byte {
	const base, header = 0x8048000, 52 + 32
	b := []byte{0x7f, 'E', 'L', 'F', 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 3, 0, 1, 0, 0, 0}
	word := func(v uint32) { b = append(b, byte(v), byte(v>>8), byte(v>>16), byte(v>>24)) }
	half := func(v uint16) { b = append(b, byte(v), byte(v>>8)) }
	word(base + header)
	word(52)
	word(0)
	word(0)
	for _, v := range []uint16{52, 32, 1, 40, 0, 0} {
		half(v)
	}
	size := header + uint32(len(code))
	for _, v := range []uint32{1, 0, base, base, size, size, 5, 0x1000} {
		word(v)
	}
	return append(b, code...)
}
