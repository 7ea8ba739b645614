package convert

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"secco/compiler/decompile"
	"secco/lang"
	"secco/linux"
	"secco/oci"
	"secco/policy"
	"secco/policy/worktime"
	"secco/source"
)

// SeccoOptions say what of a profile's guards is evaluated by [ToSecco].
type SeccoOptions struct {
	// Arches are the machines that the text is for, each with what archMap adds to
	// it; none stands for x86_64. With several ARCHES names those of the first, and
	// a caller who states those of another gets its rules.
	Arches []linux.Arch
	// Caps are the capabilities; nil keeps the guards on them as "when".
	Caps []string
	// Kernel is the version; zero keeps the guards on it as "when".
	Kernel oci.Kernel
	// Header is a comment to begin with.
	Header string
	// Runtime is what the profile is handed to.
	Runtime oci.Runtime
	// WithoutLibseccomp is that of Options.
	WithoutLibseccomp bool
}

// An UndecidedError says why it could not be proved, within bounds, that a text
// means what it was made of.
type UndecidedError struct{ Reason string }

func (e *UndecidedError) Error() string {
	return "the policy could not be proved to mean the same: " + e.Reason
}

// ToSecco returns a profile as a policy in secco's language, with its guards on
// capabilities and kernels as "when" and its comments. It is proved to mean what
// FromOCI makes of the profile: for each machine, and for each syscall there under
// every combination of the guards that its rules depend on. Since no rule depends
// on other guards, that is so for all combinations; but rules of several syscalls
// may make a profile that FromOCI refuses, and where guards do that which were not
// tried together, the text has the rules all the same.
//
// The error is source.Diagnostics where the profile can't be read, under some of
// its guards at least, a *decompile.UnsayableError where the language has no words
// for it, a *decompile.LimitError where it takes too many, or an *UndecidedError, for
// too many combinations of guards, too.
func ToSecco(profile *oci.Profile, opts SeccoOptions) (string, source.Diagnostics, error) {
	w := &seccoWriter{profile: profile, opts: opts, start: worktime.Now(), seen: map[string]bool{}}
	if len(w.opts.Arches) == 0 {
		w.opts.Arches = []linux.Arch{linux.X86_64}
	}
	w.findGuards()
	if err := w.unstubbed(); err != nil {
		return "", w.diags, err
	}
	machines, err := w.policies(nil)
	if err != nil {
		return "", w.diags, err
	}
	plain := together(machines)
	w.arches = archesOf(plain)
	text := decompile.TextOptions{Header: opts.Header, Comment: w.comments()}
	if len(machines) > 1 {
		for _, p := range machines {
			text.Machines = append(text.Machines, archesOf(p))
		}
	}
	if len(w.conditions()) > 0 {
		text.Guards = &decompile.Guards{Conditions: w.conditions(), On: w.on, Possible: w.possible, Policy: w.merged}
	}
	out, err := decompile.Text(plain, text)
	if err == nil {
		out, err = lang.Canonical(out)
	}
	if err == nil {
		err = w.prove(out)
	}
	if err != nil {
		return "", w.diags, err
	}
	return out, w.diags, nil
}

// What a profile may take, so that nobody waits for long: what depends on guards
// doubles with each.
const (
	maxCombinations = 4096 // of guards, for which a profile is resolved to be written
	maxHosts        = 1024 // for which a text is proved
	maxGuardTime    = 20 * time.Second
)

// seccoWriter turns one profile to a policy's text.
type seccoWriter struct {
	profile *oci.Profile
	opts    SeccoOptions
	arches  []linux.Arch // of all machines
	caps    []string     // that guards are kept about, sorted
	kernels []oci.Kernel // likewise, in order
	diags   source.Diagnostics
	seen    map[string]bool // findings that were told

	combinations int // that were resolved
	start        worktime.Moment
}

// oldest is a kernel that is older than any that a guard can tell from it.
var oldest = oci.Kernel{Minor: 1}

// findGuards finds the guards that are to be kept.
func (w *seccoWriter) findGuards() {
	for _, s := range w.profile.Syscalls {
		for _, g := range []*oci.Guard{s.Includes, s.Excludes} {
			if g == nil {
				continue
			}
			if w.opts.Caps == nil {
				w.caps = append(w.caps, g.Caps...)
			}
			if g.MinKernel != nil && w.opts.Kernel == (oci.Kernel{}) && oldest.Less(*g.MinKernel) {
				w.kernels = append(w.kernels, *g.MinKernel)
			}
		}
	}
	slices.Sort(w.caps)
	w.caps = slices.Compact(w.caps)
	slices.SortFunc(w.kernels, func(a, b oci.Kernel) int {
		return cmp.Or(cmp.Compare(a.Major, b.Major), cmp.Compare(a.Minor, b.Minor))
	})
	w.kernels = slices.Compact(w.kernels)
}

// conditions returns the guards in the language's words: first those on
// capabilities.
func (w *seccoWriter) conditions() (list []string) {
	for _, c := range w.caps {
		list = append(list, "cap("+c+")")
	}
	for _, k := range w.kernels {
		list = append(list, "kernel >= "+k.String())
	}
	return list
}

// unstubbed returns an error where the runtime answers the calls itself that are
// newer than those that the profile names: which it names depends on the guards.
func (w *seccoWriter) unstubbed() error {
	if len(w.conditions()) == 0 {
		return nil
	}
	fallback, err := oci.ParseAction(w.profile.DefaultAction, w.profile.DefaultErrnoRet)
	if err != nil {
		return nil //nolint:nilerr // FromOCI says it, with its place
	}
	for _, machine := range w.opts.Arches {
		host := w.host(machine, nil)
		resolved, _ := w.profile.Resolve(host) // what it finds is said by FromOCI, too
		if on := stubs(resolved, host, fallback); len(on) > 0 {
			return &decompile.UnsayableError{
				Where: fmt.Sprintf("%v syscalls without a rule", on[0]),
				What:  fmt.Sprintf("%s returns ENOSYS for those above the largest that the profile names, which depends on its guards", w.opts.Runtime),
			}
		}
	}
	return nil
}

// on returns the guards that a syscall's rule depends on. Names are one where their
// numbers are, and behind a multiplexer are the rules of what it multiplexes.
func (w *seccoWriter) on(name string) (list []int) {
	means := func(n oci.Name) bool {
		if multiplexed[n.Name].by == name {
			return true
		}
		return slices.ContainsFunc(w.arches, func(a linux.Arch) bool {
			nr, ok := a.Number(name)
			named, known := a.Syscall(n.Name)
			return ok && known && nr == named
		})
	}
	for _, s := range w.profile.Syscalls {
		if !slices.ContainsFunc(s.Names, means) {
			continue
		}
		for _, g := range []*oci.Guard{s.Includes, s.Excludes} {
			if g == nil {
				continue
			}
			for i, c := range w.caps {
				if slices.Contains(g.Caps, c) {
					list = append(list, i)
				}
			}
			for i, k := range w.kernels {
				if g.MinKernel != nil && *g.MinKernel == k {
					list = append(list, len(w.caps)+i)
				}
			}
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// possible reports whether there is a kernel that reaches, of the versions that are
// among some guards, those that are to hold and no others.
func (w *seccoWriter) possible(on, holds []int) bool {
	reached := true
	for _, i := range on {
		if i < len(w.caps) {
			continue
		}
		held := slices.Contains(holds, i)
		if held && !reached {
			return false
		}
		reached = held
	}
	return true
}

// host returns the machine and process where these guards hold, of the others none
// but what the newest kernel among them reaches.
func (w *seccoWriter) host(machine linux.Arch, holds []int) oci.Host {
	h := oci.Host{Arch: machine, Caps: w.opts.Caps, Kernel: w.opts.Kernel, Runtime: w.opts.Runtime}
	if h.Caps == nil {
		h.Caps = []string{}
	}
	if len(w.kernels) > 0 {
		h.Kernel = oldest
	}
	for _, i := range holds {
		if i < len(w.caps) {
			h.Caps = append(h.Caps, w.caps[i])
		} else {
			h.Kernel = w.kernels[i-len(w.caps)]
		}
	}
	return h
}

// merged returns what the profile means where these guards hold, on all machines.
func (w *seccoWriter) merged(holds []int) (*policy.Policy, error) {
	all, err := w.policies(holds)
	if err != nil {
		return nil, err
	}
	return together(all), nil
}

// together returns a policy that has the targets of several.
func together(all []*policy.Policy) *policy.Policy {
	out := *all[0]
	for _, p := range all[1:] {
		for _, t := range p.Targets {
			if out.Target(t.Arch) == nil {
				out.Targets = append(slices.Clip(out.Targets), t)
			}
		}
	}
	return &out
}

// archesOf returns the architectures that a policy has rules for.
func archesOf(p *policy.Policy) (list []linux.Arch) {
	for _, t := range p.Targets {
		list = append(list, t.Arch)
	}
	return list
}

// policies returns what the profile means where these guards hold, for each
// machine.
func (w *seccoWriter) policies(holds []int) ([]*policy.Policy, error) {
	if w.combinations++; w.combinations > maxCombinations {
		return nil, tooManyCombinations()
	}
	var list []*policy.Policy
	for _, machine := range w.opts.Arches {
		p, err := w.meaning(w.host(machine, holds))
		if err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	return list, nil
}

func tooManyCombinations() error { return &UndecidedError{"its guards make too many combinations"} }

// meaning returns what the profile means on a host.
func (w *seccoWriter) meaning(host oci.Host) (*policy.Policy, error) {
	if worktime.Since(w.start) > maxGuardTime {
		return nil, &UndecidedError{fmt.Sprintf("the combinations of its guards take more than %s", maxGuardTime)}
	}
	p, diags := FromOCI(w.profile, Options{Host: host, WithoutLibseccomp: w.opts.WithoutLibseccomp})
	for _, d := range diags {
		if text := d.Error(); !w.seen[text] {
			w.seen[text] = true
			w.diags = append(w.diags, d)
		}
	}
	if p == nil {
		return nil, w.diags
	}
	return p.SplitX32(), nil
}

// comments returns the comments of entries by the places of their names.
func (w *seccoWriter) comments() func(source.Span) []string {
	at := map[source.Span][]string{}
	for _, s := range w.profile.Syscalls {
		for _, n := range s.Names {
			if s.Comment != "" {
				at[n.Span] = []string{s.Comment}
			}
		}
	}
	return func(s source.Span) []string { return at[s] }
}
