package sigsys_test

import (
	"fmt"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"secco/compiler"
	"secco/hook"
	"secco/hook/sigsys"
	"secco/linux"
)

func init() { children["i386"] = i386 }

// i386 enters the kernel by int 0x80, where arguments are in other registers.
func i386() {
	notices := make(chan sigsys.Notice)
	p := load(linux.X86_64, linux.I386)
	must(sigsys.Handle(p, func(n sigsys.Notice) { notices <- n }))
	out, err := compiler.Compile(p, compiler.Options{})
	must(err)
	must(hook.Install(out.Program, hook.Options{}))
	code := []byte{
		0x53, 0x57, 0x56, 0x55, // push rbx, rdi, rsi, rbp
		0xb8, 64, 0, 0, 0, // mov eax, getppid
		0xbb, 1, 0, 0, 0, 0xb9, 2, 0, 0, 0, 0xba, 3, 0, 0, 0, // mov ebx, 1; mov ecx, 2; mov edx, 3
		0xbe, 4, 0, 0, 0, 0xbf, 5, 0, 0, 0, 0xbd, 6, 0, 0, 0, // mov esi, 4; mov edi, 5; mov ebp, 6
		0xcd, 0x80, // int 0x80
		0x5d, 0x5e, 0x5f, 0x5b, 0xc3, // pop rbp, rsi, rdi, rbx; ret: eax is the result
	}
	at, err := unix.Mmap(-1, 0, 4096, unix.PROT_READ|unix.PROT_WRITE|unix.PROT_EXEC, unix.MAP_PRIVATE|unix.MAP_ANON)
	must(err)
	copy(at, code)
	entry := uintptr(unsafe.Pointer(&at[0]))
	pointer := &entry
	enter := *(*func() int32)(unsafe.Pointer(&pointer))
	fmt.Println(unix.Errno(-enter()))
	n := <-notices
	fmt.Println(n, n.Call.Args)
}

func TestI386(t *testing.T) {
	if got := child(t, "i386"); got != "function not implemented\ni386 getppid: trap, by p.secco:5 [1 2 3 4 5 6]\nexit status 0" {
		t.Error(got)
	}
}
