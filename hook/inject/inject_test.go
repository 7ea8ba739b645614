package inject_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"secco/bpf"
	"secco/hook/inject"
	"secco/linux"
	"secco/test/alive"
)

const childVariable = "SECCO_INJECT_TEST"

func init() { runtime.LockOSThread() }

// The test program is also the process that is injected into, the injector and
// the payload.
func TestMain(m *testing.M) {
	arg := os.Getenv(childVariable + "_ARG")
	switch os.Getenv(childVariable) {
	case "":
		alive.Main()
		os.Exit(m.Run())
	case "target":
		target(arg)
	case "injector":
		injector(arg)
	case "payload":
		_, _, errno := unix.RawSyscall(unix.SYS_GETPPID, 0, 0, 0)
		tasks, _ := os.ReadDir("/proc/self/task")
		fmt.Printf("payload %s %t\n", unix.ErrnoName(errno), len(tasks) > 0)
	}
	os.Exit(0)
}

func self(mode, arg string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), childVariable+"="+mode, childVariable+"_ARG="+arg)
	cmd.Stderr = os.Stderr
	return cmd
}

// target stands for a runtime's init: it says that it is ready, waits to be told,
// and executes the payload.
func target(mode string) {
	become := func() {
		os.Setenv(childVariable, "payload")
		fmt.Println(syscall.Exec("/proc/self/exe", []string{"payload"}, os.Environ()))
		os.Exit(1)
	}
	switch mode {
	case "storm": // threads come and go, and signals arrive all the time
		// One is on its way when the payload is executed and handlers are gone: it has
		// to be one that is ignored then.
		signal.Notify(make(chan os.Signal, 1), unix.SIGWINCH)
		for range 4 {
			go func() {
				for {
					done := make(chan bool)
					go func() {
						runtime.LockOSThread() // the thread ends with this
						unix.Kill(os.Getpid(), unix.SIGWINCH)
						done <- true
					}()
					<-done
				}
			}()
		}
	case "threads":
		for range 30 {
			go func() {
				runtime.LockOSThread()
				unix.Nanosleep(&unix.Timespec{Sec: 3600}, nil)
			}()
		}
	case "sleep": // the injected thread is in a call that is restarted in a way of its own
		fmt.Println("ready")
		start := time.Now()
		unix.Nanosleep(&unix.Timespec{Nsec: 700_000_000}, nil)
		if took := time.Since(start); took < 700*time.Millisecond {
			fmt.Printf("slept only %v\n", took)
			os.Exit(1)
		}
		become()
	}
	fmt.Println("ready")
	var b [1]byte
	if n, err := unix.Read(0, b[:]); n != 1 {
		fmt.Println("read", n, err)
		os.Exit(1)
	}
	switch mode {
	case "exit":
		os.Exit(9)
	case "handler": // does its payload's work itself
		for {
			unix.Nanosleep(&unix.Timespec{Nsec: 1_000_000}, nil)
		}
	case "busy": // without ever going to sleep
		for n := 1; n > 0; n |= 1 {
		}
	case "failed exec":
		fmt.Println(syscall.Exec("/missing", []string{"x"}, nil))
		os.Exit(8)
	case "other thread": // execve by another thread than the main one
		go func() {
			runtime.LockOSThread()
			become()
		}()
		select {}
	}
	// The filter would kill for this; it is suspended.
	if _, _, errno := unix.RawSyscall(unix.SYS_GETPGID, 0, 0, 0); errno != 0 {
		fmt.Println("getpgid", errno)
		os.Exit(1)
	}
	become()
}

type order struct {
	Pid     int
	Program bpf.Program
	Refuse  int // which call of Check fails
	Hurry   time.Duration
}

func injector(arg string) {
	var o order
	if err := json.Unmarshal([]byte(arg), &o); err != nil {
		panic(err)
	}
	checks := 0
	err := inject.Injection{
		Pid: o.Pid, Program: o.Program, Patience: o.Hurry,
		Check: func() error {
			if checks++; checks == o.Refuse {
				return errors.New("refused")
			}
			return nil
		},
		Installed: func() error { _, err := fmt.Println("installed"); return err },
	}.Run()
	fmt.Println("result:", err)
}

// program refuses getppid, and kills for getpgid.
var program = bpf.Program{
	{Op: bpf.LdW, K: linux.WordNR.Offset(false)},
	{Op: bpf.JeqK, K: unix.SYS_GETPPID, Jf: 1},
	{Op: bpf.RetK, K: uint32(linux.Errno.With(uint16(unix.EXFULL)))},
	{Op: bpf.JeqK, K: unix.SYS_GETPGID, Jf: 1},
	{Op: bpf.RetK, K: uint32(linux.KillProcess)},
	{Op: bpf.RetK, K: uint32(linux.Allow)},
}

func privileged(t *testing.T) {
	t.Helper()
	if os.Getuid() == 0 {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("CI must run this as root")
	}
	t.Skip("needs root")
}

// a process is one of the test's, with its output line by line.
type process struct {
	t   *testing.T
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func startProcess(t *testing.T, mode, arg string) *process {
	t.Helper()
	cmd := self(mode, arg)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(time.Minute, func() { cmd.Process.Kill() })
	t.Cleanup(func() { timer.Stop(); cmd.Process.Kill(); cmd.Wait() })
	return &process{t, cmd, in, bufio.NewReader(out)}
}

func (p *process) line() string {
	p.t.Helper()
	line, err := p.out.ReadString('\n')
	if err != nil && line == "" {
		return err.Error()
	}
	return strings.TrimSpace(line)
}

func (p *process) want(line string) {
	p.t.Helper()
	if got := p.line(); !strings.Contains(got, line) {
		p.t.Errorf("%q, want %q", got, line)
	}
}

func (p *process) exit() int {
	p.cmd.Wait()
	return p.cmd.ProcessState.ExitCode()
}

func orderFor(t *testing.T, target *process, o order) string {
	t.Helper()
	o.Pid = target.cmd.Process.Pid
	if o.Program == nil {
		o.Program = program
	}
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestInject(t *testing.T) {
	privileged(t)
	for _, mode := range []string{"plain", "threads", "storm", "other thread", "sleep"} {
		t.Run(mode, func(t *testing.T) {
			target := startProcess(t, "target", mode)
			target.want("ready")
			in := startProcess(t, "injector", orderFor(t, target, order{}))
			in.want("installed")
			target.in.Write([]byte{1})
			target.want("payload EXFULL")
			in.want("result: <nil>")
			if code := target.exit(); code != 0 {
				t.Errorf("the payload ended with %v", target.cmd.ProcessState)
			}
		})
	}
}

// Where there is no payload in the end, the process ends as it would have.
func TestInjectEnds(t *testing.T) {
	privileged(t)
	for mode, code := range map[string]int{"exit": 9, "failed exec": 8} {
		t.Run(mode, func(t *testing.T) {
			target := startProcess(t, "target", mode)
			target.want("ready")
			in := startProcess(t, "injector", orderFor(t, target, order{}))
			in.want("installed")
			target.in.Write([]byte{1})
			in.want("result: " + inject.ErrEnded.Error())
			if got := target.exit(); got != code {
				t.Errorf("exit code %d, want %d", got, code)
			}
		})
	}
}

// Whatever goes wrong, the process dies before it can execute its payload.
func TestInjectKills(t *testing.T) {
	privileged(t)
	t.Run("refused", func(t *testing.T) {
		target := startProcess(t, "target", "plain")
		target.want("ready")
		startProcess(t, "injector", orderFor(t, target, order{Refuse: 2})).want("result: refused")
		target.want("EOF")
	})
	t.Run("another process", func(t *testing.T) {
		target := startProcess(t, "target", "plain")
		target.want("ready")
		startProcess(t, "injector", orderFor(t, target, order{Refuse: 1})).want("result: refused")
		target.in.Write([]byte{1}) // it has nothing to do with it and is left alone
		target.want("payload ")
	})
	t.Run("injector killed", func(t *testing.T) {
		target := startProcess(t, "target", "plain")
		target.want("ready")
		in := startProcess(t, "injector", orderFor(t, target, order{}))
		in.want("installed")
		in.cmd.Process.Kill()
		in.cmd.Wait()
		target.want("EOF")
	})
	t.Run("stopped", func(t *testing.T) {
		target := startProcess(t, "target", "plain")
		target.want("ready")
		target.cmd.Process.Signal(unix.SIGSTOP)
		time.Sleep(50 * time.Millisecond)
		startProcess(t, "injector", orderFor(t, target, order{})).want("result: the process was stopped")
		target.want("EOF")
	})
	t.Run("an invalid program", func(t *testing.T) {
		target := startProcess(t, "target", "plain")
		target.want("ready")
		bad := bpf.Program{{Op: bpf.LdImm}}
		startProcess(t, "injector", orderFor(t, target, order{Program: bad})).want("result: ")
		target.in.Write([]byte{1}) // an invalid program isn't even tried: the process is left alone
		target.want("payload ")
	})
}

// A process that never executes anything, and works all the same, is ended. One that
// waits, as containers do between create and start, has the time that it takes.
func TestInjectPatience(t *testing.T) {
	privileged(t)
	const patience = 300 * time.Millisecond
	for _, mode := range []string{"handler", "busy"} {
		target := startProcess(t, "target", mode)
		target.want("ready")
		in := startProcess(t, "injector", orderFor(t, target, order{Hurry: patience}))
		in.want("installed")
		target.in.Write([]byte{1})
		in.want("result: the process has been at work for too long")
		target.want("EOF")
	}
	target := startProcess(t, "target", "plain")
	target.want("ready")
	in := startProcess(t, "injector", orderFor(t, target, order{Hurry: patience}))
	in.want("installed")
	time.Sleep(4 * patience)
	target.in.Write([]byte{1})
	target.want("payload EXFULL")
	in.want("result: <nil>")
}

// Stopping and going on again, after the filter is installed and before the
// payload, is passed on.
func TestInjectGroupStop(t *testing.T) {
	privileged(t)
	target := startProcess(t, "target", "threads")
	target.want("ready")
	in := startProcess(t, "injector", orderFor(t, target, order{}))
	in.want("installed")
	target.cmd.Process.Signal(unix.SIGSTOP)
	time.Sleep(50 * time.Millisecond)
	target.in.Write([]byte{1})
	var wg sync.WaitGroup
	wg.Add(1)
	early := false
	go func() {
		defer wg.Done()
		if _, err := target.out.Peek(1); err == nil {
			early = true
		}
	}()
	time.Sleep(100 * time.Millisecond)
	if early {
		t.Error("a stopped process went on")
	}
	target.cmd.Process.Signal(unix.SIGCONT)
	wg.Wait()
	target.want("payload EXFULL")
	in.want("result: <nil>")
}

func TestSupported(t *testing.T) {
	privileged(t)
	if err := inject.Supported(); err != nil {
		t.Error(err)
	}
	text, err := os.ReadFile("/proc/self/task/" + strconv.Itoa(os.Getpid()) + "/children")
	if err == nil && strings.TrimSpace(string(text)) != "" {
		t.Errorf("left behind: %s", text)
	}
}

func TestInjectRefuses(t *testing.T) {
	if err := (inject.Injection{Pid: 1 << 30, Program: program}).Run(); err == nil {
		t.Error("a process that isn't there")
	}
	if err := (inject.Injection{Pid: os.Getpid(), Program: bpf.Program{}}).Run(); err == nil {
		t.Error("no program")
	}
}
