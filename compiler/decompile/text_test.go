package decompile

import (
	"errors"
	"math/rand/v2"
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
		if errors.As(err, &cant) {
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
