//go:build libseccomp && cgo

package crosscheck

import (
	"context"
	"errors"
	"math/bits"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"secco/convert"
	"secco/oci"
	"secco/source"
)

// TestRandomProfiles has libseccomp build random profiles: whatever FromOCI
// accepts must mean what it says.
func TestRandomProfiles(t *testing.T) {
	rounds := 1500
	if os.Getenv("SECCO_LONG") != "" {
		rounds = 60000
	}
	for _, kind := range []struct {
		name  string
		gen   func(*rand.Rand) []specs.LinuxSyscall
		least float64 // of the profiles that must be accepted
	}{
		{"anything", func(r *rand.Rand) []specs.LinuxSyscall { return randomRules(r, operators, 3) }, 0.15},
		{"singles", func(r *rand.Rand) []specs.LinuxSyscall { return randomRules(r, operators, 1) }, 0.15},
		{"cubes", func(r *rand.Rand) []specs.LinuxSyscall { return randomRules(r, operators[1:3], 3) }, 0.15},
	} {
		t.Run(kind.name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(3, 4))
			accepted := 0
			for range rounds {
				profile := &specs.LinuxSeccomp{DefaultAction: specs.ActErrno, Syscalls: kind.gen(r)}
				for _, a := range []specs.Arch{specs.ArchX86, specs.ArchX32, specs.ArchAARCH64} {
					if r.IntN(2) == 0 {
						profile.Architectures = append(profile.Architectures, a)
					}
				}
				if _, diags := convert.FromOCI(oci.FromSpec(profile), convert.Options{WithoutLibseccomp: true}); diags.HasErrors() {
					continue
				}
				if err := verify(profile); errors.Is(err, context.DeadlineExceeded) {
					text, _ := oci.Marshal(profile) // nothing more can be built in this process
					t.Fatalf("%v\n%s", err, text)
				} else if err != nil {
					profile = shrunk(profile)
					text, _ := oci.Marshal(profile)
					t.Fatalf("%v\n%s", err, text)
				}
				accepted++
			}
			t.Logf("%d of %d accepted", accepted, rounds)
			if float64(accepted) < kind.least*float64(rounds) {
				t.Errorf("only %d of %d profiles were accepted", accepted, rounds)
			}
		})
	}
}

// verify returns what is wrong with the reading of a profile.
func verify(profile *specs.LinuxSeccomp) error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	report, err := VerifyProfile(ctx, oci.FromSpec(profile), convert.Options{WithoutLibseccomp: true})
	if err != nil {
		return err
	}
	if err := report.Err(); err != nil {
		return err
	}
	if !report.Proved {
		return errors.New("not proved: " + report.Undecided)
	}
	return nil
}

// shrunk returns a smaller profile that is read wrongly, too.
func shrunk(profile *specs.LinuxSeccomp) *specs.LinuxSeccomp {
	for again := true; again; {
		again = false
		for _, smaller := range smallerProfiles(profile) {
			var diags source.Diagnostics
			err := verify(smaller)
			if errors.Is(err, context.DeadlineExceeded) { // nothing more can be built in this process
				return profile
			}
			if err != nil && !errors.As(err, &diags) {
				profile, again = smaller, true
				break
			}
		}
	}
	return profile
}

func smallerProfiles(p *specs.LinuxSeccomp) (out []*specs.LinuxSeccomp) {
	for i := range p.Architectures {
		c := *p
		c.Architectures = slices.Delete(slices.Clone(p.Architectures), i, i+1)
		out = append(out, &c)
	}
	for i := range p.Syscalls {
		c := *p
		c.Syscalls = slices.Delete(slices.Clone(p.Syscalls), i, i+1)
		out = append(out, &c)
		for j := range p.Syscalls[i].Args {
			c := *p
			c.Syscalls = slices.Clone(p.Syscalls)
			c.Syscalls[i].Args = slices.Delete(slices.Clone(p.Syscalls[i].Args), j, j+1)
			out = append(out, &c)
			for _, smaller := range []uint64{0, 1, 5, 0xffffffff, 1 << 32, 1<<64 - 1} {
				for _, field := range []func(*specs.LinuxSeccompArg) *uint64{
					func(a *specs.LinuxSeccompArg) *uint64 { return &a.Value },
					func(a *specs.LinuxSeccompArg) *uint64 { return &a.ValueTwo },
				} {
					c := *p
					c.Syscalls = slices.Clone(p.Syscalls)
					c.Syscalls[i].Args = slices.Clone(p.Syscalls[i].Args)
					at := field(&c.Syscalls[i].Args[j])
					if bits.OnesCount64(*at) > bits.OnesCount64(smaller) {
						*at = smaller
						out = append(out, &c)
					}
				}
			}
		}
	}
	return out
}

var operators = []specs.LinuxSeccompOperator{
	specs.OpNotEqual, specs.OpEqualTo, specs.OpMaskedEqual, specs.OpGreaterEqual, specs.OpGreaterThan, specs.OpLessThan, specs.OpLessEqual,
}

// randomRules returns a few rules for two syscalls, with up to conds conditions.
func randomRules(r *rand.Rand, ops []specs.LinuxSeccompOperator, conds int) []specs.LinuxSyscall {
	names := []string{"personality", "socket", "bind", "shmget", "semop", "ipc", "socketcall", "clone", "close", "chown32"}
	actions := []specs.LinuxSeccompAction{specs.ActAllow, specs.ActAllow, specs.ActLog, specs.ActErrno, specs.ActTrap, specs.ActKillProcess}
	values := []uint64{
		0, 1, 2, 3, 5, 7, 38, 40, 0x7f, 0xff, 0x7fffffff, 0x80000000, 0xffffffff,
		1 << 32, 1<<32 + 1, 1<<32 + 5, 1<<33 - 1, 1 << 63, 1<<63 - 1, 0xffffffff00000000, 1<<64 - 2, 1<<64 - 1,
	}
	value := func() uint64 {
		if r.IntN(8) == 0 {
			return r.Uint64()
		}
		return values[r.IntN(len(values))]
	}
	first, second := names[r.IntN(len(names))], names[r.IntN(len(names))]
	var out []specs.LinuxSyscall
	for range 1 + r.IntN(4) {
		entry := specs.LinuxSyscall{Names: []string{first}, Action: actions[r.IntN(len(actions))]}
		if r.IntN(3) == 0 {
			entry.Names = []string{second}
		}
		for range r.IntN(conds + 1) {
			arg := specs.LinuxSeccompArg{Index: uint(r.IntN(3)), Op: ops[r.IntN(len(ops))], Value: value()}
			if arg.Op == specs.OpMaskedEqual {
				arg.ValueTwo = value()
				if r.IntN(4) > 0 {
					arg.ValueTwo &= arg.Value
				}
			}
			entry.Args = append(entry.Args, arg)
		}
		out = append(out, entry)
	}
	return out
}
