//go:build linux && (amd64 || arm64)

// Package kernel holds what is tested of the running kernel: [Accepts] asks whether
// it takes a program, and installs nothing; [Require] says for tests with an oracle
// (package oracle) what is missing.
package kernel

import (
	"os"
	"testing"

	"secco/hook/oracle"
)

// Require skips the test, with the reason, where this kernel can't be asked by
// all of the entries. With CI set it fails the test instead.
func Require(t testing.TB, entries ...oracle.Entry) {
	t.Helper()
	if err := oracle.Available(entries...); err != nil && os.Getenv("CI") != "" {
		t.Fatal(err)
	} else if err != nil {
		t.Skip(err)
	}
}
