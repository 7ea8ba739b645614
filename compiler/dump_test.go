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
