package compiler

import (
	"slices"
	"testing"

	"secco/linux"
	"secco/policy"
	"secco/test/bench"
)

// TestNoLargerThanAList requires that programs are no larger than a plain list of
// the policy's syscalls, but where a tree with as few tests would execute two
// instructions more in the mean for each that it saves.
func TestNoLargerThanAList(t *testing.T) {
	mix := readMix(t)
	larger, smaller := 0, 0
	for seed := range uint64(400) {
		if seed%4 > 1 {
			continue // these test arguments
		}
		w := bench.Random(seed)
		w.Rules = w.Rules[:min(len(w.Rules), 3+int(seed%40))]
		if seed%3 == 0 { // every fourth syscall, which leaves no ranges
			var apart []bench.Rule
			for i, r := range w.Rules {
				if i%4 == 0 {
					apart = append(apart, r)
				}
			}
			w.Rules = apart
		}
		actions := map[linux.Action]bool{w.Missing: true, w.Default: true}
		for _, r := range w.Rules {
			actions[r.Action] = true
		}
		p := w.Policy()
		// Architecture and number are loaded, the former tested; x32's numbers and
		// 0xffffffff are told apart; and each number is tested.
		list := 3 + 2 + len(w.Rules) + len(actions)
		out := check(t, p, Options{})
		if len(out.Program) <= list {
			smaller++
			continue
		}
		larger++
		fast := measure(t, w, out, mix)
		small := measure(t, w, check(t, p, Options{Optimize: Size}), mix)
		if small.Size <= list && small.Uniform-fast.Uniform < steepest*float64(list+1-small.Size)-0.2 {
			t.Errorf("%s: %v, a list takes %d, for size %v", w.Name, fast, list, small)
		}
	}
	t.Logf("%d are no larger than a list, %d are", smaller, larger)
	if smaller < 150 || larger < 3 {
		t.Error("of one kind there are too few to say anything")
	}
}

// fewest returns how many tests of "at least" and "equal" a program for x86_64 needs
// at least to decide every number as the policy says: two numbers that follow each
// other and are decided differently must be told apart by some test, "at least"
// tells one such pair apart, and "equal" two, if they are those of one number.
func fewest(p *policy.Policy) int {
	audit := linux.X86_64.Audit()
	numbers := []uint32{0}
	for nr := range p.Targets[0].Rules {
		numbers = append(numbers, nr, nr+1)
	}
	numbers = append(numbers, linux.X32Bit, allOnes)
	slices.Sort(numbers)
	var cuts []uint32
	for i := 1; i < len(numbers); i++ {
		if nr := numbers[i]; nr != numbers[i-1] && differ(p.Root(audit, nr-1), p.Root(audit, nr)) {
			cuts = append(cuts, nr)
		}
	}
	tests := 0
	for i := 0; i < len(cuts); i++ {
		tests++
		if i+1 < len(cuts) && cuts[i+1] == cuts[i]+1 { // from the left, which leaves the fewest alone
			i++
		}
	}
	return tests
}

// TestFewestTests requires that programs for size have no more tests of the number
// than any program without tests of bits must have, where all numbers go to two
// places; the bound is too low where there are more.
func TestFewestTests(t *testing.T) {
	for _, name := range []string{"W2", "W3", "W5"} {
		p := readWorkload(t, name).Policy()
		tests, _ := numberTests(t, check(t, p, Options{Optimize: Size}).Program)
		least := fewest(p)
		t.Logf("%s: %d tests, at least %d", name, tests, least)
		if tests > least {
			t.Errorf("%s: %d tests of the number, %d are needed without tests of bits", name, tests, least)
		}
	}
	for seed := range uint64(100) {
		p := bench.Random(seed).Policy()
		out := check(t, p, Options{Optimize: Size, without: featureBits})
		if tests, _ := numberTests(t, out.Program); tests < fewest(p) {
			t.Errorf("random %d: %d tests of the number, fewer than the %d that are said to be needed", seed, tests, fewest(p))
		}
	}
}
