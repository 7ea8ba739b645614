package convert

import (
	"fmt"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"secco/linux"
	"secco/policy"
	"secco/source"
)

// condition is a profile's condition on one argument as libseccomp takes it on
// one architecture: where it compares low words alone, the constants' upper
// halves are gone; a masked comparison's datum is within its mask.
type condition struct {
	arg  int
	op   specs.LinuxSeccompOperator
	k    uint64 // what is compared with; of a masked comparison the datum
	mask uint64 // of a masked comparison, else all ones
}

// wordsOf returns the bits of an argument that libseccomp compares. It takes x32
// for an architecture of 32 bits, which the kernel does not.
func wordsOf(a linux.Arch) uint64 {
	if a.Bits() == 32 || a == linux.X32 {
		return 0xffffffff
	}
	return 1<<64 - 1
}

func newCondition(arg specs.LinuxSeccompArg, words uint64) condition {
	c := condition{arg: int(arg.Index), op: arg.Op, k: arg.Value & words, mask: words}
	if arg.Op == specs.OpMaskedEqual {
		c.mask = arg.Value & words
		c.k = arg.ValueTwo & c.mask
	}
	return c
}

// always reports whether libseccomp leaves the condition out.
func (c condition) always() bool { return c.op == specs.OpMaskedEqual && c.mask == 0 }

// String returns the condition as the policy language has it.
func (c condition) String() string {
	name := fmt.Sprintf("arg%d", c.arg)
	if c.op == specs.OpMaskedEqual {
		return fmt.Sprintf("%s & %#x == %#x", name, c.mask, c.k)
	}
	return fmt.Sprintf("%s %s %#x", name, operatorText[c.op], c.k)
}

var operatorText = map[specs.LinuxSeccompOperator]string{
	specs.OpEqualTo: "==", specs.OpNotEqual: "!=", specs.OpLessThan: "<", specs.OpLessEqual: "<=",
	specs.OpGreaterThan: ">", specs.OpGreaterEqual: ">=", specs.OpMaskedEqual: "&",
}

// node returns the test of the condition, on full arguments or their low words.
func (c condition) node(b *policy.Builder, words uint64, yes, no *policy.Node, span source.Span) *policy.Node {
	switch c.op {
	case specs.OpNotEqual, specs.OpLessThan, specs.OpLessEqual:
		yes, no = no, yes
	}
	low, high := b.Word(linux.ArgLow(c.arg)), b.Word(linux.ArgHigh(c.arg))
	kl, kh := b.Const(uint32(c.k)), b.Const(uint32(c.k>>32))
	full := words>>32 != 0
	switch c.op {
	case specs.OpEqualTo, specs.OpNotEqual, specs.OpMaskedEqual:
		low = b.Binary(policy.OpAnd, low, b.Const(uint32(c.mask)))
		n := b.Test(policy.CmpEq, low, kl, yes, no, span)
		if full {
			high = b.Binary(policy.OpAnd, high, b.Const(uint32(c.mask>>32)))
			n = b.Test(policy.CmpEq, high, kh, n, no, span)
		}
		return n
	}
	cmp := policy.CmpGe
	if c.op == specs.OpGreaterThan || c.op == specs.OpLessEqual {
		cmp = policy.CmpGt
	}
	n := b.Test(cmp, low, kl, yes, no, span)
	if full {
		n = b.Test(policy.CmpEq, high, kh, n, no, span)
		n = b.Test(policy.CmpGt, high, kh, yes, n, span)
	}
	return n
}

// common returns a value that meets all of the conditions, which are on one
// argument; ok is false where there is none.
func common(words uint64, conds ...condition) (x uint64, ok bool) {
	lo, hi := uint64(0), words
	var mask, datum uint64
	var not []uint64
	for _, c := range conds {
		switch c.op {
		case specs.OpNotEqual:
			not = append(not, c.k)
		case specs.OpLessThan:
			if c.k == 0 {
				return 0, false
			}
			hi = min(hi, c.k-1)
		case specs.OpLessEqual:
			hi = min(hi, c.k)
		case specs.OpGreaterThan:
			if c.k == words {
				return 0, false
			}
			lo = max(lo, c.k+1)
		case specs.OpGreaterEqual:
			lo = max(lo, c.k)
		default: // equality is a masked one with all bits
			if (datum^c.k)&mask&c.mask != 0 {
				return 0, false
			}
			mask, datum = mask|c.mask, datum|c.k
		}
	}
next:
	for {
		x, ok = firstMasked(lo, mask, datum)
		if !ok || x > hi {
			return 0, false
		}
		for _, n := range not {
			if x == n {
				if x == hi {
					return 0, false
				}
				lo = x + 1
				continue next
			}
		}
		return x, true
	}
}

// firstMasked returns the least x from lo up with x & mask == datum.
func firstMasked(lo, mask, datum uint64) (x uint64, ok bool) {
	if lo&mask == datum {
		return lo, true
	}
	// Otherwise x agrees with lo above some bit, has a one there where lo has
	// none, and is as small as can be below. The lowest such bit gives the least.
	for i := range 64 {
		bit := uint64(1) << i
		above := ^(bit<<1 - 1)
		if lo&bit != 0 || (mask&bit != 0 && datum&bit == 0) || (lo^datum)&mask&above != 0 {
			continue
		}
		return lo&above | bit | datum&(bit-1), true
	}
	return 0, false
}

// rule is one rule of a profile on one architecture: the conditions, on distinct
// arguments, must all hold.
type rule struct {
	conds  []condition
	action linux.Action
	origin *origin
}

// String returns the conditions as the policy language has them.
func (r *rule) String() string {
	if len(r.conds) == 0 {
		return "always"
	}
	var parts []string
	for _, c := range r.conds {
		parts = append(parts, c.String())
	}
	return strings.Join(parts, " && ")
}

// overlap returns arguments that meet both rules; ok is false where none do.
func overlap(words uint64, rules ...*rule) (args [6]uint64, ok bool) {
	for i := range args {
		var conds []condition
		for _, r := range rules {
			for _, c := range r.conds {
				if c.arg == i {
					conds = append(conds, c)
				}
			}
		}
		if args[i], ok = common(words, conds...); !ok {
			return args, false
		}
	}
	return args, true
}
