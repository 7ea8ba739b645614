//go:build libseccomp && cgo

package crosscheck

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"secco/convert"
	"secco/convert/libseccomp"
	"secco/linux"
	"secco/oci"
	"secco/policy/prove"
)

// TestRuntimes proves that what a profile means under a runtime is what the
// runtime's code before libseccomp's program does with it, on every kind of
// machine. The one is made of secco's tables and the other of libseccomp's.
func TestRuntimes(t *testing.T) {
	r := rand.New(rand.NewPCG(21, 3))
	stubbed, back := 0, 0
	natives := []linux.Arch{linux.X86_64, linux.X86_64, linux.I386, linux.ARM64, linux.ARM, linux.RISCV64, linux.PPC64LE, linux.MIPS64LE}
	for range 60 {
		native := natives[r.IntN(len(natives))]
		profile := namesOnly(t, r, native)
		for _, text := range []string{"none", "crun", "runc", "runc:1.1.14", "runc:1.1.2"} {
			runtime, err := oci.ParseRuntime(text)
			if err != nil {
				t.Fatal(err)
			}
			p, diags := convert.FromOCI(oci.FromSpec(profile), convert.Options{Host: oci.Host{Arch: native, Runtime: runtime}, WithoutLibseccomp: true})
			if p == nil {
				t.Fatal(diags)
			}
			program, err := libseccomp.Build(profile, libseccomp.Options{Native: native, Runtime: runtime})
			if err != nil {
				t.Fatal(err)
			}
			filter, err := prove.Program(program)
			if err != nil {
				t.Fatal(err)
			}
			result, err := prove.Equivalent(prove.Policy(p), filter, prove.Options{})
			if err != nil || result.Verdict != prove.Equal {
				json, _ := oci.Marshal(profile)
				t.Fatalf("%s on %s: %v %v %v\n%s", text, native, result.Verdict, result.Witness, err, json)
			}
			alone, err := libseccomp.Build(profile, libseccomp.Options{Native: native})
			if err != nil {
				t.Fatal(err)
			}
			if len(program) > len(alone) {
				stubbed++
			}
			if runtime != oci.Runc || len(program) == len(alone) {
				continue
			}
			again, err := convert.ToOCI(p, convert.Options{Host: oci.Host{Arch: native, Runtime: runtime}, WithoutLibseccomp: true})
			if err != nil {
				continue
			}
			if program, err = libseccomp.Build(again, libseccomp.Options{Native: native, Runtime: runtime}); err != nil {
				t.Fatal(err)
			}
			if filter, err = prove.Program(program); err != nil {
				t.Fatal(err)
			}
			if result, err = prove.Equivalent(prove.Policy(p), filter, prove.Options{}); err != nil {
				t.Fatal(err)
			}
			// The new profile may name what libseccomp is too old to know.
			if result.Verdict == prove.Equal {
				back++
			}
		}
	}
	if stubbed < 40 || back < 3 {
		t.Errorf("only %d programs had something before them, and %d profiles of those were made again", stubbed, back)
	}
}

// namesOnly returns a profile of rules without conditions, about calls that
// libseccomp knows wherever secco does.
func namesOnly(t *testing.T, r *rand.Rand, native linux.Arch) *specs.LinuxSeccomp {
	arches := []linux.Arch{linux.X86_64, linux.X32, linux.I386, linux.ARM64, linux.ARM, linux.RISCV64}
	profile := &specs.LinuxSeccomp{
		DefaultAction: []specs.LinuxSeccompAction{specs.ActErrno, specs.ActKillProcess, specs.ActTrap, specs.ActErrno, specs.ActAllow, specs.ActTrace, specs.ActLog}[r.IntN(7)],
	}
	for _, i := range r.Perm(len(arches))[:r.IntN(len(arches)+1)] {
		profile.Architectures = append(profile.Architectures, oci.ArchName(arches[i]))
	}
	if slices.Contains(profile.Architectures, specs.ArchX32) { // it has no meaning alone
		profile.Architectures = append(profile.Architectures, specs.ArchX86_64)
	}
	actions := []specs.LinuxSeccompAction{specs.ActAllow, specs.ActLog, specs.ActKillThread, profile.DefaultAction}
	calls := append(native.Syscalls(), linux.I386.Syscalls()...)
	if r.IntN(4) == 0 {
		calls = native.Syscalls()[:2] // number 0, and little more
	}
	used := map[string]bool{}
	for range r.IntN(12) {
		name := calls[r.IntN(len(calls))].Name
		if r.IntN(3) == 0 {
			name = []string{"socket", "shmget", "accept4", "sendmmsg", "recvmmsg", "ipc", "bind", "semtimedop"}[r.IntN(8)]
		}
		if !used[name] && knownAlike(t, name, append(arches, native)) {
			used[name] = true
			profile.Syscalls = append(profile.Syscalls, specs.LinuxSyscall{Names: []string{name}, Action: actions[r.IntN(len(actions))]})
		}
	}
	return profile
}

// knownAlike reports whether libseccomp and secco know a call on the same
// architectures.
func knownAlike(t *testing.T, name string, arches []linux.Arch) bool {
	for _, a := range arches {
		_, ours := a.Syscall(name)
		_, direct, known, err := libseccomp.Syscall(a, name)
		if err != nil {
			t.Fatal(err)
		}
		if ours != known && ours != direct {
			return false
		}
	}
	return true
}
