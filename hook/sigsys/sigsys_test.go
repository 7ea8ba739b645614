package sigsys_test

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"secco/compiler"
	"secco/hook"
	"secco/hook/sigsys"
	"secco/lang"
	"secco/linux"
	"secco/policy"
	"secco/source"
	"secco/test/alive"
)

// Filters stay, so each test is a child: this program again.
const childVariable = "SECCO_SIGSYS_TEST"

var children = map[string]func(){
	"notice": notice, "storm": storm, "full": full, "sent": sent, "started": started, "twice": twice, "without": without,
}

func TestMain(m *testing.M) {
	if name := os.Getenv(childVariable); name != "" {
		children[name]()
		os.Exit(0)
	}
	alive.Main()
	os.Exit(m.Run())
}

// child runs a child; its output is what it says and how it ended.
func child(t *testing.T, name string) string {
	t.Helper()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), childVariable+"="+name)
	timer := time.AfterFunc(time.Minute, func() { cmd.Process.Kill() })
	defer timer.Stop()
	out, _ := cmd.CombinedOutput()
	return string(out) + cmd.ProcessState.String()
}

func must(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

const rules = `DEFAULT_POSITIVE = trap
DEFAULT_NEGATIVE = allow
DEFAULT_POLICY = allow

getppid: 1
getpgid[+trap(1)]: argL0 == 7
getsid: return trap(65535)
`

// handle loads the rules and has notices sent to a channel.
func handle(notify func(sigsys.Notice)) {
	native, _ := linux.ParseArch(runtime.GOARCH)
	p := load(native)
	must(sigsys.Handle(p, notify))
	out, err := compiler.Compile(p, compiler.Options{})
	must(err)
	must(hook.Install(out.Program, hook.Options{}))
}

func load(targets ...linux.Arch) *policy.Policy {
	p, findings := lang.Load([]*source.File{source.NewFile("p.secco", rules)}, lang.Options{Targets: targets})
	must(findings.Err())
	return p
}

func call(nr uintptr, args ...uintptr) string {
	var a [6]uintptr
	copy(a[:], args)
	r, _, errno := unix.RawSyscall6(nr, a[0], a[1], a[2], a[3], a[4], a[5])
	if errno != 0 {
		return unix.ErrnoName(errno)
	}
	return fmt.Sprint(int(r) >= 0)
}

func notice() {
	notices := make(chan sigsys.Notice)
	handle(func(n sigsys.Notice) { notices <- n })
	fmt.Println(call(unix.SYS_GETPPID, 1, 2, 3, 4, 5, 6))
	n := <-notices
	fmt.Println(n, n.Call.Args, n.Lost, n.Call.IP != 0)
	fmt.Println(call(unix.SYS_GETPGID, 0), call(unix.SYS_GETPGID, 7))
	fmt.Println(<-notices)
	fmt.Println(call(unix.SYS_GETSID))
	fmt.Println(<-notices)
	fmt.Println(call(unix.SYS_GETPID))
}

func TestNotice(t *testing.T) {
	native, _ := linux.ParseArch(runtime.GOARCH)
	want := strings.ReplaceAll(`ENOSYS
ARCH getppid: trap, by p.secco:5 [1 2 3 4 5 6] 0 true
true EPERM
ARCH getpgid: trap(1), by p.secco:6
ENOSYS
ARCH getsid: trap(65535), by p.secco:7
true
exit status 0`, "ARCH", native.String())
	if got := child(t, "notice"); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}

// storm makes trapped calls on many threads while others allocate, preempt one
// another and come and go.
func storm() {
	var told atomic.Int64
	handle(func(n sigsys.Notice) { told.Add(1 + int64(n.Lost)) })
	const threads, calls = 8, 2000
	var wg sync.WaitGroup
	var wrong atomic.Int64
	for i := range threads {
		wg.Go(func() {
			if i%2 == 0 {
				runtime.LockOSThread() // the thread ends with this
			}
			for j := range calls {
				if call(unix.SYS_GETPPID) != "ENOSYS" || call(unix.SYS_GETPID) != "true" {
					wrong.Add(1)
				}
				if j%100 == 0 {
					runtime.GC()
				}
			}
		})
	}
	wg.Wait()
	settle(&told, threads*calls)
	fmt.Println(wrong.Load(), "wrong")
}

// settle returns when each call has been told of or counted as lost; the count
// comes with the next notice.
func settle(told *atomic.Int64, calls int64) {
	for told.Load() < calls {
		time.Sleep(time.Millisecond)
		call(unix.SYS_GETPPID)
		calls++
	}
}

func TestStorm(t *testing.T) {
	if got := child(t, "storm"); got != "0 wrong\nexit status 0" {
		t.Error(got)
	}
}

// full makes more trapped calls than the pipe holds notices of, while nobody
// takes them.
func full() {
	var told, lost atomic.Int64
	wait := make(chan bool)
	handle(func(n sigsys.Notice) {
		<-wait
		told.Add(1 + int64(n.Lost))
		lost.Add(int64(n.Lost))
	})
	const calls = 3000
	for range calls {
		if call(unix.SYS_GETPPID) != "ENOSYS" {
			fmt.Println("wrong")
		}
	}
	close(wait)
	settle(&told, calls)
	fmt.Println("all told of, some as lost:", lost.Load() > 100)
}

func TestFull(t *testing.T) {
	if got := child(t, "full"); got != "all told of, some as lost: true\nexit status 0" {
		t.Error(got)
	}
}

// A SIGSYS that no filter sent ends the program as it does without this package.
func sent() {
	handle(func(n sigsys.Notice) { fmt.Println(n) })
	unix.Kill(os.Getpid(), unix.SIGSYS)
	time.Sleep(10 * time.Second)
}

func TestSent(t *testing.T) {
	if got := child(t, "sent"); !strings.HasPrefix(got, "SIGSYS: bad system call") || !strings.HasSuffix(got, "exit status 2") {
		t.Error(got)
	}
}

// A program that is started has no handler.
func started() {
	handle(func(n sigsys.Notice) {})
	os.Setenv(childVariable, "without")
	self, err := os.Executable()
	must(err)
	cmd := exec.Command(self)
	cmd.Stdout = os.Stdout
	fmt.Println(cmd.Run())
}

func without() {
	fmt.Println("before")
	call(unix.SYS_GETPPID)
	fmt.Println("survived")
}

func TestStarted(t *testing.T) {
	got := child(t, "started")
	if !strings.Contains(got, "before\nexit status 2") || strings.Contains(got, "survived") {
		t.Error(got)
	}
}

// The second call of Handle replaces the first's policy and function; without a
// policy there is no rule.
func twice() {
	handle(func(sigsys.Notice) { fmt.Println("the first one is told") })
	notices := make(chan sigsys.Notice)
	must(sigsys.Handle(nil, func(n sigsys.Notice) { notices <- n }))
	call(unix.SYS_GETPPID)
	n := <-notices
	fmt.Println(n.Verdict, n.Rule.IsZero())
	if sigsys.Handle(nil, nil) == nil {
		fmt.Println("told nobody")
	}
}

func TestTwice(t *testing.T) {
	if got := child(t, "twice"); got != "trap true\nexit status 0" {
		t.Error(got)
	}
}
