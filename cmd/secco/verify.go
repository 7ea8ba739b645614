package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"secco/bpf"
	"secco/convert"
	"secco/convert/libseccomp"
	"secco/emulator"
	"secco/linux"
	"secco/oci"
	"secco/policy"
	"secco/policy/diagram"
	"secco/policy/prove"
)

var verifyCommand = &cli.Command{
	Name:      "verify",
	Usage:     "check that a policy, its program and its profile through libseccomp do the same",
	ArgsUsage: "POLICY...",
	Description: "Each pair is proved equal for every call of every architecture. Calls of every syscall\n" +
		"number and of those between, x32's and negative ones, other architectures', with arguments at\n" +
		"the edges of the policy's own constants, are run through both besides. --runtime lists the\n" +
		"numbers that a container runtime answers itself, before the program. Exit code 1 shows a\n" +
		"call that tells policy, program and profile apart, 3 says that secco was built without\n" +
		"libseccomp. A rule that is too complex for it to be known whether a profile can say it, or for the\n" +
		"proof, ends with exit code 4. With --no-profile the profile is left out.",
	Flags: flags([]cli.Flag{
		&cli.BoolFlag{Name: "no-profile", DisableDefaultText: true, Usage: "compare the policy with its program alone"},
		archFlag, optimizeFlag, freqFlag,
	}, inputFlags),
	Action: action(func(s *session) error {
		if err := s.want(1, -1); err != nil {
			return err
		}
		if s.Bool("no-profile") && s.IsSet("runtime") {
			return badInput("usage", "--runtime is about the profile, which --no-profile leaves out")
		}
		s.asBuilt = true
		f, err := s.load(s.Args().Slice()...)
		if err != nil {
			return err
		}
		return s.verify(f)
	}),
}

// comparison is what a policy was proved equal to, as --json writes it.
type comparison struct {
	With         string   `json:"equal"` // program, profile or runtime
	Libseccomp   string   `json:"libseccomp,omitempty"`
	Runtime      string   `json:"runtime,omitempty"`
	Calls        int      `json:"calls,omitempty"` // that were compared besides
	Instructions int      `json:"instructions"`    // of the program that it was compared with
	Unknown      []string `json:"unknown,omitempty"`
	But          []change `json:"but,omitempty"`
}

// change is a range of numbers that a runtime answers itself.
type change struct {
	Calls   string `json:"calls"`
	Runtime string `json:"runtime"`
	Policy  string `json:"policy"`
}

// compared prints a comparison, for people by the format.
func (s *session) compared(c comparison, format string, args ...any) error {
	if s.json {
		return s.print(jsonLine(c))
	}
	return s.printf(format, args...)
}

// overview prints the size of a policy's program and what becomes of its syscalls.
func (s *session) overview(name string, p *policy.Policy, program bpf.Program) error {
	if !s.json {
		return s.printf("%s: %d instructions\n%s", name, len(program), verdicts(p))
	}
	lines := jsonLine(struct {
		Filter       string `json:"filter"`
		Instructions int    `json:"instructions"`
	}{name, len(program)})
	for _, t := range p.Targets {
		lines = append(lines, jsonLine(struct {
			Arch     string         `json:"arch"`
			Syscalls map[string]int `json:"syscalls"`
		}{t.Arch.String(), verdictCounts(t)})...)
	}
	return s.print(lines)
}

// verify compares the forms of a policy and prints how much was compared.
func (s *session) verify(f *filter) error {
	p, opts, err := s.exported(f)
	if err != nil {
		return err
	}
	out, err := s.compile(f)
	if err != nil {
		return err
	}
	if err := s.overview(f.name, p, out.Program); err != nil {
		return err
	}
	calls, err := compare(p, out.Program, "the program returns")
	if err != nil {
		return err
	}
	c := comparison{With: "program", Calls: calls, Instructions: len(out.Program)}
	if err := s.compared(c, "policy = program: proved, and %d calls compared\n", calls); err != nil || s.Bool("no-profile") {
		return err
	}
	return s.verifyProfile(f, p, opts.Host)
}

// verifyProfile compares a filter's policy with the program that libseccomp makes
// of its profile, then lists what the runtime changes.
func (s *session) verifyProfile(f *filter, p *policy.Policy, host oci.Host) error {
	runtime := host.Runtime
	host.Runtime = oci.Runtime{}
	profile, err := convert.ToOCI(p, convert.Options{Host: host})
	if err != nil {
		return err
	}
	if !libseccomp.Available {
		return refused("no-libseccomp", "not cross-validated: %s", libseccomp.ErrNotBuilt)
	}
	version, err := libseccomp.Version()
	if err != nil {
		return refused("libseccomp", "not cross-validated: %s", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	opts := libseccomp.Options{Native: cmp.Or(host.Arch, convert.Native(p))}
	theirs, err := libseccomp.BuildContext(ctx, profile, opts)
	if err != nil {
		return refused("libseccomp", "not cross-validated: %s", err)
	}
	known, unknown, err := libseccomp.Known(p)
	if err != nil {
		return refused("libseccomp", "not cross-validated: %s", err)
	}
	calls, err := compare(known, theirs, "the profile through libseccomp "+version+" returns")
	if err != nil {
		return err
	}
	c := comparison{With: "profile", Libseccomp: version, Calls: calls, Instructions: len(theirs), Unknown: unknownNames(unknown)}
	if err := s.compared(c, "policy = profile through libseccomp %s: proved, and %d calls compared (%d instructions)%s\n", version, calls, len(theirs), tooNew(unknown)); err != nil {
		return err
	}
	if runtime == (oci.Runtime{}) {
		return nil
	}
	// What a runtime adds depends on the syscalls that a profile names, also on those
	// that it names in vain: where there is a profile, it is that one's.
	opts.Runtime = runtime
	if f.read != nil && f.read.Profile != nil {
		given, findings := f.read.Profile.Resolve(f.read.Host)
		if err := findings.Err(); err != nil {
			return err
		}
		profile = given.Spec()
	}
	loaded, err := libseccomp.BuildContext(ctx, profile, opts)
	if err != nil {
		return refused("libseccomp", "not cross-validated: %s", err)
	}
	but, err := changes(known, loaded)
	if err != nil {
		return err
	}
	c = comparison{With: "runtime", Libseccomp: version, Runtime: runtime.String(), Instructions: len(loaded), But: but}
	if len(but) == 0 {
		return s.compared(c, "policy = profile under %s: proved\n", runtime)
	}
	var lines strings.Builder
	for _, b := range but {
		fmt.Fprintf(&lines, "  %s: %s, not %s\n", b.Calls, b.Runtime, b.Policy)
	}
	return s.compared(c, "policy = profile under %s: proved, but for numbers that it answers itself:\n%s", runtime, lines.String())
}

// changes lists all calls with which a program does not do what a policy does, by
// ranges of numbers.
func changes(p *policy.Policy, program bpf.Program) ([]change, error) {
	filter, err := prove.Program(program)
	if err != nil {
		return nil, err
	}
	report, err := prove.Differences(prove.Policy(p), filter, prove.Options{})
	if err != nil {
		return nil, refused("fault", "a fault in secco itself, please report it: %s", err)
	}
	if len(report.Undecided) > 0 {
		u := report.Undecided[0]
		return nil, newFailure(exitUndecided, "undecided", "what the runtime changes is not known of %s: %s", prove.CallsString(u.Calls), u.Reason)
	}
	var list []change
	for i := range report.Differences {
		d := &report.Differences[i]
		calls := rangeText(d.Calls)
		if when := d.Condition(); when != "" {
			calls += " where " + when
		}
		list = append(list, change{calls, actionText(d.B, &d.Witness.Call), actionText(d.A, &d.Witness.Call)})
	}
	return list, nil
}

// rangeText returns a range of numbers, by the name of its first syscall where
// that has one.
func rangeText(c diagram.Calls) string {
	arch, ok := linux.ArchOf(c.Arch.Lo, c.NR.Lo)
	if !ok || c.Arch.Lo != c.Arch.Hi {
		return prove.CallsString(c)
	}
	number := func(nr uint32) string {
		if nr > 0xffff {
			return fmt.Sprintf("%#x", nr)
		}
		return fmt.Sprint(nr)
	}
	text := fmt.Sprintf("%s %s", arch, number(c.NR.Lo))
	if name, ok := arch.SyscallName(c.NR.Lo); ok {
		text += " (" + name + ")"
	}
	if c.NR.Lo != c.NR.Hi {
		text += " to " + number(c.NR.Hi)
	}
	return text
}

// tooNew says which syscalls this libseccomp is too old to know: runtimes skip
// their names, and the calls get the default action. None of them is left open by
// that: there would be no profile.
func tooNew(unknown []libseccomp.Unknown) string {
	if len(unknown) == 0 {
		return ""
	}
	return ", but for calls that it does not know and leaves at the default action: " + names(unknown)
}

func names(unknown []libseccomp.Unknown) string { return strings.Join(unknownNames(unknown), ", ") }

func unknownNames(unknown []libseccomp.Unknown) []string {
	var list []string
	for _, u := range unknown {
		list = append(list, fmt.Sprintf("%s %s", u.Arch, u.Name))
	}
	return list
}

// compare proves that a policy and a program do the same with every call, and has
// both decide the policy's sample calls besides: the emulator knows nothing of
// proofs. It returns how many those were. A difference is an error with the call.
func compare(p *policy.Policy, program bpf.Program, returns string) (calls int, err error) {
	different := func(call *linux.SeccompData, got linux.Action) error {
		meant, rule := p.Eval(call)
		return newFailure(exitNo, "different", "for %s the policy means %s (%s), %s %s", prove.CallString(call), meant, rule, returns, got)
	}
	m, err := emulator.New(program)
	if err != nil {
		return 0, err
	}
	for d := range policy.Samples(p) {
		calls++
		meant, _ := p.Eval(&d)
		if got := m.Run(&d); got.Effect() != meant.Effect() {
			return 0, different(&d, got)
		}
	}
	theirs, err := prove.Program(program)
	if err != nil {
		return 0, err
	}
	result, err := prove.Equivalent(prove.Policy(p), theirs, prove.Options{})
	if err != nil {
		return 0, refused("fault", "a fault in secco itself, please report it: %s", err)
	}
	switch result.Verdict {
	case prove.Equal:
		return calls, nil
	case prove.Different:
		return 0, different(&result.Witness.Call, result.Witness.B)
	}
	return 0, newFailure(exitUndecided, "undecided", "%d calls compared without a difference, but not proved: %s", calls, result.Reason)
}

// verdicts counts, for each architecture, what becomes of its syscalls: a line
// for each.
func verdicts(p *policy.Policy) string {
	var b strings.Builder
	for _, t := range p.Targets {
		counts := verdictCounts(t)
		names := make([]string, 0, len(counts))
		for name := range counts {
			names = append(names, name)
		}
		slices.SortFunc(names, func(a, b string) int { // the most frequent first
			if counts[a] != counts[b] {
				return counts[b] - counts[a]
			}
			return strings.Compare(a, b)
		})
		fmt.Fprintf(&b, "%s: %d syscalls:", t.Arch, len(t.Arch.Syscalls()))
		for i, name := range names {
			if i > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, " %d %s", counts[name], name)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// verdictCounts counts what becomes of a target's syscalls.
func verdictCounts(t *policy.Target) map[string]int {
	counts := map[string]int{}
	for _, call := range t.Arch.Syscalls() {
		if root := t.Root(call.NR); root.IsLeaf() {
			counts[root.Action.Effect().String()]++
		} else {
			counts["by arguments"]++
		}
	}
	return counts
}
