package prove_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"secco/bpf"
	"secco/compiler"
	"secco/lang"
	"secco/linux"
	"secco/policy/prove"
	"secco/source"
)

// pairs is a policy that allows a syscall for many pairs of values of any two of
// several arguments: no diagram of it is small.
func pairs(r *rand.Rand, n int, args string) string {
	words := strings.Fields(args)
	terms := make([]string, n)
	for i := range terms {
		r.Shuffle(len(words), func(i, j int) { words[i], words[j] = words[j], words[i] })
		terms[i] = fmt.Sprintf("%s == %d && %s == %d", words[0], r.Uint32(), words[1], r.Uint32())
	}
	return "DEFAULT_POSITIVE = allow\nDEFAULT_NEGATIVE = EPERM\nDEFAULT_POLICY = EPERM\nprctl: " + strings.Join(terms, " || \\\n")
}

func filters(t *testing.T, text string) (policy, program prove.Filter) {
	t.Helper()
	p, findings := lang.Load([]*source.File{source.NewFile("pairs.secco", text)}, lang.Options{})
	if p == nil {
		t.Fatal(findings)
	}
	out, err := compiler.Compile(p, compiler.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if program, err = prove.Program(out.Program); err != nil {
		t.Fatal(err)
	}
	return prove.Policy(p), program
}

// A policy of many pairs is proved equal to its program, and one in which a single
// value is another is not.
func TestPairsOfManyArguments(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, args := range []string{"argL0 argL1 argL2 argL3 argL4", "arg0 arg1 arg2 arg3 arg4 arg5", "argL0 argL1 argL2"} {
		text := pairs(r, 150, args)
		p, program := filters(t, text)
		if res, err := prove.Equivalent(p, program, prove.Options{}); err != nil || res.Verdict != prove.Equal {
			t.Errorf("%s: %v %s, %v; want equal", args, res.Verdict, res.Reason, err)
		}
		if report, err := prove.Differences(p, program, prove.Options{}); err != nil || len(report.Differences)+len(report.Undecided) > 0 {
			t.Errorf("%s: %s, %v; want no difference", args, report, err)
		}
		at := strings.LastIndex(text, "== ") + len("== ")
		_, other := filters(t, text[:at]+"1")
		res, err := prove.Equivalent(p, other, prove.Options{})
		if err != nil || res.Verdict != prove.Different {
			t.Fatalf("%s: %v %s, %v; want different", args, res.Verdict, res.Reason, err)
		}
		if call := res.Witness.Call; call.NR != 157 || call.Arch != linux.X86_64.Audit() {
			t.Errorf("%s: %s is no call of prctl", args, res.Witness)
		}
	}
}

// Whatever a program computes, it is equal to itself.
func TestSameProgram(t *testing.T) {
	p := bpf.Program{{Op: bpf.LdW, K: 16}}
	for i := range 600 {
		p = append(p, bpf.Instruction{Op: bpf.Tax}, bpf.Instruction{Op: bpf.LdW, K: 16 + uint32(i%6)*8}, bpf.Instruction{Op: bpf.MulX},
			bpf.Instruction{Op: bpf.XorK, K: uint32(i) * 0x9e3779b9}, bpf.Instruction{Op: bpf.DivX})
	}
	p = append(p, bpf.Instruction{Op: bpf.RetA})
	a, err := prove.Program(p)
	if err != nil {
		t.Fatal(err)
	}
	b, err := prove.Program(slices.Clone(p))
	if err != nil {
		t.Fatal(err)
	}
	for _, question := range []func(a, b prove.Filter, o prove.Options) (prove.Result, error){prove.Equivalent, prove.AtLeastAsStrict} {
		if res, err := question(a, b, prove.Options{}); err != nil || res.Verdict != prove.Equal {
			t.Errorf("%v %s, %v; want equal", res.Verdict, res.Reason, err)
		}
	}
}
