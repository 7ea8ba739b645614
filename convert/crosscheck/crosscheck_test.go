//go:build libseccomp && cgo

package crosscheck

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"secco/convert"
	"secco/lang"
	"secco/lang/random"
	"secco/linux"
	"secco/oci"
	"secco/policy"
	"secco/source"
)

// TestRandomPolicies has libseccomp build what ToOCI makes of random policies:
// whatever is converted must be exact.
func TestRandomPolicies(t *testing.T) {
	rounds, least := 40, 15
	if os.Getenv("SECCO_LONG") != "" {
		rounds, least = 2000, 700
	}
	for _, targets := range [][]linux.Arch{
		{linux.X86_64},
		{linux.X86_64, linux.I386},
		{linux.X86_64, linux.X32},
		{linux.X86_64, linux.X32, linux.I386, linux.ARM64},
	} {
		t.Run(archText(targets), func(t *testing.T) {
			r := rand.New(rand.NewPCG(8, uint64(len(targets))))
			reasons := map[string]int{}
			exact, lost, undecided, tables := 0, 0, 0, 0
			for range rounds {
				text := random.Policy(r, random.Options{Targets: targets, Plain: r.IntN(4) > 0, Rules: 1 + r.IntN(6), Depth: 1 + r.IntN(3)})
				p := tame(load(t, text, targets), len(targets) > 1)
				ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
				report, err := Verify(ctx, p, convert.Options{WithoutLibseccomp: true})
				cancel()
				var loss *convert.LossError
				if errors.As(err, &loss) {
					lost++
					for _, l := range loss.Losses {
						reason, _, _ := strings.Cut(digits.ReplaceAllString(l.Reason, "N"), ",")
						reasons[reason]++
					}
					continue
				}
				var table *TableError
				if errors.As(err, &table) {
					tables++
					continue
				}
				if err != nil {
					t.Fatalf("%v\n%s", err, text)
				}
				if report.Different > 0 {
					profile, _ := oci.Marshal(report.Profile)
					t.Fatalf("%v\n%s\n%s", report.Err(), text, profile)
				}
				if !report.Proved {
					undecided++
				}
				exact++
			}
			for reason, n := range reasons {
				t.Logf("%5d lost: %s", n, reason)
			}
			t.Logf("%d exact, %d lost, %d not proved, %d with syscalls missing in our tables", exact, lost, undecided, tables)
			if len(targets) == 1 && exact < least {
				t.Errorf("only %d of %d policies were converted", exact, rounds)
			}
		})
	}
}

var digits = regexp.MustCompile(`[0-9]+`)

// tame returns the policy with what no profile can say put right: other
// architectures are killed, trap carries no data, and, where several
// architectures are to agree, arguments are compared in their low words alone.
func tame(p *policy.Policy, low bool) *policy.Policy {
	var b policy.Builder
	killed := b.Leaf(linux.KillThread, source.Span{})
	out := &policy.Policy{BadArch: killed, Settings: p.Settings}
	done := map[*policy.Node]*policy.Node{}
	convertNode := func(root *policy.Node) *policy.Node {
		policy.Walk(func(n *policy.Node) {
			if done[n] != nil {
				return
			}
			if n.IsLeaf() {
				action := n.Action
				if action.Kind() == linux.Trap {
					action = linux.Trap
				}
				if action.Kind() == linux.Notify {
					action = linux.Log
				}
				done[n] = b.Leaf(action, n.Span)
				return
			}
			done[n] = b.Test(n.Cmp, lowered(&b, n.X, low), lowered(&b, n.Y, low), done[n.Yes], done[n.No], n.Span)
		}, root)
		return done[root]
	}
	for _, t := range p.Targets {
		copied := &policy.Target{Arch: t.Arch, Rules: map[uint32]*policy.Node{}, Default: convertNode(t.Default)}
		for nr, n := range t.Rules {
			copied.Rules[nr] = convertNode(n)
		}
		out.Targets = append(out.Targets, copied)
	}
	if p.X32 != nil {
		out.X32 = killed
	}
	return out
}

func lowered(b *policy.Builder, e *policy.Expr, low bool) *policy.Expr {
	switch e.Op {
	case policy.OpConst:
		return b.Const(e.K)
	case policy.OpWord:
		if i, high := e.W.Arg(); low && high {
			return b.Word(linux.ArgLow(i))
		}
		return b.Word(e.W)
	}
	return b.Binary(e.Op, lowered(b, e.X, low), lowered(b, e.Y, low))
}

func load(t *testing.T, text string, targets []linux.Arch) *policy.Policy {
	t.Helper()
	p, diags := lang.Load([]*source.File{source.NewFile("test.secco", text)}, lang.Options{Targets: targets})
	if p == nil {
		t.Fatalf("%v\n%s", diags, text)
	}
	return p
}

func archText(targets []linux.Arch) string {
	var names []string
	for _, a := range targets {
		names = append(names, a.String())
	}
	return strings.Join(names, ",")
}
