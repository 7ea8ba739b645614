// Package arm64 holds the test that what meets the kernel works on arm64: the tests of
// hook and its packages, of the emulator, of secco-wrap, and containers of runc and
// crun, in a machine that qemu makes, with Debian's kernel. It is built with the tag
// long; `make test-arm64` runs it alone.
package arm64
