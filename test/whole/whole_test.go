// Package whole holds the tests that tie everything together: what a policy means
// to each of the machines that share no code, on the same calls.
package whole

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"secco/bpf"
	"secco/compiler"
	"secco/emulator"
	"secco/lang"
	"secco/lang/eval"
	"secco/lang/random"
	"secco/lang/syntax"
	"secco/linux"
	"secco/policy"
	"secco/policy/prove"
	"secco/profiles"
	"secco/source"
)

// TestRandomPolicies has random policies, of all that the language can say,
// decide boundary-rich calls three times: by the reference meaning on the syntax
// tree, by the graph, and by the programs that both of the compiler's goals make,
// in the emulator.
func TestRandomPolicies(t *testing.T) {
	count := 3000
	if os.Getenv("SECCO_LONG") != "" {
		count = 100_000
	}
	var next, calls, tooLarge atomic.Int64
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for !t.Failed() {
				seed := next.Add(1) - 1
				if seed >= int64(count) {
					return
				}
				r := rand.New(rand.NewPCG(uint64(seed), 2))
				text := random.Policy(r, random.Options{Rules: 1 + int(seed%12), Depth: 1 + int(seed%5), Plain: seed%5 == 0})
				n, err := agree(text)
				if size := (*compiler.SizeError)(nil); errors.As(err, &size) {
					tooLarge.Add(1)
				} else if err != nil {
					t.Errorf("seed %d: %v\n%s", seed, err, text)
				}
				calls.Add(int64(n))
			}
		})
	}
	workers.Wait()
	t.Logf("%d policies, %d calls, no difference; %d policies need more than %d instructions", count, calls.Load(), tooLarge.Load(), 4096)
	if calls.Load() < int64(count)*100 {
		t.Errorf("only %d calls", calls.Load())
	}
	if tooLarge.Load() > int64(count/100) {
		t.Errorf("%d policies are too large", tooLarge.Load())
	}
}

// built is a policy in all the forms that must agree.
type built struct {
	policy    *policy.Policy
	reference *eval.Evaluator
	programs  []bpf.Program // for speed and for size
}

func build(text string) (*built, error) {
	file := source.NewFile("p.secco", text)
	p, findings := lang.Load([]*source.File{file}, lang.Options{})
	if err := findings.Err(); err != nil {
		return nil, err
	}
	parsed, findings := syntax.Parse(file)
	if err := findings.Err(); err != nil {
		return nil, err
	}
	reference, err := eval.New([]*syntax.File{parsed}, eval.Options{})
	if err != nil {
		return nil, err
	}
	b := &built{policy: p, reference: reference}
	for _, goal := range []compiler.Goal{compiler.Speed, compiler.Size} {
		out, err := compiler.Compile(p, compiler.Options{Optimize: goal})
		if err != nil {
			return nil, err
		}
		b.programs = append(b.programs, out.Program)
	}
	return b, nil
}

// agree compares what the machines say to a policy's sample calls and returns how
// many those were.
func agree(text string) (calls int, err error) {
	b, err := build(text)
	if err != nil {
		return 0, err
	}
	var machines []*emulator.Machine
	for _, program := range b.programs {
		m, err := emulator.New(program)
		if err != nil {
			return 0, err
		}
		machines = append(machines, m)
	}
	for d := range policy.Samples(b.policy) {
		calls++
		want := b.reference.Eval(&d)
		if got, rule := b.policy.Eval(&d); got.Effect() != want.Effect() {
			return calls, fmt.Errorf("%s: the text means %s, the graph %s (%s)", prove.CallString(&d), want, got, rule)
		}
		for i, m := range machines {
			if got := m.Run(&d); got.Effect() != want.Effect() {
				return calls, fmt.Errorf("%s: the text means %s, program %d returns %s", prove.CallString(&d), want, i, got)
			}
		}
	}
	return calls, nil
}

// TestShippedPolicies checks each shipped policy as the random ones, for every
// architecture that it can be for, and proves its programs.
func TestShippedPolicies(t *testing.T) {
	for _, name := range profiles.Names() {
		text, ok := profiles.Lookup(name)
		if !ok {
			t.Fatalf("%s is not there", name)
		}
		t.Run(name, func(t *testing.T) {
			calls, err := agree(string(text))
			if err != nil || calls < 1000 {
				t.Errorf("%d calls, %v", calls, err)
			}
			for _, arch := range []linux.Arch{linux.X86_64, linux.ARM64, linux.RISCV64} {
				proved(t, name, string(text), arch)
			}
		})
	}
}

// expected are the warnings that a shipped policy draws: docker-default means what
// Docker's profile does, which compares 64 bits and names all architectures' syscalls.
var expected = map[string][]string{"docker-default": {"wide-comparison", "skipped-syscall"}}

// proved proves that both programs of a policy do what it means. On x86_64 it must
// draw no warning either but those expected; elsewhere some of its syscalls are missing.
func proved(t *testing.T, name, text string, arch linux.Arch) {
	t.Helper()
	p, findings := lang.Load([]*source.File{source.NewFile(name, text)}, lang.Options{Targets: []linux.Arch{arch}})
	if err := findings.Err(); err != nil {
		t.Fatalf("%s: %v", arch, err)
	}
	for _, f := range findings {
		if arch == linux.X86_64 && !slices.Contains(expected[name], f.Code) {
			t.Errorf("%s draws a warning: %v", arch, f)
		}
	}
	for _, goal := range []compiler.Goal{compiler.Speed, compiler.Size} {
		out, err := compiler.Compile(p, compiler.Options{Optimize: goal})
		if err != nil {
			t.Fatalf("%s: %v", arch, err)
		}
		program, err := prove.Program(out.Program)
		if err != nil {
			t.Fatalf("%s: %v", arch, err)
		}
		result, err := prove.Equivalent(prove.Policy(p), program, prove.Options{})
		if err != nil || result.Verdict != prove.Equal {
			t.Errorf("%s: %v %v %v", arch, result.Verdict, result.Witness, err)
		}
	}
}
