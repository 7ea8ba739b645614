package containers

import (
	"golang.org/x/sys/unix"

	"secco/linux"
)

// What stands in the headers of programs of this machine, and of the one with 32 bits
// whose programs its kernel runs as well.
const (
	elfMachine   = 62
	elf32Machine = 3
	elf32Flags   = 0
)

const (
	machine   = linux.X86_64
	machine32 = linux.I386
)

// exits is a program that does nothing but exit_group(42).
var exits = []byte{0xbf, 42, 0, 0, 0, 0xb8, 231, 0, 0, 0, 0x0f, 0x05}

// first is a program whose first call is uname; its exit code is the errno.
var first = append([]byte{
	0x48, 0x8d, 0xbc, 0x24, 0x00, 0xf0, 0xff, 0xff, // lea rdi, [rsp-4096]
	0xb8, 63, 0, 0, 0, 0x0f, 0x05, // mov eax, uname; syscall
	0x89, 0xc3, 0xf7, 0xdb, // mov ebx, eax; neg ebx
	0xb8, 1, 0, 0, 0, 0xbf, 1, 0, 0, 0, // mov eax, write; mov edi, 1
	0x48, 0x8d, 0x35, 32, 0, 0, 0, 0xba, 8, 0, 0, 0, 0x0f, 0x05, // lea rsi, [rip+32]; mov edx, 8; syscall
	0x31, 0xc0, 0x31, 0xff, // xor eax, eax (read); xor edi, edi
	0x48, 0x8d, 0x74, 0x24, 0xc0, 0xba, 1, 0, 0, 0, 0x0f, 0x05, // lea rsi, [rsp-64]; mov edx, 1; syscall
	0x89, 0xdf, 0xb8, 231, 0, 0, 0, 0x0f, 0x05, // mov edi, ebx; mov eax, exit_group; syscall
}, "waiting\n"...)

// atOnce is a program whose very first instruction is a call, of number 0, for the
// kernel starts programs with all registers 0. Its exit code is the errno.
var atOnce = []byte{
	0x0f, 0x05, // syscall
	0xf7, 0xd8, 0x89, 0xc7, 0xb8, 231, 0, 0, 0, 0x0f, 0x05, // neg eax; mov edi, eax; mov eax, exit_group; syscall
}

// Programs with 32 bits: uname32 ends with uname's errno, listener32 with that of
// seccomp(2) with NEW_LISTENER, exits32 with 42.
var (
	// mov ebx, esp; sub ebx, 4096; mov eax, uname; int 0x80; neg eax; mov ebx, eax; mov eax, exit; int 0x80
	uname32 = []byte{0x89, 0xe3, 0x81, 0xeb, 0, 0x10, 0, 0, 0xb8, 122, 0, 0, 0, 0xcd, 0x80, 0xf7, 0xd8, 0x89, 0xc3, 0xb8, 1, 0, 0, 0, 0xcd, 0x80}
	// mov eax, seccomp; mov ebx, 1; mov ecx, 8; xor edx, edx; int 0x80; neg eax; mov ebx, eax; mov eax, exit; int 0x80
	listener32 = []byte{0xb8, 0x62, 1, 0, 0, 0xbb, 1, 0, 0, 0, 0xb9, 8, 0, 0, 0, 0x31, 0xd2, 0xcd, 0x80, 0xf7, 0xd8, 0x89, 0xc3, 0xb8, 1, 0, 0, 0, 0xcd, 0x80}
	// mov eax, getpid; int 0x80; mov ebx, 42; mov eax, exit; int 0x80
	exits32 = []byte{0xb8, 20, 0, 0, 0, 0xcd, 0x80, 0xbb, 42, 0, 0, 0, 0xb8, 1, 0, 0, 0, 0xcd, 0x80}
)

// entries are calls by the entries that a program of this machine has.
var entries = []entry{
	{"execve", call(unix.SYS_EXECVE, syscall...), int(unix.ENOSYS)},
	{"execveat", call(unix.SYS_EXECVEAT, syscall...), int(unix.EPERM)},
	{"i386 execve", call(11, interrupt...), killed},
	{"i386 execveat", call(358, interrupt...), killed},
	{"i386 seccomp", call(354, interrupt...), killed},
	{"x32 execve", call(linux.X32Bit+520, syscall...), killed},
	{"x32 execveat", call(linux.X32Bit+545, syscall...), killed},
	{"x86_64 execve as x32", call(linux.X32Bit+unix.SYS_EXECVE, syscall...), killed},
}

var syscall, interrupt = []byte{0x0f, 0x05}, []byte{0xcd, 0x80}

// call is a program that makes a call and ends with its errno.
func call(nr uint32, entry ...byte) []byte {
	code := append([]byte{0xb8, byte(nr), byte(nr >> 8), byte(nr >> 16), byte(nr >> 24)}, entry...) // mov eax, nr
	return append(code, 0xf7, 0xd8, 0x89, 0xc7, 0xb8, 231, 0, 0, 0, 0x0f, 0x05)                     // neg eax; mov edi, eax; mov eax, exit_group; syscall
}
