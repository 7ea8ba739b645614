#include "textflag.h"

#define SI_ERRNO 4      // of siginfo
#define SI_CODE 8
#define SYS_SECCOMP 1
#define UC_R8 40        // of ucontext: 17 registers from here on
#define UC_RAX 144
#define RECORD 168      // 32 bytes of siginfo and the registers
#define MAX_ERRNO 4095
#define ENOSYS 38

// handler is entered by the kernel with DI the signal, SI its siginfo, DX the
// interrupted context, on the signal stack; all signals are blocked. Registers
// need not be kept, for rt_sigreturn brings all back.
TEXT handler<>(SB), NOSPLIT|NOFRAME|TOPFRAME, $0-0
	CMPL SI_CODE(SI), $SYS_SECCOMP
	JNE  other
	MOVQ SI, R12
	MOVQ DX, R13

	SUBQ $RECORD, SP
	MOVQ SP, DI
	MOVL $4, CX
	REP; MOVSQ
	LEAQ UC_R8(R13), SI
	MOVL $17, CX
	REP; MOVSQ

	MOVL $1, AX // write(pipe, record, sizeof record)
	MOVL ·pipe(SB), DI
	MOVQ SP, SI
	MOVL $RECORD, DX
	SYSCALL
	ADDQ $RECORD, SP
	CMPQ AX, $RECORD
	JEQ  written
	LOCK
	INCQ ·lost(SB)

written:
	MOVL SI_ERRNO(R12), AX // the verdict's data
	TESTL AX, AX
	JEQ  enosys
	CMPL AX, $MAX_ERRNO
	JLS  fail

enosys:
	MOVL $ENOSYS, AX

fail:
	NEGQ AX
	MOVQ AX, UC_RAX(R13) // what the call returns
	RET

other: // not a filter's
	MOVQ ·previous(SB), AX
	JMP  AX

// restorer is what handlers return to.
TEXT restorer<>(SB), NOSPLIT|NOFRAME|TOPFRAME, $0-0
	MOVQ $15, AX // rt_sigreturn
	SYSCALL
	INT  $3

// func addresses() (handler, restorer uintptr)
TEXT ·addresses(SB), NOSPLIT, $0-16
	LEAQ handler<>(SB), AX
	MOVQ AX, handler+0(FP)
	LEAQ restorer<>(SB), AX
	MOVQ AX, restorer+8(FP)
	RET
