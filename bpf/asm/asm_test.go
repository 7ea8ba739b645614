package asm

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"secco/bpf"
	"secco/linux"
	"secco/source"
	"secco/test/random"
)

func parseText(text string) (bpf.Program, error) { return Parse(source.NewFile("test.asm", text)) }

// hostile comments must neither end early nor be read as instructions.
func hostile(i int) string {
	return []string{"", "*/ x", "/* x", "\nret #1\n", "a\r\nb\u2028c", "\xff\x00", "; // #", "ld_abs 4"}[i%8]
}

func TestRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	options := []Options{{}, {BigEndian: true}, {Arch: linux.X86_64, Comment: hostile}, {Arch: linux.S390X}}
	for i := range 4000 {
		most := 80
		if i%100 == 0 {
			most = bpf.MaxInstructions
		}
		p := random.Program(r, random.Options{Max: most, Junk: i%2 == 0})
		text := Print(p, options[i%len(options)])
		got, err := parseText(text)
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if diff := cmp.Diff(p, got); diff != "" {
			t.Fatalf("%s\n%s", diff, text)
		}
	}
}

// TestPrintAnything shows that a program which the kernel refuses is printed whole.
func TestPrintAnything(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 14))
	for range 5000 {
		p := random.Program(r, random.Options{Max: 8})
		for range 3 {
			p[r.IntN(len(p))] = bpf.Instruction{Op: uint16(r.Uint32()) & 0x1ff, Jt: uint8(r.IntN(9)), Jf: uint8(r.IntN(9)), K: r.Uint32() % 70}
		}
		text := Print(p, Options{})
		if n := strings.Count(text, "\n"); n != len(p) {
			t.Fatalf("%d lines for %d instructions\n%s", n, len(p), text)
		}
		got, err := parseText(text)
		if valid := bpf.Validate(p); (valid == nil) != (err == nil) {
			t.Fatalf("Validate: %v, Parse: %v\n%s", valid, err, text)
		} else if err != nil {
			var diags source.Diagnostics
			if !errors.As(err, &diags) || diags[0].Code != "invalid-program" {
				t.Fatalf("Validate: %v, Parse: %v\n%s", valid, err, text)
			}
		} else if diff := cmp.Diff(p, got); diff != "" {
			t.Fatalf("%s\n%s", diff, text)
		}
	}
	if Print(nil, Options{}) != "" {
		t.Error("an empty program is not empty text")
	}
}

const listing = `        ld [arch]
        jeq #0xc000003e, L6                  ; x86_64
        jne #0x40000003, L14                 ; i386
        ld [nr]
        jeq #20, L13, L14                    ; getpid
        ja L14
L6:     ld [nr]
        jge #0x40000000, L14                 ; x32
        jeq #39, L13                         ; getpid
        jne #41, L14                         ; socket
        ld [argL0]
        jset #0x1000, L14
        ret #0x50026                         ; errno(ENOSYS)
L13:    ret #0x7fff0000                      ; allow
L14:    ret #0x80000000                      ; kill_process
`

// program is what listing states.
var program = bpf.Program{
	{Op: bpf.LdW, K: 4},
	{Op: bpf.JeqK, K: 0xc000003e, Jt: 4},
	{Op: bpf.JeqK, K: 0x40000003, Jf: 11},
	{Op: bpf.LdW, K: 0},
	{Op: bpf.JeqK, K: 20, Jt: 8, Jf: 9},
	{Op: bpf.Ja, K: 8},
	{Op: bpf.LdW, K: 0},
	{Op: bpf.JgeK, K: 0x40000000, Jt: 6},
	{Op: bpf.JeqK, K: 39, Jt: 4},
	{Op: bpf.JeqK, K: 41, Jf: 4},
	{Op: bpf.LdW, K: 16},
	{Op: bpf.JsetK, K: 0x1000, Jt: 2},
	{Op: bpf.RetK, K: 0x00050026},
	{Op: bpf.RetK, K: 0x7fff0000},
	{Op: bpf.RetK, K: 0x80000000},
}

func TestPrint(t *testing.T) {
	if diff := cmp.Diff(listing, Print(program, Options{})); diff != "" {
		t.Error(diff)
	}
	p, err := parseText(listing)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(program, p); diff != "" {
		t.Error(diff)
	}
}

func TestPrintNames(t *testing.T) {
	p := bpf.Program{{Op: bpf.LdW}, {Op: bpf.JgtK, K: 4, Jt: 1}, {Op: bpf.RetK, K: 0x00050026}, {Op: bpf.LdW, K: 16}, {Op: bpf.RetA}}
	tests := []struct {
		o    Options
		want []string
	}{
		{Options{}, []string{"[nr]", "#4, L3", "errno(ENOSYS)", "[argL0]", "ret a"}},
		{Options{Arch: linux.X86_64}, []string{"", "; stat", "errno(ENOSYS)", "[argL0]"}},
		{Options{Arch: linux.I386}, []string{"", "; write", "", "[argL0]"}},
		{Options{Arch: linux.S390X}, []string{".endian big", "[nr]", "; write", "", "[argH0]"}},
		{Options{Arch: linux.MIPS64LE}, []string{"", "", "errno(EL2NSYNC)"}}, // errno 38 there
		{Options{Comment: func(i int) string { return fmt.Sprint("rule ", i) }}, []string{"; rule 0", "; rule 1", "; errno(ENOSYS); rule 2"}},
	}
	for _, test := range tests {
		lines := strings.Split(Print(p, test.o), "\n")
		for i, want := range test.want {
			if !strings.Contains(lines[i], want) {
				t.Errorf("%+v: line %q lacks %q", test.o.Arch, lines[i], want)
			}
		}
	}
}

// TestSyntax states each construct in another way than Print does.
func TestSyntax(t *testing.T) {
	tests := []struct {
		text string
		want bpf.Instruction
	}{
		{"ld [0]", bpf.Instruction{Op: bpf.LdW}},
		{"LD [ argH5 ]", bpf.Instruction{Op: bpf.LdW, K: 60}},
		{"ld [ipH]", bpf.Instruction{Op: bpf.LdW, K: 12}},
		{"ld #len", bpf.Instruction{Op: bpf.LdLen}},
		{"ldx len", bpf.Instruction{Op: bpf.LdxLen}},
		{"ldi #0x10", bpf.Instruction{Op: bpf.LdImm, K: 16}},
		{"ld 010", bpf.Instruction{Op: bpf.LdImm, K: 8}},
		{"ld #-1", bpf.Instruction{Op: bpf.LdImm, K: 0xffffffff}},
		{"ld #-2147483648", bpf.Instruction{Op: bpf.LdImm, K: 0x80000000}},
		{"ldx #0b101", bpf.Instruction{Op: bpf.LdxImm, K: 5}},
		{"ldxi 7", bpf.Instruction{Op: bpf.LdxImm, K: 7}},
		{"st m[15]", bpf.Instruction{Op: bpf.St, K: 15}},
		{"add %x", bpf.Instruction{Op: bpf.AddX}},
		{"neg", bpf.Instruction{Op: bpf.Neg}},
		{"jmp end", bpf.Instruction{Op: bpf.Ja, K: 1}},
		{"jeq #1, end", bpf.Instruction{Op: bpf.JeqK, K: 1, Jt: 1}},
		{"jeq #1, next, end", bpf.Instruction{Op: bpf.JeqK, K: 1, Jf: 1}},
		{"jneq #1, end", bpf.Instruction{Op: bpf.JeqK, K: 1, Jf: 1}},
		{"jne x, end, next", bpf.Instruction{Op: bpf.JeqX, Jf: 1}},
		{"jne x, next, end", bpf.Instruction{Op: bpf.JeqX, Jt: 1}},
		{"jlt #1, end", bpf.Instruction{Op: bpf.JgeK, K: 1, Jf: 1}},
		{"jle x, end", bpf.Instruction{Op: bpf.JgtX, Jf: 1}},
		{"jset x, end", bpf.Instruction{Op: bpf.JsetX, Jt: 1}},
		{"ret a", bpf.Instruction{Op: bpf.RetA}},
		{"ret kill", bpf.Instruction{Op: bpf.RetK}},
		{"ret errno(EPERM)", bpf.Instruction{Op: bpf.RetK, K: 0x50001}},
		{"ret errno(38)", bpf.Instruction{Op: bpf.RetK, K: 0x50026}},
		{"ret Trace(0xffff)", bpf.Instruction{Op: bpf.RetK, K: 0x7ff0ffff}},
		{"ret notify // and so on", bpf.Instruction{Op: bpf.RetK, K: 0x7fc00000}},
		{"/* a ; comment */ tax ; ret #1", bpf.Instruction{Op: bpf.Tax}},
		{"one: two:\nthree:\r\n\ttxa", bpf.Instruction{Op: bpf.Txa}},
		{"raw 7, 1, 0xff, -1", bpf.Instruction{Op: bpf.Tax, Jt: 1, Jf: 255, K: 0xffffffff}},
		{".endian little\nld [argL1]", bpf.Instruction{Op: bpf.LdW, K: 24}},
		{".endian big\nld [argL1]", bpf.Instruction{Op: bpf.LdW, K: 28}},
	}
	for _, test := range tests {
		p, err := parseText(test.text + "\nnext: tax\nend: ret #0")
		if err != nil {
			t.Errorf("%s: %v", test.text, err)
		} else if p[0] != test.want || len(p) != 3 {
			t.Errorf("%s: %+v", test.text, p)
		}
	}
}

func TestErrors(t *testing.T) {
	far := "ja end\njeq #1, end\n" + strings.Repeat("tax\n", 256) + "end: ret #0"
	tests := []struct {
		text, want string
	}{
		{"", "1:1: error[invalid-program]"},
		{"; nothing\n", "1:1: error[invalid-program]"},
		{"tax", "1:1: error[invalid-program]: instruction 0: the last"},
		{"ret #0\n  lsh #32\nret #0", "2:3: error[invalid-program]: instruction 1: shift"},
		{"ld M[1]\nret #0", "1:1: error[invalid-program]: instruction 0: scratch word 1"},
		{"mov x\nret #0", `1:1: error[unknown-instruction]: no instruction is called "mov"`},
		{"mod #3\nret #0", "1:1: error[unknown-instruction]"},
		{"ldb [0]\nret #0", "1:1: error[unknown-instruction]"},
		{"ld x\nret #0", "1:4: error[bad-operand]: ld does not take this operand"},
		{"ld foo\nret #0", `1:4: error[bad-operand]: ld does not take "foo"`},
		{"ld [foo]\nret #0", "1:5: error[unknown-word]"},
		{"ld [x + 4]\nret #0", "1:5: error[unknown-word]"},
		{"ld [4\nret #0", `1:6: error[unexpected-text]: unexpected end of the line, "]" belongs here`},
		{"ld\nret #0", "1:3: error[unexpected-text]: unexpected end of the line, an operand belongs here"},
		{"ret #", "1:6: error[unexpected-text]: unexpected end of the text"},
		{"tax tax\nret #0", `1:5: error[unexpected-text]: unexpected "tax", the end of the line belongs here`},
		{"ret #0 \x00", `1:8: error[unexpected-text]: unexpected "\x00"`},
		{"ret #0 \xff", `1:8: error[unexpected-text]: unexpected "\xff"`},
		{"ret #0 é", `1:8: error[unexpected-text]: unexpected "é"`},
		{"ret #0x", `1:6: error[bad-number]: "0x" is not a number`},
		{"ret #1_0", "1:6: error[bad-number]"},
		{"ret #089", "1:6: error[bad-number]"},
		{"ret #4294967296", "1:6: error[bad-number]: 4294967296 does not fit 32 bits"},
		{"ret #99999999999999999999", "1:6: error[bad-number]: 99999999999999999999 does not fit 32 bits"},
		{"ret #-2147483649", "1:6: error[bad-number]: -2147483649 does not fit"},
		{"raw 0x10000, 0, 0, 0\nret #0", "1:5: error[bad-number]: the opcode is at most 65535"},
		{"raw 7, 256, 0, 0\nret #0", "1:8: error[bad-number]: the jt is at most 255"},
		{"raw 7, 0\nret #0", "1:9: error[unexpected-text]"},
		{"ret deny", `1:5: error[unknown-action]: no action is called "deny"`},
		{"ret errno(EFOO)", "1:11: error[unknown-errno]"},
		{"ret trap(65536)", "1:10: error[bad-number]"},
		{"ja end\nret #0", `1:4: error[unknown-label]: no label is called "end"`},
		{"ja 1\nret #0", "1:4: error[unexpected-text]: unexpected \"1\", a label belongs here"},
		{"jeq #1\nret #0", "1:7: error[unexpected-text]"},
		{"top: tax\nja top\nret #0", "2:4: error[jump-back]"},
		{far, "2:9: error[jump-too-far]: \"end\" is 256 instructions away"},
		{"a: tax\na: ret #0", "2:1: error[duplicate-label]"},
		{"ja end\nend:", "1:1: error[invalid-program]"},
		{"ret #0\n.endian big", "2:1: error[late-directive]"},
		{".align 4\nret #0", "1:1: error[unknown-directive]"},
		{"ret #0 /* ", "1:8: error[unterminated-comment]"},
		{strings.Repeat("tax\n", 4096) + "ret #0", "4097:1: error[program-too-long]"},
		{strings.Repeat("?\n", 1000), "1:1: error[unexpected-text]"},
	}
	for _, test := range tests {
		p, err := parseText(test.text)
		var diags source.Diagnostics
		if p != nil || !errors.As(err, &diags) {
			t.Errorf("%.40q: %v, %v", test.text, p, err)
			continue
		}
		if got := diags[0].Error(); !strings.HasPrefix(got, "test.asm:"+test.want) {
			t.Errorf("%.40q: %s\nwant %s", test.text, got, test.want)
		}
		if len(diags) > maxErrors+1 {
			t.Errorf("%.40q: %d errors", test.text, len(diags))
		}
	}
	_, err := parseText("mov\nret #0\nja nowhere\nld [q]\n")
	if n := strings.Count(err.Error(), "error["); n != 3 {
		t.Errorf("not all errors are reported at once: %v", err)
	}
}

func TestParseFor(t *testing.T) {
	tests := []struct {
		arch   linux.Arch
		text   string
		offset int // -1: refused
	}{
		{linux.X86_64, "ld [argL0]", 16},
		{linux.S390X, "ld [argL0]", 20},
		{linux.S390X, "ld [16]", 16},
		{linux.S390X, ".endian big\nld [argH0]", 16},
		{linux.S390X, ".endian little\nld [argL0]", -1},
		{linux.X86_64, ".endian big\nld [argL0]", -1},
		{linux.X86_64, ".endian little\nld [argL0]", 16},
	}
	for _, test := range tests {
		p, err := ParseFor(test.arch, source.NewFile("test.asm", test.text+"\nret a"))
		if test.offset < 0 {
			if err == nil || !strings.Contains(err.Error(), "test.asm:1:1: error[other-byte-order]") {
				t.Errorf("%v, %q: error %v", test.arch, test.text, err)
			}
		} else if err != nil || p[0].K != uint32(test.offset) {
			t.Errorf("%v, %q: %v, %v", test.arch, test.text, p, err)
		}
	}
}

// TestHuge reads texts that are large in some way; that it ends is the test.
func TestHuge(t *testing.T) {
	const size = 10 << 20
	for name, unit := range map[string]string{
		"blanks": " ", "letters": "a", "labels": "a:", "digits": "9", "marks": "[", "comments": "/*", "newlines": "\n",
		"instructions": "ret #0\n", "gosecco": "ret_k 0\n", "gosecco words": "ret_k ", "NULs": "\x00", "bad": "é\n",
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := parseText(strings.Repeat(unit, size/len(unit))); err == nil {
				t.Error("no error")
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add(listing)
	f.Add(goseccoText)
	f.Add(".endian big\nraw 1,2,3,4\nx: ret errno(EPERM) /* */")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := parseText(text)
		if err != nil {
			_ = err.Error()
			return
		}
		if err := bpf.Validate(p); err != nil {
			t.Fatal(err)
		}
		again, err := parseText(Print(p, Options{Arch: linux.X86_64}))
		if err != nil || !cmp.Equal(p, again) {
			t.Fatalf("%v\n%v\n%v", err, p, again)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	p := make(bpf.Program, bpf.MaxInstructions)
	for i := range p {
		p[i] = bpf.Instruction{Op: bpf.JeqK, K: uint32(i), Jt: 1}
	}
	p[len(p)-2] = bpf.Instruction{Op: bpf.Tax}
	p[len(p)-1] = bpf.Instruction{Op: bpf.RetK}
	text := Print(p, Options{})
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := parseText(text); err != nil {
			b.Fatal(err)
		}
	}
}
