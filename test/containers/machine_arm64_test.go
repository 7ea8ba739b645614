package containers

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"secco/linux"
)

// What stands in the headers of programs of this machine, and of the one with 32 bits
// whose programs its kernel may run as well.
const (
	elfMachine   = 183
	elf32Machine = 40
	elf32Flags   = 5 << 24 // version 5 of its binary interface
)

const (
	machine   = linux.ARM64
	machine32 = linux.ARM
)

func words(code ...uint32) []byte {
	var b []byte
	for _, w := range code {
		b = binary.LittleEndian.AppendUint32(b, w)
	}
	return b
}

const (
	svc      = 0xd4000001
	negate   = 0x4b0003e0 // neg w0, w0
	exitCall = 0xd2800bc8 // mov x8, exit_group
)

// exits is a program that does nothing but exit_group(42).
var exits = words(0xd2800540, exitCall, svc) // mov x0, 42

// first is a program whose first call is uname; its exit code is the errno.
var first = append(words(
	0xd14007e0, 0xd2801408, svc, // sub x0, sp, 4096; mov x8, uname
	0x4b0003f3,                                          // neg w19, w0
	0xd2800808, 0xd2800020, 0x10000161, 0xd2800102, svc, // mov x8, write; mov x0, 1; adr x1, the text; mov x2, 8
	0xd28007e8, 0xd2800000, 0xd10103e1, 0xd2800022, svc, // mov x8, read; mov x0, 0; sub x1, sp, 64; mov x2, 1
	0x2a1303e0, exitCall, svc, // mov w0, w19
), "waiting\n"...)

// atOnce is a program whose very first instruction is a call, of number 0, for the
// kernel starts programs with all registers 0. Its exit code is the errno.
var atOnce = words(svc, negate, exitCall, svc)

// Programs with 32 bits: uname32 ends with uname's errno, listener32 with that of
// seccomp(2) with NEW_LISTENER, exits32 with 42.
var (
	// sub r0, sp, 4096; mov r7, uname; svc; rsb r0, r0, 0; mov r7, exit; svc
	uname32 = words(0xe24d0a01, 0xe3a0707a, 0xef000000, 0xe2600000, 0xe3a07001, 0xef000000)
	// movw r7, seccomp; mov r0, 1; mov r1, 8; mov r2, 0; svc; rsb r0, r0, 0; mov r7, exit; svc
	listener32 = words(0xe300717f, 0xe3a00001, 0xe3a01008, 0xe3a02000, 0xef000000, 0xe2600000, 0xe3a07001, 0xef000000)
	// mov r7, getpid; svc; mov r0, 42; mov r7, exit; svc
	exits32 = words(0xe3a07014, 0xef000000, 0xe3a0002a, 0xe3a07001, 0xef000000)
)

// entries are calls by the one entry that a program of this machine has.
var entries = []entry{
	{"execve", call(unix.SYS_EXECVE), int(unix.ENOSYS)},
	{"execveat", call(unix.SYS_EXECVEAT), int(unix.EPERM)},
}

// call is a program that makes a call and ends with its errno.
func call(nr uint32) []byte { return words(0xd2800008|nr<<5, svc, negate, exitCall, svc) } // mov x8, nr
