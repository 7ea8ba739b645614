package bpf

import (
	"encoding/binary"
	"fmt"
)

// InstructionSize is sizeof(struct sock_filter).
const InstructionSize = 8

// Encode returns the program as an array of struct sock_filter, in the byte
// order of the machine that will run it.
func Encode(p Program, order binary.ByteOrder) []byte {
	b := make([]byte, len(p)*InstructionSize)
	for i, in := range p {
		at := b[i*InstructionSize:]
		order.PutUint16(at, in.Op)
		at[2], at[3] = in.Jt, in.Jf
		order.PutUint32(at[4:], in.K)
	}
	return b
}

// Decode is the inverse of [Encode]. It refuses, with an [*InvalidError], what
// is no whole number of instructions or more than [MaxInstructions] of them;
// whether the kernel takes the program is for [Validate] to say.
func Decode(b []byte, order binary.ByteOrder) (Program, error) {
	if len(b) > MaxInstructions*InstructionSize {
		return nil, tooLong()
	}
	if rest := len(b) % InstructionSize; rest != 0 {
		return nil, &InvalidError{len(b) / InstructionSize,
			fmt.Sprintf("truncated: %d of its %d bytes", rest, InstructionSize)}
	}
	p := make(Program, len(b)/InstructionSize)
	for i := range p {
		at := b[i*InstructionSize:]
		p[i] = Instruction{Op: order.Uint16(at), Jt: at[2], Jf: at[3], K: order.Uint32(at[4:])}
	}
	return p, nil
}
