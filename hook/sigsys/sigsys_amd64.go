package sigsys

import "secco/linux"

// registers are those of ucontext from r8 up to rip.
const registers = 17

// Their order.
const (
	r8 = iota
	r9
	r10
	_ // r11 to r15
	_
	_
	_
	_
	rdi
	rsi
	rbp
	rbx
	rdx
	_ // rax
	rcx
)

// argumentRegisters says where the arguments of a call are.
func argumentRegisters(arch uint32) [6]int {
	if arch == linux.I386.Audit() { // by int 0x80
		return [6]int{rbx, rcx, rdx, rsi, rdi, rbp}
	}
	return [6]int{rdi, rsi, rdx, r10, r8, r9}
}
