package main

import (
	"testing"

	"secco/convert/libseccomp"
	"secco/linux"
	"secco/policy/diagram"
)

// What libseccomp does not know is named.
func TestTooNew(t *testing.T) {
	if got := tooNew(nil); got != "" {
		t.Errorf("got %q", got)
	}
	got := tooNew([]libseccomp.Unknown{{Arch: linux.X86_64, Name: "mseal"}, {Arch: linux.ARM64, Name: "cachestat"}})
	if want := ", but for calls that it does not know and leaves at the default action: x86_64 mseal, aarch64 cachestat"; got != want {
		t.Errorf("got %q", got)
	}
}

func TestRangeText(t *testing.T) {
	calls := func(a linux.Arch, lo, hi uint32) diagram.Calls {
		return diagram.Calls{Arch: diagram.One(a.Audit()), NR: diagram.Range{Lo: lo, Hi: hi}}
	}
	for want, c := range map[string]diagram.Calls{
		"x86_64 436 (close_range) to 0x3fffffff": calls(linux.X86_64, 436, 0x3fffffff),
		"x32 0x80000000 to 0xbfffffff":           calls(linux.X86_64, 0x80000000, 0xbfffffff),
		"i386 4000":                              calls(linux.I386, 4000, 4000),
		"arch 0x7 syscalls 1 to 2":               {Arch: diagram.One(7), NR: diagram.Range{Lo: 1, Hi: 2}},
	} {
		if got := rangeText(c); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
