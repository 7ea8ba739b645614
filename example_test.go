package secco_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"secco"
	"secco/convert/readers"
	"secco/lang"
	"secco/linux"
	"secco/source"
)

const web = `DEFAULT_POSITIVE = allow
DEFAULT_NEGATIVE = EPERM
DEFAULT_POLICY   = kill_process

read, write, close, exit_group: 1
socket: in(argL0, AF_UNIX, AF_INET)

test socket(AF_INET) => allow
test socket(AF_PACKET) => EPERM
`

// must stops an example where something fails.
func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// From a policy's text to a program that is proved to do what the text means.
func Example() {
	policy, err := secco.Load("web.secco", web)
	if err != nil {
		fmt.Println(err) // every finding, with its place in the text
		return
	}
	program, err := secco.Compile(policy)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("equal:", secco.ProveEqual(policy, program) == nil)

	call, err := secco.CallOf(linux.X86_64, "socket", unix.AF_PACKET)
	if err != nil {
		fmt.Println(err)
		return
	}
	action, rule := policy.Eval(call)
	fmt.Println(action, "by", rule)

	// And now: program.Install(), for the rest of this process's life.

	// Output:
	// equal: true
	// errno(EPERM) by web.secco:6
}

// A policy that is wrong is an error with every finding, each at its place.
func ExampleLoad() {
	_, err := secco.Load("typo.secco", "DEFAULT_POLICY = kill\nopennat: 1\nread: arg7 == 0\n")
	var findings source.Diagnostics
	if errors.As(err, &findings) {
		for _, f := range findings {
			fmt.Printf("line %d: %s; %s\n", f.Span.Position().Line, f.Message, f.Hint)
		}
	}
	// Output:
	// line 2: no syscall named "opennat"; did you mean "openat"?
	// line 3: no binding or constant named "arg7"; a call has six arguments, arg0 to arg5
}

// Whatever describes a filter can be opened: here a profile for container runtimes.
func ExampleOpen() {
	dir := must(os.MkdirTemp("", "secco"))
	defer os.RemoveAll(dir)
	profile := `{"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86_64"],
		"syscalls": [{"names": ["read", "write"], "action": "SCMP_ACT_ALLOW"}]}`
	if err := os.WriteFile(filepath.Join(dir, "profile.json"), []byte(profile), 0o600); err != nil {
		panic(err)
	}
	policy := must(secco.Open(filepath.Join(dir, "profile.json")))
	action, _ := policy.Eval(must(secco.CallOf(linux.X86_64, "reboot")))
	fmt.Println(action)

	// The policies that secco ships have names.
	shipped := must(secco.Open("no-network"))
	action, _ = shipped.Eval(must(secco.CallOf(linux.X86_64, "socket", unix.AF_INET)))
	fmt.Println(action)
	// Output:
	// errno(EPERM)
	// errno(EACCES)
}

// What the caller says beside a policy: its targets, what it leaves open, macros.
func ExampleReader_Load() {
	reader := secco.Reader{
		Arches:       []linux.Arch{linux.X86_64, linux.ARM64},
		Defaults:     lang.Defaults{Positive: "allow", Negative: "EPERM", Policy: "ENOSYS"},
		Definitions:  []*source.File{source.NewFile("std.secco", "std(fd) = fd <= 2")},
		Kernel:       "6.1",
		Capabilities: []string{"CAP_SYS_ADMIN"},
	}
	policy := must(reader.Load(source.NewFile("app.secco", "write: std(argL0)"), source.NewFile("admin.secco", `
when cap(CAP_SYS_ADMIN) && kernel >= 5.2 {
    fsopen: 1
}`)))
	for _, c := range []secco.Call{
		must(secco.CallOf(linux.ARM64, "write", 2)),
		must(secco.CallOf(linux.ARM64, "write", 3)),
		must(secco.CallOf(linux.X86_64, "fsopen")),
		must(secco.CallOf(linux.X86_64, "mount")),
	} {
		fmt.Println(policy.Eval(c))
	}
	// Output:
	// allow app.secco:1
	// errno(EPERM) app.secco:1
	// allow admin.secco:3
	// errno(ENOSYS) <default-policy>:1
}

// Several files are one policy; a kind may be insisted on.
func ExampleReader_Open() {
	dir := must(os.MkdirTemp("", "secco"))
	defer os.RemoveAll(dir)
	for name, text := range map[string]string{"base.secco": web, "more.secco": "openat: argL2 & O_ACCMODE == O_RDONLY"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			panic(err)
		}
	}
	policy := must(secco.Reader{Kind: readers.Secco}.Open(filepath.Join(dir, "base.secco"), filepath.Join(dir, "more.secco")))
	fmt.Println(len(policy.Meaning().Targets[0].Rules), "rules")
	// Output: 6 rules
}

// A policy built in code: init with a default action, add, delete, combine.
func ExampleNew() {
	files := secco.New(secco.KillProcess, linux.X86_64)
	files.Add(secco.Allow, "read", "write", "close")
	files.AddIf(secco.Allow, "openat", secco.ArgL(2).Masked(unix.O_ACCMODE, unix.O_RDONLY))
	files.AddIf(secco.Errno(syscall.EROFS), "openat", secco.ArgL(2).AnyBits(unix.O_WRONLY|unix.O_RDWR))

	b := secco.New(secco.Errno(syscall.EPERM), linux.X86_64)
	b.Add(secco.Allow, "exit_group", "ptrace")
	b.AddIf(secco.Allow, "socket", secco.ArgL(0).In(unix.AF_UNIX, unix.AF_INET), secco.ArgL(1).Masked(0xf, unix.SOCK_STREAM))
	b.Combine(files)
	b.Delete("ptrace")

	policy := must(b.Policy())
	for _, call := range []secco.Call{
		must(secco.CallOf(linux.X86_64, "openat", 3, 0, unix.O_RDONLY)),
		must(secco.CallOf(linux.X86_64, "openat", 3, 0, unix.O_RDWR)),
		must(secco.CallOf(linux.X86_64, "socket", unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC)),
		must(secco.CallOf(linux.X86_64, "socket", unix.AF_INET, unix.SOCK_DGRAM)),
		must(secco.CallOf(linux.X86_64, "ptrace")),
	} {
		action, _ := policy.Eval(call)
		fmt.Println(action)
	}
	// Output:
	// allow
	// errno(EROFS)
	// allow
	// errno(EPERM)
	// errno(EPERM)
}

// A rule without conditions, for any number of syscalls.
func ExampleBuilder_Add() {
	b := secco.New(secco.Allow, linux.X86_64)
	b.Add(secco.Errno(syscall.EPERM), "reboot", "kexec_load", "init_module")
	b.Add(secco.Trap(7), "ptrace")
	b.Add(secco.Trace(1), "clone3")
	b.Add(secco.Notify, "mount")
	b.Add(secco.Log, "bpf")
	b.Add(secco.KillThread, "swapon")
	fmt.Println(must(b.Policy()))
	// Output:
	// ARCHES = x86_64
	// DEFAULT_POSITIVE = allow
	// DEFAULT_NEGATIVE = allow
	// DEFAULT_POLICY = allow
	// DEFAULT_BADARCH = kill_thread
	// DEFAULT_X32 = kill_thread
	//
	// init_module, kexec_load, reboot: return EPERM
	//
	// bpf: return log
	//
	// clone3: return trace(1)
	//
	// mount: return notify
	//
	// ptrace: return trap(7)
	//
	// swapon: return kill_thread
}

// All conditions of a rule must hold; the first rule whose conditions hold decides.
func ExampleBuilder_AddIf() {
	b := secco.New(secco.Errno(syscall.EPERM), linux.X86_64)
	b.AddIf(secco.Errno(syscall.ENOTTY), "ioctl", secco.ArgL(1).Equal(unix.TIOCSTI))
	b.AddIf(secco.Allow, "ioctl", secco.ArgL(0).LessOrEqual(2), secco.Not(secco.ArgL(1).In(unix.TIOCLINUX)))
	b.Add(secco.KillProcess, "ioctl") // whatever comes here
	policy := must(b.Policy())
	for _, args := range [][]uint64{{0, unix.TIOCSTI}, {0, unix.TCGETS}, {3, unix.TCGETS}} {
		action, _ := policy.Eval(must(secco.CallOf(linux.X86_64, "ioctl", args...)))
		fmt.Println(action)
	}
	// Output:
	// errno(ENOTTY)
	// allow
	// kill_process
}

// Rules can be taken away again.
func ExampleBuilder_Delete() {
	b := secco.New(secco.KillProcess, linux.X86_64)
	b.Add(secco.Allow, "read", "write", "ptrace")
	b.Delete("ptrace")
	action, _ := must(b.Policy()).Eval(must(secco.CallOf(linux.X86_64, "ptrace")))
	fmt.Println(action)
	// Output: kill_process
}

// The rules of one component and those of another, for one process.
func ExampleBuilder_Combine() {
	logging := secco.New(secco.KillProcess, linux.X86_64)
	logging.AddIf(secco.Allow, "write", secco.ArgL(0).Equal(2))
	network := secco.New(secco.KillProcess, linux.X86_64)
	network.AddIf(secco.Allow, "write", secco.ArgL(0).GreaterOrEqual(3))
	network.Combine(logging)
	policy := must(network.Policy())
	for fd := range uint64(4) {
		action, _ := policy.Eval(must(secco.CallOf(linux.X86_64, "write", fd)))
		fmt.Println(fd, action)
	}
	// Output:
	// 0 kill_process
	// 1 kill_process
	// 2 allow
	// 3 allow
}

// What is wrong with a policy that was built in code is told at its Go line; among
// it are conditions that a caller could dodge.
func ExampleBuilder_Policy() {
	b := secco.New(secco.Errno(syscall.EPERM), linux.X86_64)
	b.Add(secco.Allow, "reed")
	b.AddIf(secco.Allow, "socket", secco.Arg(0).Equal(unix.AF_UNIX))
	_, err := b.Policy()
	var findings source.Diagnostics
	if errors.As(err, &findings) {
		for _, f := range findings {
			fmt.Println(f.Span.Position().File, f.Message)
			fmt.Println("   ", f.Hint)
		}
	}
	// Output:
	// example_test.go no syscall named "reed"
	//     did you mean "read"?
	// example_test.go 64 bits are compared, and the kernel uses the lower 32 of this argument
	//     use argL0: what is in the upper half makes no difference to the call
}

// The conditions on an argument.
func ExampleArgument() {
	b := secco.New(secco.Errno(syscall.EPERM), linux.X86_64)
	for name, condition := range map[string]secco.Condition{
		"read":      secco.Arg(2).Equal(4096),
		"write":     secco.Arg(2).NotEqual(0),
		"mmap":      secco.Arg(1).Less(1 << 32),
		"munmap":    secco.Arg(1).LessOrEqual(1 << 32),
		"brk":       secco.Arg(0).Greater(0),
		"lseek":     secco.ArgH(1).GreaterOrEqual(1),
		"socket":    secco.ArgL(0).In(unix.AF_UNIX, unix.AF_INET),
		"fcntl":     secco.ArgL(1).NotIn(unix.F_SETOWN, unix.F_SETSIG),
		"openat":    secco.ArgL(2).NoBits(unix.O_CREAT | unix.O_TRUNC),
		"mprotect":  secco.Arg(2).AllBits(unix.PROT_READ | unix.PROT_EXEC),
		"clone":     secco.Arg(0).AnyBits(unix.CLONE_NEWUSER | unix.CLONE_NEWNS),
		"fchmod":    secco.ArgL(1).Masked(0o7000, 0),
		"faccessat": secco.ArgL(0).Equal(unix.AT_FDCWD & 0xffffffff),
		"prctl":     secco.AnyOf(secco.ArgL(0).Equal(unix.PR_SET_NAME), secco.ArgL(0).Equal(unix.PR_GET_NAME)),
		"ioctl":     secco.Not(secco.ArgL(1).Equal(unix.TIOCSTI)),
	} {
		b.AddIf(secco.Allow, name, condition)
	}
	policy := must(b.Policy())
	for _, c := range []secco.Call{
		must(secco.CallOf(linux.X86_64, "mmap", 0, 1<<32-1)),
		must(secco.CallOf(linux.X86_64, "mmap", 0, 1<<32)),
		must(secco.CallOf(linux.X86_64, "mprotect", 0, 4096, unix.PROT_EXEC)),
		must(secco.CallOf(linux.X86_64, "mprotect", 0, 4096, unix.PROT_READ|unix.PROT_WRITE|unix.PROT_EXEC)),
		must(secco.CallOf(linux.X86_64, "faccessat", 0xffffff9c)),
	} {
		action, _ := policy.Eval(c)
		fmt.Println(action)
	}
	// Output:
	// allow
	// errno(EPERM)
	// errno(EPERM)
	// allow
	// allow
}

// The kernel's actions without data are constants; the others are made.
func ExampleErrno() {
	fmt.Println(secco.Errno(syscall.ENOSYS), secco.Trap(1), secco.Trace(2))
	fmt.Println(secco.KillProcess, secco.KillThread, secco.Notify, secco.Log, secco.Allow)
	// Output:
	// errno(ENOSYS) trap(1) trace(2)
	// kill_process kill_thread notify log allow
}

// A call as a filter sees it. Names are an architecture's own.
func ExampleCallOf() {
	call, err := secco.CallOf(linux.ARM64, "openat", unix.AT_FDCWD&0xffffffff)
	fmt.Println(call.NR, err)
	_, err = secco.CallOf(linux.ARM64, "open")
	fmt.Println(err)
	// Output:
	// 56 <nil>
	// no syscall named "open" on aarch64
}

// Policies that name no architectures are for this machine's.
func ExampleMachine() {
	policy := must(secco.Load("web.secco", web))
	fmt.Println(policy.Meaning().Targets[0].Arch == secco.Machine())
	// Output: true
}

// A policy states what it expects of itself, and is proved to keep to it.
func ExamplePolicy_Test() {
	policy := must(secco.Load("web.secco", web+"test socket => allow\n"))
	err := policy.Test()
	fmt.Println(err)
	var failed *secco.TestError
	if errors.As(err, &failed) {
		fmt.Println("the rule that decides:", failed.Rule.Text())
	}
	// Output:
	// web.secco:10: allow is expected, but x86_64 socket() gets errno(EPERM) (web.secco:6)
	// the rule that decides: socket: in(argL0, AF_UNIX, AF_INET)
}

// Findings that stop nothing are kept for whoever asks.
func ExamplePolicy_Warnings() {
	policy := must(secco.Load("p.secco", "DEFAULT_POSITIVE = allow\nDEFAULT_NEGATIVE = EPERM\nDEFAULT_POLICY = EPERM\nsocket: arg0 == AF_UNIX\n"))
	for _, w := range policy.Warnings() {
		fmt.Println(w.Error())
	}
	// Output:
	// p.secco:4:9: warning[wide-comparison]: 64 bits are compared, and the kernel uses the lower 32 of this argument
}

// Any filter reads as a policy.
func ExamplePolicy_String() {
	fmt.Print(must(secco.Load("app.policy", "@default kill-process\nread: allow\nwrite: arg0 == 1\n")))
	// Output:
	// ARCHES = x86_64
	// DEFAULT_POSITIVE = allow
	// DEFAULT_NEGATIVE = kill_process
	// DEFAULT_POLICY = kill_process
	// DEFAULT_BADARCH = kill_thread
	// DEFAULT_X32 = kill_process
	//
	// read: 1
	//
	// write: arg0 == 1
}

// The program, as other tools take it and as text.
func ExampleProgram_Dump() {
	program := must(secco.Compile(must(secco.Load("p.secco", "DEFAULT_POSITIVE = allow\nDEFAULT_POLICY = kill\nwrite: 1\n"))))
	fmt.Println(len(program.Bytes()) == 8*len(program.Instructions))
	var text strings.Builder
	if err := program.Dump(&text); err != nil {
		panic(err)
	}
	again := must(secco.Load("p.asm", text.String()))
	fmt.Println(secco.ProveEqual(program, again))
	// Output:
	// true
	// <nil>
}

// What the program does with a call, in an emulator of the kernel's machine.
func ExampleProgram_Eval() {
	program := must(secco.Compile(must(secco.Load("web.secco", web))))
	fmt.Println(program.Eval(must(secco.CallOf(linux.X86_64, "socket", unix.AF_INET))))
	// Output: allow <nil>
}

// A proof that fails shows a call, and what decides it on either side.
func ExampleProveEqual() {
	a := must(secco.Load("web.secco", web))
	b := must(secco.Load("changed.secco", strings.ReplaceAll(web, "AF_INET", "AF_NETLINK")))
	err := secco.ProveEqual(a, b)
	var different *secco.DifferentError
	if errors.As(err, &different) {
		fmt.Println(different.Call.Args[0] == unix.AF_INET || different.Call.Args[0] == unix.AF_NETLINK, different.RuleA, different.RuleB)
	}
	// Output: true web.secco:6 changed.secco:6
}

// A change that only takes rights away is proved to do no more.
func ExampleProveStricter() {
	before := must(secco.Load("web.secco", web))
	after := must(secco.Load("after.secco", strings.ReplaceAll(web, ", AF_INET)", ")")))
	fmt.Println(secco.ProveStricter(after, before))
	fmt.Println(secco.ProveStricter(before, after))
	// Output:
	// <nil>
	// x86_64 socket(AF_INET) gets allow (web.secco:6) from the first and errno(EPERM) (after.secco:6) from the second
}

// What either of two policies allows, and what both do.
func ExampleUnion() {
	head := "DEFAULT_POSITIVE = allow\nDEFAULT_NEGATIVE = EPERM\nDEFAULT_POLICY = EPERM\n"
	a := must(secco.Load("a.secco", head+"write: argL0 <= 2\n"))
	b := must(secco.Load("b.secco", head+"write: argL0 >= 2\n"))
	either := must(secco.Union(a, b))
	both := must(secco.Intersection(a, b))
	for fd := range uint64(4) {
		call := must(secco.CallOf(linux.X86_64, "write", fd))
		x, _ := either.Eval(call)
		y, rule := both.Eval(call)
		fmt.Println(x, y, rule)
	}
	fmt.Println(secco.ProveStricter(both, either))
	// Output:
	// allow errno(EPERM) b.secco:4
	// allow errno(EPERM) b.secco:4
	// allow allow a.secco:4
	// allow errno(EPERM) a.secco:4
	// <nil>
}

// Whether this machine can be asked at all.
func ExampleSupported() {
	if err := secco.Supported(); err != nil {
		fmt.Println("no filters here:", err)
	}
	// Output:
}

// A filter for the rest of this process's life.
func ExampleProgram_Install() {
	b := secco.New(secco.Allow)
	b.Add(secco.Errno(syscall.ENOTTY), "uname")
	program := must(secco.Compile(must(b.Policy())))
	if err := program.Install(); err != nil {
		fmt.Println(err)
		return
	}
	var name unix.Utsname
	fmt.Println(unix.Uname(&name))
	// Output: inappropriate ioctl for device
}

// A listener is told of calls, and says what becomes of them. When it is closed, they
// fail with ENOSYS.
func ExampleProgram_Listen() {
	b := secco.New(secco.Allow)
	b.Add(secco.Notify, "sysinfo")
	program := must(secco.Compile(must(b.Policy())))
	listener, err := program.Listen()
	if err != nil {
		fmt.Println(err)
		return
	}
	result := make(chan error)
	go func() {
		var info unix.Sysinfo_t
		result <- unix.Sysinfo(&info)
	}()
	waiting := []unix.PollFd{{Fd: int32(listener.Fd()), Events: unix.POLLIN}}
	for {
		if n, err := unix.Poll(waiting, -1); n == 1 && err == nil {
			break
		}
	}
	fmt.Println("a call waits")
	listener.Close()
	fmt.Println(<-result)
	// Output:
	// a call waits
	// function not implemented
}

// This process becomes another command, which has the filter.
func ExampleProgram_Exec() {
	b := secco.New(secco.Allow)
	b.Add(secco.Errno(syscall.EPERM), "uname")
	program := must(secco.Compile(must(b.Policy())))
	err := program.Exec([]string{"uname"}, os.Environ())
	fmt.Fprintln(os.Stderr, err) // it returns only where the filter was not installed
	os.Exit(125)
}
