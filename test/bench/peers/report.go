package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"secco/convert/libseccomp"
	"secco/test/bench"
)

type report struct {
	compilers []compiler
	workloads []*bench.Workload
	results   [][]result // by compiler, then workload
	process   map[string]timing
	emulated  []float64 // by workload, million instructions a second
	outside   *outside
	kernel    []*runtimes
}

// The marks in the document between which the command writes.
const (
	begin = "<!-- written by make bench -->\n"
	end   = "<!-- end -->\n"
)

// write puts the report between the document's marks, and the charts beside it.
func (r *report) write(document string) error {
	old, err := os.ReadFile(document)
	if err != nil {
		return err
	}
	before, rest, ok := strings.Cut(string(old), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		return fmt.Errorf("%s lacks the lines %q and %q", document, begin, end)
	}
	text, err := r.text()
	if err != nil {
		return err
	}
	base := strings.TrimSuffix(document, filepath.Ext(document))
	for suffix, chart := range map[string]string{"": r.chart(), "-outside": r.outside.chart()} {
		if err := os.WriteFile(base+suffix+".svg", []byte(chart), 0o644); err != nil {
			return err
		}
	}
	return os.WriteFile(document, []byte(before+begin+text+end+after), 0o644)
}

func (r *report) text() (string, error) {
	versions, err := versions()
	if err != nil {
		return "", err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Measured on %s: %s.\n\n", time.Now().UTC().Format("2006-01-02"), versions)
	r.figures(&b)
	r.checks(&b)
	r.theory(&b)
	r.outside.write(&b)
	writeKernel(&b, r.kernel)
	r.times(&b)
	return b.String(), nil
}

func versions() (string, error) {
	lib, err := libseccomp.Version()
	if err != nil {
		return "", err
	}
	peers := []string{"libseccomp " + lib}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "", errors.New("this command is built without its modules' versions")
	}
	for _, m := range info.Deps {
		if m.Path == "gvisor.dev/gvisor" || m.Path == "github.com/elastic/go-seccomp-bpf" {
			peers = append(peers, m.Path+" "+m.Version)
		}
	}
	return fmt.Sprintf("%s, %s, %s/%s, %s", strings.Join(peers, ", "), runtime.Version(), runtime.GOOS, runtime.GOARCH, processor()), nil
}

func processor() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err == nil {
		for line := range strings.Lines(string(text)) {
			if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
				return strings.TrimSpace(value)
			}
		}
	}
	return "an unknown processor"
}

func (r *report) heading(b *strings.Builder) {
	b.WriteString("| |")
	for _, w := range r.workloads {
		b.WriteString(" " + w.Name + " |")
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(r.workloads)) + "\n")
}

func (r *report) figures(b *strings.Builder) {
	b.WriteString("## Programs\n\nInstructions / executed, mean over x86_64's syscalls / executed, mean over the server mix / longest way.\n" +
		"`!`: a verdict differs from the specification. `*`: a recorded figure, of a compiler that the command can't build.\n\n")
	r.heading(b)
	for i, c := range r.compilers {
		fmt.Fprintf(b, "| %s |", c.name)
		for _, cell := range r.results[i] {
			switch {
			case cell.missing:
				b.WriteString(" – |")
			case len(cell.differ) > 0:
				fmt.Fprintf(b, " %s ! |", cell.figures.Short())
			default:
				fmt.Fprintf(b, " %s |", cell.figures.Short())
			}
		}
		b.WriteString("\n")
	}
	for _, c := range recorded {
		fmt.Fprintf(b, "| %s * |", c.name)
		for _, w := range r.workloads {
			switch f, ok := c.figures[w.Name]; {
			case !ok:
				b.WriteString(" – |")
			case strings.Contains(" "+c.differ+" ", " "+w.Name+" "):
				fmt.Fprintf(b, " %s ! |", f.Short())
			default:
				fmt.Fprintf(b, " %s |", f.Short())
			}
		}
		b.WriteString("\n")
	}
	b.WriteString("\n![Size and instructions executed, side by side](performance.svg)\n\n")
}

// theory writes how far the programs are from what can be hoped for.
func (r *report) theory(b *strings.Builder) {
	b.WriteString("## Against theory\n\nInstructions executed that a call needs at least, if four of them, to get architecture and number, test the former and return, are\n" +
		"followed by nothing but the fewest comparisons of the number, which a search by other means found. It knows of no tests of bits, which\n" +
		"may do with less, of no size, of no x32, which secco tells apart, and of no argument, which W1a and W4 ask for:\n" +
		"[compiler/README.md](../compiler/README.md) has what each of these adds, and a test of package compiler requires that nothing else\n" +
		"does.\n\n")
	r.heading(b)
	rows := []struct {
		name  string
		value func(bench.Figures) float64
		mode  int
	}{
		{"mean over the syscalls", func(f bench.Figures) float64 { return f.Uniform }, 0},
		{"mean over the mix", func(f bench.Figures) float64 { return f.Mix }, 2},
	}
	for i, row := range rows {
		fmt.Fprintf(b, "| %s: theory |", row.name)
		for _, w := range r.workloads {
			if t, ok := theory[w.Name]; ok {
				fmt.Fprintf(b, " %.2f |", 4+t[i])
			} else {
				b.WriteString(" – |")
			}
		}
		fmt.Fprintf(b, "\n| %s: %s |", row.name, r.compilers[row.mode].name)
		for j := range r.workloads {
			fmt.Fprintf(b, " %.2f |", row.value(r.results[row.mode][j].figures))
		}
		b.WriteString("\n")
	}
	b.WriteString("\n")
}

// checks says what the programs were checked on.
func (r *report) checks(b *strings.Builder) {
	b.WriteString("## Checks\n\nCalls at and around every boundary of the specification that each program was run on / syscalls of an architecture whose rules\n" +
		"the compiler leaves out, as it has no number for them. These get the default action, which counts as right; so does what gVisor's and\n" +
		"elastic's, which leave no choice, do with x32's numbers and other architectures. secco's programs are proved to do what the specification\n" +
		"says, for all calls, here and below; `make bench` fails where one does not.\n\n")
	r.heading(b)
	for i, c := range r.compilers {
		fmt.Fprintf(b, "| %s |", c.name)
		for _, cell := range r.results[i] {
			if cell.missing {
				b.WriteString(" – |")
			} else {
				fmt.Fprintf(b, " %d/%d |", cell.calls, cell.unknown)
			}
		}
		b.WriteString("\n")
	}
	b.WriteString("\n")
}

// times writes compile times, the first compiler's in microseconds and all others
// as multiples of them.
func (r *report) times(b *strings.Builder) {
	b.WriteString("## Compile times\n\nProcessor time, garbage collection included, of the fastest of several rounds in which the compilers took turns: secco from source\n" +
		"text to program, in microseconds, and the others as multiples of that. Theirs start from rules in memory, without reading any text.\n" +
		"The last row is a whole run of `secco compile`, in milliseconds of the clock.\n\n")
	r.heading(b)
	for i, c := range r.compilers {
		fmt.Fprintf(b, "| %s |", c.name)
		for j, cell := range r.results[i] {
			switch {
			case cell.missing:
				b.WriteString(" – |")
			case i == 0:
				fmt.Fprintf(b, " %d µs |", time.Duration(cell.times).Microseconds())
			default:
				fmt.Fprintf(b, " %.1f |", float64(cell.times)/float64(r.results[0][j].times))
			}
		}
		b.WriteString("\n")
	}
	b.WriteString("| `secco compile` |")
	for _, w := range r.workloads {
		fmt.Fprintf(b, " %.1f ms |", time.Duration(r.process[w.Name]).Seconds()*1000)
	}
	b.WriteString("\n\n`make bench` fails where secco takes longer than libseccomp for W1a, or a third of its time for W1, or a run of `secco compile` 15 ms.\n\n" +
		"## The emulator\n\nMillion instructions a second of secco's programs, for the calls of the mix, in the fastest of many rounds. It allocates nothing;\n" +
		fmt.Sprintf("`make bench` fails below %d.\n\n", leastSpeed))
	r.heading(b)
	b.WriteString("| secco |")
	for _, speed := range r.emulated {
		fmt.Fprintf(b, " %.0f |", speed)
	}
	b.WriteString("\n")
}
