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

// What a program does on architectures that it does not tell apart differs on all
// of them.
func TestDifferencesOfAllArchitectures(t *testing.T) {
	ret := func(a linux.Action) Filter { return mustProgram(t, bpf.Program{{Op: bpf.RetK, K: uint32(a)}}) }
	report, err := Differences(ret(linux.Allow), ret(linux.KillThread), Options{})
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(31, 32))
	audits := []uint32{0, 0x7fffffff, 0x80000000, 0xffffffff, r.Uint32(), r.Uint32()}
	for _, a := range linux.Arches() {
		audits = append(audits, a.Audit())
	}
	for _, audit := range audits {
		call := linux.SeccompData{Arch: audit, NR: r.Uint32()}
		if !slices.ContainsFunc(report.Differences, func(d Difference) bool { return d.Calls.Has(&call) }) {
			t.Errorf("%s is among no difference", CallString(&call))
		}
	}
	var names []string
	for _, a := range linux.Arches() {
		names = append(names, a.String())
	}
	changes := report.Changes()
	last := changes[len(changes)-1]
	if len(changes) != 2 || len(changes[0].Arches) != len(names) || !slices.Equal(last.Arches, []string{"other architectures"}) {
		t.Errorf("%s\nwant all architectures by name, then the others", report)
	}
	// x32's numbers are no x86_64 ones, where a program does the same with both.
	for _, d := range report.Differences {
		for _, nr := range []uint32{d.Calls.NR.Lo, d.Calls.NR.Hi} {
			if a, ok := linux.ArchOf(d.Calls.Arch.Lo, nr); ok && a.String() != archString(d.Calls) {
				t.Errorf("%s has calls of %s", CallsString(d.Calls), a)
			}
		}
	}
	// Of nearly all syscalls those are named that are left out.
	report, err = Differences(mustProgram(t, bpf.Program{
		{Op: bpf.LdW}, {Op: bpf.JeqK, K: 3, Jt: 1}, {Op: bpf.JeqK, K: 0, Jf: 1}, {Op: bpf.RetK}, {Op: bpf.RetK, K: uint32(linux.Allow)},
	}), ret(linux.KillThread), Options{Arches: []linux.Arch{linux.X86_64}})
	if want := "x86_64: all syscalls but close, read: allow -> kill_thread\n"; err != nil || report.String() != want {
		t.Errorf("%s, %v; want %s", report, err, want)
	}
}
