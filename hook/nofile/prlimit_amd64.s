#include "textflag.h"

// func prlimit(pid, resource uintptr, set, get *Limit) uintptr
TEXT ·prlimit(SB), NOSPLIT, $0-40
	MOVQ pid+0(FP), DI
	MOVQ resource+8(FP), SI
	MOVQ set+16(FP), DX
	MOVQ get+24(FP), R10
	MOVQ $302, AX
	SYSCALL
	MOVQ AX, ret+32(FP)
	RET
