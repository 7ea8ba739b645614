package compiler

import (
	"fmt"
	"testing"

	"secco/linux"
	"secco/policy"
	"secco/source"
	"secco/test/bench"
)

func BenchmarkCompile(b *testing.B) {
	for _, name := range bench.Names {
		p := readWorkload(b, name).Policy()
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Compile(p, Options{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkGrowth compiles one rule that asks for n 64-bit values.
func BenchmarkGrowth(b *testing.B) {
	for _, n := range []int{250, 500, 1000, 2000} {
		var g policy.Builder
		deny := g.Leaf(linux.Errno.With(1), source.Span{})
		allow := g.Leaf(linux.Allow, source.Span{})
		node := deny
		for i := range n {
			low := g.Test(policy.CmpEq, g.Word(linux.ArgLow(1)), g.Const(uint32(i)*7919), allow, node, source.Span{})
			node = g.Test(policy.CmpEq, g.Word(linux.ArgHigh(1)), g.Const(0), low, node, source.Span{})
		}
		p := one(&g, 16, node)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				if _, err := Compile(p, Options{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
