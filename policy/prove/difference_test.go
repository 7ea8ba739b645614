package prove

import (
	"math/rand/v2"
	"slices"
	"testing"

	"secco/bpf"
	"secco/linux"
	"secco/policy/diagram"
)

// The report must tell for every call whether it differs and how.
func TestDifferences(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	listed := 0
	for range 150 {
		p := ladder(r, 1+r.IntN(20))
		q := mutate(r, mutate(r, p))
		a, b := mustProgram(t, p), mustProgram(t, q)
		report, err := Differences(a, b, Options{})
		if err != nil {
			t.Fatal(err)
		}
		res, err := Equivalent(a, b, Options{})
		if err != nil || len(report.Undecided) > 0 || (res.Verdict == Equal) != (len(report.Differences) == 0) {
			t.Fatalf("%v and %d differences, %v, %v", res.Verdict, len(report.Differences), report.Undecided, err)
		}
		constants := constantsOf(p, q)
		word := func() uint32 { return constants[r.IntN(len(constants))] + r.Uint32N(3) - 1 }
		for range 2000 {
			d := linux.SeccompData{NR: word(), Arch: linux.X86_64.Audit(), IP: r.Uint64()}
			if r.IntN(8) == 0 {
				d.Arch = word()
			}
			for i := range d.Args {
				d.Args[i] = uint64(word())<<32 | uint64(word())
			}
			if slices.ContainsFunc(report.Differences, func(x Difference) bool { return x.Vague != "" && x.Calls.Has(&d) }) {
				continue
			}
			x, y := a.Run(&d), b.Run(&d)
			i := slices.IndexFunc(report.Differences, func(x Difference) bool { return x.covers(&d) })
			switch {
			case x == y && i >= 0:
				t.Fatalf("%s is reported to differ\n%s", CallString(&d), report)
			case x != y && i < 0:
				t.Fatalf("%s is not reported: %v and %v\n%s", CallString(&d), x, y, report)
			case x != y && (report.Differences[i].A != x || report.Differences[i].B != y):
				t.Fatalf("%s: %v and %v are reported as %v and %v", CallString(&d), x, y, report.Differences[i].A, report.Differences[i].B)
			case x != y:
				listed++
			}
		}
	}
	if listed < 1000 {
		t.Errorf("only %d differing calls were tried", listed)
	}
}

// covers reports whether the difference says something about a call.
func (d *Difference) covers(call *linux.SeccompData) bool {
	return d.Calls.Has(call) && slices.ContainsFunc(d.When, func(t diagram.Term) bool { return t.Has(call) })
}

func TestReport(t *testing.T) {
	program := func(limit, family uint32) bpf.Program {
		return bpf.Program{
			{Op: bpf.LdW, K: 4}, {Op: bpf.JeqK, K: linux.X86_64.Audit(), Jt: 1}, {Op: bpf.RetK},
			{Op: bpf.LdW, K: 0}, {Op: bpf.JgeK, K: linux.X32Bit, Jf: 1}, {Op: bpf.RetK},
			{Op: bpf.JeqK, K: 41, Jt: 2}, {Op: bpf.JgtK, K: limit, Jt: 3}, {Op: bpf.RetK, K: uint32(linux.Allow)},
			{Op: bpf.LdW, K: 16}, {Op: bpf.JgtK, K: family, Jf: 1}, {Op: bpf.RetK, K: uint32(linux.Errno) | 1},
			{Op: bpf.RetK, K: uint32(linux.Log)},
		}
	}
	report, err := Differences(mustProgram(t, program(10, 5)), mustProgram(t, program(13, 6)), Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := `x86_64: brk, munmap, rt_sigaction: errno(EPERM) -> allow
x86_64: socket: errno(EPERM) -> log where argL0 == AF_NETROM
`
	if got := report.String(); got != want {
		t.Errorf("%s; want %s", got, want)
	}
}
