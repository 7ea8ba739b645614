package convert

import (
	"fmt"
	"slices"
	"strings"

	"secco/compiler/decompile"
	"secco/lang"
	"secco/linux"
	"secco/oci"
	"secco/policy"
	"secco/policy/prove"
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
// capabilities and kernels as "when" and its comments. It is proved, for each
// machine and for each combination of guards that the rules of some syscall depend
// on, to mean what FromOCI makes of the profile. Since no rule depends on other
// guards, that is so for all combinations.
//
// The error is source.Diagnostics where the profile can't be read, a
// *decompile.UnsayableError where the language has no words for it, a
// *decompile.LimitError where it takes too many, or an *UndecidedError.
func ToSecco(profile *oci.Profile, opts SeccoOptions) (string, source.Diagnostics, error) {
	w := &seccoWriter{profile: profile, opts: opts, seen: map[string]bool{}, done: map[string][]*policy.Policy{}}
	if len(w.opts.Arches) == 0 {
		w.opts.Arches = []linux.Arch{linux.X86_64}
	}
	w.findGuards()
	plain, err := w.merged(nil)
	if err != nil {
		return "", w.diags, err
	}
	text := decompile.TextOptions{Header: opts.Header, Comment: w.comments()}
	if len(w.opts.Arches) > 1 {
		for _, p := range w.done[fmt.Sprint([]int(nil))] {
			var machine []linux.Arch
			for _, t := range p.Targets {
				machine = append(machine, t.Arch)
			}
			text.Machines = append(text.Machines, machine)
		}
	}
	if len(w.conditions()) > 0 {
		text.Guards = &decompile.Guards{Conditions: w.conditions(), On: w.on, Possible: w.possible, Policy: w.merged}
	}
	out, err := decompile.Text(plain, text)
	if err != nil {
		return "", w.diags, err
	}
	return out, w.diags, w.prove(out)
}

// seccoWriter turns one profile to a policy's text.
type seccoWriter struct {
	profile *oci.Profile
	opts    SeccoOptions
	caps    []string     // that guards are kept about, sorted
	kernels []oci.Kernel // likewise, in order
	diags   source.Diagnostics
	seen    map[string]bool             // findings that were told
	done    map[string][]*policy.Policy // for each machine, by the guards that hold
	held    [][]int                     // the keys of done
}

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
			if g.MinKernel != nil && w.opts.Kernel == (oci.Kernel{}) {
				w.kernels = append(w.kernels, *g.MinKernel)
			}
		}
	}
	slices.Sort(w.caps)
	w.caps = slices.Compact(w.caps)
	slices.SortFunc(w.kernels, func(a, b oci.Kernel) int { return a.Major<<16 + a.Minor - b.Major<<16 - b.Minor })
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

// on returns the guards that a syscall's rule depends on. Behind a multiplexer
// are the rules of what it multiplexes.
func (w *seccoWriter) on(name string) (list []int) {
	for _, s := range w.profile.Syscalls {
		if !slices.ContainsFunc(s.Names, func(n oci.Name) bool { return n.Name == name || multiplexed[n.Name].by == name }) {
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

// possible reports whether a kernel that reaches these versions reaches no others.
func (w *seccoWriter) possible(holds []int) bool {
	last := -1
	for _, i := range holds {
		last = max(last, i)
	}
	for i := len(w.caps); i < last; i++ {
		if !slices.Contains(holds, i) {
			return false
		}
	}
	return true
}

// host returns the machine and process where these guards hold and no others.
func (w *seccoWriter) host(machine linux.Arch, holds []int) oci.Host {
	h := oci.Host{Arch: machine, Caps: w.opts.Caps, Kernel: w.opts.Kernel}
	if h.Caps == nil {
		h.Caps = []string{}
	}
	if len(w.kernels) > 0 {
		h.Kernel = oci.Kernel{Minor: 1} // older than all
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
	out := *all[0]
	for _, p := range all[1:] {
		for _, t := range p.Targets {
			if out.Target(t.Arch) == nil {
				out.Targets = append(slices.Clip(out.Targets), t)
			}
		}
	}
	return &out, nil
}

// policies returns what the profile means where these guards hold, for each
// machine.
func (w *seccoWriter) policies(holds []int) ([]*policy.Policy, error) {
	key := fmt.Sprint(holds)
	if have, ok := w.done[key]; ok {
		return have, nil
	}
	var list []*policy.Policy
	for _, machine := range w.opts.Arches {
		p, diags := FromOCI(w.profile, Options{Host: w.host(machine, holds), WithoutLibseccomp: w.opts.WithoutLibseccomp})
		for _, d := range diags {
			if text := d.Error(); !w.seen[text] {
				w.seen[text] = true
				w.diags = append(w.diags, d)
			}
		}
		if p == nil {
			return nil, w.diags
		}
		list = append(list, p)
	}
	w.done[key] = list
	w.held = append(w.held, holds)
	return list, nil
}

// comments returns the comments of entries by the places of their names.
func (w *seccoWriter) comments() func(source.Span) string {
	at := map[source.Span]string{}
	for _, s := range w.profile.Syscalls {
		for _, n := range s.Names {
			at[n.Span] = s.Comment
		}
	}
	return func(s source.Span) string { return at[s] }
}

// prove proves that a text means what the profile does under every combination of
// guards that was looked at.
func (w *seccoWriter) prove(text string) error {
	for _, holds := range w.held {
		policies := w.done[fmt.Sprint(holds)]
		for i, want := range policies {
			if err := w.proveOne(text, want, w.host(w.opts.Arches[i], holds)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *seccoWriter) proveOne(text string, want *policy.Policy, host oci.Host) error {
	opts := lang.Options{Capabilities: host.Caps}
	if host.Kernel != (oci.Kernel{}) {
		opts.Kernel = host.Kernel.String()
	}
	for _, t := range want.Targets {
		opts.Targets = append(opts.Targets, t.Arch)
	}
	got, diags := lang.Load([]*source.File{source.NewFile("<converted>", text)}, opts)
	if got == nil {
		return fmt.Errorf("a fault in secco itself: the policy made of a profile can't be read: %w", diags)
	}
	res, err := prove.Equivalent(prove.Policy(want), prove.Policy(got), prove.Options{})
	if err != nil {
		return err
	}
	switch res.Verdict {
	case prove.Equal:
		return nil
	case prove.Different:
		return fmt.Errorf("a fault in secco itself: on %s with capabilities %s: for %s the profile returns %s, the policy made of it %s",
			host.Native(), strings.Join(host.Caps, ","), prove.CallString(&res.Witness.Call), res.Witness.A, res.Witness.B)
	}
	return &UndecidedError{res.Reason}
}
