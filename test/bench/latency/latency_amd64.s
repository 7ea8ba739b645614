//go:build linux && amd64

#include "textflag.h"

// Offsets in struct timed and struct timedCall.
#define CHILD_MASK 0x00
#define OLD_MASK   0x08
#define COUNT      0x10
#define CALLS      0x18
#define STACK      0x20
#define INSTALLED  0x28
#define ROUNDS     0x30
#define REPEAT     0x38
#define START      0x40
#define FPROG      0x50

#define CALL_NR     0x00
#define CALL_ARGS   0x08
#define CALL_TICKS  0x38
#define CALL_RESULT 0x40
#define CALL_SIZE   0x48

// func forkAndTime(s *timed) (pid int64)
//
// R12 holds s throughout, R13 the call at hand, R14 how often it is still to be
// issued in this round, R15 how many rounds are left: the kernel changes none.
TEXT ·forkAndTime(SB), NOSPLIT, $0-16
	MOVQ s+0(FP), R12

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

	MOVQ CALLS(R12), R13
	CMPW FPROG(R12), $0
	JEQ  next

	MOVL $157, AX // prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
	MOVL $38, DI
	MOVL $1, SI
	XORL DX, DX
	XORL R10, R10
	XORL R8, R8
	SYSCALL

	MOVL $317, AX // seccomp(SECCOMP_SET_MODE_FILTER, 0, fprog)
	MOVL $1, DI
	XORL SI, SI
	LEAQ FPROG(R12), DX
	SYSCALL
	MOVQ AX, INSTALLED(R12)
	TESTQ AX, AX
	JNE  done

next:
	CMPQ COUNT(R12), $0
	JEQ  done
	MOVQ ROUNDS(R12), R15

round:
	MOVQ REPEAT(R12), R14
	LFENCE
	RDTSC
	SHLQ $32, DX
	ORQ  DX, AX
	MOVQ AX, START(R12)
	MOVQ CALL_NR(R13), BX
	MOVQ (CALL_ARGS+0)(R13), DI
	MOVQ (CALL_ARGS+8)(R13), SI
	MOVQ (CALL_ARGS+16)(R13), DX
	MOVQ (CALL_ARGS+24)(R13), R10
	MOVQ (CALL_ARGS+32)(R13), R8
	MOVQ (CALL_ARGS+40)(R13), R9

again:
	MOVQ BX, AX
	SYSCALL
	DECQ R14
	JNE  again

	MOVQ AX, CALL_RESULT(R13)
	LFENCE
	RDTSC
	SHLQ $32, DX
	ORQ  DX, AX
	SUBQ START(R12), AX
	CMPQ AX, CALL_TICKS(R13)
	JCC  slower
	MOVQ AX, CALL_TICKS(R13)

slower:
	DECQ R15
	JNE  round
	ADDQ $CALL_SIZE, R13
	DECQ COUNT(R12)
	JMP  next

done:
	UNDEF
