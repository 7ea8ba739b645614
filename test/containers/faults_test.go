package containers

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// faulty are the ways that read a policy's file for each container.
var faulty = []string{"hook install", "hook gate", "hook precreate", "secco-runtime"}

// startBy starts a container by a way in and reports whether its payload ran.
func startBy(t *testing.T, w way, rt runtime, dir string) (r result, ran bool) {
	t.Helper()
	b := newBundle(t, "payload")
	profile := policyDir(t, map[string]string{"p.secco": noUname})
	if w.profiled {
		b.spec.Linux.Seccomp = profileOf(t, profile)
	}
	path, global := w.apply(t, b, rt, dir)
	if w.stage != "precreate" {
		r = b.run(path, global...)
		return r, r.code == 3 || strings.Contains(r.stdout, "uname")
	}
	// No engine here: what the hook prints is what the container would be.
	b.write()
	h := b.precreate[0]
	in, err := os.ReadFile(filepath.Join(b.dir, "config.json"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(h.Path, h.Args[1:]...)
	cmd.Stdin = bytes.NewReader(in)
	r = runCommand(t, cmd)
	return r, r.code == 0 || r.stdout != ""
}

// TestPolicyFaults: without a policy that can be read there is no container, and
// the error says which and why.
func TestPolicyFaults(t *testing.T) {
	for _, c := range []struct {
		name string
		make func(path string) error
		want string
	}{
		{"missing", func(string) error { return nil }, "p"},
		{"invalid", func(p string) error {
			return os.WriteFile(p, []byte("DEFAULT_POLICY = allow\nuname: nonsense\n"), 0o644)
		}, "error["},
		{"cut short", func(p string) error { return os.WriteFile(p, []byte(noUname[:len(noUname)-4]), 0o644) }, "error["},
		{"no text", func(p string) error { return os.WriteFile(p, []byte{0xff, 0xfe, 0}, 0o644) }, "error["},
		{"too large", func(p string) error { return os.WriteFile(p, bytes.Repeat([]byte("#\n"), 3<<20), 0o644) }, "larger than"},
		{"a directory", func(p string) error { return os.Mkdir(p, 0o755) }, "is no regular file"},
		{"a pipe that nobody writes to", func(p string) error { return unix.Mkfifo(p, 0o644) }, "is no regular file"},
		{"a link to itself", func(p string) error { return os.Symlink(filepath.Base(p), p) }, "too many levels of symbolic links"},
		{"a link that leads out", func(p string) error { return os.Symlink("/etc/passwd", p) }, "p.secco"},
	} {
		t.Run(c.name, func(t *testing.T) {
			eachRuntime(t, func(t *testing.T, rt runtime) {
				for _, name := range faulty {
					t.Run(name, func(t *testing.T) {
						t.Parallel()
						dir := t.TempDir()
						if err := c.make(filepath.Join(dir, "p.secco")); err != nil {
							t.Fatal(err)
						}
						r, ran := startBy(t, wayNamed(name), rt, dir)
						if ran {
							t.Errorf("the payload ran: %v", r)
						}
						// crun keeps a hook's words to itself, and so do hooks that it calls
						if hidden := rt.name == "crun" && (name == "hook install" || name == "hook gate"); !hidden && !strings.Contains(r.stderr, c.want) {
							t.Errorf("want %q: %v", c.want, r)
						}
					})
				}
			})
		})
	}
	awaitNone(t)
}

// Policies may change while containers start: each gets one that has stood there,
// or doesn't start.
func TestPolicySwapped(t *testing.T) {
	starts := 6
	if long() {
		starts = 100
	}
	texts := []string{noUname, strings.Replace(noUname, "EXFULL", "EXDEV", 1), noUname[:40], ""}
	eachRuntime(t, func(t *testing.T, rt runtime) {
		for _, name := range []string{"hook install", "secco-runtime", "wrap"} {
			t.Run(name, func(t *testing.T) {
				dir := policyDir(t, map[string]string{"p.secco": texts[0]})
				stop := make(chan bool)
				var wg sync.WaitGroup
				wg.Go(func() {
					for i := 0; ; i++ {
						select {
						case <-stop:
							return
						default:
						}
						path := filepath.Join(dir, "p.secco")
						if i%2 == 0 { // in place, so that it is seen cut short, or as another file
							os.WriteFile(path, []byte(texts[i%len(texts)]), 0o644)
						} else {
							os.WriteFile(path+".new", []byte(texts[i%len(texts)]), 0o644)
							os.Rename(path+".new", path)
						}
						time.Sleep(time.Millisecond)
					}
				})
				started := 0
				for range starts {
					r, ran := startBy(t, wayNamed(name), rt, dir)
					if ran && !strings.Contains(r.stdout, "uname EXFULL") && !strings.Contains(r.stdout, "uname EXDEV") {
						t.Errorf("the payload ran without a policy: %v", r)
					}
					if ran {
						started++
					}
				}
				close(stop)
				wg.Wait()
				t.Logf("%d of %d started", started, starts)
			})
		}
	})
	awaitNone(t)
}

// TestDiskFull: where config.json can't be written there is no container, and
// config.json is as it was.
func TestDiskFull(t *testing.T) {
	need(t)
	dir := policyDir(t, map[string]string{"p.secco": noUname})
	full := t.TempDir()
	if err := unix.Mount("tmpfs", full, "tmpfs", 0, "size=64k"); err != nil {
		t.Fatal(err)
	}
	defer unix.Unmount(full, unix.MNT_DETACH)
	eachRuntime(t, func(t *testing.T, rt runtime) {
		b := newBundle(t, "payload")
		b.dir = full
		b.write()
		before, err := os.ReadFile(filepath.Join(full, "config.json"))
		if err != nil {
			t.Fatal(err)
		}
		ballast := filepath.Join(full, "ballast")
		if err := os.WriteFile(ballast, make([]byte, 64<<10), 0o644); err == nil {
			t.Fatal("the disk is not full")
		}
		root := t.TempDir()
		for _, c := range [][]string{
			slices.Concat([]string{"secco-runtime"}, wrapperFlags(rt, dir), []string{"--root", root, "--log", filepath.Join(full, "log"), "run", "--bundle", full, b.id}),
			{"secco-hook", "inject", full, "--", "install", "--default", "p"},
		} {
			r := run(t, filepath.Join(bin, c[0]), c[1:]...)
			if r.code == 0 || r.code == 3 || strings.Contains(r.stdout, "uname") || !strings.Contains(r.stderr, "no space left") {
				t.Error(r)
			}
			after, err := os.ReadFile(filepath.Join(full, "config.json"))
			if err != nil || !bytes.Equal(before, after) {
				t.Errorf("config.json became %q, %v", after, err)
			}
			if left, _ := filepath.Glob(filepath.Join(full, ".config*")); left != nil {
				t.Errorf("left behind: %q", left)
			}
		}
		os.Remove(ballast)
		r := run(t, filepath.Join(bin, "secco-runtime"), slices.Concat(wrapperFlags(rt, dir), []string{"--root", root, "run", "--bundle", full, b.id})...)
		expect(t, r, 3, saw, "")
		exec.Command(rt.path, "--root", root, "delete", "--force", b.id).Run()
	})
}

// killedAt returns the arguments of a shell that runs a program under strace,
// which kills it, or a process that it has started, at a call: the nth of that
// name. strace is its grandchild, so that the program stays a child of the runtime,
// and must not hold the runtime's pipes.
func killedAt(call string, n int, out, program string, args ...string) []string {
	script := fmt.Sprintf(`exec strace -D -f -qq -o /dev/null -e trace=%s -e inject=%s:signal=KILL:when=%d "$0" "$@" >%s 2>&1`, call, call, n, out)
	return append([]string{"sh", "-c", script, program}, args...)
}

// TestKilledAtEachStep kills secco-hook, its supervisor and secco-runtime at one
// system call after the other: either the payload runs under its filter or it
// doesn't run.
func TestKilledAtEachStep(t *testing.T) {
	need(t, "strace")
	dir := policyDir(t, map[string]string{"p.secco": noExec, "q.secco": noUname})
	// A call, and at which of them it is for `make test`.
	steps := []struct {
		call string
		some []int
	}{
		{"openat", []int{4}}, {"read", []int{3}}, {"clone,clone3", []int{1}}, {"pipe2", []int{1}}, {"pidfd_open", []int{2}},
		{"ptrace", []int{1, 2, 12, 20}}, {"pwrite64", []int{1}}, {"write", []int{1, 2}}, {"dup3", []int{2}}, {"wait4", []int{3}}, {"exit_group", []int{1}},
	}
	eachRuntime(t, func(t *testing.T, rt runtime) {
		ran, died := 0, 0
		for _, s := range steps {
			some := s.some
			if long() {
				some = nil
				for n := range 60 {
					some = append(some, n+1)
				}
			}
			for _, n := range some {
				b := newBundle(t, "payload")
				wayNamed("hook install").apply(t, b, rt, dir)
				h := &b.spec.Hooks.CreateRuntime[0]
				h.Path, h.Args = "/bin/sh", killedAt(s.call, n, os.DevNull, h.Path, h.Args[1:]...)
				r := b.run(rt.path)
				switch {
				case r.code == 3 && strings.Contains(r.stdout, saw):
					ran++
				case r.code != 0 && !strings.Contains(r.stdout, "uname"):
					died++
				default:
					t.Errorf("killed at %s %d: %v", s.call, n, r)
				}
			}
		}
		t.Logf("hook: %d ran under the filter, %d did not run", ran, died)
		if died < 5 {
			t.Error("the hook was hardly ever killed")
		}

		ran, died = 0, 0
		for _, s := range []string{"openat", "read", "fstat", "write", "fchmod", "renameat,renameat2,rename", "execve"} {
			b := newBundle(t, "payload")
			b.write()
			before, err := os.ReadFile(filepath.Join(b.dir, "config.json"))
			if err != nil {
				t.Fatal(err)
			}
			for n := 1; n <= 4; n++ {
				args := slices.Concat([]string{"--secco-runtime=" + rt.path, "--secco-dir=" + dir, "--secco-default=q", "--root", filepath.Join(b.dir, "state"), "run", "--bundle", b.dir, b.id})
				out := filepath.Join(b.dir, "out")
				r := run(t, "sh", killedAt(s, n, out, filepath.Join(bin, "secco-runtime"), args...)[1:]...)
				text, err := os.ReadFile(out)
				if err != nil {
					t.Fatal(err)
				}
				r.stdout = string(text)
				b.delete(rt.path)
				switch {
				case strings.Contains(r.stdout, saw):
					ran++
				case r.code != 0 && !strings.Contains(r.stdout, "uname"):
					died++
				default:
					t.Errorf("killed at %s %d: %v", s, n, r)
				}
				after, err := os.ReadFile(filepath.Join(b.dir, "config.json"))
				if err != nil || !bytes.Equal(before, after) && !json.Valid(after) {
					t.Errorf("config.json is %q, %v", after, err)
				}
			}
		}
		t.Logf("wrapper: %d ran under the filter, %d did not run", ran, died)
		if died < 10 {
			t.Error("the wrapper was hardly ever killed")
		}
	})
	awaitNone(t)
}

// TestSignals sends signals to the hook and its supervisor, and to secco-wrap, at
// ever later times.
func TestSignals(t *testing.T) {
	need(t)
	dir := policyDir(t, map[string]string{"p.secco": noExec, "q.secco": noUname})
	rt := findRuntime(t, "runc")
	for _, signal := range []string{"TERM", "HUP", "PIPE", "URG", "USR1"} {
		t.Run(signal, func(t *testing.T) {
			t.Parallel()
			for _, delay := range []string{"0", "0.005", "0.02", "0.05"} {
				b := newBundle(t, "payload")
				script := filepath.Join(b.dir, "hook")
				// to the hook, and to the supervisor: a group of its own
				text := fmt.Sprintf("#!/bin/sh\n(sleep %s; kill -%s $$; for s in $(ps -o pid= --ppid $$); do kill -%s $s; done) >/dev/null 2>&1 </dev/null &\nexec %s install --dir %s --default p\n",
					delay, signal, signal, filepath.Join(bin, "secco-hook"), dir)
				if err := os.WriteFile(script, []byte(text), 0o755); err != nil {
					t.Fatal(err)
				}
				wayNamed("hook install").apply(t, b, rt, dir)
				b.spec.Hooks.CreateRuntime[0].Path, b.spec.Hooks.CreateRuntime[0].Args = script, []string{"hook"}
				r := b.run(rt.path)
				if started := r.code == 3 && strings.Contains(r.stdout, saw); !started && (r.code == 0 || strings.Contains(r.stdout, "uname")) {
					t.Errorf("install, %s after %s: %v", signal, delay, r)
				}

				cmd := exec.Command(filepath.Join(bin, "secco-wrap"), "--policy", filepath.Join(dir, "q.secco"), "--", filepath.Join(bin, "payload"))
				wait, err := time.ParseDuration(delay + "s")
				if err != nil {
					t.Fatal(err)
				}
				timer := time.AfterFunc(wait/5, func() {
					if cmd.Process != nil {
						cmd.Process.Signal(unix.SignalNum("SIG" + signal))
					}
				})
				r = runCommand(t, cmd)
				timer.Stop()
				if strings.Contains(r.stdout, "uname") && !strings.Contains(r.stdout, saw) {
					t.Errorf("wrap, %s after %v: %v", signal, wait/5, r)
				}
			}
		})
	}
	t.Cleanup(func() { awaitNone(t) })
}

// TestPayload32: a payload with 32 bits is under the filter that the policy states for
// its machine, and is killed by one that has no rules for it.
func TestPayload32(t *testing.T) {
	programs := t.TempDir()
	if r := runCommand(t, exec.Command(writeProgram32(t, programs, uname32))); r.code != 0 {
		missing(t, "this kernel runs no %v programs: %v", machine32, r)
	}
	eachRuntime(t, func(t *testing.T, rt runtime) {
		for _, name := range []string{"wrap", "hook install", "secco-runtime", "crun's annotation"} {
			if name == "crun's annotation" && rt.name == "runc" {
				continue
			}
			for _, c := range []struct {
				rules string
				code  int
			}{
				{fmt.Sprintf("ARCHES = %v, %v\n", machine, machine32) + noUname, int(unix.EXFULL)},
				{noUname, killed},
			} {
				b := newBundle(t, "/programs/program32")
				b.mount(programs, "/programs")
				path, global := wayNamed(name).apply(t, b, rt, policyDir(t, map[string]string{"p.secco": c.rules}))
				if r := b.run(path, global...); r.code != c.code {
					t.Errorf("%s: want exit %d: %v", name, c.code, r)
				}
			}
		}
	})
	awaitNone(t)
}
