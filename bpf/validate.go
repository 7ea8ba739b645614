package bpf

import (
	"fmt"
)

// dataSize is sizeof(struct seccomp_data).
const dataSize = 64

// InvalidError says why the kernel refuses a program.
type InvalidError struct {
	Index  int    // instruction at fault, from 0; -1 where it is the whole program
	Reason string // the kernel's rule that it breaks
}

// Error returns the instruction's number and the reason.
func (e *InvalidError) Error() string {
	if e.Index < 0 {
		return "invalid program: " + e.Reason
	}
	return fmt.Sprintf("invalid program: instruction %d: %s", e.Index, e.Reason)
}

func tooLong() error {
	return &InvalidError{MaxInstructions,
		fmt.Sprintf("a program has at most %d instructions", MaxInstructions)}
}

// Validate returns nil exactly where the kernel takes p as a seccomp filter,
// else an [*InvalidError].
//
// The rules are those of bpf_check_classic and seccomp_check_filter: between 1
// and [MaxInstructions] instructions, known opcodes only, no division by a
// constant 0, no shift by a constant above 31, aligned loads within struct
// seccomp_data, scratch words below [MemWords] that are written before they are
// read, jumps within the program, and a return at the end. The fields that an
// instruction does not use may hold anything.
func Validate(p Program) error {
	if len(p) == 0 {
		return &InvalidError{-1, "a program has at least one instruction"}
	}
	if len(p) > MaxInstructions {
		return tooLong()
	}
	for pc, in := range p {
		if reason := check(in, len(p)-pc-1); reason != "" {
			return &InvalidError{pc, reason}
		}
	}
	if last := p[len(p)-1].Op; last != RetK && last != RetA {
		return &InvalidError{len(p) - 1, "the last instruction must be a return"}
	}
	return checkScratch(p)
}

// check returns the rule that one instruction breaks by itself, or "". There
// are rest instructions behind it.
func check(in Instruction, rest int) string {
	switch in.Op {
	case LdLen, LdxLen, LdImm, LdxImm, Neg, RetK, RetA, Tax, Txa,
		AddK, AddX, SubK, SubX, MulK, MulX, DivX, OrK, OrX, AndK, AndX, LshX, RshX, XorK, XorX:
	case LdW:
		if in.K >= dataSize {
			return fmt.Sprintf("load at offset %d: struct seccomp_data has %d bytes", in.K, dataSize)
		}
		if in.K%4 != 0 {
			return fmt.Sprintf("load at offset %d: not a multiple of 4", in.K)
		}
	case LdMem, LdxMem, St, Stx:
		if in.K >= MemWords {
			return fmt.Sprintf("scratch word %d: there are %d, from 0", in.K, MemWords)
		}
	case DivK:
		if in.K == 0 {
			return "division by the constant 0"
		}
	case LshK, RshK:
		if in.K > 31 {
			return fmt.Sprintf("shift by the constant %d: at most 31", in.K)
		}
	case Ja:
		if uint64(in.K) >= uint64(rest) {
			return fmt.Sprintf("jump over %d instructions: %d follow", in.K, rest)
		}
	case JeqK, JeqX, JgtK, JgtX, JgeK, JgeX, JsetK, JsetX:
		if far := int(max(in.Jt, in.Jf)); far >= rest {
			return fmt.Sprintf("jump over %d instructions: %d follow", far, rest)
		}
	default:
		return fmt.Sprintf("opcode %#02x is none that seccomp accepts", in.Op)
	}
	return ""
}

// checkScratch refuses reads of scratch words that may be unset.
//
// It follows the kernel's check_load_and_stores to the letter, in one walk from
// the first instruction to the last, since jumps only go forward: valid has a
// bit for each word that is set on all ways to here, and a jump leaves what is
// set at its target. Behind a jump nothing falls through, so all words count as
// set until the ways that lead there say otherwise; behind a return the kernel
// does not reset valid, and neither do we.
func checkScratch(p Program) error {
	const all = 1<<MemWords - 1
	set := make([]uint16, len(p))
	for i := range set {
		set[i] = all
	}
	var valid uint16
	for pc, in := range p {
		valid &= set[pc]
		switch in.Op {
		case St, Stx:
			valid |= 1 << in.K
		case LdMem, LdxMem:
			if valid&(1<<in.K) == 0 {
				return &InvalidError{pc, fmt.Sprintf("scratch word %d is read, but not written on every way to here", in.K)}
			}
		case Ja:
			set[pc+1+int(in.K)] &= valid
			valid = all
		case JeqK, JeqX, JgtK, JgtX, JgeK, JgeX, JsetK, JsetX:
			set[pc+1+int(in.Jt)] &= valid
			set[pc+1+int(in.Jf)] &= valid
			valid = all
		}
	}
	return nil
}
