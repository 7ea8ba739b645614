package prove

import (
	"encoding/binary"
	"flag"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"secco/bpf"
	"secco/linux"
)

var mutants = flag.Int("mutants", 60, "how many mutants of real programs are compared")

// readProgram reads a program that libseccomp made of Docker's default profile.
func readProgram(t testing.TB, name string) bpf.Program {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	p, err := bpf.Decode(data, binary.LittleEndian)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// The two forms of the same filter are equal.
func TestDocker(t *testing.T) {
	linear, tree := mustProgram(t, readProgram(t, "docker-linear.bpf")), mustProgram(t, readProgram(t, "docker-tree.bpf"))
	for _, prove := range []func(a, b Filter, o Options) (Result, error){Equivalent, AtLeastAsStrict} {
		if res, err := prove(linear, tree, Options{}); err != nil || res.Verdict != Equal {
			t.Errorf("%v %s, %v; want equal", res.Verdict, res.Reason, err)
		}
	}
	if report, err := Differences(linear, tree, Options{}); err != nil || report.String() != "" {
		t.Errorf("%s, %v", report, err)
	}
}

// No mutant of a real program may be proved equal where trying many calls finds a
// difference.
func TestDockerMutants(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	verdicts := map[Verdict]int{}
	for i := range *mutants {
		p := readProgram(t, []string{"docker-linear.bpf", "docker-tree.bpf"}[i%2])
		q := mutate(r, p)
		a, b := mustProgram(t, p), mustProgram(t, q)
		res, err := Equivalent(a, b, Options{})
		if err != nil {
			t.Fatal(err)
		}
		verdicts[res.Verdict]++
		switch w := res.Witness; res.Verdict {
		case Equal:
			tried(t, r, p, q, a, b)
		case Different:
			if w.A == w.B || a.Run(&w.Call) != w.A || b.Run(&w.Call) != w.B {
				t.Fatalf("%v is no witness", w)
			}
		default:
			t.Fatalf("%v: %s", res.Verdict, res.Reason)
		}
	}
	t.Log(verdicts)
}

// tried fails where one of many calls is treated differently: every number near
// every constant, on all of the filters' architectures, with arguments made of
// the constants.
func tried(t *testing.T, r *rand.Rand, p, q bpf.Program, a, b Filter) {
	t.Helper()
	constants := constantsOf(p, q)
	word := func() uint32 { return constants[r.IntN(len(constants))] + r.Uint32N(3) - 1 }
	for _, arch := range []linux.Arch{linux.X86_64, linux.I386, linux.ARM64} {
		for _, k := range constants {
			for near := range uint32(3) {
				d := linux.SeccompData{NR: k + near - 1, Arch: arch.Audit()}
				for range 4 {
					if a.Run(&d) != b.Run(&d) {
						t.Fatalf("proved equal, but %s differs", CallString(&d))
					}
					for i := range d.Args {
						d.Args[i] = uint64(word())
						if r.IntN(2) == 0 {
							d.Args[i] |= uint64(word()) << 32
						}
					}
				}
			}
		}
	}
}

func BenchmarkDocker(b *testing.B) {
	linear, tree := readProgram(b, "docker-linear.bpf"), readProgram(b, "docker-tree.bpf")
	for b.Loop() {
		if res, err := Equivalent(mustProgram(b, linear), mustProgram(b, tree), Options{}); err != nil || res.Verdict != Equal {
			b.Fatal(res, err)
		}
	}
}

func BenchmarkMutants(b *testing.B) {
	r := rand.New(rand.NewPCG(13, 14))
	p := readProgram(b, "docker-linear.bpf")
	var times []time.Duration
	for b.Loop() {
		q := mutate(r, p)
		start := time.Now()
		if _, err := Equivalent(mustProgram(b, p), mustProgram(b, q), Options{}); err != nil {
			b.Fatal(err)
		}
		times = append(times, time.Since(start))
	}
	slices.Sort(times)
	b.ReportMetric(float64(times[len(times)/2].Microseconds()), "median-µs")
	b.ReportMetric(float64(times[len(times)-1].Microseconds()), "max-µs")
}
