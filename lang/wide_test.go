package lang_test

import (
	"fmt"
	"slices"
	"testing"

	"secco/lang"
	"secco/source"
)

// TestWideComparison checks which rules are told that they compare what the
// kernel does not use: by line.
func TestWideComparison(t *testing.T) {
	for _, c := range []struct {
		text string
		want []int
	}{
		{"socket(domain, type, protocol): domain == AF_UNIX", []int{1}},
		{"socket: arg0 == -1 || arg0 == 5", []int{1}},
		{"socket: in(arg0, 1, 2) && notIn(arg1, 5)", []int{1, 1}},
		{"socket: argL0 == AF_UNIX", nil},
		{"socket: arg0 & 0xff == 1", nil},
		{"read: arg1 == 5 && arg2 < 100", nil}, // a pointer and a size_t
		{"socket {\n  arg0 == 1 -> allow\n  arg0 == 2 -> log\n}", []int{2}},
		{"read, socket: arg0 == 1", []int{1}},
		{"read, mmap: arg0 == 1", nil}, // mmap's is an address
		{"f(x) = x == 1\nsocket: f(arg0)", []int{2}},
		{"ARCHES = x86_64, i386\nsocket: arg0 == 1", []int{2}},
		{"ARCHES = i386\nsocket: arg0 == 1", nil}, // arg0 is the lower half
	} {
		_, diags := lang.Load([]*source.File{source.NewFile("test", c.text)}, usual)
		var got []int
		for _, d := range diags {
			if d.Code == "wide-comparison" {
				got = append(got, d.Span.Position().Line)
			}
		}
		if !slices.Equal(got, c.want) || diags.HasErrors() {
			t.Errorf("warned in lines %v, want %v: %s\n%s", got, c.want, c.text, fmt.Sprint(diags))
		}
	}
}
