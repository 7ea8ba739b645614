// Package crosscheck holds a policy, the program that secco compiles from it and
// the program that libseccomp builds from its OCI profile against each other.
//
// All three are run on many calls and then compared by proof, for every call.
// libseccomp is an independent reading of the profile: what it builds is what
// container runtimes load.
package crosscheck

import (
	"context"
	"fmt"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"

	"secco/bpf"
	"secco/compiler"
	"secco/convert"
	"secco/convert/libseccomp"
	"secco/emulator"
	"secco/linux"
	"secco/oci"
	"secco/policy"
	"secco/policy/prove"
	"secco/source"
)

// Report is what a cross-check found. The policy holds up where Err is nil.
type Report struct {
	Version    string              // libseccomp's
	Profile    *specs.LinuxSeccomp // what libseccomp was given
	Program    bpf.Program         // the compiler's
	Libseccomp bpf.Program         // libseccomp's, for Profile
	other      bpf.Program         // with or without a binary tree over numbers, as runc wouldn't have it
	Calls      int                 // how many calls were run through all three
	// Proved says whether each program was proved equal for all calls; where a
	// proof was undecided Undecided says why.
	Proved    bool
	Undecided string
	// Unknown are the syscalls that this libseccomp is too old to know: runtimes
	// skip their names and the calls get the default action. Everything else was
	// compared with that taken into account.
	Unknown []libseccomp.Unknown
	// Differences are the first calls that were treated differently; Different
	// is how many there were.
	Differences []Difference
	Different   int
}

// Difference is a call that is not treated as the policy says.
type Difference struct {
	Call    linux.SeccompData
	Policy  linux.Action // the policy's
	Program linux.Action // the compiler's program's
	Profile linux.Action // what is expected of the profile
	Library linux.Action // libseccomp's program's
	Span    source.Span  // the rule that decides in the policy
}

// String returns the difference on one line.
func (d Difference) String() string {
	return fmt.Sprintf("%s: %s in the policy (%s), %s in the program, %s in libseccomp's", prove.CallString(&d.Call), d.Policy, d.Span, d.Program, d.Library)
}

// maxDifferences is how many differences a report holds.
const maxDifferences = 10

// Err returns an error where something is wrong.
func (r *Report) Err() error {
	if r.Different > 0 {
		return fmt.Errorf("%d of %d calls are treated differently, such as %s", r.Different, r.Calls, r.Differences[0])
	}
	for _, u := range r.Unknown {
		if u.Opened {
			return fmt.Errorf("%s: libseccomp %s does not know %s, so that the profile leaves it at the default action", u.Span, r.Version, u.Name)
		}
	}
	return nil
}

// Verify checks a policy. It returns a [*convert.LossError] where the policy has
// no profile, and [libseccomp.ErrNotBuilt] where there is nothing to check with.
// What the comparison found is in the report and no error.
func Verify(ctx context.Context, p *policy.Policy, opts convert.Options) (*Report, error) {
	profile, err := convert.ToOCI(p, opts)
	if err != nil {
		return nil, err
	}
	return check(ctx, p, profile, opts)
}

// VerifyProfile checks the policy that a profile is read as: its program against
// what libseccomp builds from the profile itself. It returns source.Diagnostics
// where [convert.FromOCI] has errors.
func VerifyProfile(ctx context.Context, profile *oci.Profile, opts convert.Options) (*Report, error) {
	p, diags := convert.FromOCI(profile, opts)
	if p == nil {
		return nil, diags
	}
	resolved, diags := profile.Resolve(opts.Host)
	if err := diags.Err(); err != nil {
		return nil, err
	}
	return check(ctx, p, resolved.Spec(), opts)
}

func check(ctx context.Context, p *policy.Policy, profile *specs.LinuxSeccomp, opts convert.Options) (*Report, error) {
	version, err := libseccomp.Version()
	if err != nil {
		return nil, err
	}
	out, err := compiler.Compile(p, compiler.Options{})
	if err != nil {
		return nil, err
	}
	r := &Report{Version: version, Profile: profile, Program: out.Program}
	native := opts.Host.Arch
	if native == 0 {
		native = convert.Native(p)
	}
	for _, tree := range []*bool{nil, new(false), new(true)} {
		built, err := libseccomp.BuildContext(ctx, profile, libseccomp.Options{Tree: tree, Native: native})
		if err != nil {
			return nil, fmt.Errorf("libseccomp %s: %w", version, err)
		}
		if tree == nil {
			r.Libseccomp = built
		} else if !slices.Equal(built, r.Libseccomp) {
			r.other = built
		}
	}
	if err := r.checkTables(p, opts); err != nil {
		return nil, err
	}
	expected, err := r.expected(p, opts)
	if err != nil {
		return nil, err
	}
	if err := r.run(p, expected); err != nil {
		return nil, err
	}
	if err := r.prove(p, expected); err != nil {
		return nil, err
	}
	return r, nil
}

// TableError says that libseccomp knows a syscall which secco's tables lack, so
// that a rule made for other architectures takes hold there, too.
type TableError struct {
	Version string
	Arch    linux.Arch
	Name    string
}

func (e *TableError) Error() string {
	return fmt.Sprintf("libseccomp %s knows %s on %s, secco's tables of %s don't", e.Version, e.Name, e.Arch, linux.TablesDate)
}

func (r *Report) checkTables(p *policy.Policy, opts convert.Options) error {
	for _, entry := range r.Profile.Syscalls {
		for _, name := range entry.Names {
			for _, t := range p.Targets {
				if _, ok := t.Arch.Syscall(name); ok || opts.Arch != 0 && t.Arch != opts.Arch {
					continue
				}
				_, direct, _, err := libseccomp.Syscall(t.Arch, name)
				if err != nil {
					return err
				}
				if direct {
					return &TableError{r.Version, t.Arch, name}
				}
			}
		}
	}
	return nil
}

// expected returns what libseccomp's program should do: what the policy does,
// less the names that libseccomp doesn't know and the architectures that the
// profile was not made for.
func (r *Report) expected(p *policy.Policy, opts convert.Options) (*policy.Policy, error) {
	if opts.Arch != 0 {
		one := *p
		one.Targets = slices.DeleteFunc(slices.Clone(p.Targets), func(t *policy.Target) bool { return t.Arch != opts.Arch })
		if one.Target(linux.X86_64) != nil && one.X32 == nil {
			one.X32 = p.BadArch
		}
		p = &one
	}
	out, unknown, err := libseccomp.Known(p)
	r.Unknown = unknown
	return out, err
}

// machines are the programs that are compared with the policy.
type machines struct{ program, library, other *emulator.Machine }

func (r *Report) machines() (m machines, err error) {
	if m.program, err = emulator.New(r.Program); err != nil {
		return m, fmt.Errorf("the compiled program: %w", err)
	}
	if m.library, err = emulator.New(r.Libseccomp); err != nil {
		return m, fmt.Errorf("libseccomp's program: %w", err)
	}
	m.other = m.library
	if r.other != nil {
		if m.other, err = emulator.New(r.other); err != nil {
			return m, fmt.Errorf("libseccomp's program: %w", err)
		}
	}
	return m, nil
}

// run compares on calls.
func (r *Report) run(p, expected *policy.Policy) error {
	m, err := r.machines()
	if err != nil {
		return err
	}
	for call := range policy.Samples(p) {
		r.Calls++
		r.compare(p, expected, m, &call)
	}
	return nil
}

func (r *Report) compare(p, expected *policy.Policy, m machines, call *linux.SeccompData) {
	action, span := p.Eval(call)
	profile, _ := expected.Eval(call)
	d := Difference{*call, action.Effect(), m.program.Run(call).Effect(), profile.Effect(), m.library.Run(call).Effect(), span}
	if other := m.other.Run(call).Effect(); other != d.Profile {
		d.Library = other
	}
	if d.Policy == d.Program && d.Profile == d.Library {
		return
	}
	r.Different++
	if len(r.Differences) < maxDifferences {
		r.Differences = append(r.Differences, d)
	}
}

// prove compares for all calls, each program with what is expected of it.
func (r *Report) prove(p, expected *policy.Policy) error {
	m, err := r.machines()
	if err != nil {
		return err
	}
	for _, pair := range []struct {
		policy  *policy.Policy
		program bpf.Program
	}{{p, r.Program}, {expected, r.Libseccomp}, {expected, r.other}} {
		if pair.program == nil {
			continue
		}
		filter, err := prove.Program(pair.program)
		if err != nil {
			return err
		}
		result, err := prove.Equivalent(prove.Policy(pair.policy), filter, prove.Options{})
		if err != nil {
			return err
		}
		switch result.Verdict {
		case prove.Equal:
		case prove.Different:
			r.compare(p, expected, m, &result.Witness.Call)
		default:
			r.Undecided = result.Reason
		}
	}
	r.Proved = r.Different == 0 && r.Undecided == ""
	return nil
}
