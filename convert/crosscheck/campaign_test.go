//go:build libseccomp && cgo

package crosscheck

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"secco/convert"
	"secco/convert/libseccomp"
	"secco/linux"
	"secco/oci"
	"secco/policy"
)

var policies = flag.Int("policies", 0, "how many random policies TestCampaign converts (default: 250, with SECCO_LONG 10000)")

// TestCampaign converts random policies with up to three actions a syscall and
// conditions on up to two of its arguments, and has libseccomp build its programs
// of what comes out. Nothing may come out wrong, and nothing may be refused but
// for its size. libseccomp has a say in the conversion only where what is known of
// all its versions does not do.
func TestCampaign(t *testing.T) {
	rounds := *policies
	if rounds == 0 {
		rounds = 250
		if os.Getenv("SECCO_LONG") != "" {
			rounds = 10000
		}
	}
	r := rand.New(rand.NewPCG(31, uint64(rounds)))
	arches := []linux.Arch{linux.X86_64, linux.X86_64, linux.X86_64, linux.I386, linux.ARM64, linux.ARM, linux.RISCV64, linux.PPC64LE}
	converted, asked, rules := 0, 0, 0
	refused := map[string]int{}
	for n := range rounds {
		arch := arches[r.IntN(len(arches))]
		text := campaignPolicy(r, arch)
		p := load(t, text, []linux.Arch{arch})
		report, err := verified(p, arch, true)
		var loss *convert.LossError
		if errors.As(err, &loss) && slices.ContainsFunc(loss.Losses, func(l convert.Loss) bool { return l.Count == 0 }) {
			// There are sets of rules that not every version gets right.
			asked++
			report, err = verified(p, arch, false)
		}
		switch {
		case errors.As(err, &loss):
			for reason := range reasons(loss) {
				refused[reason]++
			}
			for _, l := range loss.Losses {
				if l.Count == 0 {
					t.Errorf("policy %d is refused, and not for its size: %v\n%s", n, l, text)
				}
			}
		case err != nil:
			t.Fatalf("policy %d: %v\n%s", n, err, text)
		case report.Err() != nil || !report.Proved:
			profile, _ := oci.Marshal(report.Profile)
			t.Fatalf("policy %d: %v, %s\n%s\n%s", n, report.Err(), report.Undecided, text, profile)
		default:
			converted++
			rules += len(report.Profile.Syscalls)
		}
	}
	for _, reason := range slices.Sorted(maps.Keys(refused)) {
		t.Logf("%5d refused: %s", refused[reason], reason)
	}
	version, err := libseccomp.Version()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("libseccomp %s, %d policies: %d converted, to %d rules, and proved, %d of them after it was asked; %.1f %% refused",
		version, rounds, converted, rules, asked, 100*float64(rounds-converted)/float64(rounds))
	if converted < rounds*6/10 {
		t.Errorf("only %d of %d policies were converted", converted, rounds)
	}
}

// verified converts a policy, with what libseccomp says or without, and checks
// what comes out.
func verified(p *policy.Policy, arch linux.Arch, without bool) (*Report, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	return Verify(ctx, p, convert.Options{Host: oci.Host{Arch: arch}, WithoutLibseccomp: without})
}

// reasons returns the reasons of a loss, without its numbers.
func reasons(loss *convert.LossError) map[string]bool {
	all := map[string]bool{}
	for _, l := range loss.Losses {
		reason, _, _ := strings.Cut(digits.ReplaceAllString(l.Reason, "N"), ";")
		all[reason] = true
	}
	return all
}

// campaignPolicy writes a policy for one architecture.
func campaignPolicy(r *rand.Rand, arch linux.Arch) string {
	actions := []string{"allow", "EPERM", "ENOSYS", "log", "trap", "kill_process", "kill_thread", "trace(3)", "EACCES", "0"}
	pick := func() string { return actions[r.IntN(len(actions))] }
	var b strings.Builder
	fmt.Fprintf(&b, "DEFAULT_POSITIVE = allow\nDEFAULT_NEGATIVE = %s\nDEFAULT_POLICY = %s\n", pick(), pick())
	// None that others are behind, and none that this libseccomp may not know.
	names := []string{"read", "write", "close", "openat", "ioctl", "fcntl", "mprotect", "prctl", "lseek", "dup3", "getrandom", "unshare", "setns", "personality"}
	for _, i := range r.Perm(len(names))[:1+r.IntN(4)] {
		c := conditions{r, arch, r.IntN(5), r.IntN(5)}
		switch arms := r.IntN(3); arms {
		case 0:
			fmt.Fprintf(&b, "%s[+%s, -%s]: %s\n", names[i], pick(), pick(), c.any(2))
		default:
			fmt.Fprintf(&b, "%s {\n", names[i])
			for range arms {
				fmt.Fprintf(&b, "\t%s -> %s\n", c.any(2), pick())
			}
			fmt.Fprintf(&b, "\telse -> %s\n}\n", pick())
		}
	}
	return b.String()
}

// conditions writes conditions on two arguments.
type conditions struct {
	*rand.Rand
	arch          linux.Arch
	first, second int
}

func (c *conditions) any(depth int) string {
	if depth > 0 && c.IntN(2) == 0 {
		op := []string{"&&", "||"}[c.IntN(2)]
		return fmt.Sprintf("(%s %s %s)", c.any(depth-1), op, c.any(depth-1))
	}
	arg := c.first
	if c.IntN(2) == 0 {
		arg = c.second
	}
	word, bits := fmt.Sprintf("arg%d", arg), 64
	switch n := c.IntN(4); {
	case c.arch.Bits() == 32:
		word, bits = fmt.Sprintf("argL%d", arg), 32
	case n == 0:
		word, bits = fmt.Sprintf("argL%d", arg), 32
	case n == 1 && c.IntN(3) == 0:
		word, bits = fmt.Sprintf("argH%d", arg), 32
	}
	k := func() uint64 { return c.constant(bits) }
	switch c.IntN(9) {
	case 0, 1:
		return fmt.Sprintf("%s == %#x", word, k())
	case 2:
		return fmt.Sprintf("%s != %#x", word, k())
	case 3:
		return fmt.Sprintf("%s %s %#x", word, []string{"<", "<=", ">", ">="}[c.IntN(4)], k())
	case 4:
		return fmt.Sprintf("%s &? %#x", word, k()|1)
	case 5:
		mask := k() | 2
		return fmt.Sprintf("%s & %#x %s %#x", word, mask, []string{"==", "!="}[c.IntN(2)], mask&k())
	case 6:
		return fmt.Sprintf("%s(%s, %#x, %#x, %#x)", []string{"in", "notIn"}[c.IntN(2)], word, k(), k(), k())
	case 7:
		lo := c.constant(bits) >> 1
		return fmt.Sprintf("(%s >= %#x && %s <= %#x)", word, lo, word, lo+c.constant(min(bits, 8+c.IntN(bits)))>>1)
	}
	return fmt.Sprintf("!(%s == %#x)", word, k())
}

// constant draws a number as they stand in policies: small ones, single bits,
// boundaries, and now and then any.
func (c *conditions) constant(bits int) uint64 {
	var k uint64
	switch c.IntN(6) {
	case 0, 1:
		k = c.Uint64N(64)
	case 2:
		k = 1 << c.IntN(64)
	case 3:
		k = 1<<c.IntN(64) - 1
	case 4:
		k = 1<<c.IntN(64) | 1<<c.IntN(32) | c.Uint64N(8)
	default:
		k = c.Uint64()
	}
	if bits < 64 {
		k &= 1<<bits - 1
	}
	return k
}
