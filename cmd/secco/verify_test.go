package main

import (
	"errors"
	"strings"
	"testing"

	"secco/convert/libseccomp"
	"secco/linux"
)

// What libseccomp does not know is named, and is a difference where the profile
// lets it pass.
func TestTooNew(t *testing.T) {
	skipped := libseccomp.Unknown{Arch: linux.X86_64, Name: "mseal"}
	opened := libseccomp.Unknown{Arch: linux.ARM64, Name: "cachestat", Opened: true}
	if text, err := tooNew(nil, "2.5.4"); text != "" || err != nil {
		t.Errorf("got %q, %v", text, err)
	}
	if text, err := tooNew([]libseccomp.Unknown{skipped}, "2.5.4"); !strings.HasSuffix(text, ": x86_64 mseal") || err != nil {
		t.Errorf("got %q, %v", text, err)
	}
	_, err := tooNew([]libseccomp.Unknown{skipped, opened}, "2.5.4")
	var f *failure
	if !errors.As(err, &f) || f.code != exitNo || !strings.Contains(err.Error(), "cachestat of aarch64") {
		t.Errorf("got %v", err)
	}
}
