package compiler

import "testing"

func BenchmarkCompile(b *testing.B) {
	for _, name := range workloads {
		p := readWorkload(b, name).policy()
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
