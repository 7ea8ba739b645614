package asm

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"secco/bpf"
	"secco/source"
)

// goseccoText has every instruction of gosecco's that seccomp accepts.
const goseccoText = `
ld_abs	4
  jeq_k 00 2A C000003E

ld_len
ldx_len
ld_imm	FFFFFFFF
ldx_imm	a
st	C
stx	F
ld_mem	C
ldx_mem	F
add_k	1
sub_k	2
mul_k	3
div_k	4
and_k	5
or_k	6
xor_k	7
lsh_k	1F
rsh_k	10
add_x
sub_x
mul_x
div_x
and_x
or_x
xor_x
lsh_x
rsh_x
neg
tax
txa
jmp	1
jmp	0
jgt_k	01	00	10
jge_k	00	01	11
jset_k	00	00	12
jeq_k	1	1	13
jgt_x	01	00
jge_x	00	01
jeq_x	00	00
jset_x	01	01
tax
tax
ret_k	7FFF0000
ret_k	0
`

func TestGosecco(t *testing.T) {
	want := bpf.Program{
		{Op: bpf.LdW, K: 4}, {Op: bpf.JeqK, Jf: 0x2a, K: 0xc000003e},
		{Op: bpf.LdLen}, {Op: bpf.LdxLen}, {Op: bpf.LdImm, K: 0xffffffff}, {Op: bpf.LdxImm, K: 10},
		{Op: bpf.St, K: 12}, {Op: bpf.Stx, K: 15}, {Op: bpf.LdMem, K: 12}, {Op: bpf.LdxMem, K: 15},
		{Op: bpf.AddK, K: 1}, {Op: bpf.SubK, K: 2}, {Op: bpf.MulK, K: 3}, {Op: bpf.DivK, K: 4}, {Op: bpf.AndK, K: 5},
		{Op: bpf.OrK, K: 6}, {Op: bpf.XorK, K: 7}, {Op: bpf.LshK, K: 31}, {Op: bpf.RshK, K: 16},
		{Op: bpf.AddX}, {Op: bpf.SubX}, {Op: bpf.MulX}, {Op: bpf.DivX}, {Op: bpf.AndX},
		{Op: bpf.OrX}, {Op: bpf.XorX}, {Op: bpf.LshX}, {Op: bpf.RshX},
		{Op: bpf.Neg}, {Op: bpf.Tax}, {Op: bpf.Txa},
		{Op: bpf.Ja, K: 1}, {Op: bpf.Ja},
		{Op: bpf.JgtK, Jt: 1, K: 16}, {Op: bpf.JgeK, Jf: 1, K: 17}, {Op: bpf.JsetK, K: 18}, {Op: bpf.JeqK, Jt: 1, Jf: 1, K: 19},
		{Op: bpf.JgtX, Jt: 1}, {Op: bpf.JgeX, Jf: 1}, {Op: bpf.JeqX}, {Op: bpf.JsetX, Jt: 1, Jf: 1},
		{Op: bpf.Tax}, {Op: bpf.Tax},
		{Op: bpf.RetK, K: 0x7fff0000}, {Op: bpf.RetK},
	}
	p, err := parseText(goseccoText)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, p); diff != "" {
		t.Error(diff)
	}
	if crlf, err := parseText(strings.ReplaceAll(goseccoText, "\n", "\r\n")); err != nil || !cmp.Equal(want, crlf) {
		t.Errorf("with carriage returns: %v", err)
	}
}

func TestGoseccoErrors(t *testing.T) {
	tests := []struct {
		text, want string
	}{
		{"tax\nret_x", "2:1: error[invalid-program]: instruction 1: opcode 0x0e"},
		{"mod_k 3\nret_k 0", "1:1: error[invalid-program]: instruction 0: opcode 0x94"},
		{"mod_x\nret_k 0", "1:1: error[invalid-program]: instruction 0: opcode 0x9c"},
		{"ld_ind 3\nret_k 0", "1:1: error[invalid-program]: instruction 0: opcode 0x40"},
		{"ret_a\nret_k 0", "1:1: error[unknown-instruction]"},
		{"ret #0\nret_k 0", "1:1: error[unknown-instruction]"},
		{" ret_k", " 1:2: error[bad-operand]: ret_k lacks its operand"},
		{"jeq_k 1\nret_k 0", "1:1: error[bad-operand]: jeq_k lacks its second distance"},
		{"jeq_x\nret_k 0", "1:1: error[bad-operand]: jeq_x lacks its first distance"},
		{"jeq_x 0 100\nret_k 0", `1:9: error[bad-number]: "100" is no hexadecimal number of 8 bits`},
		{"ret_k 0x10", `1:7: error[bad-number]: "0x10"`},
		{"ret_k 100000000", "1:7: error[bad-number]"},
		{"ret_k -1", "1:7: error[bad-number]"},
		{"tax 1\nret_k 0", `1:5: error[unexpected-text]: unexpected "1" behind tax`},
		{strings.Repeat("tax\n", 4096) + "ret_k 0", "4097:1: error[program-too-long]"},
	}
	for _, test := range tests {
		_, err := parseText(test.text)
		var diags source.Diagnostics
		if !errors.As(err, &diags) {
			t.Errorf("%.40q: %v", test.text, err)
			continue
		}
		if got := diags[0].Error(); !strings.HasPrefix(got, "test.asm:"+strings.TrimSpace(test.want)) {
			t.Errorf("%.40q: %s\nwant %s", test.text, got, test.want)
		}
	}
}
