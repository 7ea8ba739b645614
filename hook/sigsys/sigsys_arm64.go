package sigsys

// registers are those of ucontext from x0 up to x8.
const registers = 9

// argumentRegisters says where the arguments of a call are.
func argumentRegisters(uint32) [6]int { return [6]int{0, 1, 2, 3, 4, 5} }
