package prove_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

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
