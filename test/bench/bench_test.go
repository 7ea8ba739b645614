package bench

import (
	"fmt"
	"iter"
	"os"
	"slices"
	"strings"
	"testing"

	"secco/compiler"
	"secco/lang"
	"secco/linux"
	"secco/policy/prove"
	"secco/source"
)

const spec = `arch x86_64
default errno 1
rule 0 read allow 0 0
rule 16 ioctl allow 0 1 1 eq 0x100005401 0
rule 16 ioctl allow 0 2 1 meq 0xf0 0x30 2 lt 7 0
`

// lines yields the words of each line.
func lines(text string) iter.Seq[[]string] {
	return func(yield func([]string) bool) {
		for line := range strings.Lines(text) {
			if !yield(strings.Fields(line)) {
				return
			}
		}
	}
}

func readSpec(t *testing.T, text string) *Workload {
	t.Helper()
	w, err := parse("test", text)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// TestCheck requires that a right program passes, and that one with any jump turned
// round does not.
func TestCheck(t *testing.T) {
	w := readSpec(t, spec)
	p, found := lang.Load([]*source.File{source.NewFile("test.secco", `DEFAULT_POSITIVE = allow
DEFAULT_NEGATIVE = 1
DEFAULT_POLICY = 1
read: 1
ioctl: arg1 == 0x100005401 || (arg1 & 0xf0) == 0x30 && arg2 < 7
`)}, lang.Options{})
	if found.HasErrors() {
		t.Fatal(found)
	}
	out, err := compiler.Compile(p, compiler.Options{})
	if err != nil {
		t.Fatal(err)
	}
	calls, differ, err := Check(w, out.Program)
	if err != nil || len(differ) > 0 || calls < 100 {
		t.Fatalf("%d calls, of which differ %v, %v", calls, differ, err)
	}
	changed := 0
	for i, in := range out.Program {
		if in.Op&7 != 5 || in.Jt == in.Jf {
			continue
		}
		bad := slices.Clone(out.Program)
		bad[i].Jt, bad[i].Jf = in.Jf, in.Jt
		if _, differ, err := Check(w, bad); err == nil && len(differ) == 0 {
			t.Errorf("jump %d turned round is not found", i)
		}
		changed++
	}
	if changed < 5 {
		t.Errorf("only %d jumps", changed)
	}
}

func TestMeasure(t *testing.T) {
	w := readSpec(t, spec)
	p, found := lang.Load([]*source.File{source.NewFile("test.secco", "DEFAULT_POSITIVE = 1\nDEFAULT_NEGATIVE = allow\nDEFAULT_POLICY = allow\nread: 1\n")}, lang.Options{})
	if found.HasErrors() {
		t.Fatal(found)
	}
	out, err := compiler.Compile(p, compiler.Options{})
	if err != nil {
		t.Fatal(err)
	}
	call := linux.SeccompData{NR: 0, Arch: linux.X86_64.Audit()}
	f, err := Measure(w, out.Program, []Call{{call, 2}, {linux.SeccompData{NR: 1, Arch: call.Arch}, 3}})
	if err != nil {
		t.Fatal(err)
	}
	// The second call of the mix is refused, and does not count.
	if f.Size != len(out.Program) || f.Mix < 3 || f.Mix > float64(f.Worst) || f.Uniform > float64(f.Worst) || f.Worst > f.Size {
		t.Errorf("%+v", f)
	}
}

func TestBadLines(t *testing.T) {
	for _, text := range []string{
		"arch vax", "default maybe 0", "default errno", "rule 0 read allow", "rule 0 read allow 0 1 6 eq 0 0",
		"rule 0 read allow 0 1 0 like 0 0", "rule 0 read allow 0 1 0 eq x 0", "nonsense",
	} {
		for line := range lines(text) {
			if err := new(Workload).line(line); err == nil {
				t.Errorf("%q is taken", text)
			}
		}
	}
	for _, call := range []string{"read", "nosuch 1", "read x", "read 1 a9=0", "read 1 a0=x"} {
		for f := range lines(call) {
			if _, err := readCall(f); err == nil {
				t.Errorf("%q is taken", call)
			}
		}
	}
}

// TestSource requires that the text of a specification means what it says.
func TestSource(t *testing.T) {
	workloads := []*Workload{}
	for _, name := range append(slices.Clone(Names), Monitor...) {
		w, err := Read(name)
		if err != nil {
			t.Fatal(err)
		}
		workloads = append(workloads, w)
	}
	for seed := range uint64(24) {
		workloads = append(workloads, Random(seed))
	}
	for _, w := range workloads {
		p, found := lang.Load([]*source.File{w.Source()}, lang.Options{})
		if found.HasErrors() {
			t.Fatalf("%v\n%s", found, w.Source().Text())
		}
		r, err := prove.Equivalent(prove.Policy(p), prove.Policy(w.Policy()), prove.Options{})
		if err != nil || r.Verdict != prove.Equal {
			t.Errorf("%s: text and specification are %+v, %v", w.Name, r, err)
		}
		out, err := compiler.Compile(p, compiler.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if _, differ, err := Check(w, out.Program); err != nil || len(differ) > 0 {
			t.Errorf("%s: %v, %v", w.Name, differ, err)
		}
	}
}

// TestDocumented requires that docs/performance.md has the figures of the programs
// that the compiler makes now, and that the README says of W1 what is there.
func TestDocumented(t *testing.T) {
	document, err := os.ReadFile("../../docs/performance.md")
	if err != nil {
		t.Fatal(err)
	}
	mix, err := ReadMix()
	if err != nil {
		t.Fatal(err)
	}
	for mode, opts := range map[string]compiler.Options{
		"secco":                    {},
		"secco, `--optimize size`": {Optimize: compiler.Size},
		"secco, frequencies given": {Freq: Frequencies(mix)},
	} {
		row := "| " + mode + " |"
		for _, name := range Names {
			w, err := Read(name)
			if err != nil {
				t.Fatal(err)
			}
			text, err := Text(name)
			if err != nil {
				t.Fatal(err)
			}
			p, found := lang.Load([]*source.File{text}, lang.Options{})
			if found.HasErrors() {
				t.Fatal(found)
			}
			out, err := compiler.Compile(p, opts)
			if err != nil {
				t.Fatal(err)
			}
			f, err := Measure(w, out.Program, mix)
			if err != nil {
				t.Fatal(err)
			}
			row += " " + f.Short() + " |"
		}
		if !strings.Contains(string(document), "\n"+row+"\n") {
			t.Errorf("docs/performance.md is stale: `make bench` writes it afresh. It lacks\n%s", row)
		}
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Join(strings.Fields(string(readme)), " ")
	for mode, say := range map[string]string{
		"secco":            "becomes %s instructions, of which a call executes %s in the mean",
		"libseccomp":       "libseccomp makes %s and %s of it",
		"libseccomp, tree": "or %s and %s as a tree",
	} {
		_, cell, _ := strings.Cut(string(document), "\n| "+mode+" | ")
		f := strings.SplitN(cell, "/", 3)
		if len(f) < 3 || !strings.Contains(text, fmt.Sprintf(say, f[0], f[1])) {
			t.Errorf("the README does not say of %s what docs/performance.md does: %.20s", mode, cell)
		}
	}
}
