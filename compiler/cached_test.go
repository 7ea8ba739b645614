package compiler

import (
	"testing"

	"secco/bpf"
	"secco/linux"
	"secco/policy"
	"secco/test/bench"
)

// cached does what the kernel does (5.11 and later) to find the syscalls that a
// filter allows whatever their arguments, and need not run for: it runs the
// program with nothing but number and architecture, and gives up at any
// instruction other than these.
func cached(p bpf.Program, arch, nr uint32) bool {
	a := uint32(0)
	for pc := 0; pc < len(p); pc++ {
		in := p[pc]
		jump := func(yes bool) {
			if yes {
				pc += int(in.Jt)
			} else {
				pc += int(in.Jf)
			}
		}
		switch in.Op {
		case bpf.LdW:
			switch in.K {
			case offsetNR:
				a = nr
			case offsetArch:
				a = arch
			default:
				return false
			}
		case bpf.RetK:
			return in.K == uint32(linux.Allow)
		case bpf.Ja:
			pc += int(in.K)
		case bpf.JeqK:
			jump(a == in.K)
		case bpf.JgeK:
			jump(a >= in.K)
		case bpf.JgtK:
			jump(a > in.K)
		case bpf.JsetK:
			jump(a&in.K != 0)
		case bpf.AndK:
			a &= in.K
		default:
			return false
		}
	}
	return false
}

// checkCached requires that every syscall that the policy allows by its number
// alone is one that the kernel finds.
func checkCached(t testing.TB, p *policy.Policy, out *Output) (found int) {
	t.Helper()
	for _, a := range []linux.Arch{linux.X86_64, linux.I386} {
		target := p.Target(a)
		if target == nil {
			continue
		}
		for nr := range uint32(512) { // the kernel's NR_syscalls is below
			root := target.Root(nr)
			alone := root.IsLeaf() && root.Action == linux.Allow
			if got := cached(out.Program, a.Audit(), nr); alone && !got {
				t.Errorf("%s %d is allowed by its number alone, but not cached", a, nr)
			} else if got {
				found++
			}
		}
	}
	return found
}

func TestAllowsAreCached(t *testing.T) {
	for _, name := range bench.Names {
		p := readWorkload(t, name).Policy()
		for _, opts := range []Options{{}, {Optimize: Size}, {Freq: bench.Frequencies(readMix(t))}} {
			if checkCached(t, p, check(t, p, opts)) == 0 {
				t.Errorf("%s: nothing is cached", name)
			}
		}
	}
	for seed := range uint64(200) {
		p := newRandom(seed).policy()
		if out, err := Compile(p, Options{}); err == nil {
			checkCached(t, p, out)
		}
	}
}
