//go:build linux && 386

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
#define VSYSCALL   0x48
#define FPROG      0x50

#define CALL_NR     0x00
#define CALL_ARGS   0x08
#define CALL_TICKS  0x38
#define CALL_RESULT 0x40
#define CALL_SIZE   0x48

// The calls are issued as C libraries do it, by the vDSO's __kernel_vsyscall, which
// may be faster than int 0x80 by far. It changes no register but AX.

// func forkAndTime(s *timed) (pid int64)
//
// DI holds s up to the child's first own call. From there on all registers are
// arguments, and the child's stack holds s at 0, the call at hand at 4, how many
// rounds are left at 8, how often it is still to be issued in this one at 12, and
// __kernel_vsyscall at 16.
TEXT ·forkAndTime(SB), NOSPLIT, $0-12
	MOVL s+0(FP), DI

	MOVL $175, AX // rt_sigprocmask
	MOVL $2, BX   // SIG_SETMASK
	LEAL CHILD_MASK(DI), CX
	LEAL OLD_MASK(DI), DX
	MOVL $8, SI
	INT  $0x80

	MOVL $2, AX // fork
	INT  $0x80
	TESTL AX, AX
	JEQ  child

	MOVL AX, BP
	MOVL $175, AX
	MOVL $2, BX
	LEAL OLD_MASK(DI), CX
	XORL DX, DX
	MOVL $8, SI
	INT  $0x80
	MOVL BP, pid_lo+4(FP)
	SARL $31, BP
	MOVL BP, pid_hi+8(FP)
	RET

child:
	MOVL STACK(DI), SP
	SUBL $32, SP
	MOVL DI, 0(SP)
	MOVL CALLS(DI), AX
	MOVL AX, 4(SP)
	MOVL VSYSCALL(DI), AX
	MOVL AX, 16(SP)

	MOVL $436, AX // close_range(0, ~0, 0): nobody shall wait for our copies
	XORL BX, BX
	MOVL $0xffffffff, CX
	XORL DX, DX
	INT  $0x80

	MOVL $172, AX // prctl(PR_SET_DUMPABLE, 0): no core dumps
	MOVL $4, BX
	XORL CX, CX
	INT  $0x80

	CMPW FPROG(DI), $0
	JEQ  next

	MOVL $172, AX // prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
	MOVL $38, BX
	MOVL $1, CX
	XORL DX, DX
	XORL SI, SI
	XORL DI, DI
	INT  $0x80

	MOVL $354, AX // seccomp(SECCOMP_SET_MODE_FILTER, 0, fprog)
	MOVL $1, BX
	XORL CX, CX
	MOVL 0(SP), DX
	ADDL $FPROG, DX
	INT  $0x80
	MOVL 0(SP), DI
	MOVL AX, INSTALLED(DI)
	MOVL AX, DX
	SARL $31, DX
	MOVL DX, (INSTALLED+4)(DI)
	TESTL AX, AX
	JNE  done

next:
	MOVL 0(SP), AX
	CMPL COUNT(AX), $0
	JEQ  done
	MOVL ROUNDS(AX), CX
	MOVL CX, 8(SP)

round:
	MOVL 0(SP), BX
	MOVL REPEAT(BX), CX
	MOVL CX, 12(SP)
	LFENCE
	RDTSC
	MOVL AX, START(BX)
	MOVL DX, (START+4)(BX)
	MOVL 4(SP), AX
	MOVL (CALL_ARGS+0)(AX), BX
	MOVL (CALL_ARGS+8)(AX), CX
	MOVL (CALL_ARGS+16)(AX), DX
	MOVL (CALL_ARGS+24)(AX), SI
	MOVL (CALL_ARGS+32)(AX), DI
	MOVL (CALL_ARGS+40)(AX), BP

again:
	MOVL 4(SP), AX
	MOVL CALL_NR(AX), AX
	CALL 16(SP)
	DECL 12(SP)
	JNE  again

	MOVL 4(SP), CX
	MOVL AX, CALL_RESULT(CX)
	SARL $31, AX
	MOVL AX, (CALL_RESULT+4)(CX)
	LFENCE
	RDTSC
	MOVL 0(SP), BX
	SUBL START(BX), AX
	SBBL (START+4)(BX), DX
	TESTL DX, DX
	JNE  slower // by seconds: something else ran
	CMPL (CALL_TICKS+4)(CX), $0
	JNE  faster // the first round
	CMPL AX, CALL_TICKS(CX)
	JCC  slower

faster:
	MOVL AX, CALL_TICKS(CX)
	MOVL $0, (CALL_TICKS+4)(CX)

slower:
	DECL 8(SP)
	JNE  round
	ADDL $CALL_SIZE, 4(SP)
	MOVL 0(SP), AX
	DECL COUNT(AX)
	JMP  next

done:
	UNDEF
