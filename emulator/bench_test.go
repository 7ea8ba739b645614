package emulator

import (
	"testing"

	"secco/bpf"
	"secco/linux"
)

// benchPrograms have the shapes that compilers of policies make.
func benchPrograms() map[string]bpf.Program {
	chain := bpf.Program{{Op: bpf.LdW, K: 4}, {Op: bpf.JeqK, K: linux.X86_64.Audit(), Jf: 0}, {Op: bpf.LdW}}
	for nr := range uint32(200) {
		chain = append(chain, bpf.Instruction{Op: bpf.JeqK, K: nr, Jt: uint8(200 - nr)})
	}
	chain = append(chain, bpf.Instruction{Op: bpf.RetK}, bpf.Instruction{Op: bpf.RetK, K: uint32(linux.Allow)})

	tree := bpf.Program{{Op: bpf.LdW, K: 4}, {Op: bpf.JeqK, K: linux.X86_64.Audit(), Jf: 0}, {Op: bpf.LdW}}
	tree = append(tree, balanced(0, 128)...)

	args := bpf.Program{}
	for i := range uint32(50) {
		args = append(args,
			bpf.Instruction{Op: bpf.LdW, K: 16 + 4*(i%12)},
			bpf.Instruction{Op: bpf.AndK, K: 0xfffffff0 ^ i},
			bpf.Instruction{Op: bpf.JeqK, K: 0x12345670 + i, Jt: 1},
			bpf.Instruction{Op: bpf.Ja})
	}
	args = append(args, bpf.Instruction{Op: bpf.RetK, K: uint32(linux.Allow)})

	arith := bpf.Program{{Op: bpf.LdW, K: 16}, {Op: bpf.Tax}}
	for i := range uint32(30) {
		arith = append(arith,
			bpf.Instruction{Op: bpf.LdW, K: 16 + 4*(i%12)},
			bpf.Instruction{Op: bpf.St, K: i % 16},
			bpf.Instruction{Op: bpf.AddX},
			bpf.Instruction{Op: bpf.LdxMem, K: i % 16},
			bpf.Instruction{Op: bpf.MulK, K: 3},
			bpf.Instruction{Op: bpf.XorX},
			bpf.Instruction{Op: bpf.RshK, K: 3})
	}
	arith = append(arith, bpf.Instruction{Op: bpf.RetA})
	return map[string]bpf.Program{"chain": chain, "tree": tree, "args": args, "arith": arith}
}

// balanced is a tree of jge over the numbers from..from+n, n a power of two.
func balanced(from, n uint32) bpf.Program {
	if n == 1 {
		return bpf.Program{{Op: bpf.RetK, K: uint32(linux.Errno) + from}}
	}
	lo, hi := balanced(from, n/2), balanced(from+n/2, n/2)
	p := bpf.Program{{Op: bpf.JgeK, K: from + n/2, Jt: uint8(len(lo))}}
	if len(lo) > 255 {
		p = bpf.Program{{Op: bpf.JgeK, K: from + n/2, Jf: 1}, {Op: bpf.Ja, K: uint32(len(lo))}}
	}
	return append(append(p, lo...), hi...)
}

// BenchmarkRun reports instructions a second over a mix of calls.
func BenchmarkRun(b *testing.B) {
	for name, p := range benchPrograms() {
		b.Run(name, func(b *testing.B) {
			m, err := New(p)
			if err != nil {
				b.Fatal(err)
			}
			calls := make([]linux.SeccompData, 64)
			executed := 0
			for i := range calls {
				calls[i] = linux.SeccompData{NR: uint32(i * 37 % 128), Arch: linux.X86_64.Audit(),
					Args: [6]uint64{uint64(i) << 30, 0x12345670, ^uint64(i), 4, 5, 6}}
				m.Trace(&calls[i], func(Step) { executed++ })
			}
			b.ReportAllocs()
			b.ResetTimer()
			for i := range b.N {
				m.Run(&calls[i%len(calls)])
			}
			perRun := float64(executed) / float64(len(calls))
			b.ReportMetric(perRun*float64(b.N)/b.Elapsed().Seconds()/1e6, "Minstr/s")
		})
	}
}

// BenchmarkNew reports the cost of making a machine of the longest program.
func BenchmarkNew(b *testing.B) {
	p := make(bpf.Program, bpf.MaxInstructions)
	for i := range p {
		p[i] = bpf.Instruction{Op: bpf.JeqK, K: uint32(i)}
	}
	p[len(p)-2] = bpf.Instruction{Op: bpf.Tax}
	p[len(p)-1] = bpf.Instruction{Op: bpf.RetK}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := New(p); err != nil {
			b.Fatal(err)
		}
	}
}
