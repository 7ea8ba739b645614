package hook_test

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"secco/bpf"
	"secco/hook"
	"secco/linux"
)

const testErrno = unix.EXFULL

func init() {
	children["install"] = installChild
	children["install-hidden"] = installHiddenChild
	children["install-twice"] = installTwiceChild
	children["listen"] = listenChild
}

// refusals counts on how many of n threads getppid is refused.
func refusals(n int) int {
	var refused, ready sync.WaitGroup
	var mu sync.Mutex
	count := 0
	ready.Add(n)
	refused.Add(n)
	for range n {
		go func() {
			defer refused.Done()
			runtime.LockOSThread()
			ready.Done()
			ready.Wait() // so that each has a thread of its own
			if _, _, errno := unix.RawSyscall(unix.SYS_GETPPID, 0, 0, 0); errno == testErrno {
				mu.Lock()
				count++
				mu.Unlock()
			}
		}()
	}
	refused.Wait()
	return count
}

func installChild(arg string) {
	o := parse[hook.Options](arg)
	refusals(8) // threads that exist before
	if err := hook.Install(deny(linux.Errno.With(uint16(testErrno)), unix.SYS_GETPPID), o); err != nil {
		die(err)
	}
	_, _, errno := unix.RawSyscall(unix.SYS_GETPPID, 0, 0, 0)
	nnp, err := unix.PrctlRetInt(unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)
	if err != nil {
		die(err)
	}
	fmt.Printf("here %t threads %d nnp %d", errno == testErrno, refusals(8), nnp)
}

func TestInstall(t *testing.T) {
	nnp := "nnp 0"
	if os.Geteuid() != 0 { // then there is no other way
		nnp = "nnp 1"
	}
	for _, c := range []struct{ options, want string }{
		{`{}`, "here true threads 8 " + nnp},
		{`{"NoNewPrivs":true}`, "here true threads 8 nnp 1"},
		{`{"ThreadOnly":true}`, "here true threads 0 " + nnp},
		{fmt.Sprintf(`{"Flags":%d}`, hook.Log), "here true threads 8 " + nnp},
		{fmt.Sprintf(`{"Flags":%d}`, hook.Log|hook.SpecAllow|hook.TSYNC|hook.TSYNCESRCH), "here true threads 8 " + nnp},
	} {
		if r := runChild(t, "install", c.options); r.stdout != c.want {
			t.Errorf("%s: %v, want %q", c.options, r, c.want)
		}
	}
}

// Where seccomp(2) is missing prctl(2) installs, but only without flags.
func installHiddenChild(arg string) {
	hide := deny(linux.Errno.With(uint16(unix.ENOSYS)), unix.SYS_SECCOMP)
	if err := hook.Install(hide, hook.Options{}); err != nil {
		die(err)
	}
	if s := hook.Probe(); s.Gate || s.GateErr == nil || s.Syscall || s.Flags != 0 || len(s.Actions) != 0 || !s.Filter || s.Err != nil {
		die(fmt.Errorf("probed %+v", s))
	}
	if hook.Supported() {
		die(errors.New("supported without TSYNC"))
	}
	program := deny(linux.Errno.With(uint16(testErrno)), unix.SYS_GETPPID)
	if err := hook.Install(program, hook.Options{}); !errors.Is(err, unix.ENOSYS) || !strings.Contains(err.Error(), "tsync") {
		die(fmt.Errorf("with TSYNC: %w", err))
	}
	if err := hook.Install(program, hook.Options{ThreadOnly: true, Flags: hook.Log}); !errors.Is(err, unix.ENOSYS) {
		die(fmt.Errorf("with LOG: %w", err))
	}
	if err := hook.Install(program, hook.Options{ThreadOnly: true}); err != nil {
		die(err)
	}
	if _, _, errno := unix.RawSyscall(unix.SYS_GETPPID, 0, 0, 0); errno != testErrno {
		die(fmt.Errorf("getppid: %w", errno))
	}
	if arg == "exec" {
		die(hook.Exec(deny(linux.Errno.With(uint16(testErrno)), unix.SYS_UNAME), hook.Options{}, "/bin/uname", []string{"uname"}, nil))
	}
	fmt.Print("installed")
}

func TestInstallByPrctl(t *testing.T) {
	if r := runChild(t, "install-hidden", ""); r.stdout != "installed" {
		t.Error(r)
	}
	if r := runChild(t, "install-hidden", "exec"); r.code == 0 || !strings.Contains(r.stderr, "Exchange full") {
		t.Error(r)
	}
}

// A thread with a filter of its own makes TSYNC fail, by either way of saying so.
func installTwiceChild(string) {
	open := bpf.Program{{Op: bpf.RetK, K: uint32(linux.Allow)}}
	tid := make(chan int)
	go func() {
		runtime.LockOSThread()
		if err := hook.Install(open, hook.Options{ThreadOnly: true}); err != nil {
			die(err)
		}
		tid <- unix.Gettid()
		select {}
	}()
	want := fmt.Sprintf("thread %d", <-tid)
	if err := hook.Install(open, hook.Options{}); err == nil || !strings.Contains(err.Error(), want) {
		die(fmt.Errorf("TSYNC: %w, want %s", err, want))
	}
	if err := hook.Install(open, hook.Options{Flags: hook.TSYNCESRCH}); !errors.Is(err, unix.ESRCH) {
		die(fmt.Errorf("TSYNC_ESRCH: %w", err))
	}
	fmt.Print("refused")
}

func TestInstallOnDivergedThreads(t *testing.T) {
	if r := runChild(t, "install-twice", ""); r.stdout != "refused" {
		t.Error(r)
	}
}

func TestInstallRefuses(t *testing.T) {
	open := bpf.Program{{Op: bpf.RetK, K: uint32(linux.Allow)}}
	long := make(bpf.Program, bpf.MaxInstructions+1)
	for i := range long {
		long[i] = bpf.Instruction{Op: bpf.RetK}
	}
	for name, err := range map[string]error{
		"empty":       hook.Install(nil, hook.Options{}),
		"too long":    hook.Install(long, hook.Options{}),
		"no return":   hook.Install(bpf.Program{{Op: bpf.LdImm}}, hook.Options{}),
		"bad flag":    hook.Install(open, hook.Options{Flags: 1 << 12}),
		"listener":    hook.Install(open, hook.Options{Flags: hook.NewListener}),
		"wait, alone": hook.Install(open, hook.Options{Flags: hook.WaitKillableRecv}),
	} {
		if err == nil {
			t.Errorf("%s: installed", name)
		}
	}
	status, err := os.ReadFile("/proc/thread-self/status")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(status), "Seccomp_filters:\t0") && strings.Contains(string(status), "Seccomp_filters") {
		t.Error("a refused filter is on this thread")
	}
}

func TestProbe(t *testing.T) {
	s := hook.Probe()
	if !s.Filter || s.Err != nil || !s.Syscall {
		t.Fatalf("this kernel has no seccomp filters: %+v", s)
	}
	if !s.Gate || s.GateErr != nil {
		t.Errorf("no gate: %v", s.GateErr)
	}
	if !hook.Supported() {
		t.Error("not supported")
	}
	if s.Flags&hook.TSYNC == 0 || len(s.Actions) < 4 {
		t.Errorf("%+v", s)
	}
	avail, err := os.ReadFile("/proc/sys/kernel/seccomp/actions_avail")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, a := range s.Actions {
		name := a.String()
		switch a.Kind() {
		case linux.Errno:
			name = "errno"
		case linux.Notify:
			name = "user_notif"
		}
		names = append(names, name)
	}
	if got, want := strings.Join(names, " "), strings.TrimSpace(string(avail)); got != want {
		t.Errorf("actions %s, the kernel says %s", got, want)
	}
	// Nothing may be left behind: TSYNC would fail.
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range tasks {
		status, err := os.ReadFile("/proc/self/task/" + task.Name() + "/status")
		if err == nil && strings.Contains(string(status), "Seccomp:\t2") && !strings.Contains(string(status), "State:\tX") {
			t.Errorf("thread %s has a filter:\n%s", task.Name(), status)
		}
	}
}

// A notification is delivered to the listener, and the listener is close-on-exec.
func listenChild(arg string) {
	o := parse[hook.Options](arg)
	if o.ThreadOnly {
		runtime.LockOSThread()
	}
	f, err := hook.Listen(deny(linux.Notify, unix.SYS_GETPPID), o)
	if err != nil {
		die(err)
	}
	flags, err := unix.FcntlInt(f.Fd(), unix.F_GETFD, 0)
	if err != nil {
		die(err)
	}
	go unix.Syscall(unix.SYS_GETPPID, 0, 0, 0) // not Getppid, which would keep the one processor of a small machine
	poll := []unix.PollFd{{Fd: int32(f.Fd()), Events: unix.POLLIN}}
	n, err := unix.Poll(poll, 5000)
	if o.ThreadOnly { // the other thread isn't under the filter
		n++
	}
	fmt.Printf("cloexec %t, %d, %v", flags&unix.FD_CLOEXEC != 0, n, err)
}

func TestListen(t *testing.T) {
	for _, options := range []string{`{}`, fmt.Sprintf(`{"Flags":%d}`, hook.WaitKillableRecv)} {
		if r := runChild(t, "listen", options); r.stdout != "cloexec true, 1, <nil>" {
			t.Errorf("%s: %v", options, r)
		}
	}
}

func TestFlags(t *testing.T) {
	all := hook.TSYNC | hook.Log | hook.SpecAllow | hook.NewListener | hook.TSYNCESRCH | hook.WaitKillableRecv
	var back hook.Flags
	for _, name := range all.Names() {
		f, ok := hook.ParseFlag(name)
		g, ok2 := hook.ParseFlag("SECCOMP_FILTER_FLAG_" + strings.ToUpper(name))
		if !ok || !ok2 || f != g {
			t.Errorf("%s: %v, %v", name, f, g)
		}
		back |= f
	}
	if back != all {
		t.Errorf("%v came back as %v", all, back)
	}
	if got := (hook.TSYNC | 1<<9).String(); got != "tsync,0x200" {
		t.Error(got)
	}
	if _, ok := hook.ParseFlag("nonsense"); ok {
		t.Error("nonsense is a flag")
	}
}
