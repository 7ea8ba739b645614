package bpf_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"secco/bpf"
	"secco/test/random"
)

var ret = bpf.Instruction{Op: bpf.RetK, K: 0x7fff0000}

// TestValidate gives for each rule a program that breaks it and no other. That
// these are the kernel's rules is for test/kernel to show.
func TestValidate(t *testing.T) {
	long := make(bpf.Program, bpf.MaxInstructions+1)
	for i := range long {
		long[i] = ret
	}
	tests := []struct {
		name   string
		p      bpf.Program
		index  int
		reason string
	}{
		{"empty", nil, -1, "at least one"},
		{"too long", long, 4096, "at most 4096"},
		{"unknown opcode", bpf.Program{ret, {Op: 0xff}, ret}, 1, "opcode 0xff"},
		{"mod, which seccomp lacks", bpf.Program{{Op: 0x94, K: 3}, ret}, 0, "opcode 0x94"},
		{"upper half of an opcode", bpf.Program{{Op: 0x106}, ret}, 0, "opcode 0x106"},
		{"beyond the data", bpf.Program{{Op: bpf.LdW, K: 64}, ret}, 0, "64 bytes"},
		{"unaligned", bpf.Program{{Op: bpf.LdW, K: 62}, ret}, 0, "multiple of 4"},
		{"scratch word", bpf.Program{{Op: bpf.St, K: 16}, ret}, 0, "scratch word 16"},
		{"division", bpf.Program{{Op: bpf.DivK}, ret}, 0, "constant 0"},
		{"shift", bpf.Program{{Op: bpf.LshK, K: 32}, ret}, 0, "constant 32"},
		{"ja", bpf.Program{ret, {Op: bpf.Ja, K: 1}, ret}, 1, "jump over 1"},
		{"ja, wrapping", bpf.Program{{Op: bpf.Ja, K: 0xffffffff}, ret}, 0, "jump over 4294967295"},
		{"jt", bpf.Program{{Op: bpf.JeqK, Jt: 1}, ret}, 0, "jump over 1"},
		{"jf", bpf.Program{{Op: bpf.JsetX, Jf: 200}, ret}, 0, "jump over 200"},
		{"no return", bpf.Program{ret, {Op: bpf.Tax}}, 1, "must be a return"},
		{"never written", bpf.Program{{Op: bpf.LdMem, K: 3}, ret}, 0, "scratch word 3"},
		{"other word written", bpf.Program{{Op: bpf.St, K: 2}, {Op: bpf.LdxMem, K: 3}, ret}, 1, "scratch word 3"},
		{"written on one way", bpf.Program{{Op: bpf.JeqK, Jt: 1}, {Op: bpf.St}, {Op: bpf.LdMem}, ret}, 2, "scratch word 0"},
	}
	for _, test := range tests {
		err := bpf.Validate(test.p)
		var invalid *bpf.InvalidError
		if !errors.As(err, &invalid) {
			t.Errorf("%s: error %v", test.name, err)
			continue
		}
		if invalid.Index != test.index || !strings.Contains(invalid.Reason, test.reason) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
	for _, p := range []bpf.Program{
		long[1:],
		{{Op: bpf.RetA, K: 9, Jt: 9, Jf: 9}},
		{{Op: bpf.St, K: 15}, {Op: bpf.JeqK, Jt: 1}, {Op: bpf.Ja}, {Op: bpf.LdMem, K: 15}, ret},
		{{Op: bpf.Ja, K: 1}, {Op: bpf.LdMem}, ret},                       // never reached
		{{Op: bpf.JeqK, Jt: 1}, ret, {Op: bpf.St}, {Op: bpf.LdMem}, ret}, // the other way ends in the return
	} {
		if err := bpf.Validate(p); err != nil {
			t.Errorf("%v\n%v", err, p)
		}
	}
}

func TestEncode(t *testing.T) {
	p := bpf.Program{{Op: 0x0115, Jt: 2, Jf: 3, K: 0x04050607}}
	if got, want := bpf.Encode(p, binary.LittleEndian), []byte("\x15\x01\x02\x03\x07\x06\x05\x04"); !bytes.Equal(got, want) {
		t.Errorf("little-endian % x", got)
	}
	if got, want := bpf.Encode(p, binary.BigEndian), []byte("\x01\x15\x02\x03\x04\x05\x06\x07"); !bytes.Equal(got, want) {
		t.Errorf("big-endian % x", got)
	}
}

func TestDecodeInvertsEncode(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for range 1000 {
		p := random.Program(r, random.Options{Max: 300, Junk: true})
		for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
			got, err := bpf.Decode(bpf.Encode(p, order), order)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(p, got); diff != "" {
				t.Fatal(diff)
			}
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	tests := []struct {
		size, index int
	}{
		{1, 0}, {7, 0}, {9, 1}, {8*4096 - 1, 4095}, {8*4096 + 1, 4096}, {8 * 4097, 4096}, {1 << 20, 4096},
	}
	for _, test := range tests {
		p, err := bpf.Decode(make([]byte, test.size), binary.LittleEndian)
		var invalid *bpf.InvalidError
		if !errors.As(err, &invalid) || invalid.Index != test.index || p != nil {
			t.Errorf("%d bytes: %v, %v", test.size, p, err)
		}
	}
	for _, size := range []int{0, 8, 8 * 4096} {
		if p, err := bpf.Decode(make([]byte, size), binary.LittleEndian); err != nil || len(p) != size/8 {
			t.Errorf("%d bytes: %v, %v", size, len(p), err)
		}
	}
}

func BenchmarkValidate(b *testing.B) {
	r := rand.New(rand.NewPCG(9, 10))
	p := random.Program(r, random.Options{Max: 4096})
	for len(p) < 4000 {
		p = random.Program(r, random.Options{Max: 4096})
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := bpf.Validate(p); err != nil {
			b.Fatal(err)
		}
	}
}
