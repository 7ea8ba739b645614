package convert

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"secco/linux"
	"secco/oci"
	"secco/policy"
	"secco/policy/diagram"
	"secco/source"
)

// ToOCI returns the profile that means exactly what the policy does, on every
// call and architecture, when runc or crun hand it to libseccomp. The error is a
// [*LossError] where there is none. Where Options.Host has a runtime, it means so
// with what that answers itself.
//
// Each syscall's graph becomes a diagram, and that rules of the first of these
// kinds that it fits, so that libseccomp is only given sets of rules that it gets
// right (see the essay in fragment.go): one rule alone; ranges of one argument;
// sums of products, that is, masked comparisons. What was made is then read back
// as [FromOCI] reads any profile, and compared with the policy as diagrams; and
// with the programs that the libseccomp that is built in makes of it, but for
// syscalls that it is too old to know and that its default action is strict
// enough for: [libseccomp.Known] lists those.
//
// Settings.NoNewPrivs is not part of a profile.
func ToOCI(p *policy.Policy, opts Options) (*specs.LinuxSeccomp, error) {
	e := &exporter{policy: p, opts: opts}
	profile := e.profile()
	if len(e.losses) > 0 {
		return nil, &LossError{Form: "an OCI profile", Losses: e.losses}
	}
	return profile, nil
}

// Bounds on what is emitted for one profile.
const (
	maxCubes        = 400  // rules for one syscall
	maxInstructions = 3500 // estimated, of the program that libseccomp builds
	maxComplex      = 8    // syscalls that can't be analysed, before the rest is left alone
)

const (
	helpTooMany = "use the program itself, which says it exactly: raw BPF, or the hook; or name the opposite with the default inverted"
	helpPerArch = "convert for one architecture at a time"
)

type exporter struct {
	policy   *policy.Policy
	opts     Options
	native   linux.Arch
	targets  []*policy.Target
	fallback linux.Action
	losses   []Loss
	complex  int // losses that took all the work that one syscall may take
	left     map[linux.Arch]cut
}

func (e *exporter) lose(l Loss) { e.losses = append(e.losses, l) }

func (e *exporter) profile() *specs.LinuxSeccomp {
	if !e.choose() {
		return nil
	}
	e.others()
	if !e.chooseDefault() {
		return nil
	}
	out := &specs.LinuxSeccomp{
		ListenerPath:     e.policy.Settings.ListenerPath,
		ListenerMetadata: e.policy.Settings.ListenerMetadata,
	}
	var ok bool
	if out.DefaultAction, out.DefaultErrnoRet, ok = oci.ActionName(e.fallback); !ok {
		e.lose(Loss{Reason: fmt.Sprintf("no profile says the default action %s", e.fallback), Help: "trap carries no data in a profile"})
		return nil
	}
	if e.fallback.Kind() == linux.Notify {
		e.lose(Loss{Reason: "runtimes refuse user notification as the default action, which their own start-up would wait for"})
	}
	for _, a := range e.leave() {
		out.Architectures = append(out.Architectures, oci.ArchName(a))
	}
	for _, flag := range e.policy.Settings.Flags {
		out.Flags = append(out.Flags, oci.FlagName(flag))
	}
	out.Syscalls = e.cutEntries()
	if len(e.losses) > 0 {
		return nil
	}
	e.check(out)
	return out
}

// choose settles the architectures.
func (e *exporter) choose() bool {
	e.unlistX32()
	e.targets = e.policy.Targets
	if e.opts.Arch != 0 {
		t := e.policy.Target(e.opts.Arch)
		if t == nil {
			e.lose(Loss{Arch: e.opts.Arch, Reason: "the policy has no rules for this architecture"})
			return false
		}
		e.targets = []*policy.Target{t}
	}
	if len(e.targets) == 0 {
		e.lose(Loss{Reason: "the policy has no architecture"})
		return false
	}
	e.native = e.opts.Host.Arch
	if e.native == 0 {
		e.native = nativeOf(e.targets)
	}
	has := func(a linux.Arch) bool {
		return slices.ContainsFunc(e.targets, func(t *policy.Target) bool { return t.Arch == a })
	}
	if !has(e.native) {
		e.lose(Loss{
			Arch:   e.native,
			Reason: "runtimes always add the rules for their native architecture, for which the policy has none",
			Help:   fmt.Sprintf("make %s a target, or say which architecture is the native one", e.native),
		})
	}
	for _, t := range e.targets {
		if t.Arch.BigEndian() != e.native.BigEndian() {
			e.lose(Loss{Arch: t.Arch, Reason: fmt.Sprintf("libseccomp refuses two byte orders in one filter, and %s has the other", e.native), Help: helpPerArch})
		}
	}
	return len(e.losses) == 0
}

// Native returns the architecture of the machine that a policy's profile is
// probably for: the first of 64 bits, or else the one that runs the 32-bit ones
// today.
func Native(p *policy.Policy) linux.Arch { return nativeOf(p.Targets) }

func nativeOf(targets []*policy.Target) linux.Arch {
	for _, t := range targets {
		if t.Arch.Bits() == 64 && t.Arch != linux.X32 {
			return t.Arch
		}
	}
	if len(targets) > 0 && targets[0].Arch == linux.ARM {
		return linux.ARM64
	}
	return linux.X86_64
}

// others checks what happens to the calls of all other architectures, which no
// profile can change.
func (e *exporter) others() {
	if l, ok := onlyKills(e.policy.BadArch); !ok {
		e.lose(Loss{
			Span:   l.Span,
			Reason: fmt.Sprintf("under every runtime calls of other architectures get kill_thread, not %s", l.Action),
			Help:   "DEFAULT_BADARCH = kill_thread",
		})
	}
	hasX32 := slices.ContainsFunc(e.targets, func(t *policy.Target) bool { return t.Arch == linux.X32 })
	if e.policy.X32 == nil || hasX32 || e.policy.Target(linux.X32) != nil {
		return
	}
	if l, ok := onlyKills(e.policy.X32); !ok && !(e.stubs() && isENOSYS(e.native, l.Action)) {
		e.lose(Loss{
			Arch: linux.X32, Span: l.Span,
			Reason: fmt.Sprintf("under every runtime x32 calls get kill_thread where x32 is not listed, not %s", l.Action),
			Help:   "DEFAULT_X32 = kill_thread, or make x32 a target",
		})
	}
}

// stubs reports whether the runtime answers numbers above those that a profile
// names, on some architecture and with some default.
func (e *exporter) stubs() bool {
	return len(e.opts.Host.Runtime.Stubs(linux.KillProcess, []linux.Arch{e.native}, e.native)) > 0
}

func isENOSYS(native linux.Arch, a linux.Action) bool {
	n, _ := native.Constant("ENOSYS")
	return a.Effect() == linux.Errno.With(uint16(n))
}

// onlyKills reports whether a graph ends in kill_thread alone, and if not where.
func onlyKills(root *policy.Node) (other *policy.Node, ok bool) {
	ok = true
	policy.Walk(func(n *policy.Node) {
		if ok && n.IsLeaf() && n.Action.Effect() != linux.KillThread {
			other, ok = n, false
		}
	}, root)
	return other, ok
}

// chooseDefault finds the one action of all numbers that no profile can name,
// for they have no name.
func (e *exporter) chooseDefault() bool {
	help := "a profile names syscalls; all other numbers get one action"
	if !e.stubs() {
		help += ", but where runc answers the newest with ENOSYS: say --runtime runc for that"
	}
	var first *policy.Target
	for _, t := range e.targets {
		action, where, err := e.unnamed(t)
		switch {
		case err != nil:
			e.lose(Loss{Arch: t.Arch, Span: where.Span, Reason: err.Error(), Help: help})
			return false
		case first == nil, e.maybeAnswered(e.fallback):
			first, e.fallback = t, action
		case action != e.fallback && !e.maybeAnswered(action):
			e.lose(Loss{
				Arch: t.Arch, Span: where.Span,
				Reason: fmt.Sprintf("the default action is %s here and %s on %s, but a profile has one for all", action, e.fallback, first.Arch),
				Help:   helpPerArch,
			})
			return false
		}
	}
	return true
}

// maybeAnswered reports whether an action is what the runtime answers itself. What
// it does answer is compared in the end.
func (e *exporter) maybeAnswered(a linux.Action) bool { return e.stubs() && isENOSYS(e.native, a) }

// unnamed returns what the numbers get that are no syscall of the architecture,
// and a node that says so; where the runtime answers some of them, what the others
// get.
func (e *exporter) unnamed(t *policy.Target) (action linux.Action, where *policy.Node, err error) {
	for i, r := range nameless(t) {
		root := t.Root(r.Lo)
		at := root.Leaf(&linux.SeccompData{Arch: t.Arch.Audit(), NR: r.Lo})
		other, err := constant(root, t.Arch, r)
		switch _, single := t.Rules[r.Lo]; {
		case err == nil && (i == 0 || e.maybeAnswered(action)):
			action, where = other, at
		case err == nil && (other == action || e.maybeAnswered(other)):
		case single:
			return 0, at, fmt.Errorf("number %#x has a rule, but no name", r.Lo)
		case err != nil:
			return 0, at, err
		default:
			return 0, at, fmt.Errorf("the numbers from %#x to %#x get %s, others without a name get %s", r.Lo, r.Hi, other, action)
		}
	}
	return action, where, nil
}

// nameless returns the numbers that are no syscall of a target's architecture: those
// that have a rule all the same, and ranges of the others.
func nameless(t *policy.Target) (list []diagram.Range) {
	cuts := map[uint32]bool{}
	for nr := range t.Rules {
		diagram.One(nr).Cut(cuts)
	}
	for _, r := range gaps(t.Arch) {
		list = append(list, diagram.Ranges(r, cuts)...)
	}
	return list
}

// entries returns the profile's rules: for each name what its graphs need.
func (e *exporter) entries() []specs.LinuxSyscall {
	names := e.names()
	made := map[string][]specs.LinuxSyscall{}
	total := 0
	var multiplexers []string
	for _, name := range names {
		if e.complex >= maxComplex {
			e.lose(Loss{Reason: "too many rules are too complex to be analysed; the others were not looked at", Help: helpTooMany, Undecided: true})
			return nil
		}
		if name == "socketcall" || name == "ipc" {
			multiplexers = append(multiplexers, name)
			continue
		}
		made[name] = e.syscall(name, nil)
		total += e.estimate(name, made[name])
	}
	for _, name := range multiplexers {
		made[name] = e.syscall(name, grouped(made))
		total += e.estimate(name, made[name])
	}
	if total > maxInstructions && len(e.losses) == 0 {
		e.lose(e.largest(made, total))
	}
	entries := grouped(made)
	if !e.opts.ask() { // else it is asked when the profile is read back
		e.together(entries)
	}
	return entries
}

// together checks that rules of different syscalls don't stand in each other's
// way.
func (e *exporter) together(entries []specs.LinuxSyscall) {
	var arches []linux.Arch
	for _, t := range e.targets {
		arches = append(arches, t.Arch)
	}
	m := newModel(oci.FromSpec(&specs.LinuxSeccomp{Syscalls: entries}), e.fallback, arches)
	if a, r := m.misplaced(); r != nil {
		e.lose(Loss{
			Arch: a, Syscall: r.origin.name, Span: e.span(r.origin.name), Help: helpPerArch,
			Reason: "the syscall does not exist here, and none that does has rules as simple as its are: libseccomp does not get that right",
		})
	}
	if one, other, found := m.entangled(); found {
		name := one.rule.origin.name
		l := Loss{
			Arch: one.arch, Syscall: name, Span: e.span(name), Help: helpTooMany,
			Reason: fmt.Sprintf("its rules and those for %s end in the same test after different ones: libseccomp may not get that right", other),
		}
		if len(arches) > 1 {
			l.Help = helpPerArch
		}
		e.lose(l)
	}
}

// span returns the place of a syscall's rule.
func (e *exporter) span(name string) source.Span {
	for _, t := range e.targets {
		if nr, ok := t.Arch.Syscall(name); ok {
			return t.Root(nr).Span
		}
	}
	return source.Span{}
}

// names returns the syscalls that a target has, sorted, but for the newest ones
// that are left to the runtime: were they named it would not answer them.
func (e *exporter) names() []string {
	all := map[string]bool{}
	for _, t := range e.targets {
		for _, s := range t.Arch.Syscalls() {
			if e.says(t.Arch, s.NR) {
				all[s.Name] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// syscall returns the entries for one name. others are those of all other
// names, where they matter: they may say something about a multiplexer.
func (e *exporter) syscall(name string, others []specs.LinuxSyscall) []specs.LinuxSyscall {
	var behaviours []*behaviour
	for _, t := range e.targets {
		nr, ok := t.Arch.Syscall(name)
		if !ok || !e.says(t.Arch, nr) {
			continue
		}
		b, err := e.behaviour(t, nr, name)
		if err != nil {
			e.lose(*err)
			return nil
		}
		behaviours = append(behaviours, b)
	}
	if len(others) > 0 && e.differs(name, others, behaviours) == nil {
		return nil // the rules for what it multiplexes say it all
	}
	// Rules made for one architecture are tried on all: 64-bit ones first, whose
	// rules say more.
	slices.SortStableFunc(behaviours, func(a, b *behaviour) int { return -cmp.Compare(a.words, b.words) })
	var failed *Loss
	for _, b := range behaviours {
		entries, loss := b.rules(name, e.fallback)
		if loss == nil {
			if loss = e.differs(name, inOrder(name, entries, others), behaviours); loss == nil {
				return entries
			}
		}
		if failed == nil {
			failed = loss
		}
	}
	if failed != nil {
		e.lose(*failed)
	}
	return nil
}

// inOrder returns the entries of a name, which they get, among those of others as
// grouped orders them: they stand first where they have no conditions.
func inOrder(name string, entries, others []specs.LinuxSyscall) []specs.LinuxSyscall {
	entries = named(name, entries)
	if len(entries) > 0 && len(entries[0].Args) == 0 {
		return slices.Concat(entries, others)
	}
	return slices.Concat(others, entries)
}

// grouped returns entries in their final order: names with the same rules share
// entries; those without conditions come first.
func grouped(made map[string][]specs.LinuxSyscall) []specs.LinuxSyscall {
	byRules := map[string][]string{}
	for name, entries := range made {
		if len(entries) > 0 {
			key := rulesKey(entries)
			byRules[key] = append(byRules[key], name)
		}
	}
	var groups [][]specs.LinuxSyscall
	for _, names := range byRules {
		slices.Sort(names)
		group := slices.Clone(made[names[0]])
		for i := range group {
			group[i].Names = names
		}
		groups = append(groups, group)
	}
	slices.SortFunc(groups, func(a, b []specs.LinuxSyscall) int {
		plain := func(g []specs.LinuxSyscall) int { return min(len(g[0].Args), 1) }
		return cmp.Or(cmp.Compare(plain(a), plain(b)), slices.Compare(a[0].Names, b[0].Names))
	})
	return slices.Concat(groups...)
}

// rulesKey returns the same text for the same rules.
func rulesKey(entries []specs.LinuxSyscall) string {
	var b strings.Builder
	for _, s := range entries {
		data := uint(0)
		if s.ErrnoRet != nil {
			data = *s.ErrnoRet + 1
		}
		fmt.Fprintf(&b, "%s %d %v;", s.Action, data, s.Args)
	}
	return b.String()
}

// estimate returns how many instructions libseccomp will need for the rules of
// one name on all architectures: two comparisons and what loads and masks their
// words for each condition, one on 32 bits.
func (e *exporter) estimate(name string, entries []specs.LinuxSyscall) (n int) {
	for _, t := range e.targets {
		if _, ok := t.Arch.Syscall(name); !ok {
			continue
		}
		n += min(len(entries), 1)
		words := wordsOf(t.Arch)
		for _, s := range entries {
			n++
			for _, arg := range s.Args {
				n += instructions(newCondition(arg, words), words)
			}
		}
	}
	return n
}

func instructions(c condition, words uint64) (n int) {
	for w := words; w != 0; w >>= 32 {
		switch mask := uint32(c.mask); mask {
		case 0: // still tested, but loads and jumps are shared by then
			n++
		case 0xffffffff:
			n += 2
		default:
			n += 3
		}
		c.mask >>= 32
	}
	return n
}

// largest returns the loss of a program that would grow too long.
func (e *exporter) largest(made map[string][]specs.LinuxSyscall, total int) Loss {
	worst, size := "", 0
	for _, name := range slices.Sorted(maps.Keys(made)) {
		if n := e.estimate(name, made[name]); n > size {
			worst, size = name, n
		}
	}
	return Loss{
		Syscall: worst, Span: e.span(worst), Count: uint64(len(made[worst])),
		Reason: fmt.Sprintf("libseccomp's program would take about %d instructions, and 4096 is the limit; the %d rules for this syscall take the most", total, len(made[worst])),
		Help:   helpTooMany,
	}
}
