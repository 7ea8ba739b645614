package compiler

import (
	"fmt"
	"os"
	"secco/bpf/asm"
	"strconv"
	"testing"
)

func TestDump(t *testing.T) {
	if os.Getenv("W") == "" {
		t.Skip()
	}
	o := Options{}
	switch os.Getenv("MODE") {
	case "size":
		o.Optimize = Size
	case "freq":
		o.Freq = frequencies(readMix(t))
	}
	out, err := Compile(readWorkload(t, os.Getenv("W")).policy(), o)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println(asm.Print(out.Program, asm.Options{}))
}

func init() {
	if v, err := strconv.ParseFloat(os.Getenv("LAM"), 64); err == nil {
		sizeWeight[Speed] = v
	}
}

func TestWorst(t *testing.T) {
	if os.Getenv("W") == "" {
		t.Skip()
	}
	o := Options{}
	switch os.Getenv("MODE") {
	case "size":
		o.Optimize = Size
	case "freq":
		o.Freq = frequencies(readMix(t))
	}
	out, _ := Compile(readWorkload(t, os.Getenv("W")).policy(), o)
	p := out.Program
	length := make([]int, len(p))
	next := make([]int, len(p))
	for i := len(p) - 1; i >= 0; i-- {
		in := p[i]
		a, b := i+1, i+1
		switch {
		case in.Op == 6:
			length[i] = 1
			continue
		case in.Op == 5:
			a = i + 1 + int(in.K)
			b = a
		case in.Op&7 == 5:
			a, b = i+1+int(in.Jt), i+1+int(in.Jf)
		}
		next[i] = a
		if length[b] > length[a] {
			next[i] = b
		}
		length[i] = 1 + length[next[i]]
	}
	for i := 0; ; i = next[i] {
		in := p[i]
		fmt.Printf("%d %02x %d %d %d\n", i, in.Op, in.Jt, in.Jf, in.K)
		if in.Op == 6 {
			break
		}
	}
}
