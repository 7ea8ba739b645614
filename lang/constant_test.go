package lang_test

import (
	"strings"
	"testing"

	"secco/lang"
	"secco/linux"
	"secco/source"
)

func TestConstant(t *testing.T) {
	for text, want := range map[string]uint64{
		"O_WRONLY|O_CREAT": 0101, "-1": 1<<64 - 1, "~0xf": ^uint64(0xf), "1 << 3 + 1": 16, "(2 + 3) * 4": 20,
		"AF_INET": 2, "0b101": 5, "0777": 0777, "7 / 2": 3, "SOCK_STREAM | SOCK_CLOEXEC": 0x80001,
	} {
		if got, diags := lang.Constant(source.NewFile("test", text), linux.X86_64); got != want || diags != nil {
			t.Errorf("%s is %#x, want %#x: %s", text, got, want, diags)
		}
	}
	if got, _ := lang.Constant(source.NewFile("test", "O_CREAT"), linux.MIPS64LE); got != 0x100 {
		t.Errorf("O_CREAT of MIPS is %#x", got)
	}
	for text, want := range map[string]string{
		"":                     "1:1: error[syntax]",
		"1 +":                  "1:4: error[syntax]",
		"1 2":                  "1:3: error[syntax]",
		"1\n2":                 "1:2: error[syntax]",
		"read: 1":              "1:5: error[syntax]",
		"O_CREATT | 1":         "1:1: error[unknown-name]",
		"MAP_32BIT":            "1:1: error[unknown-constant]",
		"f(1)":                 "1:1: error[unknown-name]",
		"arg0":                 "1:1: error[not-constant]",
		"low(arg0)":            "1:1: error[not-constant]",
		"1 == 1":               "1:1: error[not-constant]",
		"1 / 0":                "1:3: error[division-by-zero]",
		"1 << 64":              "1:6: error[shift-range]",
		"99999999999999999999": "1:1: error[number-range]",
		"1 + true":             "1:1: error[not-constant]",
	} {
		_, diags := lang.Constant(source.NewFile("test", text), linux.ARM64)
		if len(diags) != 1 || !strings.HasPrefix(diags[0].Error(), "test:"+want) {
			t.Errorf("%q: %v, want %s", text, diags, want)
		}
	}
}
