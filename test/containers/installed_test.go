package containers

import (
	"encoding/json"
	"fmt"
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

	"secco/test/alive"
)

// pid returns the process of a container that has been created.
func (b *bundle) pid(rt string, global ...string) int {
	b.t.Helper()
	r := run(b.t, rt, slices.Concat(global, []string{"--root", filepath.Join(b.dir, "state"), "state", b.id})...)
	var state struct{ Pid int }
	if err := json.Unmarshal([]byte(r.stdout), &state); err != nil || state.Pid == 0 {
		b.t.Fatalf("state: %v: %v", err, r)
	}
	return state.Pid
}

// ours returns the processes of this test's commands. A zombie has no program any
// more, and counts by its name.
func ours() []int {
	var pids []int
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, d := range dirs {
		program, err := os.Readlink(d + "/exe")
		comm, _ := os.ReadFile(d + "/comm")
		if strings.HasPrefix(program, bin+"/") || err != nil && strings.HasPrefix(string(comm), "secco-") {
			pid, _ := strconv.Atoi(filepath.Base(d))
			pids = append(pids, pid)
		}
	}
	return pids
}

// awaitNone waits until none of these processes is left.
func awaitNone(t testing.TB) {
	t.Helper()
	for range 200 {
		if len(ours()) == 0 {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Errorf("left behind: %v", ours())
}

// TestParallel starts many containers at once by each of the hook's modes, and by
// the runtime wrapper.
func TestParallel(t *testing.T) {
	n := 20
	if long() {
		n = 300
	} else if testing.Short() {
		n = 4
	}
	eachRuntime(t, func(t *testing.T, rt runtime) {
		for _, w := range ways {
			if w.stage != "createRuntime" && !w.wrapper {
				continue
			}
			t.Run(w.name, func(t *testing.T) {
				dir := policyDir(t, map[string]string{"p.secco": w.policy})
				var all []*bundle
				var wg sync.WaitGroup
				for range n {
					b := newBundle(t, "payload")
					all = append(all, b)
					path, global := w.apply(t, b, rt, dir)
					wg.Go(func() {
						// Each brings a program or two, and all may end at once.
						if err := alive.Settle(); err != nil {
							t.Error(err)
							return
						}
						expect(t, b.run(path, global...), 3, saw, "")
					})
				}
				wg.Wait()
				awaitNone(t)
				for _, b := range all {
					if left := b.leftovers(); left != nil {
						t.Errorf("left behind: %q", left)
					}
				}
			})
		}
	})
}

// leftovers returns the files of a container's that should be gone with it: its
// state, beside which crun keeps a .cache of what belongs to none, and its control
// groups.
func (b *bundle) leftovers() (left []string) {
	for _, pattern := range []string{filepath.Join(b.dir, "state/[^.]*"), "/sys/fs/cgroup/*" + b.id, "/sys/fs/cgroup/*/*" + b.id} {
		found, _ := filepath.Glob(pattern)
		left = append(left, found...)
	}
	return left
}

// TestHookFaults: whatever goes wrong, the payload does not run.
func TestHookFaults(t *testing.T) {
	need(t)
	dir := policyDir(t, map[string]string{
		"p.secco": noExec, "wrong.secco": "read: nonsense\n", "notify.secco": "DEFAULT_POLICY = allow\nDEFAULT_POSITIVE = allow\nDEFAULT_NEGATIVE = allow\nuname: return notify\n",
		"x.bpf": "broken",
	})
	victim := exec.Command("sleep", "60")
	if err := victim.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { victim.Process.Kill(); victim.Wait() })
	stranger := 1
	if ppid := os.Getppid(); ppid > 1 {
		stranger = ppid // runs, and is no child of ours
	}
	bundle := policyDir(t, map[string]string{"config.json": "{}"})
	state := func(pid int, more string) string {
		return fmt.Sprintf(`{"ociVersion":"1.0.2","id":"x","status":"creating","pid":%d,"bundle":%q%s}`, pid, bundle, more)
	}
	call := func(t *testing.T, stdin string, args ...string) result {
		t.Helper()
		cmd := exec.Command(filepath.Join(bin, "secco-hook"), args...)
		cmd.Stdin = strings.NewReader(stdin)
		return runCommand(t, cmd)
	}
	for _, c := range []struct{ name, state, policy, want string }{
		{"empty", "", "p", "unexpected end of JSON input"},
		{"no object", "[]", "p", "no JSON object"},
		{"broken", `{"pid":`, "p", "the container's state: "},
		{"twice", `{"pid":5,"PID":6}`, "p", "twice"},
		{"trailing", state(victim.Process.Pid, "") + "{}", "p", "after top-level value"},
		{"pid 0", state(0, ""), "p", "process id 0"},
		{"pid 1", state(1, ""), "p", "process id 1"},
		{"negative pid", state(-5, ""), "p", "process id -5"},
		{"huge pid", state(1<<30, ""), "p", "no such file"},
		{"pid as text", strings.Replace(state(7, ""), "7", `"7"`, 1), "p", "cannot unmarshal"},
		{"a stranger's pid", state(stranger, ""), "p", "process"},
		{"running", strings.Replace(state(victim.Process.Pid, ""), "creating", "running", 1), "p", "not being created"},
		{"no bundle", strings.Replace(state(victim.Process.Pid, ""), bundle, "", 1), "p", "bundle"},
		{"policy missing", state(victim.Process.Pid, ""), "missing", `no policy "missing"`},
		{"policy wrong", state(victim.Process.Pid, ""), "wrong", "error["},
		{"program broken", state(victim.Process.Pid, ""), "x", "x.bpf"},
		{"policy notifies", state(victim.Process.Pid, ""), "notify", "nobody would answer"},
		{"annotation leads out", state(victim.Process.Pid, `,"annotations":{"dev.secco.policy":"../p"}`), "", "no policy's name"},
		{"no policy at all", state(victim.Process.Pid, ""), "", "no policy is configured"},
	} {
		t.Run(c.name, func(t *testing.T) {
			args := []string{"install", "--dir", dir}
			if c.policy != "" {
				args = append(args, "--policy", c.policy)
			}
			r := call(t, c.state, args...)
			if r.code != 1 || r.stdout != "" || !strings.Contains(r.stderr, c.want) {
				t.Errorf("want %q: %v", c.want, r)
			}
		})
	}
	for _, args := range [][]string{{}, {"nonsense"}, {"install", "--nonsense"}, {"install", "extra"}, {"gate", "--stricter-than"}, {"install", "--settings", "/missing"}} {
		if r := call(t, state(victim.Process.Pid, ""), args...); r.code != 1 || !strings.HasPrefix(r.stderr, "secco-hook: ") {
			t.Errorf("%q: %v", args, r)
		}
	}
	if err := victim.Process.Signal(unix.Signal(0)); err != nil {
		t.Errorf("a process that had nothing to do with it: %v", err)
	}
	awaitNone(t)
}

// TestSupervisorKilled kills the supervisor between create and start: the
// container dies with it.
func TestSupervisorKilled(t *testing.T) {
	eachRuntime(t, func(t *testing.T, rt runtime) {
		b := newBundle(t, "payload")
		dir := policyDir(t, map[string]string{"p.secco": noExec})
		b.spec.Hooks = nil
		wayNamed("hook install").apply(t, b, rt, dir)
		b.write()
		t.Cleanup(func() { b.delete(rt.path) })
		out, err := os.Create(filepath.Join(b.dir, "out"))
		if err != nil {
			t.Fatal(err)
		}
		defer out.Close()
		root := filepath.Join(b.dir, "state")
		if r := detached(t, out, rt.path, "--root", root, "create", "--bundle", b.dir, b.id); r.code != 0 {
			t.Fatal(r)
		}
		pid := b.pid(rt.path)
		supervisors := ours()
		if len(supervisors) != 1 {
			t.Fatalf("supervisors %v", supervisors)
		}
		unix.Kill(supervisors[0], unix.SIGKILL)
		for range 200 {
			if _, err := os.Stat(fmt.Sprintf("/proc/%d/exe", pid)); err != nil {
				break
			}
			time.Sleep(20 * time.Millisecond)
		}
		r := run(t, rt.path, "--root", root, "start", b.id)
		text, _ := os.ReadFile(out.Name())
		if r.code == 0 || strings.Contains(string(text), "uname") {
			t.Errorf("the payload ran: %v\n%s", r, text)
		}
		awaitNone(t)
	})
}

// TestHookKilled kills the hook at ever later times, until it is done before:
// either the container starts under its filter or it doesn't start.
func TestHookKilled(t *testing.T) {
	eachRuntime(t, func(t *testing.T, rt runtime) {
		dir := policyDir(t, map[string]string{"p.secco": noExec})
		b := newBundle(t, "payload")
		wayNamed("hook install").apply(t, b, rt, dir)
		step := b.run(rt.path).took / 10
		started, failed := 0, 0
		// Emulated machines take their time: the first moments get more of the tries.
		moments := []float64{0, 0.1, 0.2, 0.5, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14}
		for _, moment := range moments {
			delay := time.Duration(moment * float64(step))
			b := newBundle(t, "payload")
			script := filepath.Join(b.dir, "hook")
			text := fmt.Sprintf("#!/bin/sh\n(sleep %.3f; kill -9 $$) >/dev/null 2>&1 </dev/null &\nexec %s install --dir %s --default p\n",
				delay.Seconds(), filepath.Join(bin, "secco-hook"), dir)
			if err := os.WriteFile(script, []byte(text), 0o755); err != nil {
				t.Fatal(err)
			}
			h := hookOf()
			h.Path, h.Args = script, []string{"hook"}
			wayNamed("hook install").apply(t, b, rt, dir)
			b.spec.Hooks.CreateRuntime[0] = h
			r := b.run(rt.path)
			switch {
			case r.code == 3 && strings.Contains(r.stdout, saw):
				started++
			case r.code != 0 && !strings.Contains(r.stdout, "uname"):
				failed++
			default:
				t.Errorf("killed after %v: %v", delay, r)
			}
		}
		t.Logf("%d started under the filter, %d did not start", started, failed)
		if started == 0 || failed == 0 {
			t.Error("the times were chosen badly: both should happen")
		}
		awaitNone(t)
	})
}
