package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"secco/convert/readers"
	"secco/lang"
	"secco/linux"
	"secco/policy/prove"
	"secco/source"
)

// kernelFlag takes the place of the short name that versionFlag has elsewhere.
var kernelFlag = &cli.BoolFlag{Name: "kernel", DisableDefaultText: true, Usage: "have the running kernel decide calls as well"}

var testCommand = &cli.Command{
	Name:      "test",
	Usage:     "run the tests that a policy states about itself",
	ArgsUsage: "POLICY...",
	Description: "Arguments that a test leaves open stand for all values: the test is proved. Where one fails, a\n" +
		"call that shows it and the rule that decides it are printed, and the exit code is 1.\n\n" +
		"--kernel has the running kernel decide calls of every test as well, at the edges of what the rule\n" +
		"compares with: the program is installed in a process made for it, in which no call is carried\n" +
		"out. It takes an x86_64 or aarch64 kernel. Tests of architectures by which that can't be entered are named,\n" +
		"and the exit code is 3.\n\n" +
		"--boundaries makes cases out of the rules: calls at the edges of what a rule compares with, which\n" +
		"the policy's text (by an evaluator of its own), its graph, its program in the emulator and, with\n" +
		"--kernel, the kernel have to decide alike. Any filter has those.",
	Flags: flags([]cli.Flag{
		kernelFlag,
		&cli.BoolFlag{Name: "boundaries", DisableDefaultText: true, Usage: "test calls at the edges of every rule as well"},
		&cli.StringFlag{Name: "junit", Usage: "write the results to `FILE` as JUnit's XML; - is standard output, for them alone", TakesFile: true},
		archFlag, optimizeFlag, freqFlag,
	}, withoutKernel(inputFlags)),
	Action: action(func(s *session) error {
		if err := s.want(1, -1); err != nil {
			return err
		}
		f, err := s.load(s.Args().Slice()...)
		if err != nil {
			return err
		}
		return s.test(f)
	}),
}

// withoutKernel returns the flags with the kernel's version under its long name
// alone.
func withoutKernel(list []cli.Flag) []cli.Flag {
	list = slices.Clone(list)
	long := *versionFlag
	long.Aliases = nil
	list[slices.Index(list, cli.Flag(versionFlag))] = &long
	return list
}

// tested is the outcome of a test, or of the cases of one rule.
type tested struct {
	name    string
	at      source.Span // of the test or rule, zero where there is none
	status  status
	message string      // why it did not pass
	rule    source.Span // that decides the call that shows it
	calls   int         // that were run, beside a proof
	kernel  []expectation

	json resultJSON // what else is told there
}

// resultJSON is a result as --json writes it; the call that shows why it failed is
// a case that emulate takes.
type resultJSON struct {
	Test   string       `json:"test"`
	Arch   string       `json:"arch,omitempty"`
	Result status       `json:"result"`
	Reason string       `json:"reason,omitempty"`
	Want   string       `json:"want,omitempty"`
	Call   *callJSON    `json:"call,omitempty"`
	Got    *verdictJSON `json:"got,omitempty"`
	Calls  int          `json:"calls,omitempty"`
	Kernel int          `json:"kernelCalls,omitempty"`
}

// status is how a test ended.
type status string

const (
	passed    status = "passed"
	failed    status = "failed"
	undecided status = "undecided"
	unchecked status = "unchecked" // the running kernel could not be asked
)

// expectation is what a call is to get.
type expectation struct {
	call linux.SeccompData
	want linux.Action
}

// test runs the tests that the flags ask for, and tells how they ended.
func (s *session) test(f *filter) error {
	boundaries := s.Bool("boundaries")
	switch {
	case boundaries:
	case f.policy == nil || f.kind != readers.Secco:
		return badInput("no-tests", "%s is %s: only policies have tests", f.name, f.kind).hint("--boundaries makes some out of any filter's rules")
	case len(f.tests) == 0:
		return badInput("no-tests", "%s has no tests", f.name).hint("--boundaries makes some out of its rules")
	}
	if _, err := s.meaning(f); err != nil {
		return err
	}
	judge, err := s.judge(f)
	if err != nil {
		return err
	}
	t := &tester{session: s, judge: judge}
	if boundaries || s.Bool(kernelFlag.Name) {
		t.sample()
	}
	for _, test := range f.tests {
		if err := t.stated(test); err != nil {
			return err
		}
	}
	if boundaries {
		t.boundaries()
	}
	if s.Bool(kernelFlag.Name) {
		if err := t.askKernel(); err != nil {
			return err
		}
	}
	if name := s.String("junit"); name != "" {
		if t.silent = name == "-"; t.silent {
			err = t.print(junit(f.name, t.results))
		} else {
			err = writeTo(name, junit(f.name, t.results))
		}
		if err != nil {
			return err
		}
	}
	return t.tell(len(f.tests))
}

// tester runs tests of one filter.
type tester struct {
	*session
	*judge
	samples map[sampled][]linux.SeccompData // at the edges of each rule
	others  []linux.SeccompData             // of no rule
	results []*tested
	silent  bool // the results are told by --junit
}

// stated runs a test that the policy states: it is proved.
func (t *tester) stated(test lang.Test) error {
	result, err := test.Prove(t.policy)
	if err != nil {
		return refused("fault", "a fault in secco itself, please report it: %s", err)
	}
	r := &tested{name: fmt.Sprintf("%s on %s", oneLine(test.Span.Text()), test.Arch), at: test.Span, status: passed}
	r.json = resultJSON{Test: test.Span.String(), Arch: test.Arch.String(), Want: test.Want.StringOn(test.Arch)}
	t.results = append(t.results, r)
	switch result.Verdict {
	case prove.Undecided:
		r.status, r.message = undecided, "undecided: "+result.Reason
	case prove.Different:
		call := &result.Witness.Call
		got, rule := t.policy.Eval(call)
		r.fail(call, verdictOf(t.filter, got, call), rule, "%s is expected, but %s gets %s", actionText(test.Want, call), prove.CallString(call), actionText(got, call))
	default:
		if t.Bool(kernelFlag.Name) {
			r.kernel = t.callsOf(test)
		}
	}
	return nil
}

// fail notes a call that shows a failure, what it gets, and the rule that decides
// it. The first is enough.
func (r *tested) fail(call *linux.SeccompData, got verdictJSON, rule source.Span, format string, args ...any) {
	if r.status == failed {
		return
	}
	r.status, r.rule, r.message = failed, rule, fmt.Sprintf(format, args...)
	r.json.Call, r.json.Got = callLine(call), &got
}

// oneLine returns text without line breaks, and not too much of it.
func oneLine(text string) string {
	const most = 100
	text = strings.Join(strings.Fields(text), " ")
	if r := []rune(text); len(r) > most {
		text = string(r[:most]) + "…"
	}
	return text
}

// tell prints what did not pass and how many did, and returns the exit code. The
// first results are those of stated tests.
func (t *tester) tell(stated int) error {
	counts, calls := map[status]int{}, 0
	for i, r := range t.results {
		counts[r.status]++
		if i >= stated {
			calls += r.calls
		}
		if t.silent {
			continue
		}
		if err := t.tellOne(r); err != nil {
			return err
		}
	}
	if !t.json && !t.silent {
		if err := t.print([]byte(t.summary(stated, calls))); err != nil {
			return err
		}
	}
	switch {
	case counts[failed] > 0:
		return &failure{code: exitNo}
	case counts[undecided] > 0:
		return &failure{code: exitUndecided}
	case counts[unchecked] > 0:
		return &failure{code: exitSystem}
	}
	return nil
}

// tellOne prints a result that did not pass; as JSON, each.
func (t *tester) tellOne(r *tested) error {
	if t.json {
		line := r.json
		line.Result, line.Calls, line.Kernel = r.status, r.calls, len(r.kernel)
		if line.Call == nil {
			line.Reason = r.message
		}
		return t.print(jsonLine(line))
	}
	if r.status == passed {
		return nil
	}
	where := r.name
	if !r.at.IsZero() {
		where = r.at.String()
	}
	return t.printf("%s: %s\n%s", where, r.message, decidedBy(r.rule))
}

// decidedBy returns the line of a rule, for people; "" where there is none.
func decidedBy(rule source.Span) string {
	if rule.IsZero() {
		return ""
	}
	return fmt.Sprintf("    %s: %s\n", rule, strings.TrimSpace(rule.File().Line(rule.Position().Line)))
}

// summary says how many passed.
func (t *tester) summary(stated, calls int) string {
	count := func(list []*tested) string {
		counts := map[status]int{}
		for _, r := range list {
			counts[r.status]++
		}
		text := fmt.Sprintf("%d passed, %d failed", counts[passed], counts[failed])
		if n := counts[undecided]; n > 0 {
			text += fmt.Sprintf(", %d undecided", n)
		}
		if n := counts[unchecked]; n > 0 {
			text += fmt.Sprintf(", %d not on this kernel", n)
		}
		return text
	}
	text := ""
	if stated > 0 || !t.Bool("boundaries") {
		text = count(t.results[:stated])
		if asked := asked(t.results[:stated]); asked > 0 {
			text += fmt.Sprintf("; %d calls in the kernel", asked)
		}
		text += "\n"
	}
	if t.Bool("boundaries") {
		text += fmt.Sprintf("boundaries: %s, %d calls", count(t.results[stated:]), calls)
		if asked := asked(t.results[stated:]); asked > 0 {
			text += fmt.Sprintf("; %d of them in the kernel", asked)
		}
		text += "\n"
	}
	return text
}

// asked returns how many calls the kernel was asked about.
func asked(list []*tested) (calls int) {
	for _, r := range list {
		calls += len(r.kernel)
	}
	return calls
}
