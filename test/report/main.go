// Command report reads what `go test -json` prints and says it shortly: a line
// for each package, the whole output of what failed, the reasons of what was
// skipped, and the sums. It exits 1 where something failed, where nothing ran,
// and, with CI=true in the environment, where something was skipped.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
)

func main() {
	r := report{out: os.Stdout, output: map[[2]string][]string{}}
	if err := r.read(os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, "report:", err)
		os.Exit(1)
	}
	os.Exit(r.finish(os.Getenv("CI") == "true"))
}

// event is a line of `go test -json` (see go doc test2json).
type event struct {
	Action, Package, Test, Output, ImportPath string
	Elapsed                                   float64
}

type report struct {
	out                     io.Writer
	output                  map[[2]string][]string // of tests still running, by package and test
	passed, failed, skipped int
}

func (r *report) read(in io.Reader) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var e event
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			fmt.Fprintln(r.out, lines.Text()) // not of the tests: go's own complaints
			continue
		}
		r.event(e)
	}
	return lines.Err()
}

func (r *report) event(e event) {
	key := [2]string{e.Package, e.Test}
	switch e.Action {
	case "output":
		r.output[key] = append(r.output[key], e.Output)
	case "build-output":
		fmt.Fprint(r.out, e.Output)
	case "pass", "fail", "skip":
		r.end(e, key)
	}
}

func (r *report) end(e event, key [2]string) {
	output := r.output[key]
	delete(r.output, key)
	if e.Test == "" {
		r.endPackage(e, output)
		return
	}
	switch e.Action {
	case "pass":
		r.passed++
	case "fail":
		r.failed++
		fmt.Fprint(r.out, strings.Join(output, ""))
	case "skip":
		r.skipped++
		fmt.Fprintf(r.out, "skip  %s %s: %s\n", e.Package, e.Test, reason(output))
	}
}

func (r *report) endPackage(e event, output []string) {
	switch e.Action {
	case "pass":
		fmt.Fprintf(r.out, "ok    %s %.1fs\n", e.Package, e.Elapsed)
	case "fail": // also what was printed outside of tests: a crash, a build that failed
		r.failed++
		fmt.Fprint(r.out, strings.Join(output, ""))
		for key, rest := range r.output { // tests that a crash cut off
			if key[0] == e.Package {
				fmt.Fprint(r.out, strings.Join(rest, ""))
				delete(r.output, key)
			}
		}
		fmt.Fprintf(r.out, "FAIL  %s %.1fs\n", e.Package, e.Elapsed)
	}
}

// reason picks what t.Skip was given out of a skipped test's output.
func reason(output []string) string {
	var said []string
	for _, line := range output {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "===") && !strings.HasPrefix(line, "---") {
			said = append(said, line)
		}
	}
	return strings.Join(said, " ")
}

func (r *report) finish(ci bool) int {
	fmt.Fprintf(r.out, "%d passed, %d failed, %d skipped\n", r.passed, r.failed, r.skipped)
	switch {
	case r.failed > 0:
		return 1
	case r.passed == 0:
		fmt.Fprintln(r.out, "no test ran")
		return 1
	case ci && r.skipped > 0:
		fmt.Fprintln(r.out, "nothing may be skipped in CI")
		return 1
	}
	return 0
}
