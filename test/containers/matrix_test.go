package containers

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"secco/bpf"
	"secco/hook"
	"secco/lang"
	"secco/linux"
	"secco/policy/prove"
	"secco/source"
	"secco/test/alive"
)

// A cell is one combination of an engine, a way in and a payload.
type cell struct {
	way     way
	payload payload
	dir     string // of the policy, p.secco
	env     string // NAME=VALUE that marks the container's processes
}

// An engine is what starts containers.
type engine struct {
	name string
	// setup makes it ready and returns what makes the command that runs a cell's
	// container in the foreground.
	setup func(t *testing.T) func(t *testing.T, c cell) *exec.Cmd
}

var engines = []engine{
	{"runc", bundleCells("runc")},
	{"crun", bundleCells("crun")},
	{"podman", podmanCells},
	{"Docker", dockerCells},
	{"containerd", containerdCells},
}

// The outcomes of cells.
type outcome int

const (
	filtered  outcome = iota // the payload runs under the policy
	noCommand                // the same, but what it executes doesn't start
	refused                  // the container isn't started, as it should be
	ignored                  // impossible: the engine takes no notice, and the payload runs without the policy
	unknown                  // impossible: the engine has no such option
)

// cannot says which engines have no such way in, and which outcome that is.
var cannot = map[string]map[string]outcome{
	"hook precreate":    {"runc": ignored, "crun": ignored, "containerd": ignored, "Docker": unknown},
	"crun's annotation": {"runc": ignored, "Docker": unknown},
}

func outcomeOf(e engine, w way, p payload) outcome {
	no, impossible := cannot[w.name][e.name]
	if impossible && e.name == "Docker" && w.annotated && dockerAnnotates() {
		impossible = false
	}
	switch {
	case impossible && no == unknown:
		return unknown
	case p.fails, w.gates() && p.otherProfile: // which is less strict than the policy
		return refused
	case impossible:
		return no
	case w.noExec && p.execs:
		return noCommand
	}
	return filtered
}

// TestMatrix runs payloads by every way in under every engine, and proves of what
// the kernel holds of each that it is the policy.
func TestMatrix(t *testing.T) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			command := e.setup(t)
			for _, w := range ways {
				for i, p := range payloads {
					bare := e.name == "runc" || e.name == "crun"
					if !long() && i > 0 && !(p.daily && bare) {
						continue
					}
					t.Run(w.name+"/"+p.name, func(t *testing.T) {
						if err := alive.Settle(); err != nil {
							t.Fatal(err)
						}
						dir := policyDir(t, map[string]string{"p.secco": w.policy})
						open(dir)
						c := cell{w, p, dir, fmt.Sprintf("SECCO_CELL=%d-%d", os.Getpid(), bundles.Add(1))}
						c.check(t, outcomeOf(e, w, p), c.run(t, command(t, c)))
						if pid := findPayload(c.env); pid != 0 {
							t.Errorf("left behind: process %d", pid)
						}
					})
				}
			}
			awaitNone(t)
		})
	}
}

// ran is what became of a cell's container.
type ran struct {
	result
	waited  bool          // it came to the point where it waits
	filters []bpf.Program // what the kernel held then
}

// run runs a cell's container and reads its filters while it waits.
func (c cell) run(t *testing.T, cmd *exec.Cmd) (r ran) {
	t.Helper()
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stdout lockedBuffer
	var stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.WaitDelay = hangs() / 2 // a busy machine takes its time to copy what is left
	start := time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	ready := c.payload.ready
	if ready == "" {
		ready = "waiting\n"
	}
	deadline := time.After(hangs())
	for ended := false; !ended; {
		select {
		case <-done:
			ended = true
		case <-deadline:
			cmd.Process.Kill()
			<-done
			t.Fatalf("%v hangs: %s%s", cmd.Args, stdout.String(), stderr.String())
		case <-time.After(5 * time.Millisecond):
			if r.waited || !strings.Contains(stdout.String(), ready) {
				continue
			}
			r.waited = true
			pid := findPayload(c.env)
			if r.filters, err = hook.ReadFilters(pid); err != nil {
				t.Errorf("the payload, process %d: %v", pid, err)
			}
			io.WriteString(stdin, "\n") // some engines don't pass its end on
			stdin.Close()
		}
	}
	r.result = result{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode(), time.Since(start)}
	return r
}

// check compares what became of a cell with what should have.
func (c cell) check(t *testing.T, want outcome, r ran) {
	t.Helper()
	if want == refused || want == unknown {
		if r.code == 0 || r.code == c.payload.code || r.waited || strings.Contains(r.stdout, "uname") {
			t.Errorf("started: %v", r.result)
		}
		if want == unknown && !strings.Contains(r.stderr, "unknown flag") && !strings.Contains(r.stderr, "requires API version") {
			t.Errorf("the documentation says that there is no such option: %v", r.result)
		}
		return
	}
	if !r.waited {
		t.Fatalf("did not start: %v", r.result)
	}
	switch want {
	case filtered:
		expect(t, r.result, c.payload.code, c.payload.stdout, "")
		if c.way.noExec && strings.Contains(r.stdout, "exec <nil>") {
			t.Errorf("executed something: %v", r.result)
		}
	case noCommand:
		if r.code != c.payload.code || strings.Contains(r.stdout, "uname") {
			t.Errorf("executed something: %v", r.result)
		}
	case ignored:
		if r.code == int(unix.EXFULL) || strings.Contains(r.stdout, "EXFULL") {
			t.Errorf("the documentation says that this way is unknown here: %v", r.result)
		}
	}
	c.prove(t, r.filters, want != ignored)
}

// prove proves that one of the filters is the policy's, or that none is.
func (c cell) prove(t *testing.T, filters []bpf.Program, installed bool) {
	t.Helper()
	f := load(t, c.dir)
	meant, program := f.Policy, f.Program
	if slices.Contains(c.way.entry, "--gate") {
		// The gate's two rules, by other means than its own.
		with, findings := lang.Load([]*source.File{source.NewFile("gated", noExecGated)}, lang.Options{Targets: []linux.Arch{machine}})
		if err := findings.Err(); err != nil {
			t.Fatal(err)
		}
		meant = with
		var err error
		if program, err = hook.Gate(program); err != nil {
			t.Fatal(err)
		}
	}
	found := 0
	for _, p := range filters {
		is, err := prove.Program(p)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := prove.Equivalent(is, prove.Policy(meant), prove.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if answer.Verdict == prove.Equal && (!c.way.exact || slices.Equal(p, program)) {
			found++
			continue
		}
		t.Logf("another filter, of %d instructions: %v %v", len(p), answer.Verdict, answer.Witness)
	}
	// Behind a way that sets the container's profile stands no other one.
	others := 0
	if c.payload.otherProfile && (c.way.entry != nil || slices.Contains(c.way.hook, "install")) {
		others = 1
	}
	switch {
	case installed && (found != 1 || len(filters) != 1+others):
		t.Errorf("the kernel holds %d filters, %d of them the policy's", len(filters), found)
	case !installed && found != 0:
		t.Error("the kernel holds the policy's filter")
	}
}

// noExecGated is noExec with the gate's two rules.
const noExecGated = `DEFAULT_POSITIVE = EPERM
DEFAULT_NEGATIVE = allow
DEFAULT_POLICY = allow
execveat: 1
uname: return EXFULL
execve: return notify
seccomp {
    argL1 &? 8 -> EBUSY
    else       -> allow
}
`

// findPayload returns the process of the container that is marked by an
// environment variable: the first one of its PID namespace. 0 means none.
func findPayload(env string) (pid int) {
	processes, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range processes {
		environ, _ := os.ReadFile(filepath.Join(dir, "environ"))
		if !slices.Contains(strings.Split(string(environ), "\x00"), env) {
			continue
		}
		status, _ := os.ReadFile(filepath.Join(dir, "status"))
		for line := range strings.Lines(string(status)) {
			if ids, ok := strings.CutPrefix(line, "NSpid:"); ok && len(strings.Fields(ids)) > 1 && strings.Fields(ids)[len(strings.Fields(ids))-1] == "1" {
				pid, _ = strconv.Atoi(filepath.Base(dir))
				return pid
			}
		}
	}
	return 0
}

// A lockedBuffer is written and read at once.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// TestFirstInstruction: the first instruction of a payload is the refused call.
func TestFirstInstruction(t *testing.T) {
	name, _ := machine.SyscallName(0)
	program := filepath.Join(t.TempDir(), "at-once")
	if err := os.WriteFile(program, elf(atOnce), 0o755); err != nil {
		t.Fatal(err)
	}
	eachRuntime(t, func(t *testing.T, rt runtime) {
		for _, w := range ways {
			if _, impossible := cannot[w.name][rt.name]; impossible {
				continue
			}
			t.Run(w.name, func(t *testing.T) {
				dir := policyDir(t, map[string]string{"p.secco": strings.Replace(w.policy, "uname:", name+":", 1)})
				b := newBundle(t, "/payload/at-once")
				b.mount(filepath.Dir(program), "/payload")
				path, global := w.apply(t, b, rt, dir)
				expect(t, b.run(path, global...), int(unix.EXFULL), "", "")
			})
		}
	})
}
