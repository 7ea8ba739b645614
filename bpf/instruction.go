// Package bpf is classic BPF as seccomp runs it: instructions as values, their
// encoding, and the kernel's own rules of validity.
package bpf

// Instruction is one instruction (struct sock_filter).
type Instruction struct {
	Op     uint16 // class, size or operation, mode or source
	Jt, Jf uint8  // instructions to skip where a conditional jump is true, false
	K      uint32 // operand
}

// Program is a sequence of instructions, run from the first.
type Program []Instruction

// MaxInstructions is the longest program that the kernel takes (BPF_MAXINSNS).
const MaxInstructions = 4096

// MemWords is the number of scratch words (BPF_MEMWORDS).
const MemWords = 16

// The opcodes that seccomp accepts, and no others (seccomp_check_filter).
const (
	LdW    = 0x20 // ld  [k]: A = word at offset k
	LdLen  = 0x80 // ld  len: A = 64
	LdxLen = 0x81 // ldx len: X = 64
	LdImm  = 0x00 // ld  #k
	LdxImm = 0x01 // ldx #k
	LdMem  = 0x60 // ld  M[k]
	LdxMem = 0x61 // ldx M[k]
	St     = 0x02 // st  M[k]
	Stx    = 0x03 // stx M[k]

	AddK = 0x04
	AddX = 0x0c
	SubK = 0x14
	SubX = 0x1c
	MulK = 0x24
	MulX = 0x2c
	DivK = 0x34
	DivX = 0x3c
	OrK  = 0x44
	OrX  = 0x4c
	AndK = 0x54
	AndX = 0x5c
	LshK = 0x64
	LshX = 0x6c
	RshK = 0x74
	RshX = 0x7c
	Neg  = 0x84
	XorK = 0xa4
	XorX = 0xac

	Ja    = 0x05
	JeqK  = 0x15
	JeqX  = 0x1d
	JgtK  = 0x25
	JgtX  = 0x2d
	JgeK  = 0x35
	JgeX  = 0x3d
	JsetK = 0x45
	JsetX = 0x4d

	RetK = 0x06
	RetA = 0x16

	Tax = 0x07
	Txa = 0x87
)
