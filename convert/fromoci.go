package convert

import (
	"fmt"
	"maps"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"

	"secco/linux"
	"secco/oci"
	"secco/policy"
	"secco/source"
)

// FromOCI returns the policy that a profile means when runc or crun hand it to
// libseccomp on Options.Host. The policy is nil where the findings hold errors;
// among those are rules whose meaning libseccomp does not define.
//
// It follows the runtimes: the native architecture is always among those with
// rules and all others get kill_thread; rules whose action is the default are
// dropped; a syscall's first unconditional rule wipes all its others; arguments
// are compared in their low words on 32-bit architectures and x32. A syscall that
// no architecture has is skipped by runtimes. That is an error where the rule is
// stricter than the default, for then the call that was meant stays as open as
// the default leaves it, and a warning elsewhere.
//
// What Options.Host.Runtime answers itself comes before all of that.
func FromOCI(profile *oci.Profile, opts Options) (*policy.Policy, source.Diagnostics) {
	resolved, diags := profile.Resolve(opts.Host)
	if diags.HasErrors() {
		return nil, diags
	}
	im := newImporter(resolved)
	im.diags, im.host = diags, opts.Host
	p, m := im.policy()
	if len(im.unsafe) > 0 {
		im.settle(p, opts)
	}
	im.diags = shortened(im.diags)
	im.diags.Sort()
	if im.diags.HasErrors() {
		return nil, im.diags
	}
	im.answerNewest(p, m)
	return p, im.diags
}

// maxFindings is how many findings a profile has at most.
const maxFindings = 200

// shortened returns no more findings than people read, errors before warnings, with
// one that says how many more there are.
func shortened(all source.Diagnostics) source.Diagnostics {
	if len(all) <= maxFindings {
		return all
	}
	slices.SortStableFunc(all, func(a, b source.Diagnostic) int { return int(a.Severity) - int(b.Severity) })
	last := all[maxFindings]
	out := slices.Clip(all[:maxFindings])
	d := out.Warnf(last.Span, "too-many-findings", "there are %d more findings", len(all)-maxFindings)
	d.Severity = last.Severity
	return out
}

// settle decides about rules that not every libseccomp may get right: they are
// errors, unless the one that is built in may confirm them and does.
func (im *importer) settle(p *policy.Policy, opts Options) {
	if opts.ask() && !im.diags.HasErrors() {
		version, unknown, err := confirm(p, im.profile.Spec(), im.host.Native())
		for _, u := range unknown {
			if err == nil && im.doubted[u.Name] {
				err = fmt.Errorf("libseccomp %s does not know %s, and so can't say", version, u.Name)
			}
		}
		for i := range im.unsafe {
			d := &im.unsafe[i]
			if err != nil {
				d.Hint = err.Error()
				continue
			}
			d.Severity = source.Warning
			d.Message += fmt.Sprintf(" (libseccomp %s does, as was proved)", version)
		}
	}
	im.diags = append(im.diags, im.unsafe...)
}

type importer struct {
	profile  *oci.Profile
	host     oci.Host
	diags    source.Diagnostics
	unsafe   source.Diagnostics  // rules that not every libseccomp may get right
	doubted  map[string]bool     // the syscalls that those are for
	reported map[[2]*origin]bool // pairs that an error is about
	wiped    map[wiping]bool     // what a warning is about
	budget   pairs
	b        policy.Builder
}

func newImporter(p *oci.Profile) *importer {
	return &importer{profile: p, doubted: map[string]bool{}, reported: map[[2]*origin]bool{}, wiped: map[wiping]bool{}, budget: maxPairs}
}

// policy returns what libseccomp makes of the profile, and of what.
func (im *importer) policy() (*policy.Policy, *model) {
	fallback, err := oci.ParseAction(im.profile.DefaultAction, im.profile.DefaultErrnoRet)
	if err != nil {
		im.diags.Errorf(im.profile.DefaultSpan, "unknown-action", "default action: %v", err)
	}
	for _, entry := range im.profile.Syscalls {
		if _, err := oci.ParseAction(entry.Action, entry.ErrnoRet); err != nil {
			im.diags.Errorf(entry.Span, "unknown-action", "%v", err)
		}
		for _, arg := range entry.Args {
			if _, ok := operatorText[arg.Op]; !ok || arg.Index > 5 {
				im.diags.Errorf(entry.Span, "unknown-operator", "no condition %s on argument %d", arg.Op, arg.Index)
			}
		}
	}
	arches := im.arches()
	if im.diags.HasErrors() {
		return nil, nil
	}
	m := newModel(im.profile, fallback, arches)
	im.unknown(m)
	im.droppedRules(m)
	im.splitRules()

	killed := im.b.Leaf(linux.KillThread, source.Span{})
	p := &policy.Policy{BadArch: killed, Settings: im.settings()}
	for _, a := range arches {
		t := &policy.Target{Arch: a, Rules: map[uint32]*policy.Node{}, Default: im.b.Leaf(fallback, im.profile.DefaultSpan)}
		p.Targets = append(p.Targets, t)
		for _, nr := range slices.Sorted(maps.Keys(m.rules[a])) {
			t.Rules[nr] = im.graph(a, nr, m.rules[a][nr], t.Default)
		}
		for _, name := range slices.Sorted(maps.Keys(m.absent[a])) {
			// libseccomp merges these, too, and fails where it can't.
			left, before, _ := effective(m.absent[a][name])
			if p := im.budget.fragment(left, before, wordsOf(a)); p != nil {
				im.report(p, a, name, "")
			}
		}
	}
	if p.Target(linux.X86_64) != nil && p.Target(linux.X32) == nil {
		p.X32 = killed
	}
	if !im.diags.HasErrors() && len(im.unsafe) == 0 {
		im.together(m)
	}
	return p, m
}

// together reports rules of different syscalls that stand in each other's way.
func (im *importer) together(m *model) {
	if a, r := m.misplaced(); r != nil {
		im.doubted[r.origin.name] = true
		im.unsafe.Errorf(r.origin.span, "unsafe-rules", "%s is no syscall on %s, and none that is has rules as simple as this one: libseccomp does not get that right", r.origin.name, a)
	}
	if one, other, found := m.entangled(); found {
		im.doubted[one.rule.origin.name], im.doubted[other.rule.origin.name] = true, true
		d := im.unsafe.Errorf(one.rule.origin.span, "unsafe-rules", "the rules for %s and those for %s end in the same test after different ones: libseccomp may not get that right", one, other)
		d.Related = append(d.Related, source.Related{Span: other.rule.origin.span, Message: "the other rule is here"})
	}
}

// arches returns the architectures that have rules, the native one first.
func (im *importer) arches() []linux.Arch {
	native := im.host.Native()
	arches := []linux.Arch{native}
	for _, named := range im.profile.Architectures {
		a, ok := oci.ParseArch(named.Name)
		switch {
		case !ok:
			d := im.diags.Errorf(named.Span, "unsupported-arch", "secco has no tables for %s, so that its rules can't be stated", named.Name)
			d.Hint = "without it in the profile its calls are killed"
			if !native.BigEndian() {
				d.Hint += "; with it libseccomp states them (--through libseccomp)"
			}
		case a.BigEndian() != native.BigEndian():
			im.diags.Errorf(named.Span, "mixed-endian", "%s has another byte order than the native %s: libseccomp refuses to have both in one filter", a, native)
		case !slices.Contains(arches, a):
			arches = append(arches, a)
		}
	}
	if slices.Contains(arches, linux.X32) && !slices.Contains(arches, linux.X86_64) {
		im.diags.Errorf(im.profile.Span, "unsupported-arch", "x32 without x86_64: what libseccomp makes of that can't be stated")
	}
	return arches
}

func (im *importer) settings() policy.Settings {
	s := policy.Settings{ListenerPath: im.profile.ListenerPath, ListenerMetadata: im.profile.ListenerMetadata}
	for _, name := range im.profile.Flags {
		flag, ok := oci.ParseFlag(name)
		if !ok {
			im.diags.Errorf(im.profile.Span, "unknown-flag", "no flag named %q", name)
			continue
		}
		s.Flags = append(s.Flags, flag)
	}
	return s
}

func (im *importer) unknown(m *model) {
	for _, from := range m.unknown {
		action, _ := oci.ParseAction(im.profile.Syscalls[from.entry].Action, im.profile.Syscalls[from.entry].ErrnoRet)
		if action.Rank() < m.fallback.Rank() {
			d := im.diags.Errorf(from.span, "unknown-syscall", "no architecture has a syscall %q: runtimes skip the name, and the call gets %s instead of %s", from.name, m.fallback, action)
			d.Hint = "known as of " + linux.TablesDate
			continue
		}
		im.diags.Warnf(from.span, "unknown-syscall", "no architecture has a syscall %q: runtimes skip the name", from.name)
	}
}

// droppedRules warns of rules that are dropped for having the default's action
// where another rule of the same syscall was to be told apart from them.
func (im *importer) droppedRules(m *model) {
	kept := map[string]bool{}
	for _, entry := range im.profile.Syscalls {
		if action, _ := oci.ParseAction(entry.Action, entry.ErrnoRet); action != m.fallback {
			for _, n := range entry.Names {
				kept[n.Name] = true
			}
		}
	}
	for _, from := range m.dropped {
		if kept[from.name] {
			im.diags.Warnf(from.span, "dropped-rule", "runtimes drop this rule for %s, whose action is the default: the other rules decide", from.name)
		}
	}
}

// maxConditions is how many conditions of an entry all runtimes read.
const maxConditions = 6

// splitRules reports entries that not all runtimes read whole, and warns of entries with several conditions on one argument, of which
// runtimes make a rule for each condition. Whoever lists values wants that; a range,
// or a condition on another argument, is nothing but lost.
func (im *importer) splitRules() {
	for _, entry := range im.profile.Syscalls {
		if len(entry.Args) > maxConditions {
			im.diags.Errorf(entry.Span, "too-many-conditions", "an entry with %d conditions: crun reads the first %d, other runtimes all", len(entry.Args), maxConditions)
			continue
		}
		if len(split(entry.Args)) < 2 {
			continue
		}
		lists := true
		for _, arg := range entry.Args {
			lists = lists && arg.Index == entry.Args[0].Index && (arg.Op == specs.OpEqualTo || arg.Op == specs.OpMaskedEqual)
		}
		if !lists {
			im.diags.Warnf(entry.Span, "split-conditions", "of several conditions on one argument runtimes make a rule for each condition here: any that holds is enough")
		}
	}
}

// wiping is an unconditional rule that takes the place of others for a name.
type wiping struct {
	name string
	by   *origin
}

// graph returns what one syscall's rules mean.
func (im *importer) graph(a linux.Arch, nr uint32, list []*rule, fallback *policy.Node) *policy.Node {
	words := wordsOf(a)
	left, before, after := effective(list)
	for _, r := range slices.Concat(before, after) {
		if w := (wiping{r.origin.name, left[0].origin}); r.action != left[0].action && !im.wiped[w] {
			im.wiped[w] = true
			d := im.diags.Warnf(r.origin.span, "wiped-rule", "an unconditional rule for %s takes the place of this one", nameOf(a, nr))
			d.Related = append(d.Related, source.Related{Span: left[0].origin.span, Message: "the unconditional rule is here"})
		}
	}
	if p := im.budget.fragment(left, before, words); p != nil {
		witness := ""
		if p.args != nil {
			witness = callText(&linux.SeccompData{Arch: a.Audit(), NR: nr, Args: *p.args})
		}
		im.report(p, a, nameOf(a, nr), witness)
	}
	n := fallback
	for _, r := range slices.Backward(left) {
		yes := im.b.Leaf(r.action, r.origin.span)
		for _, c := range slices.Backward(r.conds) {
			yes = c.node(&im.b, words, yes, n, r.origin.span)
		}
		n = yes
	}
	return n
}

// first reports whether a pair of rules is new to a set. A pair of entries is
// reported once, not for every architecture.
func first(seen map[[2]*origin]bool, r, s *rule) bool {
	key := [2]*origin{r.origin, s.origin}
	if seen[key] {
		return false
	}
	seen[key] = true
	return true
}

// report reports a problem of one syscall's rules, with a call that shows it.
func (im *importer) report(p *problem, a linux.Arch, name, witness string) {
	other := p.other
	if other == nil {
		other = p.at
	}
	if !first(im.reported, p.at, other) {
		return
	}
	to := &im.diags
	if p.code == "unsafe-rules" {
		to = &im.unsafe
		im.doubted[p.at.origin.name] = true
	}
	d := to.Errorf(p.at.origin.span, p.code, "%s on %s: %s", name, a, p.message)
	if witness != "" {
		d.Hint = "such as " + witness
	}
	if p.other != nil {
		d.Related = append(d.Related, source.Related{Span: p.other.origin.span, Message: fmt.Sprintf("the other rule is here: %s", p.other.action)})
	}
}

// nameOf returns a syscall's name, or its number where it has none.
func nameOf(a linux.Arch, nr uint32) string {
	if name, ok := a.SyscallName(nr); ok {
		return name
	}
	return fmt.Sprint(nr)
}

// callText returns a call as the policy language's tests have it.
func callText(d *linux.SeccompData) string {
	a, ok := linux.ArchOf(d.Arch, d.NR)
	if !ok {
		return fmt.Sprintf("arch %#x, number %d, arguments %#x", d.Arch, d.NR, d.Args)
	}
	text := ""
	for i, arg := range d.Args {
		if i > 0 {
			text += ", "
		}
		text += fmt.Sprintf("%#x", arg)
	}
	return fmt.Sprintf("%s %s(%s)", a, nameOf(a, d.NR), text)
}
