package containers

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// TestWrapStarts: under a policy that kills for everything but the payload's one
// call, no start of secco-wrap may fail, and none may leave anything behind.
func TestWrapStarts(t *testing.T) {
	starts := 250
	if long() {
		starts = 10000
	} else if testing.Short() {
		starts = 40
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

// TestWrapOtherPrograms: a payload with 32 bits is under the filter as well, and a
// policy without rules for its machine kills it before it can do anything.
func TestWrapOtherPrograms(t *testing.T) {
	dir := policyDir(t, map[string]string{"p.secco": noUname})
	program := writeProgram32(t, dir, exits32)
	if r := runCommand(t, exec.Command(program)); r.code != 42 {
		missing(t, "this kernel runs no %v programs: %v", machine32, r)
	}
	cmd := exec.Command(filepath.Join(bin, "secco-wrap"), "--policy", filepath.Join(dir, "p.secco"), "--", program)
	r := runCommand(t, cmd)
	if r.code == 42 || !strings.Contains(cmd.ProcessState.String(), unix.SIGSYS.String()) {
		t.Errorf("%v, %v", cmd.ProcessState, r)
	}
}

// writeProgram32 writes a program with 32 bits.
func writeProgram32(t testing.TB, dir string, code []byte) (path string) {
	t.Helper()
	path = filepath.Join(dir, "program32")
	if err := os.WriteFile(path, elf32(code), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

const killed = 128 + int(unix.SIGSYS)

// An entry is a program that makes a call, and what becomes of that behind the gate.
type entry struct {
	name string
	code []byte
	want int
}

// TestGateEntries: behind the gate there is no execve, by whatever entry of the
// machine's: the payload's exit code is the errno, or it is killed.
func TestGateEntries(t *testing.T) {
	dir := policyDir(t, map[string]string{"p.secco": noExec, "both.secco": fmt.Sprintf("ARCHES = %v, %v\n", machine, machine32) + noExec})
	gated := func(policy, program string) result {
		cmd := exec.Command(filepath.Join(bin, "secco-wrap"), "--gate", "--policy", filepath.Join(dir, policy), program)
		r := runCommand(t, cmd)
		if status := cmd.ProcessState.Sys().(interface{ Signal() unix.Signal }); r.code == -1 {
			r.code = 128 + int(status.Signal())
		}
		return r
	}
	for _, e := range entries {
		program := filepath.Join(dir, "program")
		if err := os.WriteFile(program, elf(e.code), 0o755); err != nil {
			t.Fatal(err)
		}
		if r := gated("p.secco", program); r.code != e.want {
			t.Errorf("%s: want exit %d: %v", e.name, e.want, r)
		}
	}

	program := writeProgram32(t, dir, exits32)
	if r := runCommand(t, exec.Command(program)); r.code != 42 {
		missing(t, "this kernel runs no %v programs: %v", machine32, r)
	}
	if r := gated("both.secco", program); r.code != 42 {
		t.Errorf("a program with 32 bits and rules for it: %v", r)
	}
	if r := gated("both.secco", writeProgram32(t, dir, listener32)); r.code != int(unix.EBUSY) {
		t.Errorf("a listener, by a program with 32 bits: want exit %d: %v", int(unix.EBUSY), r)
	}
}

// A container's own profile may have seccomp(2) fail without an error: secco-wrap must
// not take that for success.
func TestWrapUnderMadeUpResults(t *testing.T) {
	dir := policyDir(t, map[string]string{"p.secco": noUname, "noexec.secco": noExec})
	none := uint(0)
	eachRuntime(t, func(t *testing.T, rt runtime) {
		for _, args := range [][]string{{"--policy", "/secco/p.secco"}, {"--gate", "--policy", "/secco/noexec.secco"}} {
			b := newBundle(t, append(append([]string{"/bin/secco-wrap"}, args...), "--", "payload")...)
			b.mount(dir, "/secco")
			b.spec.Linux.Seccomp = &specs.LinuxSeccomp{DefaultAction: specs.ActAllow, Syscalls: []specs.LinuxSyscall{{Names: []string{"seccomp"}, Action: specs.ActErrno, ErrnoRet: &none}}}
			expect(t, b.run(rt.path), 125, "", "makes up results")
		}
	})
}
