package decompile

import (
	"errors"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"secco/bpf"
	"secco/lang"
	texts "secco/lang/random"
	"secco/linux"
	"secco/policy"
	"secco/policy/diagram"
	"secco/policy/prove"
	"secco/source"
)

func load(t *testing.T, text string) *policy.Policy {
	t.Helper()
	p, diags := lang.Load([]*source.File{source.NewFile("test.secco", text)}, lang.Options{})
	if err := diags.Err(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return p
}

// The text of Docker's default profile means what the program does, and is short.
func TestDockerText(t *testing.T) {
	for _, name := range []string{"docker-linear.bpf", "docker-tree.bpf"} {
		program := read(t, name)
		p, err := Program(program, Options{})
		if err != nil {
			t.Fatal(err)
		}
		text, err := Text(p, TextOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if !mustBeSame(t, program, load(t, text), diagram.Limits{}) {
			t.Fatal("not decided")
		}
		if lines := strings.Count(text, "\n"); lines > 120 {
			t.Errorf("%s: %d lines\n%s", name, lines, text)
		}
	}
}

// The text of a random policy is proved to mean the same.
func TestRandomText(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	proved, unsayable := 0, 0
	for range 40 {
		text := texts.Policy(r, texts.Options{})
		p, diags := lang.Load([]*source.File{source.NewFile("random.secco", text)}, lang.Options{})
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		again, err := Text(p, TextOptions{})
		var cant *UnsayableError
		var limit *LimitError
		if errors.As(err, &cant) || errors.As(err, &limit) {
			unsayable++
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		res, err := prove.Equivalent(prove.Policy(p), prove.Policy(load(t, again)), prove.Options{Limits: diagram.Limits{Nodes: 100_000, Steps: 300_000}})
		if err != nil {
			t.Fatal(err)
		}
		switch res.Verdict {
		case prove.Equal:
			proved++
		case prove.Different:
			t.Fatalf("%v\n%s\n%s", res.Witness, text, again)
		}
	}
	if proved < 20 {
		t.Errorf("only %d proved, %d unsayable", proved, unsayable)
	}
}

// Long lists of numbers are said as lists; what is longer still is a limit, not a
// lack of words.
func TestManyNumbers(t *testing.T) {
	list := func(arg string, n, step int) *policy.Policy {
		var numbers []string
		for i := range n {
			numbers = append(numbers, strconv.Itoa(step*i+i*i%13))
		}
		return load(t, "DEFAULT_POSITIVE = allow\nDEFAULT_NEGATIVE = EPERM\nDEFAULT_POLICY = EPERM\nread: in("+arg+", "+strings.Join(numbers, ", ")+")\n")
	}
	for _, c := range []struct {
		arg     string
		n, step int
	}{{"argL1", 60, 7919}, {"argL1", 100, 7919}, {"argL1", 900, 7919}, {"arg1", 60, 7919}, {"arg1", 900, 7919}, {"arg1", 900, 7919 << 20}} {
		n, want := c.n, list(c.arg, c.n, c.step)
		text, err := Text(want, TextOptions{})
		if err != nil {
			t.Fatalf("%d: %v", n, err)
		}
		if !strings.Contains(text, "read: in("+c.arg+", ") || strings.Count(text, ", ") != n {
			t.Errorf("%d numbers are no list: %.300s", n, text)
		}
		res, err := prove.Equivalent(prove.Policy(want), prove.Policy(load(t, text)), prove.Options{})
		if err != nil || res.Verdict != prove.Equal {
			t.Errorf("%d: %v, %v", n, res, err)
		}
	}
	text, err := Text(list("argL1", 5000, 7919), TextOptions{})
	var limit *LimitError
	if !errors.As(err, &limit) || !strings.Contains(err.Error(), "x86_64 read") {
		t.Errorf("%v\n%.200s", err, text)
	}
}

// Of two long lists that are joined comes one.
func TestJoinedLists(t *testing.T) {
	list := func(factor, offset int) *policy.Policy {
		var b strings.Builder
		b.WriteString("DEFAULT_POSITIVE = allow\nDEFAULT_NEGATIVE = EPERM\nDEFAULT_POLICY = EPERM\nioctl: in(arg1")
		for i := range 1200 {
			b.WriteString(", " + strconv.Itoa(i*factor+offset))
		}
		return load(t, b.String()+")\n")
	}
	merged, _ := policy.Merge(list(3, 0), list(5, 1), policy.Union)
	text, err := Text(merged, TextOptions{})
	if err != nil {
		t.Fatal(err)
	}
	result, err := prove.Equivalent(prove.Policy(merged), prove.Policy(load(t, text)), prove.Options{})
	if err != nil || result.Verdict != prove.Equal || strings.Count(text, "in(arg1, ") != 1 {
		t.Errorf("%v %v\n%s", result, err, text)
	}
}

// Parentheses stand where what they are around would be hard to read or mean
// something else without them.
func TestParentheses(t *testing.T) {
	rules := "read: arg0 >= 7 && arg0 <= 1000 && arg1 == 3\n\nwrite: (argL0 >= 7 && argL0 <= 1000) || argL1 == 4\n"
	text, err := Text(load(t, "DEFAULT_POSITIVE = allow\nDEFAULT_NEGATIVE = EPERM\nDEFAULT_POLICY = EPERM\n"+rules), TextOptions{})
	if err != nil || !strings.HasSuffix(text, "\n\n"+rules) {
		t.Errorf("%v\n%s", err, text)
	}
}

func TestUnsayable(t *testing.T) {
	for want, p := range map[string]bpf.Program{
		"default action": {{Op: bpf.LdW, K: 0}, {Op: bpf.JgeK, K: 9999, Jf: 1}, {Op: bpf.RetK, K: uint32(linux.Allow)}, {Op: bpf.RetK}},
		"ipL":            {{Op: bpf.LdW, K: 0}, {Op: bpf.JeqK, K: 1, Jf: 2}, {Op: bpf.LdW, K: 8}, {Op: bpf.JeqK, K: 1, Jt: 1}, {Op: bpf.RetK, K: uint32(linux.Allow)}, {Op: bpf.RetK}},
	} {
		got, err := Program(p, Options{})
		if err != nil {
			t.Fatal(err)
		}
		text, err := Text(got, TextOptions{})
		var cant *UnsayableError
		if !errors.As(err, &cant) {
			t.Errorf("%s: %v\n%s", want, err, text)
		}
	}
}
