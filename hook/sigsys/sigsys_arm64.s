#include "textflag.h"

#define SI_ERRNO 4      // of siginfo
#define SI_CODE 8
#define SYS_SECCOMP 1
#define UC_X0 184       // of ucontext: the registers from here on
#define RECORD 104      // 32 bytes of siginfo, and x0 to x8
#define STACK 112       // RECORD, aligned
#define MAX_ERRNO 4095
#define ENOSYS 38

// handler is entered by the kernel with R0 the signal, R1 its siginfo, R2 the
// interrupted context, on the signal stack; all signals are blocked. Registers
// need not be kept, for rt_sigreturn brings all back; R30 leads there.
TEXT handler<>(SB), NOSPLIT|NOFRAME|TOPFRAME, $0-0
	MOVWU SI_CODE(R1), R3
	CMPW  $SYS_SECCOMP, R3
	BNE   other
	MOVD  R1, R19
	MOVD  R2, R20

	SUB  $STACK, RSP
	LDP  0(R19), (R3, R4)
	STP  (R3, R4), 0(RSP)
	LDP  16(R19), (R3, R4)
	STP  (R3, R4), 16(RSP)
	LDP  (UC_X0+0)(R20), (R3, R4)
	STP  (R3, R4), 32(RSP)
	LDP  (UC_X0+16)(R20), (R3, R4)
	STP  (R3, R4), 48(RSP)
	LDP  (UC_X0+32)(R20), (R3, R4)
	STP  (R3, R4), 64(RSP)
	LDP  (UC_X0+48)(R20), (R3, R4)
	STP  (R3, R4), 80(RSP)
	MOVD (UC_X0+64)(R20), R3
	MOVD R3, 96(RSP)

	MOVD $64, R8 // write(pipe, record, sizeof record)
	MOVW ·pipe(SB), R0
	MOVD RSP, R1
	MOVD $RECORD, R2
	SVC
	ADD  $STACK, RSP
	CMP  $RECORD, R0
	BEQ  written
	MOVD $·lost(SB), R3

again:
	LDAXR (R3), R4
	ADD   $1, R4
	STLXR R4, (R3), R5
	CBNZW R5, again

written:
	MOVWU SI_ERRNO(R19), R3 // the verdict's data
	CBZW  R3, enosys
	CMPW  $MAX_ERRNO, R3
	BLS   fail

enosys:
	MOVD $ENOSYS, R3

fail:
	NEG  R3, R3
	MOVD R3, UC_X0(R20) // what the call returns
	RET

other: // not a filter's
	MOVD ·previous(SB), R3
	JMP  (R3)

// func addresses() (handler, restorer uintptr)
TEXT ·addresses(SB), NOSPLIT, $0-16
	MOVD $handler<>(SB), R0
	MOVD R0, handler+0(FP)
	MOVD ZR, restorer+8(FP) // the vDSO's
	RET
