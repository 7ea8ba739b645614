package prove

import (
	"math/rand/v2"
	"testing"

	"secco/bpf"
	"secco/linux"
	"secco/test/random"
)

// Programs that don't look at the architecture are compared for one byte order
// alone; that it is the same for the other is checked here.
func TestByteOrders(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	blind, seen := 0, [2]int{}
	for blind < 150 {
		p := random.Program(r, random.Options{Max: 12})
		looks := false
		for i, in := range p {
			if in.Op == bpf.LdW && in.K == linux.WordArch.Offset(false) {
				looks = true
			}
			if in.Op == bpf.RetA {
				p[i] = bpf.Instruction{Op: bpf.RetK, K: uint32(linux.Errno) | uint32(i)}
			}
		}
		if looks || bpf.Validate(p) != nil {
			continue
		}
		blind++
		q := mutate(r, p)
		for _, in := range q {
			looks = looks || in.Op == bpf.LdW && in.K == linux.WordArch.Offset(false)
		}
		if looks {
			continue
		}
		a, b := mustProgram(t, p), mustProgram(t, q)
		all, err := Equivalent(a, b, Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, arch := range []linux.Arch{linux.ARM64, linux.S390X} {
			one, err := Equivalent(a, b, Options{Arches: []linux.Arch{arch}})
			if err != nil {
				t.Fatal(err)
			}
			if all.Verdict != Undecided && one.Verdict != Undecided && all.Verdict != one.Verdict {
				t.Errorf("%v, on %v %v: %v %v", all.Verdict, arch, one.Verdict, p, q)
			}
		}
		if all.Verdict == Different {
			seen[1]++
		} else {
			seen[0]++
		}
	}
	if seen[0] < 10 || seen[1] < 10 {
		t.Errorf("%d are the same, %d are not", seen[0], seen[1])
	}
}
