package hook_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"secco/bpf"
	"secco/hook/oracle"
	"secco/linux"
)

// TestFollowI386 checks that calls by another way into the kernel are told as such.
func TestFollowI386(t *testing.T) {
	if err := oracle.Available(oracle.I386); err != nil {
		t.Skipf("this kernel takes no i386 calls: %s", err)
	}
	// uname(NULL), then exit with the low bits of its errno.
	code := []byte{
		0xb8, 122, 0, 0, 0, // mov eax, uname
		0x31, 0xdb, // xor ebx, ebx
		0xcd, 0x80, // int 0x80
		0x89, 0xc3, // mov ebx, eax
		0xf7, 0xdb, // neg ebx
		0xb8, 1, 0, 0, 0, // mov eax, exit
		0xcd, 0x80, // int 0x80
	}
	path := filepath.Join(t.TempDir(), "i386")
	if err := os.WriteFile(path, elf32(code), 0o755); err != nil {
		t.Fatal(err)
	}
	p := bpf.Program{
		{Op: bpf.LdW, K: linux.WordArch.Offset(false)},
		{Op: bpf.JeqK, K: linux.I386.Audit(), Jf: 3},
		{Op: bpf.LdW, K: linux.WordNR.Offset(false)},
		{Op: bpf.JeqK, K: 122, Jf: 1},
		{Op: bpf.RetK, K: uint32(linux.Errno.With(uint16(unix.EXFULL)))},
		{Op: bpf.RetK, K: uint32(linux.Allow)},
	}
	r, refused := follow(t, p, path)
	want := []string{fmt.Sprintf("i386 i386 uname: %s", linux.Errno.With(uint16(unix.EXFULL)))}
	if r.code != int(unix.EXFULL) || !slices.Equal(refused, want) {
		t.Errorf("%v; told %q, want %q", r, refused, want)
	}
}

// elf32 returns a program for i386.
func elf32(code []byte) []byte {
	const base, header = 0x08048000, 52 + 32
	var b bytes.Buffer
	put := func(values ...any) {
		for _, v := range values {
			binary.Write(&b, binary.LittleEndian, v) // to memory
		}
	}
	put([16]byte{0x7f, 'E', 'L', 'F', 1, 1, 1}, uint16(2), uint16(3), uint32(1), uint32(base+header), uint32(52), uint32(0), uint32(0),
		uint16(52), uint16(32), uint16(1), uint16(0), uint16(0), uint16(0))
	size := uint32(header + len(code))
	put(uint32(1), uint32(0), uint32(base), uint32(base), size, size, uint32(5), uint32(0x1000))
	b.Write(code)
	return b.Bytes()
}
