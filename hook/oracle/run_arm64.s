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
#define CALL_KIND   0x40
#define CALL_RESULT 0x48
#define CALL_SIZE   0x50

#define RETURNED 1
#define TRAPPED  2

// func forkAndIssue(s *shared) (pid int64)
//
// R19 holds s throughout, R20 the call at hand, R21 how many are left: calls don't
// change them.
TEXT ·forkAndIssue(SB), NOSPLIT, $0-16
	MOVD s+0(FP), R19

	// Block the signals before the fork: a handler of the Go runtime must not
	// run in the child.
	MOVD $135, R8 // rt_sigprocmask
	MOVD $2, R0   // SIG_SETMASK
	ADD  $CHILD_MASK, R19, R1
	ADD  $OLD_MASK, R19, R2
	MOVD $8, R3
	SVC

	MOVD $220, R8 // clone(SIGCHLD, 0, 0, 0, 0), which is fork
	MOVD $17, R0
	MOVD ZR, R1
	MOVD ZR, R2
	MOVD ZR, R3
	MOVD ZR, R4
	SVC
	CBZ  R0, forked

	MOVD R0, R20
	MOVD $135, R8
	MOVD $2, R0
	ADD  $OLD_MASK, R19, R1
	MOVD ZR, R2
	MOVD $8, R3
	SVC
	MOVD R20, pid+8(FP)
	RET

forked:
	JMP child<>(SB)

// child prepares, and issues the calls.
TEXT child<>(SB), NOSPLIT|NOFRAME, $0-0
	MOVD STACK(R19), R0
	MOVD R0, RSP

	MOVD $436, R8 // close_range(0, ~0, 0): nobody shall wait for our copies
	MOVD ZR, R0
	MOVD $0xffffffff, R1
	MOVD ZR, R2
	SVC

	MOVD $167, R8 // prctl(PR_SET_DUMPABLE, 0): no core dumps
	MOVD $4, R0
	MOVD ZR, R1
	SVC

	MOVD $167, R8 // prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
	MOVD $38, R0
	MOVD $1, R1
	MOVD ZR, R2
	MOVD ZR, R3
	MOVD ZR, R4
	SVC

	MOVD $134, R8 // rt_sigaction(SIGSYS, action, NULL, 8)
	MOVD $31, R0
	ADD  $ACTION, R19, R1
	MOVD ZR, R2
	MOVD $8, R3
	SVC

	MOVD CALLS(R19), R20
	MOVD COUNT(R19), R21

	MOVD $277, R8 // seccomp(SECCOMP_SET_MODE_FILTER, 0, fprog)
	MOVD $1, R0
	MOVD ZR, R1
	ADD  $FPROG, R19, R2
	SVC
	MOVD R0, INSTALLED(R19)
	CBNZ R0, end
	JMP  issue<>(SB)

end:
	UNDEF

// issue makes the calls from R20 on and does not return.
TEXT issue<>(SB), NOSPLIT|NOFRAME, $0-0
next:
	CBZ  R21, done
	MOVD CALL_NR(R20), R8
	LDP  (CALL_ARGS+0)(R20), (R0, R1)
	LDP  (CALL_ARGS+16)(R20), (R2, R3)
	LDP  (CALL_ARGS+32)(R20), (R4, R5)
	CALL svc<>(SB)
	MOVD R0, CALL_RESULT(R20)
	MOVD $RETURNED, R1
	MOVD R1, CALL_KIND(R20)
	ADD  $CALL_SIZE, R20
	SUB  $1, R21
	JMP  next

done:
	UNDEF

// trap handles SIGSYS: R0 signal, R1 siginfo. The registers of the loop are as
// they were. There is no return from the signal, only the next call.
TEXT trap<>(SB), NOSPLIT|NOFRAME, $0-0
	MOVD STACK(R19), R0
	MOVD R0, RSP
	MOVW 4(R1), R0 // si_errno
	MOVD R0, CALL_RESULT(R20)
	MOVD $TRAPPED, R1
	MOVD R1, CALL_KIND(R20)
	ADD  $CALL_SIZE, R20
	SUB  $1, R21
	JMP  issue<>(SB)

TEXT svc<>(SB), NOSPLIT|NOFRAME, $0-0
	SVC
	RET

// func afterSVC() uintptr
TEXT ·afterSVC(SB), NOSPLIT, $0-8
	MOVD $svc<>(SB), R0
	ADD  $4, R0
	MOVD R0, ret+0(FP)
	RET

// func onTrap() uintptr
TEXT ·onTrap(SB), NOSPLIT, $0-8
	MOVD $trap<>(SB), R0
	MOVD R0, ret+0(FP)
	RET
