package emulator

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"

	"secco/bpf"
	"secco/linux"
	"secco/test/random"
)

// plain is a second machine, written from the kernel's documentation of classic
// BPF and seccomp: it works on struct seccomp_data as bytes and takes each
// opcode apart into the fields that the documentation names.
func plain(p bpf.Program, d *linux.SeccompData) linux.Action {
	var order binary.ByteOrder = binary.LittleEndian
	if a, ok := linux.ArchOf(d.Arch, d.NR); ok && a.BigEndian() || !ok && d.Arch&0x40000000 == 0 {
		order = binary.BigEndian
	}
	memory := make([]byte, 64)
	order.PutUint32(memory[0:], d.NR)
	order.PutUint32(memory[4:], d.Arch)
	order.PutUint64(memory[8:], d.IP)
	for i, arg := range d.Args {
		order.PutUint64(memory[16+8*i:], arg)
	}
	const mod = 1 << 32
	var a, x uint64
	scratch := map[uint32]uint64{}
	for pc := 0; ; pc++ {
		class, mode, operation := p[pc].Op&0x07, p[pc].Op&0xe0, p[pc].Op&0xf0
		k := uint64(p[pc].K)
		operand := k
		if p[pc].Op&0x08 != 0 {
			operand = x
		}
		switch class {
		case 0, 1: // LD, LDX
			var v uint64
			switch mode {
			case 0x00: // IMM
				v = k
			case 0x20: // ABS
				v = uint64(order.Uint32(memory[k:]))
			case 0x60: // MEM
				v = scratch[p[pc].K]
			case 0x80: // LEN
				v = 64
			default:
				panic("mode")
			}
			if class == 0 {
				a = v
			} else {
				x = v
			}
		case 2: // ST
			scratch[p[pc].K] = a
		case 3: // STX
			scratch[p[pc].K] = x
		case 4: // ALU
			switch operation {
			case 0x00:
				a = (a + operand) % mod
			case 0x10:
				a = (a + mod - operand) % mod
			case 0x20:
				a = a * operand % mod
			case 0x30:
				if operand == 0 {
					return 0
				}
				a /= operand
			case 0x40:
				a |= operand
			case 0x50:
				a &= operand
			case 0x60:
				a = a << (operand % 32) % mod
			case 0x70:
				a >>= operand % 32
			case 0x80:
				a = (mod - a) % mod
			case 0xa0:
				a ^= operand
			default:
				panic("operation")
			}
		case 5: // JMP
			var holds bool
			switch operation {
			case 0x00:
				pc += int(k)
				continue
			case 0x10:
				holds = a == operand
			case 0x20:
				holds = a > operand
			case 0x30:
				holds = a >= operand
			case 0x40:
				holds = a&operand != 0
			default:
				panic("operation")
			}
			if holds {
				pc += int(p[pc].Jt)
			} else {
				pc += int(p[pc].Jf)
			}
		case 6: // RET
			if p[pc].Op&0x18 == 0x10 {
				return linux.Action(a)
			}
			return linux.Action(k)
		case 7: // MISC
			if p[pc].Op&0xf8 == 0x80 {
				a = x
			} else {
				x = a
			}
		}
	}
}

func TestAgainstPlainMachine(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	ran := map[uint16]int{}
	returned := map[linux.Action]int{}
	programs := 20000
	if os.Getenv("SECCO_LONG") != "" {
		programs *= 100
	}
	for range programs {
		p := random.Program(r, random.Options{Junk: true})
		m, err := New(p)
		if err != nil {
			t.Fatal(err)
		}
		for range 10 {
			d := random.Data(r, p)
			want := plain(p, &d)
			if got := m.Run(&d); got != want {
				t.Fatalf("Run = %#x, the plain machine returns %#x\n%#x\n%#x", got, want, p, d)
			}
			last := Step{}
			if got := m.Trace(&d, func(s Step) { last = s; ran[s.Instruction.Op]++ }); got != want {
				t.Fatalf("Trace = %#x, the plain machine returns %#x\n%#x\n%#x", got, want, p, d)
			}
			if last.Instruction != p[last.PC] {
				t.Fatalf("step %+v is not of the program", last)
			}
			returned[want]++
		}
	}
	for _, op := range []uint16{
		bpf.LdW, bpf.LdLen, bpf.LdxLen, bpf.LdImm, bpf.LdxImm, bpf.LdMem, bpf.LdxMem, bpf.St, bpf.Stx,
		bpf.AddK, bpf.AddX, bpf.SubK, bpf.SubX, bpf.MulK, bpf.MulX, bpf.DivK, bpf.DivX, bpf.OrK, bpf.OrX, bpf.AndK, bpf.AndX,
		bpf.LshK, bpf.LshX, bpf.RshK, bpf.RshX, bpf.Neg, bpf.XorK, bpf.XorX,
		bpf.Ja, bpf.JeqK, bpf.JeqX, bpf.JgtK, bpf.JgtX, bpf.JgeK, bpf.JgeX, bpf.JsetK, bpf.JsetX, bpf.RetK, bpf.RetA, bpf.Tax, bpf.Txa,
	} {
		if ran[op] < 1000 {
			t.Errorf("opcode %#02x ran %d times only", op, ran[op])
		}
	}
	if len(returned) < 10000 {
		t.Errorf("only %d different values returned", len(returned))
	}
}

func TestRun(t *testing.T) {
	d := linux.SeccompData{NR: 42, Arch: linux.X86_64.Audit(), IP: 0x1112131421222324,
		Args: [6]uint64{0x8000000000000001, 0xa1a2a3a4b1b2b3b4, 2, 3, 4, 0xc1c2c3c4d1d2d3d4}}
	big := d
	big.Arch = linux.S390X.Audit()
	ld := func(k uint32) bpf.Instruction { return bpf.Instruction{Op: bpf.LdW, K: k} }
	op := func(op uint16, k uint32) bpf.Instruction { return bpf.Instruction{Op: op, K: k} }
	tests := []struct {
		name string
		d    linux.SeccompData
		p    bpf.Program
		want linux.Action
	}{
		{"A starts as 0", d, bpf.Program{}, 0},
		{"X starts as 0", d, bpf.Program{op(bpf.LdImm, 5), op(bpf.Txa, 0)}, 0},
		{"nr", d, bpf.Program{ld(0)}, 42},
		{"arch", d, bpf.Program{ld(4)}, linux.Action(linux.X86_64.Audit())},
		{"low half", d, bpf.Program{ld(24)}, 0xb1b2b3b4},
		{"high half", d, bpf.Program{ld(28)}, 0xa1a2a3a4},
		{"ip", d, bpf.Program{ld(8)}, 0x21222324},
		{"last word", d, bpf.Program{ld(60)}, 0xc1c2c3c4},
		{"nr, big-endian", big, bpf.Program{ld(0)}, 42},
		{"arch, big-endian", big, bpf.Program{ld(4)}, linux.Action(linux.S390X.Audit())},
		{"first half, big-endian", big, bpf.Program{ld(24)}, 0xa1a2a3a4},
		{"second half, big-endian", big, bpf.Program{ld(28)}, 0xb1b2b3b4},
		{"ip, big-endian", big, bpf.Program{ld(8)}, 0x11121314},
		{"len", d, bpf.Program{op(bpf.LdLen, 7)}, 64},
		{"ldx len", d, bpf.Program{op(bpf.LdxLen, 7), op(bpf.Txa, 0)}, 64},
		{"neg", d, bpf.Program{ld(0), op(bpf.Neg, 9)}, 0xffffffd6},
		{"sub wraps", d, bpf.Program{ld(0), op(bpf.SubK, 43)}, 0xffffffff},
		{"mul wraps", d, bpf.Program{op(bpf.LdImm, 0x80000001), op(bpf.MulK, 2)}, 2},
		{"shift takes five bits of X", d, bpf.Program{op(bpf.LdxImm, 33), ld(0), op(bpf.LshX, 0)}, 84},
		{"shift by 32 is by 0", d, bpf.Program{op(bpf.LdxImm, 32), ld(0), op(bpf.RshX, 0)}, 42},
		{"shift keeps 32 bits", d, bpf.Program{op(bpf.LdImm, 0xffffffff), op(bpf.LshK, 31), op(bpf.RshK, 31)}, 1},
		{"division is unsigned", d, bpf.Program{op(bpf.LdImm, 0xffffffff), op(bpf.DivK, 2)}, 0x7fffffff},
		{"division by 0 kills", d, bpf.Program{op(bpf.LdImm, 9), op(bpf.DivX, 0), op(bpf.LdImm, 1)}, linux.KillThread},
		{"comparison is unsigned", d, bpf.Program{op(bpf.LdImm, 0xffffffff), {Op: bpf.JgtK, K: 1, Jf: 1}, op(bpf.LdImm, 5)}, 5},
	}
	for _, test := range tests {
		m, err := New(append(test.p, op(bpf.RetA, 0)))
		if err != nil {
			t.Fatal(err)
		}
		if got := m.Run(&test.d); got != test.want {
			t.Errorf("%s: %#x, want %#x", test.name, uint32(got), uint32(test.want))
		}
	}
}

func TestNewRefuses(t *testing.T) {
	if m, err := New(bpf.Program{{Op: bpf.LdW, K: 2}, {Op: bpf.RetK}}); err == nil || m != nil {
		t.Errorf("New = %v, %v for an invalid program", m, err)
	}
}

func TestNewCopies(t *testing.T) {
	p := bpf.Program{{Op: bpf.RetK, K: 1}}
	m, _ := New(p)
	p[0].K = 2
	d := linux.SeccompData{}
	if got, traced := m.Run(&d), m.Trace(&d, func(Step) {}); got != 1 || traced != 1 {
		t.Errorf("after a change of the caller's program: Run %d, Trace %d, want 1", got, traced)
	}
}

func TestRunDoesNotAllocate(t *testing.T) {
	for name, p := range benchPrograms() {
		m, err := New(p)
		if err != nil {
			t.Fatal(err)
		}
		d := linux.SeccompData{Arch: linux.X86_64.Audit()}
		if n := testing.AllocsPerRun(100, func() { m.Run(&d) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func ExampleMachine_Trace() {
	m, _ := New(bpf.Program{
		{Op: bpf.LdW, K: 0},
		{Op: bpf.JeqK, K: 39, Jt: 1},
		{Op: bpf.RetK, K: uint32(linux.KillProcess)},
		{Op: bpf.RetK, K: uint32(linux.Allow)},
	})
	call := linux.SeccompData{NR: 39, Arch: linux.X86_64.Audit()}
	action := m.Trace(&call, func(s Step) { fmt.Println(s.PC, s.A, s.Taken) })
	fmt.Println(action)
	// Output:
	// 0 39 false
	// 1 39 true
	// 3 39 false
	// allow
}
