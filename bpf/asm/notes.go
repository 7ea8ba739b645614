package asm

import (
	"fmt"

	"secco/bpf"
	"secco/linux"
)

// knowledge is what is known in front of an instruction, on every way to it.
// Jumps only go forward, so one walk finds it: each instruction passes on what
// is known behind it, and where ways meet only what they agree on stays.
type knowledge struct {
	reached bool
	word    linux.Word // A is this word of the data
	isWord  bool
	audit   uint32 // arch is this
	isArch  bool
}

// meet returns what holds on both ways.
func (k knowledge) meet(l knowledge) knowledge {
	if !k.reached {
		return l
	}
	if k.word != l.word || !l.isWord {
		k.isWord = false
	}
	if k.audit != l.audit || !l.isArch {
		k.isArch = false
	}
	return k
}

// follow returns what is known in front of every instruction.
func follow(p bpf.Program, bigEndian bool) []knowledge {
	known := make([]knowledge, len(p))
	if len(p) > 0 {
		known[0].reached = true
	}
	pass := func(to int, k knowledge) {
		if to < len(p) {
			known[to] = known[to].meet(k)
		}
	}
	for i, in := range p {
		k := known[i]
		if !k.reached {
			continue
		}
		switch op := in.Op; {
		case op == bpf.RetK || op == bpf.RetA:
			continue
		case op == bpf.Ja:
			if uint64(in.K) < uint64(len(p)) {
				pass(i+1+int(in.K), k)
			}
			continue
		case isConditional(op):
			pass(i+1+int(in.Jf), k)
			if op == bpf.JeqK && k.isWord && k.word == linux.WordArch {
				k.audit, k.isArch = in.K, true
			}
			pass(i+1+int(in.Jt), k)
			continue
		case op == bpf.LdW:
			k.word, k.isWord = linux.WordAt(in.K, bigEndian)
		case changesA(op):
			k.isWord = false
		}
		pass(i+1, k)
	}
	return known
}

func changesA(op uint16) bool {
	switch op {
	case bpf.LdxImm, bpf.LdxLen, bpf.LdxMem, bpf.St, bpf.Stx, bpf.Tax:
		return false
	}
	return true
}

// notes returns the names of what instructions compare with or return, "" where
// there is none.
func notes(p bpf.Program, o *Options) []string {
	all := make([]string, len(p))
	for i, k := range follow(p, o.bigEndian()) {
		in := p[i]
		if !k.isArch && o.Arch.Valid() {
			k.audit, k.isArch = o.Arch.Audit(), true
		}
		switch in.Op {
		case bpf.JeqK, bpf.JgtK, bpf.JgeK, bpf.JsetK:
			if k.isWord {
				all[i] = k.operand(in)
			}
		case bpf.RetK:
			all[i] = k.action(linux.Action(in.K))
		}
	}
	return all
}

// operand names the constant that a jump compares a word with.
func (k knowledge) operand(in bpf.Instruction) string {
	switch k.word {
	case linux.WordArch:
		if a, ok := linux.ArchOf(in.K, 0); ok && in.Op == bpf.JeqK {
			return a.String()
		}
	case linux.WordNR:
		if !k.isArch || in.Op == bpf.JsetK {
			break
		}
		a, ok := linux.ArchOf(k.audit, in.K)
		if !ok {
			break
		}
		if in.K == linux.X32Bit && in.Op != bpf.JeqK {
			return "x32"
		}
		if name, ok := a.SyscallName(in.K); ok {
			if a == linux.X32 {
				name = "x32 " + name
			}
			return name
		}
	}
	return ""
}

// action names what is returned, errnos as the architecture does.
func (k knowledge) action(action linux.Action) string {
	if k.isArch && action.Kind() == linux.Errno {
		a, _ := linux.ArchOf(k.audit, 0)
		if name, ok := a.ErrnoName(action.Data()); ok {
			return fmt.Sprintf("errno(%s)", name)
		}
		if a.Valid() {
			return fmt.Sprintf("errno(%d)", action.Data())
		}
	}
	return action.String()
}
