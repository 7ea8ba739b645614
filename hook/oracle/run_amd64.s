//go:build linux && amd64

#include "textflag.h"

// Offsets in struct shared and struct call.
#define CHILD_MASK 0x00
#define OLD_MASK   0x08
#define COUNT      0x10
#define CALLS      0x18
#define STACK      0x20
#define INSTALLED  0x28
#define FPROG      0x30
#define ACTION     0x40

#define CALL_NR     0x00
#define CALL_ARGS   0x08
#define CALL_ENTRY  0x38
#define CALL_KIND   0x40
#define CALL_RESULT 0x48
#define CALL_SIZE   0x50

#define RETURNED 1
#define TRAPPED  2

// func forkAndIssue(s *shared) (pid int64)
//
// R12 holds s throughout, R13 the call at hand, R15 how many are left: neither
// entry changes them.
TEXT ·forkAndIssue(SB), NOSPLIT, $0-16
	MOVQ s+0(FP), R12

	// Block the signals before the fork: a handler of the Go runtime must not
	// run in the child.
	MOVL $14, AX // rt_sigprocmask
	MOVL $2, DI  // SIG_SETMASK
	LEAQ CHILD_MASK(R12), SI
	LEAQ OLD_MASK(R12), DX
	MOVL $8, R10
	SYSCALL

	MOVL $57, AX // fork
	SYSCALL
	TESTQ AX, AX
	JEQ  child

	MOVQ AX, R13
	MOVL $14, AX
	MOVL $2, DI
	LEAQ OLD_MASK(R12), SI
	XORL DX, DX
	MOVL $8, R10
	SYSCALL
	MOVQ R13, pid+8(FP)
	RET

child:
	MOVQ STACK(R12), SP

	MOVL $436, AX // close_range(0, ~0, 0): nobody shall wait for our copies
	XORL DI, DI
	MOVL $0xffffffff, SI
	XORL DX, DX
	SYSCALL

	MOVL $157, AX // prctl(PR_SET_DUMPABLE, 0): no core dumps
	MOVL $4, DI
	XORL SI, SI
	SYSCALL

	MOVL $157, AX // prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
	MOVL $38, DI
	MOVL $1, SI
	XORL DX, DX
	XORL R10, R10
	XORL R8, R8
	SYSCALL

	MOVL $13, AX // rt_sigaction(SIGSYS, action, NULL, 8)
	MOVL $31, DI
	LEAQ ACTION(R12), SI
	XORL DX, DX
	MOVL $8, R10
	SYSCALL

	MOVQ CALLS(R12), R13
	MOVQ COUNT(R12), R15

	MOVL $317, AX // seccomp(SECCOMP_SET_MODE_FILTER, 0, fprog)
	MOVL $1, DI
	XORL SI, SI
	LEAQ FPROG(R12), DX
	SYSCALL
	MOVQ AX, INSTALLED(R12)
	TESTQ AX, AX
	JNE  end
	CALL issue<>(SB)

end:
	UNDEF

// issue makes the calls from R13 on and does not return.
TEXT issue<>(SB), NOSPLIT|NOFRAME, $0-0
next:
	TESTQ R15, R15
	JEQ  done
	MOVQ CALL_NR(R13), AX
	CMPQ CALL_ENTRY(R13), $0 // AMD64
	JNE  i386

	MOVQ (CALL_ARGS+0)(R13), DI
	MOVQ (CALL_ARGS+8)(R13), SI
	MOVQ (CALL_ARGS+16)(R13), DX
	MOVQ (CALL_ARGS+24)(R13), R10
	MOVQ (CALL_ARGS+32)(R13), R8
	MOVQ (CALL_ARGS+40)(R13), R9
	CALL syscall<>(SB)
	JMP  store

i386:
	MOVQ (CALL_ARGS+0)(R13), BX
	MOVQ (CALL_ARGS+8)(R13), CX
	MOVQ (CALL_ARGS+16)(R13), DX
	MOVQ (CALL_ARGS+24)(R13), SI
	MOVQ (CALL_ARGS+32)(R13), DI
	MOVQ (CALL_ARGS+40)(R13), BP
	CALL int80<>(SB)

store:
	MOVQ AX, CALL_RESULT(R13)
	MOVQ $RETURNED, CALL_KIND(R13)
	ADDQ $CALL_SIZE, R13
	DECQ R15
	JMP  next

done:
	UNDEF

// trap handles SIGSYS: DI signal, SI siginfo. The registers of the loop are as
// they were. There is no return from the signal, only the next call.
TEXT trap<>(SB), NOSPLIT|NOFRAME, $0-0
	MOVQ STACK(R12), SP
	MOVLQSX 4(SI), AX // si_errno
	MOVQ AX, CALL_RESULT(R13)
	MOVQ $TRAPPED, CALL_KIND(R13)
	ADDQ $CALL_SIZE, R13
	DECQ R15
	LEAQ issue<>(SB), AX
	JMP  AX

TEXT syscall<>(SB), NOSPLIT|NOFRAME, $0-0
	SYSCALL
	RET

TEXT int80<>(SB), NOSPLIT|NOFRAME, $0-0
	INT $0x80
	RET

// func afterSyscall() uintptr
TEXT ·afterSyscall(SB), NOSPLIT, $0-8
	LEAQ syscall<>(SB), AX
	ADDQ $2, AX
	MOVQ AX, ret+0(FP)
	RET

// func afterInt80() uintptr
TEXT ·afterInt80(SB), NOSPLIT, $0-8
	LEAQ int80<>(SB), AX
	ADDQ $2, AX
	MOVQ AX, ret+0(FP)
	RET

// func onTrap() uintptr
TEXT ·onTrap(SB), NOSPLIT, $0-8
	LEAQ trap<>(SB), AX
	MOVQ AX, ret+0(FP)
	RET
